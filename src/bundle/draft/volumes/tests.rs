use std::io::Cursor;

use super::*;
use crate::bundle::draft::Draft;
use crate::bundle::samples::{LAYER, Sample};
use crate::medium::Medium;
use crate::storage::checked::samples::Unchecked;
use crate::storage::verifying::Verifying;
use crate::words::progress::Silent;

/// A sample with one layer of so many bytes.
fn large(bytes: &[u8]) -> (Sample, Descriptor) {
    let mut sample = Sample::new();
    let layer = sample.stock.blob(LAYER, bytes);
    let config = sample.stock.config("c", "linux/amd64", 1);
    let image = sample.stock.manifest(&config, std::slice::from_ref(&layer), serde_json::json!({}));
    sample.contents = sample.stock.contents(&[("x.example/c:1", &image)]);
    (sample, layer)
}

fn begun(sample: &Sample, name: &str) -> Draft {
    let output =
        Medium::at(sample.at(name)).cut_into(2_000_000, None, None).unwrap().with_unsigned_tables();
    let mut draft = Draft::open(&output).unwrap();
    draft.begin(&sample.head()).unwrap();
    draft
}

#[test]
fn what_came_of_a_blob_that_spans_volumes_is_not_asked_for_again() {
    let bytes: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
    let (sample, layer) = large(&bytes);
    let draft = begun(&sample, "b");
    // It breaks off in the second volume.
    draft.sink().put(&mut Unchecked(&layer, &mut Cursor::new(&bytes[..3_100_000]))).unwrap_err();
    drop(draft);

    // What is there already is wrong at the source now, and is not read.
    let mut rest = bytes.clone();
    rest[..3_000_000].fill(0);
    let draft = begun(&sample, "b");
    let mut content = Verifying::new(Cursor::new(&rest), &layer, "test", &Silent);
    draft.sink().put(&mut content).unwrap();
    assert_eq!(content.taken(), 3_100_000);
    draft.seal(sample.key.public()).unwrap();

    let whole = begun(&sample, "c/b");
    whole.sink().put(&mut Unchecked(&layer, &mut Cursor::new(&bytes))).unwrap();
    whole.seal(sample.key.public()).unwrap();
    for volume in ["b.001.tar", "b.002.tar", "b.003.tar"] {
        let read = |set: &str| std::fs::read(sample.at(set).join(volume)).unwrap();
        assert!(read("b") == read("c/b"), "{volume}");
    }
}

#[test]
fn wrong_bytes_that_were_left_are_fetched_anew() {
    let bytes: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
    let (sample, layer) = large(&bytes);
    let mut wrong = bytes[..3_100_000].to_vec();
    wrong[7] ^= 1;
    let draft = begun(&sample, "b");
    draft.sink().put(&mut Unchecked(&layer, &mut Cursor::new(&wrong))).unwrap_err();
    drop(draft);

    let draft = begun(&sample, "b");
    let mut content = Verifying::new(Cursor::new(&bytes), &layer, "test", &Silent);
    draft.sink().put(&mut content).unwrap();
    assert_eq!(content.taken(), 0);
    assert!(draft.holds(&layer, &Silent).unwrap());
}
