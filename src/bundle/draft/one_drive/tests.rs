use std::io::Cursor;

use super::*;
use crate::bundle::check;
use crate::bundle::draft::Draft;
use crate::bundle::samples::{LAYER, Sample};
use crate::medium::Medium;
use crate::medium::attendant::{Attendant, MediaChange};
use crate::storage::verifying::Verifying;
use crate::words::progress::Silent;

/// A machine without anybody at it.
#[derive(Debug)]
struct Alone;

impl Attendant for Alone {
    fn asked(&self, _what: &str) -> MediaChange {
        MediaChange::Nobody
    }
}

/// A sample with one layer that spans three volumes, and its bytes.
fn spanning() -> (Sample, Descriptor, Vec<u8>) {
    let bytes: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
    let mut sample = Sample::new();
    let layer = sample.stock.blob(LAYER, &bytes);
    let config = sample.stock.config("c", "linux/amd64", 1);
    let image = sample.stock.manifest(&config, std::slice::from_ref(&layer), serde_json::json!({}));
    sample.contents = sample.stock.contents(&[("x.example/c:1", &image)]);
    std::fs::create_dir(sample.at("usb")).unwrap();
    (sample, layer, bytes)
}

fn begun(sample: &Sample) -> Result<Draft> {
    let (attendant, progress) = (Arc::new(Alone), Arc::new(Silent));
    let drive = Drive { folder: sample.at("usb"), attendant, verify_media: false, progress };
    let output = Medium::at(sample.at("b")).cut_into(2_000_000, None, None)?;
    let output = output.with_unsigned_tables().onto(drive)?;
    let mut draft = Draft::open(&output)?;
    draft.begin(&sample.head())?;
    Ok(draft)
}

fn put(draft: &Draft, layer: &Descriptor, bytes: &[u8]) -> Result<()> {
    draft.sink().put(&mut Verifying::new(Cursor::new(bytes), layer, "test", &Silent))
}

fn on_medium(sample: &Sample) -> Vec<String> {
    let names = std::fs::read_dir(sample.at("usb")).unwrap();
    let mut names: Vec<String> =
        names.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn volumes_that_got_wrong_bytes_are_found_out_and_made_again() {
    let (sample, layer, bytes) = spanning();
    let mut wrong = bytes.clone();
    wrong[7] ^= 1;
    let draft = begun(&sample).unwrap();
    assert_eq!(put(&draft, &layer, &wrong).unwrap_err().class(), Class::Damaged);
    // What was wrong was not known when they were finished.
    assert_eq!(on_medium(&sample), ["b.001.tar", "b.002.tar", "b.003.tar.partial"]);
    drop(draft);

    let draft = begun(&sample).unwrap();
    let error = put(&draft, &layer, &bytes).unwrap_err();
    assert!(error.message().starts_with("volume 1 of 3 (b) got wrong bytes"), "{error}");
    assert_eq!(error.class(), Class::Damaged);
    drop(draft);

    std::fs::remove_file(sample.at("usb/b.001.tar")).unwrap();
    let draft = begun(&sample).unwrap();
    assert!(!draft.holds(&layer, &Silent).unwrap());
    put(&draft, &layer, &bytes).unwrap();
    draft.seal(sample.key.public()).unwrap();
    Medium::at(sample.at("usb")).open().unwrap().refuse_faults().unwrap();
    let found =
        check::examine_expired(&Medium::at(sample.at("usb")), &check::Trust::UnsafeAnySigner);
    let mut found = found.unwrap();
    found.hash_everything(1, &Silent).unwrap();
    assert_eq!(found.problems(), []);
}

#[test]
fn a_volume_whose_table_was_not_kept_is_read_and_taken_if_it_is_right() {
    let (sample, layer, bytes) = spanning();
    let draft = begun(&sample).unwrap();
    put(&draft, &layer, &bytes[..4_000_000]).unwrap_err();
    drop(draft);
    let kept = sample.at("b.partial/b.001.json");
    let table = std::fs::read(&kept).unwrap();

    std::fs::remove_file(&kept).unwrap();
    drop(begun(&sample).unwrap());
    assert!(std::fs::read(&kept).unwrap() == table);

    std::fs::remove_file(&kept).unwrap();
    let volume = sample.at("usb/b.001.tar");
    let mut flipped = std::fs::read(&volume).unwrap();
    flipped[1_500_000] ^= 1;
    std::fs::write(&volume, flipped).unwrap();
    let error = begun(&sample).unwrap_err();
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Incomplete, crate::words::error::ErrorKind::NextMedium)
    );
    assert!(error.message().contains("b.001.tar is there, and is not right"), "{error}");
    assert!(!kept.exists());
}

#[test]
fn what_is_finished_is_not_asked_for_though_its_medium_is_elsewhere() {
    let (sample, layer, bytes) = spanning();
    let draft = begun(&sample).unwrap();
    put(&draft, &layer, &bytes).unwrap();
    drop(draft);
    std::fs::remove_dir_all(sample.at("usb")).unwrap();

    let draft = begun(&sample).unwrap();
    assert!(draft.holds(&layer, &Silent).unwrap() && draft.is_bound());
    draft.seal(sample.key.public()).unwrap();
    assert!(sample.at("b/LABELS.txt").exists() && !sample.at("b.partial").exists());
}
