use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::bundle::check::Trust;
use crate::bundle::contents::{LeftOut, Reason};
use crate::bundle::samples::Sample;
use crate::bundle::statement::Predicate;
use crate::medium::Medium;
use crate::places::layout::Layout;
use crate::places::location::ArchiveFormat;
use crate::places::location::Destination;
use crate::places::registry::Settings;
use crate::tools::pace::Jobs;
use crate::verbs::admission::Admission;
use crate::words::document::Descriptor;
use crate::words::error::Class;
use crate::words::moment::moment;
use crate::words::progress::{Recorder, Silent};
use crate::words::reference::Reference;
use crate::words::reference::Tag;
use crate::work::choice::{Choice, Pattern};
use crate::work::graph::Rewrite;
use crate::work::plan::{NameAction, OnExisting};
use crate::work::projects::Provision;
use crate::work::template::Template;

const NOW: &str = "2026-12-01T00:00:00Z";

fn request(sample: &Sample) -> Request {
    Request {
        bundle: sample.at("bundle").into(),
        to: Destination::Layout { path: sample.at("inside") },
        bases: Vec::new(),
        trust: Trust::Keys(vec![sample.key.public().clone()]),

        statement: None,
        demands: crate::verbs::freshness::Demands::default(),
        choice: Choice::default(),
        signatures: Vec::new(),
        scans: crate::work::scan::Scans::default(),
        rules: Vec::new(),
        flatten: false,
        existing: OnExisting::Error,
        now: moment(NOW),
        jobs: Jobs::up_to(2),
        every_byte: false,
        dry_run: false,
        leave_behind: LeaveBehind::default(),
        sharing: Sharing::default(),
        discs: None,
        admission: Admission::default(),
        ledger: None,
        trial: None,
        receipt: None,
        projects: Provision::default(),
        platform: None,
        rewrite: Rewrite::default(),
        filing: Filing::default(),
    }
}

fn run(request: &Request, progress: &dyn Progress) -> Result<Outcome> {
    let client = Client::new(Settings::default(), Arc::new(Silent)).unwrap();
    import(request, &client, progress).map(|(_, outcome)| outcome)
}

fn done(request: &Request) -> Summary {
    match run(request, &Silent).unwrap() {
        Outcome::Done(summary) => summary,
        Outcome::Planned(plan) => panic!("{plan:?}"),
    }
}

fn layout(path: &Path) -> Layout {
    Layout::open(Medium::at(path).open().unwrap()).unwrap()
}

#[test]
fn images_land_with_what_refers_to_them() {
    use crate::storage::store::ImageSource as _;
    let sample = Sample::new();
    sample.seal("bundle");

    let summary = done(&request(&sample));

    assert_eq!(summary.signers, [sample.key.public().id()]);
    let landed: Vec<(String, NameAction)> =
        summary.images.iter().map(|image| (image.to.to_string(), image.action)).collect();
    let expected = ["x.example/a:1", "x.example/b:1"];
    assert_eq!(landed, expected.map(|name| (name.to_owned(), NameAction::Create)));
    let inside = layout(&sample.at("inside"));
    assert_eq!(inside.referrers(&sample.a).unwrap().manifests.len(), 1);
}

#[test]
fn a_dry_run_changes_nothing() {
    let sample = Sample::new();
    sample.seal("bundle");

    let outcome = run(&Request { dry_run: true, ..request(&sample) }, &Silent).unwrap();

    assert!(matches!(outcome, Outcome::Planned(plan) if plan.copy.blobs > 0));
    assert!(!sample.at("inside").exists());
}

#[test]
fn a_bundle_that_is_not_believed_touches_nothing() {
    let sample = Sample::new();
    let expires =
        Predicate::of(&sample.contents, moment("2026-11-01T00:00:00Z"), Some(moment(NOW)));
    let head = sample.stock.head(&sample.contents, &expires, &sample.key);
    sample.stock.seal(&head, &sample.at("bundle"));

    assert_eq!(run(&request(&sample), &Silent).unwrap_err().class(), Class::Stale);
    let early = Request { now: moment("2026-11-02T00:00:00Z"), ..request(&sample) };
    std::fs::write(sample.at("bundle/extra"), "x").unwrap();
    assert_eq!(run(&early, &Silent).unwrap_err().class(), Class::Damaged);

    assert!(!sample.at("inside").exists());
}

#[test]
fn a_name_that_is_kept_is_reported_with_what_it_stands_for() {
    let mut sample = Sample::new();
    sample.seal("bundle");
    let other = sample.stock.image("other", "linux/amd64");
    sample.stock.layout(&sample.at("inside"), &[("x.example/a:1", &other)]);

    let summary = done(&Request { existing: OnExisting::Skip, ..request(&sample) });

    let a = &summary.images[0];
    assert_eq!((a.action, a.digest), (NameAction::Keep, other.digest));
    assert_eq!(summary.images[1].digest, sample.b.digest);
    let names = layout(&sample.at("inside"));
    let there = names.entries().iter().find(|e| e.name.as_ref() == Some(&a.to)).unwrap();
    assert_eq!(there.descriptor.digest, other.digest);
}

#[test]
fn parts_left_out_are_noted_because_some_registries_refuse_them() {
    let mut sample = Sample::new();
    let other = Descriptor::of("application/vnd.oci.image.manifest.v1+json", b"not carried");
    let (a, b) = (sample.a.clone(), sample.b.clone());
    let index = sample.stock.index(&[&a, &other]);
    sample.contents = sample.stock.contents(&[("x.example/a:1", &index), ("x.example/b:1", &b)]);
    sample.contents.images[0].left_out.push(LeftOut {
        digest: other.digest,
        media_type: other.media_type.to_string(),
        size: other.size,
        platform: None,
        reason: Reason::Platform,
    });
    sample.seal("bundle");

    let outcome = run(&Request { dry_run: true, ..request(&sample) }, &Silent).unwrap();

    let Outcome::Planned(plan) = outcome else { panic!("{outcome:?}") };
    assert_eq!(plan.sparse.len(), 1);
    assert_eq!(plan.sparse[0].digest, index.digest);
}

#[test]
fn what_refers_to_two_images_of_a_repository_goes_there_once() {
    let mut sample = Sample::new();
    let (a, b) = (sample.a.clone(), sample.b.clone());
    let signature = sample.stock.image("sig", "linux/amd64");
    sample.contents = sample.stock.contents(&[("x.example/a:1", &a), ("x.example/a:2", &b)]);
    let name = format!("x.example/a:sha256-{}.sig", a.digest.hex());
    sample.stock.refer(&mut sample.contents, &name, &signature);
    sample.seal("bundle");

    let outcome = run(&Request { dry_run: true, ..request(&sample) }, &Silent).unwrap();

    let Outcome::Planned(plan) = outcome else { panic!("{outcome:?}") };
    assert_eq!(plan.repositories[0].names.len(), 3);
}

#[test]
fn a_list_of_referrers_is_no_image() {
    let mut sample = Sample::new();
    let referrer = sample.contents.documents[&sample.contents.referrers[0].digest].clone();
    let list = sample.stock.index(&[referrer.descriptor()]);
    let name = format!("x.example/a:{}", Tag::referrers_of(&sample.a.digest));
    sample.stock.refer(&mut sample.contents, &name, &list);
    sample.seal("bundle");

    assert_eq!(done(&request(&sample)).images.len(), 2);
}

/// Three images of which the first two have the same last part.
fn three() -> Sample {
    let mut sample = Sample::new();
    let (a, b, c) = (sample.a.clone(), sample.b.clone(), sample.stock.image("c", "linux/arm64"));
    let images = [("x.example/a/app:1", &a), ("x.example/b/app:1", &b), ("x.example/c/web:1", &c)];
    sample.contents = sample.stock.contents(&images);
    sample.seal("bundle");
    sample
}

fn names<'a>(names: impl Iterator<Item = &'a Reference>) -> Vec<String> {
    names.map(ToString::to_string).collect()
}

#[test]
fn images_whose_names_fall_together_are_left_behind_and_the_others_arrive() {
    let sample = three();
    let request = Request { flatten: true, ..request(&sample) };

    for dry_run in [false, true] {
        let error = run(&Request { dry_run, ..request.clone() }, &Silent).unwrap_err();
        assert_eq!(error.class(), Class::Usage);
        assert!(error.message().contains("x.example/a/app:1 and x.example/b/app:1"), "{error}");
    }
    assert!(!sample.at("inside").exists());

    let notes = Recorder::default();
    let summary =
        match run(&Request { leave_behind: LeaveBehind::Anything, ..request.clone() }, &notes)
            .unwrap()
        {
            Outcome::Done(summary) => summary,
            Outcome::Planned(plan) => panic!("{plan:?}"),
        };

    assert_eq!(
        names(summary.failed.iter().map(|f| &f.name)),
        ["x.example/a/app:1", "x.example/b/app:1"]
    );
    assert!(
        summary.failed.iter().all(|f| f.reason == "2 images would become docker.io/library/app:1")
    );
    assert_eq!(names(summary.images.iter().map(|i| &i.name)), ["x.example/c/web:1"]);
    assert!(!summary.ok && summary.failure().unwrap().class() == Class::Usage);
    assert_eq!(layout(&sample.at("inside")).entries().len(), 1);
    // Where all of them clash nothing is touched, and all are named.
    let only = Choice { only: vec![Pattern::parse("*/app:1").unwrap()], ..Choice::default() };
    let to = Destination::Layout { path: sample.at("none") };
    let summary =
        done(&Request { leave_behind: LeaveBehind::Anything, choice: only, to, ..request });
    assert_eq!((summary.failed.len(), summary.images.len()), (2, 0));
    assert!(!sample.at("none").exists());
}

#[test]
fn images_that_would_share_a_file_are_left_behind_and_the_others_arrive() {
    let sample = three();
    let filing =
        Filing { template: Some(Template::parse("{name}.tar").unwrap()), ..Filing::default() };
    let path = sample.at("out/");
    for format in [ArchiveFormat::Docker, ArchiveFormat::Oci] {
        let to = Destination::Archive { format, path: path.clone() };
        let request = Request { to, filing: filing.clone(), ..request(&sample) };

        let error = run(&request, &Silent).unwrap_err();
        assert!(error.message().contains("would both be in the file app.tar"), "{error}");
        assert!(!path.exists());
        let summary = done(&Request { leave_behind: LeaveBehind::Anything, ..request });

        assert_eq!((summary.failed.len(), summary.images.len()), (2, 1));
        assert!(path.join("web.tar").exists());
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1);
        std::fs::remove_dir_all(&path).unwrap();
    }
}

#[test]
fn all_images_without_the_platform_are_told_and_the_others_arrive() {
    let mut sample = Sample::new();
    let [arm, amd] = ["arm64", "amd64"].map(|a| sample.stock.image(a, &format!("linux/{a}")));
    let both = sample.stock.index(&[&arm, &amd]);
    let one = sample.stock.index(&[&amd]);
    let images = [("x.example/a:1", &one), ("x.example/b:1", &both), ("x.example/c:1", &one)];
    sample.contents = sample.stock.contents(&images);
    sample.seal("bundle");
    let to = Destination::Archive { format: ArchiveFormat::Docker, path: sample.at("out/") };
    let platform = Some("linux/arm64".parse().unwrap());
    let request = Request { to, platform, ..request(&sample) };

    let error = run(&request, &Silent).unwrap_err();
    assert_eq!(error.class(), Class::Incomplete);
    let lines = ["a", "c"].map(|n| format!("x.example/{n}:1 is there for linux/amd64"));
    assert_eq!(error.findings(), lines);
    let summary = done(&Request { leave_behind: LeaveBehind::Anything, ..request });

    assert_eq!(names(summary.failed.iter().map(|f| &f.name)), ["x.example/a:1", "x.example/c:1"]);
    assert_eq!(summary.images.len(), 1);
    assert_eq!(std::fs::read_dir(sample.at("out")).unwrap().count(), 1);
}
