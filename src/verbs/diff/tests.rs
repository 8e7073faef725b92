use super::*;
use crate::bundle::samples::{CREATED, Sample};
use crate::words::moment::moment;

fn compare(sample: &Sample, before: Comparand, after: Comparand) -> Comparison {
    let trust = Trust::Keys(vec![sample.key.public().clone()]);
    diff(&Request::new(before, after, trust, moment(CREATED))).unwrap()
}

#[test]
fn bundles_are_compared_in_both_forms_and_say_whose_word_they_are() {
    let mut sample = Sample::new();
    let [old, same] = ["old", "same.tar"].map(|name| Comparand::Bundle(sample.seal(name).into()));
    let b = sample.stock.image("b2", "linux/arm64");
    sample.contents = sample.stock.contents(&[("x.example/b:1", &b)]);
    let new = Comparand::Bundle(sample.seal("new.tar").into());

    let told = compare(&sample, old, new);
    assert_eq!((told.before.trusted, told.before.image_count), (Some(true), 2));
    assert_eq!((told.difference.counts.removed, told.difference.counts.moved), (1, 1));
    let unlike = told.unlike().unwrap();
    assert_eq!((unlike.kind(), unlike.class()), (ErrorKind::Differs, Class::Other));

    let old = Comparand::Bundle(sample.at("old").into());
    assert!(compare(&sample, old, same).unlike().is_none());
    let old = || Comparand::Bundle(sample.at("old").into());
    let unasked = Request::new(old(), old(), Trust::UnsafeAnySigner, moment(CREATED));
    let unasked = diff(&unasked).unwrap();
    assert_eq!((unasked.after.trusted, unasked.after.claimed_signers.len()), (Some(false), 1));
}

#[test]
fn a_bundle_without_its_layers_is_compared_as_one_with_them() {
    let sample = Sample::new();
    let path = sample.seal("whole");
    let layer = &sample.contents.blobs.needed()[0].digest;
    std::fs::remove_file(sample.seal("less").join("blobs/sha256").join(layer.hex())).unwrap();
    let [whole, less] = ["whole", "less"].map(|name| Comparand::Bundle(sample.at(name).into()));

    let told = compare(&sample, whole, less);
    assert!(told.unlike().is_none());
    assert_eq!((told.after.lacking, told.after.total), (told.before.lacking, told.before.total));

    let manifest = sample.a.digest.hex();
    std::fs::remove_file(path.join("blobs/sha256").join(manifest)).unwrap();
    let broken = || Comparand::Bundle(path.clone().into());
    let trust = Trust::Keys(vec![sample.key.public().clone()]);
    let error = diff(&Request::new(broken(), broken(), trust, moment(CREATED))).unwrap_err();
    assert_eq!(error.class(), Class::Incomplete);
}
