//! [`ChartImages`]: the images that carried charts name, as far as that is known without rendering them.

use std::collections::BTreeMap;

use crate::lists::{Asked, ListText, Nothing, Spot, named, read};
use crate::places::location::Source;
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;

/// Most notes of one chart that are told: more are read by nobody.
const MAX_NOTES: usize = 20;

/// The images of charts, each once, with the place that names it.
#[derive(Debug, Default)]
pub(super) struct ChartImages(BTreeMap<Reference, String>);

/// What a file of a chart says.
enum Says {
    /// What the chart is, and which images it has.
    Chart,
    /// Which images it takes.
    Values,
    /// What runs in a cluster, if nothing in it is a template.
    Manifest,
}

/// What the file of a chart at `path` says, if it is one that names images: of the chart and of those in it.
fn says(path: &str) -> Option<Says> {
    let mut own = path;
    while let Some((_, below)) = own.strip_prefix("charts/").and_then(|it| it.split_once('/')) {
        own = below;
    }
    let is_yaml = [".yaml", ".yml"].iter().any(|end| own.ends_with(end));
    match own {
        "Chart.yaml" => Some(Says::Chart),
        "values.yaml" => Some(Says::Values),
        _ if is_yaml && (own.starts_with("templates/") || own.starts_with("crds/")) => {
            Some(Says::Manifest)
        }
        _ => None,
    }
}

/// Whether the file of a chart at `path` may name images.
pub(super) fn is_asked(path: &str) -> bool {
    says(path).is_some()
}

impl ChartImages {
    /// Adds those that `files` of the chart `what` name, and tells `progress` what cannot be known, where they
    /// are `wanted`; else that there are some.
    pub(super) fn add(
        &mut self,
        what: &str,
        files: &BTreeMap<String, Vec<u8>>,
        wanted: bool,
        progress: &dyn Progress,
    ) -> Result<()> {
        // 1. What is said?
        let (mut found, mut notes, mut rendered) = (BTreeMap::new(), Vec::new(), 0);
        for (path, bytes) in files {
            progress.check()?;
            let (Some(says), Ok(text)) = (says(path), std::str::from_utf8(bytes)) else { continue };
            let format = match says {
                Says::Manifest if text.contains("{{") => {
                    rendered += text.lines().filter(|line| is_rendered_image(line)).count();
                    continue;
                }
                // Most charts say nothing of it there.
                Says::Chart if !text.contains("images") => continue,
                Says::Chart => "chart",
                Says::Values => "values",
                Says::Manifest => "kubernetes",
            };
            let list = ListText::new(&format!("{what}: {path}"), None, text);
            let reading = read(&[list], Some(named(format)?), &Nothing);
            for entry in reading.entries {
                let Asked::Image(name) = &entry.asked else { continue };
                match name.parse::<Reference>() {
                    Ok(name) => {
                        found.entry(name).or_insert_with(|| entry.spot.told());
                    }
                    Err(error) => notes.push(note(&entry.spot, error.message())),
                }
            }
            let faults = reading.faults.iter();
            notes.extend(faults.map(|(spot, error)| note(spot, error.message())));
            if matches!(says, Says::Values) {
                notes.extend(reading.notes.iter().map(|(spot, text)| note(spot, text)));
            }
        }

        // 2. Whoever wants them hears what is not known; all others, that there are some.
        if !wanted {
            if !found.is_empty() {
                let images = count(found.len(), "image");
                let text = format!("{what} names {images}, which it does not bring along; ");
                progress.event(Event::note(phrase![text, Remedy::WithImages, " does"]));
            }
            return Ok(());
        }
        if rendered > 0 {
            notes.push(format!(
                "{what}: {} of templates {} a name of an image that is made when they are rendered, which \
                 is not done here: what the values do not say of it is not known",
                count(rendered, "line"),
                if rendered == 1 { "has" } else { "have" },
            ));
        }
        let more = notes.len().saturating_sub(MAX_NOTES);
        notes.into_iter().take(MAX_NOTES).for_each(|text| progress.event(Event::note(text)));
        if more > 0 {
            let text = format!("{what}: {} more of this kind", count(more, "note"));
            progress.event(Event::note(text));
        }
        for (name, place) in found {
            self.0.entry(name).or_insert(place);
        }
        Ok(())
    }

    /// Those that are not `asked` for anyhow, as places in registries, each with what names it.
    pub(super) fn beside(self, asked: &[Source]) -> Vec<(Source, String)> {
        let is_named = |name: &Reference| {
            asked.iter().any(|it| matches!(it, Source::Registry(it) if it == name))
        };
        let others = self.0.into_iter().filter(|(name, _)| !is_named(name));
        others.map(|(name, place)| (Source::Registry(name), place)).collect()
    }
}

fn note(spot: &Spot, text: &str) -> String {
    format!("{}: {text}", spot.told())
}

/// Whether `line` of a template names an image that is known when it is rendered.
fn is_rendered_image(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("- ").trim_start_matches(['"', '\'']);
    let behind = line.strip_prefix("image").map(|it| it.trim_start_matches(['"', '\'']));
    behind.is_some_and(|it| it.starts_with(':') && it.contains("{{"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::progress::Recorder;

    fn told(notes: &Recorder) -> Vec<String> {
        let text = |event: &Event| match event {
            Event::Note(text) => text.to_string(),
            other => format!("{other:?}"),
        };
        notes.events().iter().map(text).collect()
    }

    #[test]
    fn images_of_values_manifests_and_charts_within_are_named_and_templates_are_told() {
        let chart = "apiVersion: v2\nname: web\nversion: '1'\nannotations:\n  artifacthub.io/images: |\n    - name: a\n      image: x.example/a:1\n";
        let files: BTreeMap<String, Vec<u8>> = [
            ("Chart.yaml", chart),
            ("values.yaml", "image: {registry: x.example, repository: b, tag: '2'}\n"),
            ("charts/db/values.yaml", "image: {repository: x.example/db, tag: '3'}\n"),
            ("templates/d.yaml", "spec:\n  - image: \"{{ .Values.image }}\"\n    imagePullPolicy: {{ .x }}\n"),
            ("templates/p.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'x.example/c:4'}]}\n"),
            ("files/x.yaml", "image: x.example/no:1\n"),
        ]
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
        .collect();

        let (mut all, notes) = (ChartImages::default(), Recorder::default());
        all.add("chart web 1", &files, true, &notes).unwrap();
        let asked = ["x.example/a:1".parse().unwrap()];
        let found = all.beside(&asked);

        let names: Vec<String> = found.iter().map(|(name, _)| name.to_string()).collect();
        let own = ["x.example/b:2", "x.example/c:4", "x.example/db:3"];
        assert_eq!(names, own.map(|name| format!("docker://{name}")));
        assert!(found[0].1.starts_with("chart web 1: values.yaml: line 1"), "{}", found[0].1);
        let told_all = told(&notes);
        assert!(told_all.iter().any(|it| it.contains("1 line of templates has")), "{told_all:?}");

        let (mut none, notes) = (ChartImages::default(), Recorder::default());
        none.add("chart web 1", &files, false, &notes).unwrap();
        assert!(none.beside(&[]).is_empty());
        let told = told(&notes);
        assert!(told.len() == 1 && told[0].contains("names 4 images"), "{told:?}");
    }
}
