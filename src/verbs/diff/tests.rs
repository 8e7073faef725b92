use std::sync::Arc;

use super::*;
use crate::bundle::check::Trust;
use crate::bundle::receipt::{HeldContent, Receipt, ReceiptAbout};
use crate::bundle::samples::{CREATED, Sample};
use crate::places::registry::Settings;
use crate::words::moment::moment;
use crate::words::progress::Silent;
use crate::work::mapping::NameRule;

/// Compares where no registry is asked.
fn told(request: &Request) -> Result<Comparison> {
    diff(request, &Client::new(Settings::default(), Arc::new(Silent)).unwrap(), &Silent)
}

fn compare(sample: &Sample, before: Comparand, after: Comparand) -> Comparison {
    let trust = Trust::Keys(vec![sample.key.public().clone()]);
    told(&Request::new(before, after, trust, moment(CREATED))).unwrap()
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
    let unasked = super::tests::told(&unasked).unwrap();
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
    let error = super::tests::told(&Request::new(broken(), broken(), trust, moment(CREATED)));
    let error = error.unwrap_err();
    assert_eq!(error.class(), Class::Incomplete);
}

#[test]
fn names_are_compared_as_they_are_at_the_place() {
    let sample = Sample::new();
    let sealed = sample.seal("bundle");
    let bundle = || Comparand::Bundle(sealed.clone().into());
    let names = [("x.example/a:1", &sample.a), ("x.example/b:1", &sample.b)];
    sample.stock.layout(&sample.at("layout"), &names);
    let place =
        || Comparand::Place(format!("oci:{}", sample.at("layout").display()).parse().unwrap());

    let told = compare(&sample, place(), bundle());
    assert_eq!((told.difference.counts.unchanged, told.difference.counts.added), (2, 0));
    // The layout has what the images need, and not what refers to them.
    let new = told.difference.new.unwrap();
    assert_eq!(new.of_one.unwrap().blobs, 0);
    assert_eq!(told.before.kind, CompareKind::Place);

    let mut receipt = HeldContent::default();
    let at = |name: &str| format!("h.example/group/{name}").parse().unwrap();
    receipt.names = [(sample.a.digest, at("a:1")), (sample.b.digest, at("b:2"))].into();
    [&sample.a, &sample.b].iter().for_each(|it| receipt.manifest(it.digest, it.size));
    let about = ReceiptAbout::places(moment(CREATED), vec!["docker://h.example/group".to_owned()]);
    let bytes = Receipt::new(about, receipt).to_bytes(None).unwrap();
    std::fs::write(sample.at("receipt.json"), bytes).unwrap();
    let request = |after| {
        let before = Comparand::Receipt(sample.at("receipt.json"));
        Request::new(before, after, Trust::UnsafeAnySigner, moment(CREATED))
    };
    let names = |request: &Request| -> Vec<String> {
        let told = super::tests::told(request).unwrap().difference;
        told.images.iter().map(|image| format!("{} {:?}", image.name, image.change)).collect()
    };
    for after in [bundle(), place()] {
        assert_eq!(
            names(&request(after)),
            [
                "h.example/group/a:1 Unchanged",
                "h.example/group/b:1 Added",
                "h.example/group/b:2 Removed"
            ]
        );
    }
    let rules = vec!["x.example/b:1=b:2"].into_iter().map(|it| NameRule::parse(it).unwrap());
    let ruled = Request { rules: rules.collect(), ..request(bundle()) };
    assert_eq!(names(&ruled), ["h.example/group/a:1 Unchanged", "h.example/group/b:2 Unchanged"]);
    let clash = Request { flatten: true, rules: Vec::new(), ..request(bundle()) };
    assert_eq!(names(&clash).len(), 3);
}
