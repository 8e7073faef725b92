//! Compose projects, those of `testdata/lists/compose` among them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Compose;
use crate::lists::samples::Ruin;
use crate::lists::{Around, Asked, ListFormat, ListText, Reading, format_of, read};
use crate::words::error::{Class, Error, Result};

/// Files by name, variables and profiles.
#[derive(Clone, Default)]
struct Stage {
    folder: Option<String>,
    files: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    profiles: Vec<String>,
}

impl Stage {
    fn new(files: &[(&str, &str)]) -> Stage {
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Stage { files: files.iter().map(own).collect(), ..Stage::default() }
    }

    fn with(mut self, name: &str, value: &str) -> Stage {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn on(mut self, profile: &str) -> Stage {
        self.profiles.push(profile.to_owned());
        self
    }

    fn list(&self, name: &str) -> Option<ListText> {
        let text = self.files.get(name)?;
        // As whoever reads lists does.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let path = Path::new("/").join(self.folder.as_deref().unwrap_or("stage")).join(name);
        Some(ListText::new(name, Some(&path), &text))
    }

    fn read(&self, names: &[&str]) -> Reading {
        let lists: Vec<ListText> = names.iter().map(|name| self.list(name).unwrap()).collect();
        Compose.read(&lists, self)
    }
}

impl Around for Stage {
    fn beside(&self, _: &ListText, path: &str) -> Result<ListText> {
        let none = || Error::new(Class::Usage, format!("cannot read {path}"));
        self.list(path).ok_or_else(none)
    }

    fn is_there(&self, _: &ListText, path: &str) -> bool {
        self.list(path).is_some()
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn profiles(&self) -> &[String] {
        &self.profiles
    }
}

fn images(reading: &Reading) -> Vec<String> {
    let name = |asked: &Asked| match asked {
        Asked::Image(name) => name.clone(),
        other => panic!("{other:?}"),
    };
    reading.entries.iter().map(|entry| name(&entry.asked)).collect()
}

fn faults(reading: &Reading) -> Vec<String> {
    let told = |(spot, error): &(crate::lists::Spot, Error)| format!("{spot}: {error}");
    reading.faults.iter().map(told).collect()
}

fn notes(reading: &Reading) -> Vec<String> {
    reading.notes.iter().map(|(spot, text)| format!("{spot} {}: {text}", spot.what)).collect()
}

/// What one file asks for, without a fault.
fn of(text: &str) -> Reading {
    let reading = Stage::new(&[("compose.yaml", text)]).read(&["compose.yaml"]);
    assert_eq!(faults(&reading), [""; 0], "{text}");
    reading
}

/// The faults of one file.
fn wrong(text: &str) -> Vec<String> {
    faults(&Stage::new(&[("compose.yaml", text)]).read(&["compose.yaml"]))
}

/// Puts the files below `folder` into `files`, by their paths from `top` on.
fn load(top: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            load(top, &path, files);
            continue;
        }
        let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
        files.insert(name, fs::read_to_string(&path).unwrap());
    }
}

/// Each project, with its files and what is expected of it, with all profiles on or none.
fn projects() -> Vec<(Stage, Vec<&'static str>, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/lists/compose");
    let folders = fs::read_dir(top).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = folders.collect();
    folders.sort();
    let mut projects = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let mut stage = Stage { folder: Some(name), ..Stage::default() };
        load(&folder, &folder, &mut stage.files);
        let files = ["compose.yaml", "compose.override.yaml"].into_iter();
        let files: Vec<&str> = files.filter(|it| stage.files.contains_key(*it)).collect();
        for (profile, expected) in [("", "compose.yaml.images"), ("*", "compose.yaml.all.images")] {
            if let Some(expected) = stage.files.get(expected).cloned() {
                let mut stage = stage.clone();
                stage.profiles.extend(Some(profile.to_owned()).filter(|it| !it.is_empty()));
                projects.push((stage, files.clone(), expected));
            }
        }
    }
    projects
}

#[test]
fn projects_ask_for_what_compose_pulls() {
    let projects = projects();
    assert!(projects.len() >= 25, "{}", projects.len());
    for (stage, files, expected) in projects {
        let title = stage.folder.clone().unwrap();
        for file in &files {
            assert_eq!(format_of(&stage.list(file).unwrap()).name(), "compose", "{title}");
        }
        let reading = stage.read(&files);
        assert_eq!(faults(&reading), [""; 0], "{title}");
        let mut asked = images(&reading);
        asked.sort();
        asked.dedup();
        assert_eq!(asked, expected.lines().collect::<Vec<_>>(), "{title} {:?}", stage.profiles);
        for entry in &reading.entries {
            let file = stage.list(&entry.spot.file).unwrap();
            assert!((1..=file.text().lines().count()).contains(&entry.spot.line), "{title}");
            assert!(entry.spot.what.starts_with("services."), "{title}");
        }
    }
}

#[test]
fn each_image_has_the_spot_of_its_value() {
    let stage = Stage::new(&[
        (
            "compose.yaml",
            "services:\n  web:\n    extends: {file: base/b.yaml, service: web}\n  db:\n    image: db:1\n",
        ),
        ("base/b.yaml", "services:\n  web:\n    command: x\n    image: web:1\n"),
    ]);
    let reading = stage.read(&["compose.yaml"]);
    let shown: Vec<String> =
        reading.entries.iter().map(|it| format!("{} {}", it.spot, it.spot.what)).collect();
    assert_eq!(shown, ["compose.yaml: line 5 services.db", "base/b.yaml: line 4 services.web"]);
}

#[test]
fn what_is_not_pulled_is_noted() {
    let text = "services:\n  a:\n    build: ./a\n  b:\n    image: b:1\n    build: .\n  \
        c:\n    image: c:1\n    profiles: [dev, test]\n  d:\n    provider: {type: cloud}\n  e:\n    \
        build:\n      additional_contexts: {base: 'docker-image://debian:12'}\n  f:\n    image: \
        f:${NOT_SET}1\nmodels:\n  m: {model: ai/m}\n";
    let reading = of(text);
    assert_eq!(images(&reading), ["b:1", "f:1"]);
    assert_eq!(
        notes(&reading),
        [
            "compose.yaml: line 3 services.a: is built from ./a, and not pulled: the images for that are in its Dockerfile",
            "compose.yaml: line 6 services.b: its image may be built here, and be in no registry",
            "compose.yaml: line 8 services.c: c:1 is left out: it is there with the profile dev or test alone",
            "compose.yaml: line 11 services.d: is brought by the provider cloud, and by no image",
            "compose.yaml: line 14 services.e: debian:12 is left out: the build takes it as base, as it takes those of its Dockerfile",
            "compose.yaml: line 14 services.e: is built from ., and not pulled: the images for that are in its Dockerfile",
            "compose.yaml: line 16 services.f: NOT_SET is not set: nothing stands in its place",
            "compose.yaml: line 18 models.m: ai/m is a model, and no image: it is not taken along",
        ]
    );
}

#[test]
fn profiles_and_variables_come_from_around_before_they_come_from_files() {
    let files = [
        (
            "compose.yaml",
            "services:\n  a: {image: 'a:$TAG', profiles: [one]}\n  b: {image: 'b:$TAG', profiles: [two]}\n",
        ),
        (".env", "TAG=file\nCOMPOSE_PROFILES=one\n"),
    ];
    let read = |stage: Stage| images(&stage.read(&["compose.yaml"]));
    assert_eq!(read(Stage::new(&files)), ["a:file"]);
    assert_eq!(read(Stage::new(&files).with("TAG", "set").on("two")), ["b:set"]);
    assert_eq!(read(Stage::new(&files).with("COMPOSE_PROFILES", "*")), ["a:file", "b:file"]);
    let disabled = Stage::new(&files).with("COMPOSE_DISABLE_ENV_FILE", "1").with("TAG", "1");
    assert_eq!(read(disabled.on("one")), ["a:1"]);
}

#[test]
fn a_project_is_called_as_it_says_or_as_its_folder() {
    let text = "services: {a: {image: 'r/${COMPOSE_PROJECT_NAME}'}}\n";
    assert_eq!(images(&of(text)), ["r/stage"]);
    assert_eq!(images(&of(&format!("name: _My-${{NONE:-App}}\n{text}"))), ["r/my-app"]);
    let stage = Stage::new(&[("compose.yaml", text)]).with("COMPOSE_PROJECT_NAME", "set");
    assert_eq!(images(&stage.read(&["compose.yaml"])), ["r/set"]);
}

#[test]
fn files_of_one_folder_are_one_project_and_what_goes_away_is_noted() {
    let stage = Stage::new(&[
        ("a.yaml", "services:\n  web: {image: web:1}\n  gone: {image: gone:1}\n"),
        ("b.yaml", "services:\n  web:\n    image: web:2\n  gone: !reset\n"),
    ]);
    let lists = [stage.list("a.yaml").unwrap(), stage.list("b.yaml").unwrap()];
    let reading = read(&lists, None, &stage);
    assert_eq!(faults(&reading), [""; 0]);
    assert_eq!(images(&reading), ["web:2"]);
    assert_eq!(
        notes(&reading),
        [
            "a.yaml: line 3 services.gone: gone:1 is left out: a later file takes its service out",
            "a.yaml: line 2 services.web: web:1 is left out for web:2 (b.yaml: line 3)",
        ]
    );
}

#[test]
fn faults_are_told_all_at_once_with_their_lines() {
    let text = "services:\n  a: {image: 'A:1'}\n  b: {image: 'b:${NOT_SET}'}\n  c: {image: '${C:?no C}'}\n  \
        d: {image: ['d:1']}\n  e: {image: '${'}\n  f: {command: x}\n  g:\n  h: {image: 1.20}\n  \
        i: {image: $NOT_SET}\n  j: {image: j:1}\n  k: {extends: none}\n  l: {extends: {file: none.yaml, service: x}, image: l:1}\n";
    assert_eq!(
        wrong(text),
        [
            "compose.yaml: line 12: services.k extends \"none\", which compose.yaml has not",
            "compose.yaml: line 13: cannot read none.yaml",
            "compose.yaml: line 2: \"A:1\" is no image: image name \"A:1\": \"library/A\" is not a repository name",
            "compose.yaml: line 3: \"b:\" is no image: NOT_SET is not set",
            "compose.yaml: line 4: C has to be set, and is not: no C",
            "compose.yaml: line 5: the image is missing",
            "compose.yaml: line 6: \"${\" is no variable",
            "compose.yaml: line 7: services.f has neither an image nor a build",
            "compose.yaml: line 8: services.g says nothing that is a service",
            "compose.yaml: line 9: the image 1.20 is a number, or a truth value",
            "compose.yaml: line 10: the image is empty: NOT_SET is not set",
        ]
    );
}

#[test]
fn circles_and_what_is_elsewhere_are_faults() {
    let circle = wrong("services:\n  a: {extends: b, image: a:1}\n  b: {extends: a}\n");
    assert_eq!(circle, ["compose.yaml: line 3: services.b extends itself, by way of services.a"]);
    let own = wrong("services:\n  a: {extends: {file: compose.yaml, service: a}, image: a:1}\n");
    assert_eq!(own, ["compose.yaml: line 2: services.a extends itself, by way of services.a"]);

    let stage = Stage::new(&[
        ("compose.yaml", "include:\n  - x/a.yaml\nservices: {a: {image: a:1}}\n"),
        ("x/a.yaml", "include:\n  - ../compose.yaml\n"),
    ]);
    let reading = stage.read(&["compose.yaml"]);
    assert_eq!(
        faults(&reading),
        ["x/a.yaml: line 2: include leads back to compose.yaml, in a circle"]
    );

    for place in ["oci://registry.example/app:1", "https://example.com/a.git", "git@example.com:a"]
    {
        let text = format!("include:\n  - {place}\nservices: {{a: {{image: a:1}}}}\n");
        assert_eq!(
            wrong(&text),
            [format!("compose.yaml: line 2: {place} is no file on this machine")]
        );
    }
}

#[test]
fn env_files_have_faults_of_their_own() {
    let stage =
        Stage::new(&[("compose.yaml", "services: {a: {image: a:1}}\n"), (".env", "A=1\nB='\n")]);
    let told = faults(&stage.read(&["compose.yaml"]));
    assert_eq!(told, [".env: line 2: the quote of \"'\" is not closed"]);
}

#[test]
fn the_first_version_is_told_and_refused() {
    let old = "web:\n  image: nginx\n  links: [db]\ndb:\n  image: postgres\n";
    let list = ListText::new("old.yml", None, old);
    assert!(Compose.is(&list));
    assert_eq!(
        wrong(old),
        ["compose.yaml: line 1: is a Compose file of version 1, which has no services"]
    );
}

#[test]
fn other_files_are_none() {
    for text in [
        "apiVersion: v1\nkind: Pod\nservices: {a: {image: x}}\n",
        "image: node\nservices: [postgres]\nbuild:\n  script: make\n",
        "job:\n  image: node\n  script: [make]\n",
        "services:\n  - type: web\n",
        "services: {web: {host: appservice, project: ./web}}\ninfra: {}\n",
        "registry.example:\n  images: {a: []}\n",
        "alpine:3.20\n",
        "FROM alpine\n",
        "",
    ] {
        assert!(!Compose.is(&ListText::new("x", None, text)), "{text}");
    }
}

#[test]
fn a_hundred_thousand_services_are_read_each_once() {
    let mut text = "services:\n  base: {image: 'base:1'}\n".to_owned();
    for n in 0..100_000 {
        text.push_str(&match n % 2 {
            0 => format!("  s{n}: {{image: 'r/s{n}:1'}}\n"),
            _ => format!("  s{n}: {{extends: base}}\n"),
        });
    }
    assert_eq!(of(&text).entries.len(), 100_001);
}

#[test]
fn growth_is_bounded() {
    // Each service takes those of the one before, twice as many each time.
    let mut text = "services:\n  s0: {image: a, volumes: [a:/a]}\n".to_owned();
    for n in 1..40 {
        text.push_str(&format!("  s{n}: {{extends: s{}, volumes: &v{n} [", n - 1));
        text.push_str(&"x:/x, ".repeat(2_000));
        text.push_str("]}\n");
    }
    let told = wrong(&text);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("take more than"), "{told:?}");

    // Each file includes the next one twice.
    let names: Vec<(String, String)> = (0..30)
        .map(|n| (format!("{n}.yaml"), format!("include: [{0}.yaml, {0}.yaml]\n", n + 1)))
        .collect();
    let mut files: Vec<(&str, &str)> =
        names.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("30.yaml", "services: {a: {image: a}}\n"));
    let told = faults(&Stage::new(&files).read(&["0.yaml"]));
    assert_eq!(told.len(), 1, "{told:?}");

    let chain: String = (0..200).map(|n| format!("  s{n}: {{extends: s{}}}\n", n + 1)).collect();
    let told = wrong(&format!("services:\n{chain}  s200: {{image: a}}\n"));
    assert!(told.iter().any(|fault| fault.contains("more than 100 times")), "{told:?}");
}

/// Five hundred ruined copies of each project: that reading them ends is what is looked for.
#[test]
fn ruined_projects_end() {
    let mut ruin = Ruin::new();
    let mut seen = 0;
    for (stage, files, _) in projects() {
        let list = stage.list(files[0]).unwrap();
        let copies = if stage.profiles.is_empty() { 500 } else { 0 };
        for _ in 0..copies {
            let text = ruin.copy(list.text());
            let list = ListText::new("compose.yaml", list.path(), &text);
            let _ = format_of(&list);
            let mut lists = vec![list];
            lists.extend(files[1..].iter().map(|file| stage.list(file).unwrap()));
            let reading = Compose.read(&lists, &stage);
            seen += usize::from(reading.faults.is_empty());
        }
    }
    assert!(seen > 1_000, "{seen}");
}
