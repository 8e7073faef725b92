//! What formats are tried on: the files of `testdata/lists`, and ruined copies of them.

use std::fs;
use std::path::{Path, PathBuf};

use super::around::Around;
use super::entry::Asked;
use super::format::ListFormat;
use super::formats::{FORMATS, format_of, named};
use super::list_text::ListText;
use super::reading::Reading;
use crate::words::error::{Class, Error, Result};

/// Reads files beside a list, and has no variables.
#[derive(Debug)]
pub(super) struct Beside;

impl Around for Beside {
    fn beside(&self, from: &ListText, path: &str) -> Result<ListText> {
        let path = beside(from, path);
        let text = fs::read_to_string(&path)
            .map_err(|e| Error::new(Class::Usage, format!("{}: {e}", path.display())))?;
        Ok(ListText::new(&path.display().to_string(), Some(&path), &text))
    }

    fn is_there(&self, from: &ListText, path: &str) -> bool {
        beside(from, path).is_file()
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

fn beside(from: &ListText, path: &str) -> PathBuf {
    from.path().and_then(Path::parent).unwrap_or(Path::new("")).join(path)
}

/// A list of `testdata/lists/FORMAT`.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) list: ListText,
    expected: String,
}

/// All of `format`, of which there are some.
pub(super) fn of(format: &str) -> Vec<Sample> {
    let samples = all(format);
    assert!(samples.len() > 1, "{format} has too few samples");
    samples
}

/// The files of `format`, in its folder and the folders there, that have another one beside them with
/// `.images` at the end of the name.
fn all(format: &str) -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/lists").join(format);
    let files = |folder: &Path| {
        let files = fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path());
        files.collect::<Vec<_>>()
    };
    let (folders, mut expected): (Vec<_>, Vec<_>) =
        files(&folder).into_iter().partition(|path| path.is_dir());
    expected.extend(folders.iter().flat_map(|folder| files(folder)));
    let is_expected = |path: &PathBuf| path.extension().is_some_and(|it| it == "images");
    // All of a project's profiles are another list of the same file.
    let is_other = |path: &PathBuf| path.display().to_string().ends_with(".all.images");
    expected.retain(|path| is_expected(path) && !is_other(path));
    expected.sort();
    let read = |path: &PathBuf| {
        let list = path.with_extension("");
        let text = fs::read_to_string(&list).unwrap();
        // As whoever reads lists does.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n");
        let name = list.file_name().unwrap().to_str().unwrap();
        Sample {
            list: ListText::new(name, Some(&list), &text),
            expected: fs::read_to_string(path).unwrap(),
        }
    };
    expected.iter().map(read).collect()
}

/// What is asked for, as a sorted list in which each stands once: a name a line, `NAME:RULE` for a rule.
pub(super) fn asked(reading: &Reading) -> Vec<String> {
    let shown = reading.entries.iter().map(|entry| match &entry.asked {
        Asked::Place(name) | Asked::Image(name) => name.clone(),
        Asked::Tags { repository, rule } => format!("{repository}:{rule}"),
    });
    let mut shown: Vec<String> = shown.collect();
    shown.sort();
    shown.dedup();
    shown
}

/// Faults and notes, a line each.
pub(super) fn told(reading: &Reading) -> Vec<String> {
    let faults = reading.faults.iter().map(|(spot, error)| {
        format!(
            "{} {}: {}; {}",
            spot.line,
            spot.what,
            error.message(),
            error.way_out().unwrap_or("-")
        )
    });
    let notes =
        reading.notes.iter().map(|(spot, text)| format!("{} {}: {text}", spot.line, spot.what));
    faults.chain(notes).collect()
}

/// What a sample of `format` is told as: values are so only where somebody says it.
fn told_as(format: &str) -> &str {
    if format == "values" { "plain" } else { format }
}

/// That each sample of `format` is told as one, and asks for what is beside it and nothing else, without a
/// fault.
pub(super) fn check(format: &str) {
    for sample in of(format) {
        let name = sample.list.name();
        assert_eq!(format_of(&sample.list).name(), told_as(format), "{name}");
        let reading = named(format).unwrap().read(std::slice::from_ref(&sample.list), &Beside);
        assert!(reading.faults.is_empty(), "{name}: {:?}", told(&reading));
        let expected: Vec<&str> = sample.expected.lines().collect();
        assert_eq!(asked(&reading), expected, "{name}");
        let lines = sample.list.text().lines().count();
        let mut own = reading.entries.iter().filter(|it| it.spot.file == *name);
        assert!(own.all(|it| (1..=lines).contains(&it.spot.line)), "{name}");
    }
}

/// Reads `text` as `format`.
pub(super) fn read(format: &str, text: &str) -> Reading {
    named(format).unwrap().read(&[ListText::new("list", None, text)], &Beside)
}

/// Whatever ruins texts, in the same way each time.
pub(super) struct Ruin(u64);

impl Ruin {
    pub(super) fn new() -> Ruin {
        Ruin(0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }

    /// A copy of `text` of which bytes are cut, doubled, swapped and changed.
    pub(super) fn copy(&mut self, text: &str) -> String {
        const CHANGED: &[u8] = b"${}:\\<\"'#-\n *&@%[]|>?!,+";
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.below(4) {
            let (from, length) = (self.below(bytes.len()), self.below(16));
            let to = (from + length).min(bytes.len());
            match self.below(5) {
                0 => drop(bytes.drain(from..to)),
                1 => {
                    let part = bytes[from..to].to_vec();
                    bytes.splice(from..from, part);
                }
                2 if to > from => bytes[from..to].reverse(),
                3 => bytes.insert(from, CHANGED[self.below(CHANGED.len())]),
                _ if from < bytes.len() => bytes[from] = CHANGED[self.below(CHANGED.len())],
                _ => {}
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Reads two thousand ruined copies of the samples of `format`. That it ends is what is looked for, and that
/// spots are within the file.
pub(super) fn ruin(format: &str) {
    let reader: &'static dyn ListFormat = named(format).unwrap();
    let mut ruin = Ruin::new();
    let samples = of(format);
    for sample in &samples {
        for _ in 0..2_000 / samples.len() {
            let text = ruin.copy(sample.list.text());
            let list = ListText::new("ruined", sample.list.path(), &text);
            let _ = reader.is(&list);
            let lines = text.lines().count();
            for entry in reader.read(&[list], &Beside).entries {
                assert!(&*entry.spot.file != "ruined" || entry.spot.line <= lines, "{text}");
            }
        }
    }
}

mod tests;
