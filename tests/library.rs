//! What a user of the library has without the program: `cargo test --no-default-features --test
//! library` builds no clap, indicatif, tokio or hyper. And what whoever changes it is told.

#![allow(clippy::unwrap_used, reason = "a test")]

#[allow(dead_code, reason = "its main is not called")]
#[path = "../examples/carry.rs"]
mod carry;

use std::collections::BTreeSet;
use std::path::Path;

/// The image that the repository ships.
const HELLO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

fn blobs(layout: &Path) -> BTreeSet<String> {
    let names = std::fs::read_dir(layout.join("blobs/sha256")).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_example_exports_verifies_and_imports_folders_and_packed_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();

    for (bundle, store) in [("b", "from-folder"), ("b.tar", "from-packed")] {
        carry::carry(HELLO, &at(bundle), &at(store)).unwrap();

        assert!(Path::new(&at(bundle)).exists());
        assert_eq!(blobs(Path::new(&at(store))), blobs(Path::new(HELLO)));
        let index = std::fs::read_to_string(Path::new(&at(store)).join("index.json")).unwrap();
        assert!(index.contains("docker.io/library/hello:1.0"), "{index}");
    }
}

#[test]
fn the_example_says_what_is_wrong_and_brings_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();

    let error = carry::carry(&at("nowhere"), &at("b"), &at("store")).unwrap_err();

    assert!(error.to_string().contains("nowhere"), "{error}");
    assert!(!Path::new(&at("b")).exists() && !Path::new(&at("store")).exists());
}

#[test]
fn every_file_that_the_guide_for_contributors_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let words = guide.split(['`', '(', ')']).filter(|word| !word.contains(char::is_whitespace));
    let tops = ["src/", "tests/", "docs/", "examples/", "testdata/"];
    let named: BTreeSet<&str> = words
        .filter(|word| tops.iter().any(|top| word.starts_with(top)) && !word.contains("NAME"))
        .collect();

    assert!(named.len() > 15, "{named:?}");
    for path in named {
        assert!(root.join(path).exists(), "{path}");
    }
}
