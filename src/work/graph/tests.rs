use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::bundle::contents::{MAX_LEVELS, Reason};
use crate::bundle::samples::{FOREIGN, Stock};
use crate::storage::store::ImageSource;
use crate::words::document::Descriptor;
use crate::words::platform::Platform;
use crate::words::reference::Tag;
use crate::work::samples::{Outside, wanted, whole};

fn select(platforms: &[&str]) -> Selection {
    let platforms = platforms.iter().map(|p| p.parse().unwrap()).collect();
    Selection { platforms, ..Selection::default() }
}

fn walked(outside: Outside, select: &Selection) -> Result<Contents> {
    let wanted = [wanted("x.example/a:1")];
    whole(&outside.origins(), &wanted, select, 2).map(|graph| graph.contents)
}

/// An index of two platforms, with an attestation of the second.
fn multi(stock: &mut Stock) -> (Descriptor, [Descriptor; 3]) {
    let (amd64, arm64) = (stock.image("a", "linux/amd64"), stock.image("b", "linux/arm64"));
    let mut attestation = stock.image("c", "unknown/unknown");
    let key = "vnd.docker.reference.digest".to_owned();
    attestation.annotations = [(key, arm64.digest.to_string())].into();
    (stock.index(&[&amd64, &arm64, &attestation]), [amd64, arm64, attestation])
}

#[test]
fn everything_below_an_image_is_found() {
    let mut outside = Outside::default();
    let (index, parts) = multi(&mut outside.stock);
    outside.name("x.example/a:1", &index);
    let blobs = outside.stock.blobs.len();

    let contents = walked(outside, &select(&[])).unwrap();

    assert_eq!(contents.images[0].digest, index.digest);
    assert_eq!(contents.images[0].left_out, []);
    assert!(parts.iter().all(|part| contents.documents.contains_key(&part.digest)));
    assert_eq!((contents.documents.len(), contents.blobs.needed().len()), (4, blobs));
}

#[test]
fn a_manifest_that_is_not_there_ends_the_walk() {
    let mut outside = Outside::default();
    let (index, parts) = multi(&mut outside.stock);
    outside.name("x.example/a:1", &index);
    outside.stock.documents.remove(&parts[1].digest);

    let error = walked(outside, &select(&[])).unwrap_err();

    assert_eq!(error.class(), Class::Incomplete);
    assert!(error.message().contains(&format!("x.example/a:1@{}", index.digest)), "{error}");
    assert!(error.findings()[0].starts_with(&format!("linux/arm64, {}", parts[1].digest)));
    assert!(error.way_out().unwrap().starts_with("platform linux/amd64 "), "{error:?}");
}

#[test]
fn all_parts_that_are_gone_are_named_at_once() {
    let mut outside = Outside::default();
    let (index, parts) = multi(&mut outside.stock);
    outside.name("x.example/a:1", &index);
    outside.stock.documents.remove(&parts[1].digest);
    outside.stock.documents.remove(&parts[0].digest);

    let error = walked(outside, &select(&[])).unwrap_err();

    assert_eq!(error.findings().len(), 2);
    assert_eq!(error.way_out(), Some("have the image pushed again, with all its parts"));
}

#[test]
fn an_attestation_that_is_gone_can_be_left_behind() {
    let mut outside = Outside::default();
    let (index, parts) = multi(&mut outside.stock);
    outside.name("x.example/a:1", &index);
    outside.stock.documents.remove(&parts[2].digest);

    let error = walked(outside, &select(&[])).unwrap_err();

    assert!(error.findings()[0].starts_with("an attestation, "), "{error:?}");
    let way = "platform linux/amd64,linux/arm64 no_referrers rewrite_index";
    assert!(error.way_out().unwrap().starts_with(way), "{error:?}");
}

/// Puts a fallback list of `entries` under the tag made from `subject`.
fn fallback(outside: &mut Outside, subject: &Descriptor, entries: &[&Descriptor]) -> Descriptor {
    let list = outside.stock.index(entries);
    let document = outside.stock.get(&list).clone();
    let found = outside.referrers.entry(subject.digest).or_default();
    found.claimed.extend(entries.iter().map(|entry| (*entry).clone()));
    found.tags.push((Tag::referrers_of(&subject.digest), document));
    list
}

#[test]
fn an_entry_of_a_fallback_list_refers_only_if_it_says_so_itself() {
    let mut outside = Outside::default();
    let (index, [amd64, arm64, _]) = multi(&mut outside.stock);
    outside.name("x.example/a:1", &index);
    let right = outside.stock.referrer("sbom", &index);
    let of_other = outside.stock.referrer("sbom", &amd64);
    let whole = outside.stock.referrer("signature", &amd64);
    let stranger = outside.stock.image("stranger", "linux/s390x");
    fallback(&mut outside, &index, &[&right, &of_other, &arm64, &stranger]);
    let list = fallback(&mut outside, &amd64, &[&whole]);

    let contents = walked(outside, &select(&["linux/amd64"])).unwrap();

    let found: BTreeSet<(Digest, Digest, bool)> =
        contents.referrers.iter().map(|r| (r.digest, r.subject, r.tag.is_some())).collect();
    let expected = [
        (right.digest, index.digest, false),
        (whole.digest, amd64.digest, false),
        (list.digest, amd64.digest, true),
    ];
    assert_eq!(found, BTreeSet::from(expected));
    for left in [arm64, of_other, stranger] {
        assert!(!contents.documents.contains_key(&left.digest), "{left:?}");
    }
}

#[test]
fn platforms_in_a_fallback_list_are_no_referrers() {
    let mut outside = Outside::default();
    let (index, [amd64, arm64, _]) = multi(&mut outside.stock);
    outside.name("x.example/a:1", &index);
    fallback(&mut outside, &index, &[&amd64, &arm64]);
    let select = Selection { rewrite_index: true, ..select(&["linux/arm64"]) };

    let contents = walked(outside, &select).unwrap();

    assert_eq!(contents.referrers, []);
    assert!(contents.images[0].rewritten_from.is_some());
    assert!(!contents.documents.contains_key(&amd64.digest));
}

#[test]
fn referrers_of_both_kinds_come_along_with_what_refers_to_them() {
    let mut outside = Outside::default();
    let (index, [amd64, ..]) = multi(&mut outside.stock);
    outside.name("x.example/a:1", &index);
    let sbom = outside.refer("sbom", &index);
    let signature = outside.refer("signature", &sbom);
    let of_child = outside.refer("sbom", &amd64);
    let tagged = outside.tag("sig", &index);

    let contents = walked(outside, &select(&[])).unwrap();

    let mut found: Vec<(Digest, Digest, bool)> =
        contents.referrers.iter().map(|r| (r.digest, r.subject, r.tag.is_some())).collect();
    let mut expected = vec![
        (sbom.digest, index.digest, false),
        (signature.digest, sbom.digest, false),
        (of_child.digest, amd64.digest, false),
        (tagged.digest, index.digest, true),
    ];
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(contents.referrers.is_sorted());
    for referrer in &contents.referrers {
        assert!(contents.documents.contains_key(&referrer.digest), "{referrer:?}");
        assert_eq!(referrer.repository, "x.example/a");
    }
    let sbom = contents.referrers.iter().find(|r| r.digest == sbom.digest).unwrap();
    assert_eq!(sbom.artifact_type.as_deref(), Some("sbom"));
}

#[test]
fn referrers_are_left_behind_on_request() {
    let mut outside = Outside::default();
    let image = outside.stock.image("a", "linux/amd64");
    outside.name("x.example/a:1", &image);
    outside.refer("sbom", &image);
    outside.tag("sig", &image);

    let select = Selection { no_referrers: true, ..select(&[]) };
    let contents = walked(outside, &select).unwrap();

    assert_eq!(contents.referrers, []);
    assert_eq!(contents.documents.len(), 1);
}

#[test]
fn a_platform_selection_says_what_it_leaves_out() {
    let mut outside = Outside::default();
    let (index, [amd64, arm64, attestation]) = multi(&mut outside.stock);
    outside.name("x.example/a:1", &index);

    let contents = walked(outside, &select(&["linux/amd64"])).unwrap();

    let image = &contents.images[0];
    assert_eq!((image.digest, image.rewritten_from), (index.digest, None));
    let left: Vec<(Digest, Reason)> = image.left_out.iter().map(|l| (l.digest, l.reason)).collect();
    assert_eq!(left, [(arm64.digest, Reason::Platform), (attestation.digest, Reason::Platform)]);
    assert!(contents.documents.contains_key(&amd64.digest));
    assert_eq!((contents.documents.len(), contents.blobs.needed().len()), (2, 2));
}

#[test]
fn a_selection_that_takes_nothing_is_an_error_that_says_what_there_is() {
    let mut outside = Outside::default();
    let (index, _) = multi(&mut outside.stock);
    outside.name("x.example/a:1", &index);

    let error = walked(outside, &select(&["linux/s390x"])).unwrap_err();

    assert_eq!(error.class(), Class::Incomplete);
    assert!(error.to_string().contains("linux/s390x"), "{error}");
    assert_eq!(error.way_out(), Some("it is there for linux/amd64, linux/arm64"));
}

#[test]
fn a_rewritten_index_lists_what_is_carried_and_remembers_the_original() {
    let mut outside = Outside::default();
    let (inner, [amd64, ..]) = multi(&mut outside.stock);
    let other = outside.stock.image("d", "linux/amd64");
    let lost = outside.stock.image("e", "linux/arm64");
    let outer = outside.stock.index(&[&inner, &other, &lost]);
    outside.name("x.example/a:1", &outer);
    let select = Selection { rewrite_index: true, ..select(&["linux/amd64"]) };

    let contents = walked(outside, &select).unwrap();

    let image = &contents.images[0];
    assert_eq!((image.rewritten_from, &image.left_out[..]), (Some(outer.digest), &[][..]));
    let root = &contents.documents[&image.digest];
    assert_eq!(root.descriptor().size, image.size);
    let inner = &contents.documents[&root.children()[0].digest];
    assert_eq!(inner.descriptor().size, root.children()[0].size);
    assert_eq!(inner.children(), [&amd64]);
    assert_eq!(contents.documents.len(), 4, "the original indexes stay behind");
}

#[test]
fn an_index_that_lost_nothing_is_not_rewritten() {
    let mut outside = Outside::default();
    let (index, _) = multi(&mut outside.stock);
    outside.name("x.example/a:1", &index);
    let select = Selection { rewrite_index: true, ..select(&["linux/amd64", "linux/arm64"]) };

    let contents = walked(outside, &select).unwrap();

    assert_eq!(
        (contents.images[0].digest, contents.images[0].rewritten_from),
        (index.digest, None)
    );
}

#[test]
fn a_foreign_layer_is_left_out_once() {
    let mut outside = Outside::default();
    let foreign = Descriptor::of(FOREIGN, b"theirs");
    let config = outside.stock.config("w", "windows/amd64", 2);
    let image = outside.stock.manifest(&config, &[foreign.clone(), foreign.clone()], json!({}));
    outside.name("x.example/a:1", &image);

    let contents = walked(outside, &select(&[])).unwrap();

    let left = &contents.images[0].left_out;
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].digest, left[0].reason), (foreign.digest, Reason::Foreign));
    assert_eq!(contents.blobs.needed(), [config]);
}

#[test]
fn each_document_is_asked_for_once() {
    let mut outside = Outside::default();
    let (index, [amd64, ..]) = multi(&mut outside.stock);
    let twice = outside.stock.index(&[&amd64, &index, &index]);
    outside.name("x.example/a:1", &index);
    outside.name("x.example/a:2", &twice);
    let outside = Arc::new(outside);
    let source: Arc<dyn ImageSource> = Arc::clone(&outside) as _;
    let origins =
        [Origin { source, repository: "x.example/a".to_owned(), shown: "x.example/a".to_owned() }];

    let wanted = [wanted("x.example/a:1"), wanted("x.example/a:2")];
    whole(&origins, &wanted, &select(&[]), 2).unwrap();

    for asked in [&outside.asked, &outside.subjects] {
        let mut asked = asked.lock().unwrap().clone();
        let count = asked.len();
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), count);
    }
}

#[test]
fn one_name_does_not_stand_for_two_images() {
    let mut outside = Outside::default();
    let (a, b) = (outside.stock.image("a", "linux/amd64"), outside.stock.image("b", "linux/amd64"));
    let origins = outside.origins();
    let both = |a: &Descriptor, b: &Descriptor| {
        let names = [a, b].map(|about| wanted(&format!("x.example/a:1@{}", about.digest)));
        whole(&origins, &names, &select(&[]), 1).map(|graph| graph.contents)
    };

    assert_eq!(both(&a, &b).unwrap_err().class(), Class::Usage);
    let once = both(&a, &a).unwrap();
    assert_eq!(once.images.len(), 1);
    assert_eq!(once.images[0].name.to_string(), "x.example/a:1", "the digest is no part of it");
}

#[test]
fn documents_are_nested_to_a_limit() {
    for (levels, fine) in [(MAX_LEVELS - 1, true), (MAX_LEVELS, false)] {
        let mut outside = Outside::default();
        let mut top = outside.stock.image("deep", "linux/amd64");
        for _ in 1..levels {
            top = outside.stock.index(&[&top]);
        }
        outside.name("x.example/a:1", &top);

        let walked = walked(outside, &select(&[]));

        assert_eq!(walked.is_ok(), fine, "{levels}: {walked:?}");
    }
}

#[test]
fn only_parts_of_the_graph_have_a_source() {
    let mut outside = Outside::default();
    let image = outside.stock.image("a", "linux/amd64");
    outside.name("x.example/a:1", &image);
    let origins = outside.origins();

    let graph = whole(&origins, &[wanted("x.example/a:1")], &select(&[]), 1).unwrap();

    for blob in graph.contents.blobs.needed() {
        assert!(graph.source_of(&blob.digest).is_ok());
    }
    assert!(graph.source_of(&Digest::of(b"other")).is_err());
}

#[test]
fn what_a_source_made_itself_is_marked() {
    for made in [true, false] {
        let mut outside = Outside::default();
        let image = outside.stock.image("a", "linux/amd64");
        outside.name("x.example/a:1", &image);
        if made {
            outside.made.insert(image.digest);
        }

        assert_eq!(walked(outside, &Selection::default()).unwrap().images[0].made, made);
    }
}

#[test]
fn all_images_that_a_selection_takes_nothing_of_are_told_at_once() {
    let wanted = ["linux/s390x".parse::<Platform>().unwrap()];
    let of =
        |name: &str, has: &[&str]| (name.to_owned(), has.iter().map(|p| (*p).to_owned()).collect());

    none_lacks(&wanted, Vec::new()).unwrap();
    let one = none_lacks(&wanted, vec![of("x.io/a:1", &["linux/amd64"])]).unwrap_err();
    assert_eq!(one.to_string(), "x.io/a:1 is not there for linux/s390x");
    let all = vec![of("x.io/a:1", &["linux/amd64", "linux/arm64"]), of("x.io/b:1", &[])];
    let all = none_lacks(&wanted, all).unwrap_err();
    assert_eq!(all.class(), Class::Incomplete);
    assert_eq!(all.to_string(), "2 images are not there for linux/s390x");
    assert_eq!(all.findings()[0], "x.io/a:1: it is there for linux/amd64, linux/arm64");
    assert!(all.findings()[1].starts_with("x.io/b:1: it does not say"));
}

#[test]
fn a_manifest_that_an_index_calls_something_else_is_not_left_without_its_parts() {
    for disguise in
        ["application/json", "text/plain", "application/vnd.oci.image.manifest.v1+json "]
    {
        let mut outside = Outside::default();
        let amd64 = outside.stock.image("a", "linux/amd64");
        let arm64 = outside.stock.image("b", "linux/arm64");
        let raw = outside.stock.documents[&arm64.digest].raw().to_vec();
        let hidden = outside.stock.blob(disguise, &raw);
        let index = outside.stock.index(&[&amd64, &hidden]);
        outside.name("x.example/a:1", &index);

        let error = walked(outside, &select(&[])).unwrap_err();

        assert_eq!(error.class(), Class::Refused, "{error}");
        let text = error.to_string();
        assert!(text.contains("x.example/a:1") && text.contains(&hidden.digest.to_string()));
        assert!(text.contains(&format!("{disguise:?}")) && error.way_out().is_some(), "{text}");
    }
}

#[test]
fn what_is_no_image_comes_along_whatever_platform_it_is_listed_for() {
    let mut outside = Outside::default();
    let amd64 = outside.stock.image("a", "linux/amd64");
    let arm64 = outside.stock.image("b", "linux/arm64");
    let mut extra = outside.stock.blob("application/vnd.example.extra+json", b"{\"manifests\":1}");
    extra.platform = Some(Box::new("linux/s390x".parse().unwrap()));
    let index = outside.stock.index(&[&amd64, &arm64, &extra]);
    outside.name("x.example/a:1", &index);
    let origins = outside.origins();

    let taken = whole(&origins, &[wanted("x.example/a:1")], &select(&["linux/amd64"]), 2).unwrap();

    assert!(taken.contents.blobs.needed().iter().any(|blob| blob.digest == extra.digest));
    for blob in taken.contents.blobs.needed() {
        taken.source_of(&blob.digest).unwrap();
    }
    assert!(!taken.contents.documents.contains_key(&arm64.digest));
    let none = whole(&origins, &[wanted("x.example/a:1")], &select(&["linux/s390x"]), 2);
    let error = none.unwrap_err();
    assert_eq!(error.way_out(), Some("it is there for linux/amd64, linux/arm64"), "{error:?}");
}
