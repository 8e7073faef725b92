use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::bundle::check::{Examined, Trust, examine};
use crate::bundle::samples::{CREATED, Sample, Stock};
use crate::medium::Medium;
use crate::places::layout::blob_path;
use crate::places::registry::Settings;
use crate::tools::pace::Jobs;
use crate::verbs::admission::Admission;
use crate::words::digest::Digest;
use crate::words::error::Class;
use crate::words::moment::moment;
use crate::words::progress::Silent;
use crate::words::reference::Tag;
use crate::words::remedy::Remedy;

const LATER: &str = "2026-11-22T00:00:00Z";

/// A layout of two images, one of them with a signature, and a key.
struct Outside {
    sample: Sample,
}

impl Outside {
    fn new() -> Outside {
        let sample = Sample::new();
        let names = [("x.example/a:1", &sample.a), ("x.example/b:1", &sample.b)];
        sample.stock.layout(&sample.at("layout"), &names);
        Outside { sample }
    }

    fn request(&self, name: &str) -> Request {
        let source = format!("oci:{}", self.sample.at("layout").display());
        Request {
            images: vec![source.parse().unwrap()],
            with_images: false,
            listed: BTreeMap::new(),
            locks: Vec::new(),
            output: self.sample.at(name).into(),
            select: Selection::default(),
            signatures: Vec::new(),
            scans: crate::work::scan::Scans::default(),
            since: Vec::new(),
            since_keys: Vec::new(),
            created_at: moment(CREATED),
            expires_at: None,
            trust: None,
            stream: None,
            jobs: Jobs::up_to(2),
            dry_run: false,
            skip_unreadable: false,
            skip_missing: false,
            missing: Vec::new(),
            reuse: Vec::new(),
            update: false,
            verify_media: false,
            redundancy: None,
            admission: Admission::default(),
            ledger: None,
            stdin: || Ok(Box::new(std::io::empty())),
        }
    }

    fn look(&self, name: &str) -> Examined {
        let trust = Trust::Keys(vec![self.sample.key.public().clone()]);
        let mut examined =
            examine(&Medium::at(self.sample.at(name)), &trust, moment(LATER)).unwrap();
        examined.hash_everything(2, &Silent).unwrap();
        assert_eq!(examined.problems(), &[]);
        examined
    }

    /// Makes a finished bundle look like one that was interrupted right before its end.
    fn interrupt(&self, name: &str) {
        let partial = self.sample.at(&format!("{name}.partial"));
        fs::rename(self.sample.at(name), partial).unwrap();
    }
}

fn run(outside: &Outside, request: &Request) -> Result<Summary> {
    let client = Client::new(Settings::default(), Arc::new(Silent)).unwrap();
    export(request, outside.sample.same_key(), &client, &Silent)
}

#[test]
fn every_named_image_of_a_layout_comes_with_what_refers_to_it() {
    let outside = Outside::new();

    let summary = run(&outside, &outside.request("b")).unwrap();

    let names: Vec<String> = summary.images.iter().map(|image| image.name.to_string()).collect();
    assert_eq!(names, ["x.example/a:1", "x.example/b:1"]);
    assert_eq!((summary.referrers, summary.reused.blobs), (1, 0));
    assert_eq!(summary.fetched.blobs, outside.sample.contents.blobs.needed().len() as u64);
    let platforms: Vec<String> =
        summary.images.iter().map(|image| image.platforms[0].to_string()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert_eq!(outside.look("b").statement().predicate.images, summary.images);
}

#[test]
fn a_list_of_referrers_and_an_attestation_are_no_images_of_their_own() {
    let mut stock = Stock::default();
    let (image, attestation) =
        (stock.image("a", "linux/amd64"), stock.image("t", "unknown/unknown"));
    let index = stock.index(&[&image, &attestation]);
    let signature = stock.referrer("s", &index);
    let list = stock.index(&[&signature]);
    let mut outside = Outside::new();
    let tag = format!("x.example/a:{}", Tag::referrers_of(&index.digest));
    fs::remove_dir_all(outside.sample.at("layout")).unwrap();
    stock.layout(&outside.sample.at("layout"), &[("x.example/a:1", &index), (&tag, &list)]);
    outside.sample.stock = stock;

    let summary = run(&outside, &outside.request("b")).unwrap();

    assert_eq!(summary.images.len(), 1);
    let platforms: Vec<String> =
        summary.images[0].platforms.iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/amd64"]);
    assert!(summary.referrers > 0);
}

#[test]
fn of_one_name_for_two_platforms_the_wanted_one_is_taken() {
    let outside = Outside::new();
    let list = outside.sample.at("layout").join("index.json");
    let text = fs::read_to_string(&list).unwrap().replace("x.example/b:1", "x.example/a:1");
    fs::write(&list, text).unwrap();

    let error = run(&outside, &outside.request("b")).unwrap_err();
    assert_eq!(error.class(), Class::Damaged);
    assert!(error.advice().unwrap().offers(Remedy::Platform), "{error:?}");
    let all = format!("{error} {:?}", error.findings());
    for image in [&outside.sample.a, &outside.sample.b] {
        assert!(all.contains(&image.digest.to_string()), "{all}");
    }

    let select =
        Selection { platforms: vec!["linux/arm64".parse().unwrap()], ..Selection::default() };
    let summary = run(&outside, &Request { select, ..outside.request("b") }).unwrap();

    let names: Vec<String> = summary.images.iter().map(|image| image.name.to_string()).collect();
    assert_eq!(names, ["x.example/a:1"]);
    assert_eq!(summary.images[0].digest, outside.sample.b.digest);
    outside.look("b");
}

#[test]
fn a_dry_run_writes_nothing() {
    let outside = Outside::new();

    let summary = run(&outside, &Request { dry_run: true, ..outside.request("b") }).unwrap();

    assert_eq!(summary.fetched.blobs, outside.sample.contents.blobs.needed().len() as u64);
    assert_eq!(summary.statement, None);
    assert!(!outside.sample.at("b").exists() && !outside.sample.at("b.partial").exists());
}

#[test]
fn a_name_that_is_taken_is_told_before_anything_is_asked() {
    let outside = Outside::new();
    fs::write(outside.sample.at("b"), "mine").unwrap();
    fs::remove_dir_all(outside.sample.at("layout")).unwrap();

    assert_eq!(run(&outside, &outside.request("b")).unwrap_err().class(), Class::Usage);
}

#[test]
fn the_expiry_that_was_asked_for_is_signed() {
    let outside = Outside::new();

    let expires_at = Some(moment("2027-01-01T00:00:00Z"));
    run(&outside, &Request { expires_at, ..outside.request("b") }).unwrap();

    assert_eq!(outside.look("b").statement().predicate.expires_at, expires_at);
}

#[test]
fn a_continued_export_has_the_time_at_which_it_ends_and_moves_nothing_twice() {
    for name in ["b", "b.tar"] {
        let outside = Outside::new();
        run(&outside, &outside.request(name)).unwrap();
        outside.interrupt(name);

        let later = Request { created_at: moment(LATER), ..outside.request(name) };
        let summary = run(&outside, &later).unwrap();

        assert_eq!(outside.look(name).statement().predicate.created_at, moment(LATER));
        assert_eq!(summary.fetched.blobs, 0, "{name}");
        assert_eq!(summary.reused.blobs, outside.sample.contents.blobs.needed().len() as u64);
    }
}

#[test]
fn the_folder_of_a_bundle_is_made_in_both_forms() {
    for name in ["new/b", "new/c.tar"] {
        let outside = Outside::new();

        run(&outside, &outside.request(name)).unwrap();

        assert!(outside.sample.at(name).exists());
    }
}

#[test]
fn what_is_there_is_not_fetched_and_what_rotted_is() {
    let outside = Outside::new();
    run(&outside, &outside.request("b")).unwrap();
    outside.interrupt("b");
    let rot = |digest: &Digest| {
        let path = outside.sample.at("b.partial").join(blob_path(digest));
        let mut bytes = fs::read(&path).unwrap();
        bytes[3] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let blobs = outside.sample.contents.blobs.needed();
    blobs[..2].iter().for_each(|blob| rot(&blob.digest));
    let inode = |folder: &str| {
        use std::os::unix::fs::MetadataExt as _;
        let last = outside.sample.at(folder).join(blob_path(&blobs[3].digest));
        fs::metadata(last).unwrap().ino()
    };
    let before = inode("b.partial");

    let summary = run(&outside, &outside.request("b")).unwrap();

    assert_eq!((summary.fetched.blobs, summary.reused.blobs), (2, blobs.len() as u64 - 2));
    assert_eq!(inode("b"), before, "not even written again");
    outside.look("b");
}

#[test]
fn an_image_that_a_layout_does_not_have_is_told_with_those_it_has() {
    let outside = Outside::new();
    let mut request = outside.request("b");
    let named = |name: &str| {
        format!("oci:{}:{name}", Path::new(&outside.sample.at("layout")).display()).parse().unwrap()
    };
    request.images = vec![named("x.example/c:1")];

    let error = run(&outside, &request).unwrap_err();

    assert_eq!(error.class(), Class::Incomplete);
    assert_eq!(error.way_out(), Some("it has: x.example/a:1, x.example/b:1"));
    request.images = vec![named("x.example/b:1")];
    assert_eq!(run(&outside, &request).unwrap().images.len(), 1);
}

#[test]
fn a_manifest_that_an_index_lists_for_two_platforms_is_there_for_both() {
    let mut outside = Outside::new();
    let stock = &mut outside.sample.stock;
    let image = stock.image("both", "linux/amd64");
    let entries = ["linux/amd64", "linux/386"].map(|platform| crate::words::document::Descriptor {
        platform: Some(Box::new(platform.parse().unwrap())),
        ..image.clone()
    });
    let index = stock.index(&entries.each_ref());
    let layout = outside.sample.at("both");
    outside.sample.stock.layout(&layout, &[("x.example/both:1", &index)]);
    for (platform, is_there) in [("linux/386", true), ("linux/amd64", true), ("linux/arm", false)] {
        let mut request = outside.request(&platform.replace('/', "-"));
        request.images = vec![format!("oci:{}", layout.display()).parse().unwrap()];
        request.select.platforms = vec![platform.parse().unwrap()];

        let done = run(&outside, &request);

        match done {
            Ok(summary) => assert!(is_there, "{platform}: {summary:?}"),
            Err(error) => {
                assert!(!is_there, "{platform}: {error}");
                assert_eq!(error.class(), Class::Incomplete);
                let hint = error.way_out().unwrap();
                assert!(hint.contains("linux/386") && hint.contains("linux/amd64"), "{hint}");
            }
        }
    }
}
