//! One target a format of lists, called like it: `cargo +nightly fuzz run --fuzz-dir tests/fuzz compose`.
//!
//! An input is a list; behind each zero byte stands one more file, for which the list may ask by any name.
//! Whatever it is, reading it ends, soon and in little memory, and what it is read as can be said again.

#![no_main]

use std::cell::RefCell;
use std::path::{Component, Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use alone::lists::yaml::{self, MAX_DEPTH, MAX_NODES, Node};
use alone::lists::{Around, Asked, Entry, ListText, Reading, Spot, asked, named, read};
use alone::words::error::{Class, Error, Result};
use alone::words::reference::Reference;

/// The format that this target tries.
const TARGET: &str = env!("CARGO_BIN_NAME");

fuzz_target!(|input: &[u8]| {
    // As whoever reads lists does.
    let text = String::from_utf8_lossy(input).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut parts = text.split('\0');
    let list = parts.next().unwrap_or_default();
    if TARGET == "yaml" {
        return as_yaml(list);
    }
    let list = ListText::new("list", Some(Path::new("folder/list")), list);
    let around = Files::new(parts.map(ToOwned::to_owned).collect());
    let format = named(TARGET).expect("a target is called like a format");
    let kind = match format.is(&list) && TARGET == "plain" {
        // Any text at all, told by what it says.
        true => None,
        false => Some(format),
    };
    let reading = read(std::slice::from_ref(&list), kind, &around);
    check(&reading, &list, &around);
});

fn check(reading: &Reading, list: &ListText, around: &Files) {
    let spots = reading.entries.iter().map(|entry| &entry.spot);
    let told = reading.notes.iter().map(|(spot, _)| spot);
    let wrong = reading.faults.iter().map(|(spot, _)| spot);
    spots.chain(told).chain(wrong).for_each(|spot| within(spot, list, around));
    reading.entries.iter().for_each(said_again);
}

/// That `spot` is a line of a file that was read; what ends too early may be told behind the last one.
fn within(spot: &Spot, list: &ListText, around: &Files) {
    let lines = |text: &str| text.split('\n').count();
    let files = around.given.borrow();
    let of_beside = files.iter().find(|file| *file.0.to_string_lossy() == *spot.file);
    let most = match of_beside {
        Some((_, number)) => lines(&around.texts[*number]),
        None => {
            assert_eq!(spot.file, *list.name());
            lines(list.text())
        }
    };
    assert!((1..=most).contains(&spot.line), "{spot:?} of {most}");
}

/// That what `entry` asks for can be written in a plain list, and means the same there.
fn said_again(entry: &Entry) {
    match &entry.asked {
        Asked::Image(name) => {
            if let Ok(name) = name.parse::<Reference>() {
                assert_eq!(name.to_string().parse::<Reference>().ok().as_ref(), Some(&name));
            }
        }
        // What is no repository is told when it is asked for.
        Asked::Tags { repository, .. } if repository.parse::<Reference>().is_err() => {}
        Asked::Place(_) | Asked::Tags { .. } => {
            let written = entry.asked.to_string();
            assert_eq!(asked(&written).ok().as_ref(), Some(&entry.asked), "{written}");
        }
        _ => panic!("{:?} is not known here", entry.asked),
    }
}

fn as_yaml(text: &str) {
    let lines = text.split('\n').count();
    let mut faults = 0;
    for document in yaml::documents(text) {
        match document {
            Ok(node) => {
                assert!(node.weight() <= MAX_NODES);
                nested(&node, lines, 1);
            }
            Err(fault) => {
                assert!((1..=lines).contains(&fault.line), "{fault:?} of {lines}");
                faults += 1;
            }
        }
    }
    assert!(faults <= 1, "there is no document behind a fault");
}

fn nested(node: &Node, lines: usize, depth: usize) {
    assert!(depth <= MAX_DEPTH && (1..=lines).contains(&node.line()), "{depth} {node:?}");
    // What aliases repeat is looked at so often; more of it than this says nothing new.
    if node.weight() > 10_000 {
        return;
    }
    node.list().iter().for_each(|node| nested(node, lines, depth + 1));
    for (key, value) in node.keyed() {
        nested(key, lines, depth + 1);
        nested(value, lines, depth + 1);
    }
}

/// The further files of an input: a name that was not asked for yet means the next of them.
struct Files {
    texts: Vec<String>,
    given: RefCell<Vec<(PathBuf, usize)>>,
    profiles: [String; 1],
    image_paths: [String; 2],
}

impl Files {
    fn new(texts: Vec<String>) -> Files {
        Files {
            texts,
            given: RefCell::default(),
            profiles: ["local".to_owned()],
            image_paths: ["spec.engine.image".to_owned(), "Kind:spec.images[*]".to_owned()],
        }
    }

    fn find(&self, from: &ListText, path: &str) -> Option<(PathBuf, usize)> {
        let folder = from.path().and_then(Path::parent).unwrap_or(Path::new(""));
        let mut whole = PathBuf::new();
        for part in folder.join(path).components() {
            match part {
                Component::ParentDir => drop(whole.pop()),
                Component::CurDir => {}
                part => whole.push(part),
            }
        }
        let mut given = self.given.borrow_mut();
        if let Some(known) = given.iter().find(|(path, _)| *path == whole) {
            return Some(known.clone());
        }
        let next = given.len();
        self.texts.get(next)?;
        given.push((whole.clone(), next));
        Some((whole, next))
    }
}

impl Around for Files {
    fn beside(&self, from: &ListText, path: &str) -> Result<ListText> {
        let (path, number) = self
            .find(from, path)
            .ok_or_else(|| Error::new(Class::Usage, format!("{path} is not there")))?;
        Ok(ListText::new(&path.to_string_lossy(), Some(&path), &self.texts[number]))
    }

    fn is_there(&self, from: &ListText, path: &str) -> bool {
        self.find(from, path).is_some()
    }

    /// Some have a value, some have none.
    fn variable(&self, name: &str) -> Option<String> {
        (name.len() % 2 == 0).then(|| format!("v{}", name.len()))
    }

    fn profiles(&self) -> &[String] {
        &self.profiles
    }

    fn image_paths(&self) -> &[String] {
        &self.image_paths
    }
}
