use std::fs;
use std::path::Path;

use super::*;
use crate::bundle::draft::Draft;
use crate::bundle::samples::{LAYER, Sample};
use crate::bundle::statement::Predicate;
use crate::medium::Medium;
use crate::storage::checked::samples::Unchecked;
use crate::words::moment::moment;
use crate::words::progress::Silent;

fn open(sample: &Sample) -> PackedDraft {
    PackedDraft::open(Site::of(&Medium::at(sample.at("b.tar"))).unwrap()).unwrap()
}

fn begun(sample: &Sample, head: &Head) -> PackedDraft {
    let mut draft = open(sample);
    draft.begin(head).unwrap();
    draft
}

fn put(sample: &Sample, draft: &PackedDraft, layer: &Descriptor) {
    draft.put(&mut Unchecked(layer, &mut &sample.stock.blobs[&layer.digest][..])).unwrap();
}

fn partial(sample: &Sample) -> std::path::PathBuf {
    sample.at("b.tar.partial")
}

/// The inode, so that a file that was replaced can be told.
fn inode(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).unwrap().ino()
}

/// Begins the file, puts its second layer there and leaves it; its inode.
fn interrupted(sample: &Sample, head: &Head) -> u64 {
    let first = begun(sample, head);
    put(sample, &first, &head.layers[1]);
    inode(&partial(sample))
}

#[test]
fn the_same_head_continues_the_file_and_its_layers() {
    let sample = Sample::new();
    let head = sample.head();
    let before = interrupted(&sample, &head);

    let again = begun(&sample, &head);

    assert_eq!(inode(&partial(&sample)), before);
    assert!(again.holds(&head.layers[1], &Silent).unwrap());
    assert!(!again.holds(&head.layers[0], &Silent).unwrap());
    assert!(!sample.at("b.tar.partial-old").exists());
}

#[test]
fn another_head_takes_its_layers_from_the_file_that_was_set_aside() {
    let sample = Sample::new();
    let head = sample.head();
    let first = begun(&sample, &head);
    put(&sample, &first, &head.layers[0]);
    drop(first);
    // One that expires has a longer statement, so that every layer lies elsewhere.
    let until = Some(moment("2026-12-22T00:00:00Z"));
    let predicate = Predicate::of(&sample.contents, moment("2026-11-22T00:00:00Z"), until);
    let other = sample.stock.head(&sample.contents, &predicate, &sample.key);

    let second = begun(&sample, &other);
    assert!(!second.holds(&head.layers[0], &Silent).unwrap(), "not at its new place yet");
    let layer = &head.layers[0];
    assert!(hash(&second, layer, &Silent).unwrap(), "in the old file");
    drop(second);
    // Killed before the layer was copied: the old file is still there to take it from.
    let third = begun(&sample, &other);
    assert!(hash(&third, layer, &Silent).unwrap(), "in the old file, one run later");
    other.layers.iter().for_each(|layer| put(&sample, &third, layer));
    third.finish().unwrap();
    third.name().unwrap();

    assert_eq!(fs::read_dir(sample.folder.path()).unwrap().count(), 1, "the old file is gone");
}

#[test]
fn the_file_that_replaces_one_set_aside_is_locked_too() {
    let sample = Sample::new();
    fs::write(partial(&sample), "another export").unwrap();
    let draft = begun(&sample, &sample.head());

    let error = Draft::open(&Medium::at(sample.at("b.tar"))).unwrap_err();

    assert_eq!(error.class(), Class::Busy);
    drop(draft);
}

/// The head of the same content, made later.
fn later(sample: &Sample) -> Head {
    let predicate = Predicate::of(&sample.contents, moment("2026-11-22T00:00:00Z"), None);
    sample.stock.head(&sample.contents, &predicate, &sample.key)
}

#[test]
fn the_same_content_made_later_continues_the_file_under_the_later_time() {
    let sample = Sample::new();
    let head = sample.head();
    let before = interrupted(&sample, &head);

    let again = begun(&sample, &later(&sample));
    assert_eq!(inode(&partial(&sample)), before);
    assert!(again.holds(&head.layers[1], &Silent).unwrap());
    head.layers.iter().for_each(|layer| put(&sample, &again, layer));
    again.finish().unwrap();
    again.name().unwrap();

    let fresh = sample.at("fresh.tar");
    sample.stock.seal(&later(&sample), &fresh);
    assert!(fs::read(sample.at("b.tar")).unwrap() == fs::read(fresh).unwrap());
}

#[test]
fn a_layer_can_be_read_back_however_the_file_ended() {
    let mut sample = Sample::new();
    let layers: Vec<Descriptor> =
        (0..3).map(|n| sample.stock.blob(LAYER, format!("layer {n}").as_bytes())).collect();
    let config = sample.stock.config("c", "linux/amd64", 3);
    let image = sample.stock.manifest(&config, &layers, serde_json::json!({}));
    sample.contents = sample.stock.contents(&[("x.example/c:1", &image)]);

    // The middle one arrives first; then the power fails.
    let draft = begun(&sample, &sample.head());
    put(&sample, &draft, &layers[1]);
    drop(draft);

    let tree = Medium::at(partial(&sample)).open().unwrap();
    let path = blob_path(&layers[1].digest);
    assert_eq!(tree.size(&path), Some(layers[1].size));
    assert_eq!(tree.read_small(&path, 99).unwrap(), b"layer 1");
}

#[test]
fn what_stood_in_the_file_before_does_not_get_into_the_bundle() {
    let sample = Sample::new();
    let head = sample.head();
    let draft = begun(&sample, &head);
    let long = vec![0xff; 100 << 10];
    let start = draft.slots[&head.layers[0].digest].header;
    draft.file.write_all_at(&long, start).unwrap();
    head.layers.iter().for_each(|layer| put(&sample, &draft, layer));
    draft.finish().unwrap();
    draft.name().unwrap();

    let fresh = sample.at("fresh.tar");
    sample.stock.seal(&head, &fresh);
    assert!(fs::read(sample.at("b.tar")).unwrap() == fs::read(fresh).unwrap());
}

#[test]
fn a_bundle_without_a_layer_of_its_own_is_whole() {
    let mut sample = Sample::new();
    let config = sample.stock.config("c", "linux/amd64", 0);
    let image = sample.stock.manifest(&config, &[], serde_json::json!({}));
    sample.contents = sample.stock.contents(&[("x.example/c:1", &image)]);

    let tree = Medium::at(sample.seal("b.tar")).open().unwrap();

    assert_eq!(tree.faults(), &[]);
}

#[test]
fn an_empty_layer_at_the_end_has_its_header() {
    let mut sample = Sample::new();
    let config = sample.stock.config("c", "linux/amd64", 1);
    let empty = sample.stock.blob(LAYER, b"");
    let image = sample.stock.manifest(&config, std::slice::from_ref(&empty), serde_json::json!({}));
    sample.contents = sample.stock.contents(&[("x.example/c:1", &image)]);
}

#[test]
fn headers_and_padding_that_a_power_failure_took_are_written_again() {
    let sample = Sample::new();
    let head = sample.head();
    let draft = begun(&sample, &head);
    head.layers.iter().for_each(|layer| put(&sample, &draft, layer));
    for slot in draft.slots.values() {
        let padding = usize::try_from(slot.end() - slot.data() - slot.size).unwrap();
        draft.file.write_all_at(&vec![0xff; padding], slot.data() + slot.size).unwrap();
        draft.file.write_all_at(&[0xff; BLOCK as usize], slot.header).unwrap();
    }
    drop(draft);

    // All layers are there, so that nothing is put.
    let draft = begun(&sample, &head);
    assert!(head.layers.iter().all(|layer| draft.holds(layer, &Silent).unwrap()));
    draft.finish().unwrap();
    draft.name().unwrap();

    assert_eq!(Medium::at(sample.at("b.tar")).open().unwrap().faults(), &[]);
}

#[test]
fn content_that_does_not_end_stays_out_of_what_lies_behind_its_slot() {
    let sample = Sample::new();
    let head = sample.head();
    let draft = begun(&sample, &head);
    put(&sample, &draft, &head.layers[1]);
    let blob = &head.layers[0];

    let mut endless = crate::storage::content::Once(std::io::repeat(b'x'));
    draft.put(&mut Unchecked(blob, &mut endless)).unwrap_err();

    assert!(draft.holds(&head.layers[1], &Silent).unwrap());
    put(&sample, &draft, blob);
    assert!(draft.holds(blob, &Silent).unwrap());
}
