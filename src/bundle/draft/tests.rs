mod leftovers;

use std::os::unix::fs::symlink;

use super::*;
use crate::bundle::samples::Sample;
use crate::words::progress::Silent;

fn refused(path: &Path) {
    let error = Draft::open(path).map(drop).unwrap_err();
    assert_eq!(error.class(), Class::Usage, "{error}");
}

/// The names in a folder.
fn names(sample: &Sample) -> Vec<String> {
    let entries = fs::read_dir(sample.folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A draft of the sample with its head and its first `layers`.
fn begun(sample: &Sample, name: &str, layers: usize) -> Draft {
    let head = sample.head();
    let mut draft = Draft::open(&sample.at(name)).unwrap();
    draft.begin(&head).unwrap();
    for layer in &head.layers[..layers] {
        draft.sink().put(layer, &mut &sample.stock.blobs[&layer.digest][..]).unwrap();
    }
    draft
}

#[test]
fn a_bundle_has_its_name_only_when_it_is_sealed() {
    for name in ["b", "b.tar"] {
        let sample = Sample::new();
        let draft = begun(&sample, name, sample.head().layers.len());
        assert_eq!(names(&sample), [format!("{name}.partial")]);

        draft.seal(sample.key.public()).unwrap();

        assert_eq!(names(&sample), [name]);
        refused(&sample.at(name));
    }
}

#[test]
fn two_exports_never_write_one_bundle() {
    for name in ["b", "b.tar"] {
        let sample = Sample::new();
        let first = Draft::open(&sample.at(name)).unwrap();

        refused(&sample.at(name));

        drop(first);
        drop(Draft::open(&sample.at(name)).unwrap());
    }
}

#[test]
fn a_name_that_was_taken_meanwhile_is_left_alone() {
    for name in ["b", "b.tar"] {
        let sample = Sample::new();
        let draft = begun(&sample, name, sample.head().layers.len());
        match name {
            "b" => fs::create_dir(sample.at(name)).unwrap(),
            _ => fs::write(sample.at(name), "mine").unwrap(),
        }

        assert_eq!(draft.seal(sample.key.public()).unwrap_err().class(), Class::Usage);

        assert!(name == "b" || fs::read(sample.at(name)).unwrap() == b"mine");
        assert!(sample.at(&format!("{name}.partial")).exists());
    }
}

#[test]
fn leftovers_count_only_when_their_bytes_are_right() {
    for name in ["b", "b.tar"] {
        let sample = Sample::new();
        let head = sample.head();
        drop(begun(&sample, name, 2));
        match name {
            "b" => {
                let layer = blob_path(&head.layers[0].digest);
                let path = sample.at("b.partial").join(layer);
                let length = fs::metadata(&path).unwrap().len();
                fs::write(&path, vec![b'x'; usize::try_from(length).unwrap()]).unwrap();
            }
            _ => {
                let mut tar = fs::read(sample.at("b.tar.partial")).unwrap();
                let layer = &sample.stock.blobs[&head.layers[0].digest];
                let at = tar.windows(layer.len()).position(|part| part == layer).unwrap();
                tar[at] ^= 1;
                fs::write(sample.at("b.tar.partial"), tar).unwrap();
            }
        }

        let draft = begun(&sample, name, 0);

        let holds = |n: usize| draft.holds(&head.layers[n], &Silent).unwrap();
        assert!(!holds(0), "{name}: rotten");
        assert!(holds(1), "{name}: whole");
        assert!(head.layers.get(2).is_none_or(|_| !holds(2)), "{name}: never fetched");
    }
}

#[test]
fn a_folder_that_no_export_began_is_not_touched() {
    let sample = Sample::new();
    fs::create_dir(sample.at("b.partial")).unwrap();
    fs::write(sample.at("b.partial/thesis.tex"), "x").unwrap();
    fs::write(sample.at("b.partial/oci-layout"), "x").unwrap();

    refused(&sample.at("b"));

    assert!(sample.at("b.partial/thesis.tex").exists());
}

#[test]
fn what_another_export_left_behind_does_not_get_into_the_bundle() {
    let sample = Sample::new();
    let stray = sample.at("b.partial/blobs/sha256").join("0".repeat(64));
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(sample.at("b.partial/oci-layout"), crate::places::layout::LAYOUT_MARK).unwrap();
    fs::write(&stray, "x").unwrap();

    begun(&sample, "b", sample.head().layers.len()).seal(sample.key.public()).unwrap();

    let tree = Tree::open(&sample.at("b")).unwrap();
    assert!(tree.files().all(|(path, _)| !path.ends_with(&"0".repeat(64))));
}

#[test]
fn a_link_in_the_folder_ends_the_export() {
    let sample = Sample::new();
    let draft = begun(&sample, "b", sample.head().layers.len());
    symlink("/etc/hostname", sample.at("b.partial/blobs/link")).unwrap();

    let error = draft.seal(sample.key.public()).unwrap_err();

    assert!(error.to_string().contains("blobs/link"), "{error}");
    assert!(!sample.at("b").exists());
}
