//! Dockerfiles, which are Containerfiles: the images that a build of all their stages pulls.
//!
//! They are read as BuildKit reads them (`frontend/dockerfile`), with the defaults of their arguments.

mod expand;
mod heredoc;
mod instruction;
mod stages;

#[cfg(test)]
mod tests;

use self::expand::{Args, expand};
use self::instruction::{Instruction, Script};
use self::stages::Stages;
use super::around::Around;
use super::entry::Asked;
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;
use super::spot::Spot;

/// What is no image: a stage that begins with nothing.
const SCRATCH: &str = "scratch";
/// Most stages of a file; real ones have below a hundred, and names with unknown parts are looked for in all.
const MAX_STAGES: usize = 5_000;
/// Most characters of a name that a message shows.
const SHOWN: usize = 80;
/// What instructions there are.
const KEYWORDS: [&str; 18] = [
    "add",
    "arg",
    "cmd",
    "copy",
    "entrypoint",
    "env",
    "expose",
    "from",
    "healthcheck",
    "label",
    "maintainer",
    "onbuild",
    "run",
    "shell",
    "stopsignal",
    "user",
    "volume",
    "workdir",
];

/// A Dockerfile.
#[derive(Debug)]
pub(super) struct Dockerfile;

impl ListFormat for Dockerfile {
    fn name(&self) -> &'static str {
        "dockerfile"
    }

    fn title(&self) -> &'static str {
        "a Dockerfile"
    }

    /// It begins with FROM, or with ARG and has a FROM.
    fn is(&self, list: &ListText) -> bool {
        let mut instructions = Script::of(list.text()).instructions();
        match instructions.next() {
            Some(Ok(first)) if first.keyword == "from" => first.is_from(),
            Some(Ok(first)) if first.keyword == "arg" => {
                instructions.any(|it| it.is_ok_and(|it| it.is_from()))
            }
            _ => false,
        }
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            Build { list, escape: '\\', args: Args::default(), reading: &mut reading }.read();
        }
        reading
    }
}

/// One file on its way.
struct Build<'a> {
    list: &'a ListText,
    escape: char,
    /// The arguments before the first stage, which are all that FROM sees.
    args: Args,
    reading: &'a mut Reading,
}

impl Build<'_> {
    fn read(mut self) {
        let script = Script::of(self.list.text());
        self.escape = script.escape;
        if let Some((line, frontend)) = &script.syntax {
            let text = format!(
                "is built by the frontend {frontend}, which the builder pulls and is not taken"
            );
            self.reading.note(self.list.spot(*line, "syntax"), text);
        }
        let mut instructions = Vec::new();
        for read in script.instructions() {
            match read {
                Ok(instruction) => instructions.push(instruction),
                Err((line, text)) => {
                    self.reading.wrong(self.list.spot(line, ""), text, "close it");
                }
            }
        }
        let mut stages = Stages::of(&instructions);
        if stages.len() > MAX_STAGES {
            let spot = self.list.spot(1, "");
            let text = format!("has more than {MAX_STAGES} stages");
            self.reading.wrong(spot, text, "name its images in a plain list");
            return;
        }
        for instruction in &instructions {
            self.take(instruction, &mut stages);
        }
        if stages.is_empty() {
            let spot = self.list.spot(1, "");
            self.reading.wrong(spot, "has no FROM", "say which kind of list it is");
        }
    }

    fn take(&mut self, instruction: &Instruction, stages: &mut Stages) {
        match instruction.keyword.as_str() {
            "from" => self.from(instruction, stages),
            "arg" if stages.current().is_none() => self.arg(instruction),
            "copy" | "run" => self.sources(instruction, stages, ""),
            "onbuild" => self.onbuild(instruction, stages),
            known if KEYWORDS.contains(&known) => {}
            _ => {
                let spot = self.list.spot(instruction.line(), "");
                let text = format!("{:?} is no instruction", instruction.shown());
                self.reading.wrong(spot, text, "mend it, or name its images in a plain list");
            }
        }
    }

    /// `ARG NAME=DEFAULT ...` before the first stage.
    fn arg(&mut self, instruction: &Instruction) {
        for word in instruction.quoted_words(self.escape) {
            let Some((name, default)) = word.split_once('=') else { continue };
            match expand(default, self.escape, &self.args) {
                Ok(value) => self.args.set(name, value),
                Err(why) => {
                    let spot = self.list.spot(instruction.line(), format!("ARG {name}"));
                    let text = format!("ARG {name} cannot be worked out: {why}");
                    self.reading.wrong(spot, text, "give it a plain default");
                }
            }
        }
    }

    /// `FROM [--platform=P] BASE [AS NAME]`.
    fn from(&mut self, instruction: &Instruction, stages: &mut Stages) {
        let words = instruction.arguments();
        let what = match words.as_slice() {
            [_, word, name] if word.eq_ignore_ascii_case("as") => format!("FROM AS {name}"),
            _ => "FROM".to_owned(),
        };
        let base = words.first().copied().unwrap_or_default();
        let spot = self.list.spot(instruction.line_of(base), what);
        if words.len() != 1 && spot.what == "FROM" {
            stages.begin();
            let out = match instruction.rest.contains("{{") {
                true => "it seems to be a template: render it first",
                false => "write FROM IMAGE, or FROM IMAGE AS STAGE",
            };
            self.reading.wrong(spot, "FROM says no image", out);
            return;
        }
        let shown: String = base.chars().take(SHOWN).collect();
        let known = match expand(base, self.escape, &self.args) {
            Ok(known) => known,
            Err(why) => {
                stages.begin();
                let text = format!("FROM {shown} cannot be worked out: {why}");
                self.reading.wrong(spot, text, "name the image in a plain list");
                return;
            }
        };
        let is_stage = stages.has_begun(&known.shape);
        stages.begin();
        if is_stage || known.text == SCRATCH {
            return;
        }
        if let Some(name) = known.missing.first() {
            let (why, out) = match Args::is_of_builder(name) {
                true => ("each build sets by itself", "name its images in a plain list".to_owned()),
                false => (
                    "has no default before the first FROM",
                    format!("write ARG {name}=DEFAULT there, or name the image in a plain list"),
                ),
            };
            let text = format!("FROM {shown} needs {name}, which {why}");
            self.reading.wrong(spot, text, out);
            return;
        }
        if known.text.is_empty() || known.text.contains("{{") {
            let text = format!("FROM {shown} says no image");
            self.reading.wrong(spot, text, "name one; a template has to be rendered first");
            return;
        }
        if let Some((_, platform)) =
            instruction.flag("platform").filter(|(_, it)| !it.contains('$'))
        {
            let text = format!(
                "{} is wanted for {platform}; platforms are chosen for all images together",
                known.text
            );
            self.reading.note(spot.clone(), text);
        }
        self.reading.image(known.text, spot);
    }

    /// The images that COPY and RUN read from, where `before` is what stands before their keyword.
    fn sources(&mut self, instruction: &Instruction, stages: &Stages, before: &str) {
        if instruction.keyword == "copy" {
            let Some((line, from)) = instruction.flag("from") else { return };
            let spot = self.list.spot(line, format!("{before}COPY from"));
            if let Ok(number) = from.parse::<i64>() {
                if usize::try_from(number).is_ok_and(|it| it < stages.len()) {
                    return;
                }
                self.reading.wrong(spot, format!("there is no stage {number}"), "name the stage");
                return;
            }
            self.source(stages, from, spot);
        } else {
            for (line, mount) in instruction.flags("mount") {
                let mut fields = mount.rsplit(',').filter_map(|field| field.split_once('='));
                let from = fields.find(|(key, _)| key.trim().eq_ignore_ascii_case("from"));
                if let Some((_, from)) = from.filter(|(_, from)| !from.is_empty()) {
                    let spot = self.list.spot(line, format!("{before}RUN mount"));
                    self.source(stages, from, spot);
                }
            }
        }
    }

    /// The image or stage called `from`, which `spot` reads from.
    fn source(&mut self, stages: &Stages, from: &str, spot: Spot) {
        if from == SCRATCH || stages.is_one(from) {
            return;
        }
        match from.contains(['$', '{']) {
            true => self.reading.wrong(
                spot,
                format!("{from} has a variable, which no builder replaces here"),
                "make it a stage: FROM IMAGE AS NAME",
            ),
            false => self.reading.image(from, spot),
        }
    }

    /// `ONBUILD INSTRUCTION`, which is done where a stage is built on this one.
    fn onbuild(&mut self, instruction: &Instruction, stages: &Stages) {
        let Some(inner) = instruction.inner(self.escape) else { return };
        if stages.is_built_on() {
            self.sources(&inner, stages, "ONBUILD ");
            return;
        }
        let mut wanted = Reading::default();
        let within = Build {
            list: self.list,
            escape: self.escape,
            args: Args::default(),
            reading: &mut wanted,
        };
        { within }.sources(&inner, stages, "ONBUILD ");
        for entry in wanted.entries {
            if let Asked::Image(name) = entry.asked {
                let text =
                    format!("{name} is for builds on top of what is built here, and is not taken");
                self.reading.note(entry.spot, text);
            }
        }
        self.reading.faults.extend(wanted.faults);
    }
}
