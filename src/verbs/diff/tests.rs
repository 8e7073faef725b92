use super::*;
use crate::bundle::samples::{CREATED, Sample};
use crate::words::moment::moment;

fn compare(sample: &Sample, before: Side, after: Side) -> Comparison {
    let trust = Trust::Keys(vec![sample.key.public().clone()]);
    diff(&Request::new(before, after, trust, moment(CREATED))).unwrap()
}

#[test]
fn bundles_are_compared_in_both_forms_and_say_whose_word_they_are() {
    let mut sample = Sample::new();
    let [old, same] = ["old", "same.tar"].map(|name| Side::Bundle(sample.seal(name).into()));
    let b = sample.stock.image("b2", "linux/arm64");
    sample.contents = sample.stock.contents(&[("x.example/b:1", &b)]);
    let new = Side::Bundle(sample.seal("new.tar").into());

    let told = compare(&sample, old, new);
    assert_eq!((told.before.trusted, told.before.image_count), (Some(true), 2));
    assert_eq!((told.difference.counts.removed, told.difference.counts.moved), (1, 1));
    assert!(told.error().is_none());
    let unlike = told.unlike().unwrap();
    assert_eq!((unlike.kind(), unlike.class()), (ErrorKind::Differs, Class::Other));

    let old = Side::Bundle(sample.at("old").into());
    assert!(compare(&sample, old, same).unlike().is_none());
    let old = || Side::Bundle(sample.at("old").into());
    let unasked = Request::new(old(), old(), Trust::UnsafeAnySigner, moment(CREATED));
    let unasked = diff(&unasked).unwrap();
    assert_eq!((unasked.after.trusted, unasked.after.claimed_signers.len()), (Some(false), 1));
}

#[test]
fn a_bundle_that_is_not_whole_is_compared_and_is_a_failure() {
    let sample = Sample::new();
    let path = sample.seal("old");
    std::fs::write(path.join("extra"), "x").unwrap();

    let told = compare(&sample, Side::Bundle(path.clone().into()), Side::Bundle(path.into()));

    assert_eq!(told.error().unwrap().class(), Class::Damaged);
    assert!(told.difference.is_none());
}
