//! `docs/lists.md` means what it says: what it shows of each kind of list is printed for it.

use std::collections::BTreeSet;
use std::path::Path;

use sealift::lists::{FORMATS, ListText, format_of};

use crate::support::sealift::{Sealift, ran};
use crate::support::walk::is_in_readme;

const PAGE: &str = "docs/lists.md";
/// What a block says behind its language, where it is a file, and where it is what is printed.
const FILE: &str = "file=";
const COMMAND: &str = "sealift ";

/// A block of the page.
struct Block {
    line: usize,
    /// What stands behind the language.
    about: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(page).unwrap();
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (number, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let about = info.split_once(' ').map_or("", |(_, about)| about).to_owned();
                open = Some(Block { line: number + 1, about, text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn every_kind_of_list_is_shown_with_what_is_printed_for_it() {
    let sealift = Sealift::new();
    let (mut shown, mut written) = (BTreeSet::new(), Vec::new());

    for Block { line, about, text } in blocks() {
        let place = format!("{PAGE}:{line}");
        if let Some(name) = about.strip_prefix(FILE) {
            let path = sealift.at(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &text).unwrap();
            written.push((name.to_owned(), text));
            continue;
        }
        let command = about.strip_prefix(COMMAND);
        let command = command.unwrap_or_else(|| panic!("{place} is neither a file nor printed"));
        let words: Vec<&str> = command.split(' ').collect();
        let printed = ran(sealift.command().args(&words)).ok().stdout;
        assert_eq!(printed, text, "{place}");
        for (name, text) in written.drain(..).filter(|(name, _)| words.contains(&name.as_str())) {
            let list = ListText::new(&name, Some(Path::new(&name)), &text);
            let said = words.iter().skip_while(|word| **word != "--as").nth(1);
            shown.insert(said.copied().unwrap_or_else(|| format_of(&list).name()).to_owned());
        }
    }

    let all: BTreeSet<String> = FORMATS.iter().map(|format| format.name().to_owned()).collect();
    assert_eq!(shown, all);
    assert!(is_in_readme("lists.md"));
}

#[test]
fn every_kind_of_list_has_a_fuzz_target() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/Cargo.toml");
    let targets = std::fs::read_to_string(targets).unwrap();
    for format in FORMATS {
        assert!(targets.contains(&format!("\nname = {:?}\n", format.name())), "{format:?}");
    }
}
