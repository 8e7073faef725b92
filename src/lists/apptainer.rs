//! Definition files of Apptainer and Singularity: the images that their stages begin with.
//!
//! Apptainer's user guide, "Definition Files", and its parser (`pkg/build/types/parser`).

use std::collections::HashMap;

use super::around::Around;
use super::entry::{Asked, Entry};
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;

/// What a stage begins with, besides images of a registry, each with what it is.
const OTHERS: [(&str, &str); 17] = [
    ("docker-daemon", "an image of docker's daemon"),
    ("docker-archive", "an archive of docker save"),
    ("oci", "a layout on a disk"),
    ("oci-archive", "an archive of a layout"),
    ("library", "an image of a Container Library"),
    ("shub", "an image of Singularity Hub"),
    ("oras", "a SIF file in a registry"),
    ("localimage", "a file or folder"),
    ("dockerfile", "built by a Dockerfile"),
    ("scratch", "nothing"),
    ("yum", "packages"),
    ("dnf", "packages"),
    ("zypper", "packages"),
    ("debootstrap", "packages"),
    ("mmdebstrap", "packages"),
    ("arch", "packages"),
    ("busybox", "a program"),
];
const IMAGES: &str = "docker";

/// A definition file.
#[derive(Debug)]
pub(super) struct Apptainer;

impl ListFormat for Apptainer {
    fn name(&self) -> &'static str {
        "apptainer"
    }

    fn title(&self) -> &'static str {
        "a definition file of Apptainer"
    }

    /// It says what it begins with before its sections.
    fn is(&self, list: &ListText) -> bool {
        let before_sections =
            list.text().lines().take_while(|line| !line.trim_start().starts_with('%'));
        let mut pairs = before_sections.filter_map(header);
        pairs.any(|(key, value)| {
            let agent = value.to_ascii_lowercase();
            key == "bootstrap" && (agent == IMAGES || OTHERS.iter().any(|(name, _)| *name == agent))
        })
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            read_file(list, &mut reading);
        }
        reading
    }
}

/// One stage: what its head says, each with its line, and the defaults of its arguments.
#[derive(Debug, Default)]
struct Stage {
    head: HashMap<String, (usize, String)>,
    arguments: HashMap<String, String>,
}

/// `KEY: VALUE`, the key in lower case, without a comment.
fn header(line: &str) -> Option<(String, String)> {
    let line = line.trim_start_matches('\u{feff}').trim();
    let line = line.split_once('#').map_or(line, |(before, _)| before);
    let (key, value) = line.split_once(':')?;
    Some((key.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

fn read_file(list: &ListText, reading: &mut Reading) {
    let mut stage = Stage::default();
    let mut section: Option<String> = None;
    let mut open: Option<String> = None;
    for (number, line) in list.text().lines().enumerate() {
        let begins =
            line.trim_start_matches('\u{feff}').to_ascii_lowercase().starts_with("bootstrap:");
        if begins {
            section = None;
            if stage.head.contains_key("bootstrap") {
                std::mem::take(&mut stage).finish(list, reading);
            }
        } else if let Some(name) = line.trim_start().strip_prefix('%') {
            section = Some(name.split_whitespace().next().unwrap_or_default().to_ascii_lowercase());
            open = None;
            continue;
        }
        match section.as_deref() {
            Some("arguments") => {
                if let Some((name, value)) = line.split_once('=') {
                    stage.arguments.insert(name.trim().to_owned(), value.trim().to_owned());
                }
            }
            Some(_) => {}
            None => stage.read_head(number + 1, line, &mut open),
        }
    }
    stage.finish(list, reading);
}

impl Stage {
    /// A line of its head, which goes on with the value of `open` where there is one.
    fn read_head(&mut self, number: usize, line: &str, open: &mut Option<String>) {
        let is_comment = line.trim_start().starts_with('#') || line.trim().is_empty();
        let (key, value) = match open.take().filter(|_| !is_comment) {
            Some(key) => (key, line.trim().to_owned()),
            None => match header(line).filter(|_| !is_comment) {
                Some(pair) => pair,
                None => return,
            },
        };
        let (value, goes_on) = match value.strip_suffix('\\') {
            Some(value) => (value.to_owned(), true),
            None => (value, false),
        };
        let known = self.head.entry(key.clone()).or_insert((number, String::new()));
        known.1.push_str(&value);
        *open = goes_on.then_some(key);
    }

    /// Asks for what the stage begins with.
    fn finish(self, list: &ListText, reading: &mut Reading) {
        let line_of = |key: &str| self.head.get(key).map_or(1, |(line, _)| *line);
        let Some(agent) = self.head.get("bootstrap").map(|(_, it)| it.to_ascii_lowercase()) else {
            if !self.head.is_empty() {
                let line = self.head.values().map(|(line, _)| *line).min().unwrap_or(1);
                reading.wrong(list.spot(line, ""), "says no Bootstrap", "write Bootstrap: docker");
            }
            return;
        };
        let what = match self.head.get("stage") {
            Some((_, name)) => format!("stage {name}"),
            None => "From".to_owned(),
        };
        let line =
            if self.head.contains_key("from") { line_of("from") } else { line_of("bootstrap") };
        let spot = list.spot(line, what);
        let parts = ["registry", "namespace", "from"].map(|key| self.value(key));
        let mut name = Vec::new();
        for part in parts {
            match part {
                Ok(part) => name.push(part),
                Err(missing) => {
                    let text = format!("needs the argument {missing}, which has no default");
                    let out = format!(
                        "write {missing}=VALUE below %arguments, or name the image in a plain list"
                    );
                    reading.wrong(spot, text, out);
                    return;
                }
            }
        }
        let from = name.pop().unwrap_or_default();
        name.push(from.trim_start_matches("docker://").trim_start_matches("//").to_owned());
        name.retain(|part| !part.is_empty());
        let name = name.join("/");
        match OTHERS.iter().find(|(other, _)| *other == agent) {
            _ if agent == IMAGES && from.is_empty() => {
                reading.wrong(spot, "Bootstrap: docker has no From", "write From: IMAGE");
            }
            _ if agent == IMAGES => reading.image(name, spot),
            Some(("docker-daemon", _)) if !from.is_empty() => {
                reading.add(Entry::new(Asked::Place(format!("docker-daemon:{name}")), spot));
            }
            Some((_, means)) => {
                let text = match from.is_empty() {
                    true => {
                        format!("begins with {agent}, which is {means}: there is no image to take")
                    }
                    false => {
                        format!("begins with {agent} {from}, which is {means}, and is not taken")
                    }
                };
                reading.note(spot, text);
            }
            None => {
                let text = format!("{agent:?} is nothing that a stage is known to begin with");
                reading.wrong(spot, text, "name its image in a plain list");
            }
        }
    }

    /// The value of `key` with its arguments (`{{ NAME }}`) replaced; else the name of one that has none.
    fn value(&self, key: &str) -> Result<String, String> {
        let mut rest = self.head.get(key).map_or("", |(_, value)| value.as_str());
        let mut made = String::new();
        while let Some((before, (name, behind))) =
            rest.split_once("{{").and_then(|(before, it)| Some((before, it.split_once("}}")?)))
        {
            let default = self.arguments.get(name.trim()).ok_or(name.trim())?;
            if default.contains("{{") {
                // One that is within another is replaced once.
                let (before, inner) = default.split_once("{{").unwrap_or_default();
                let (inner, behind) = inner.split_once("}}").unwrap_or_default();
                let value = self.arguments.get(inner.trim()).filter(|it| !it.contains("{{"));
                made.push_str(rest.split_once("{{").map_or("", |(it, _)| it));
                made.extend([before, value.ok_or(inner.trim())?, behind]);
            } else {
                made.extend([before, default]);
            }
            rest = behind;
        }
        made.push_str(rest);
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::formats::format_of;
    use crate::lists::samples::{self, asked, told};

    #[test]
    fn samples_ask_for_what_their_stages_begin_with() {
        samples::check("apptainer");
    }

    #[test]
    fn ruined_files_end() {
        samples::ruin("apptainer");
    }

    #[test]
    fn what_is_no_image_of_a_registry_is_noted_and_what_is_unknown_a_fault() {
        let text = "Bootstrap: library\nFrom: library/debian:11\nStage: a\n%post\nBootstrap of all\n\
                    Bootstrap: docker\n%arguments\nX={{ Y }}\n%post\nBootstrap: docker\nFrom: x:{{ V }}\n\
                    Bootstrap: docker-daemon\nFrom: own:1\nBootstrap: scratch\nBootstrap: docker\nFrom: y:{{X}}\n\
                    %arguments\nX=a{{Z}}b\nZ=1\nBootstrap: other\nFrom: b\n";
        let reading = samples::read("apptainer", text);
        assert_eq!(asked(&reading), ["docker-daemon:own:1", "y:a1b"]);
        assert_eq!(
            told(&reading),
            [
                "6 From: Bootstrap: docker has no From; write From: IMAGE",
                "11 From: needs the argument V, which has no default; write V=VALUE below \
                 %arguments, or name the image in a plain list",
                "21 From: \"other\" is nothing that a stage is known to begin with; name its image \
                 in a plain list",
                "2 stage a: begins with library library/debian:11, which is an image of a Container \
                 Library, and is not taken",
                "14 From: begins with scratch, which is nothing: there is no image to take",
            ]
        );
    }

    #[test]
    fn other_texts_are_no_definition_files() {
        for text in
            ["bootstrap:\n  docker: x\n", "From: x\n", "%post\nBootstrap: docker\n", "FROM x\n"]
        {
            assert_ne!(format_of(&ListText::new("l", None, text)).name(), "apptainer", "{text}");
        }
    }
}
