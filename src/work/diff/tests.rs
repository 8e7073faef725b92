use super::*;
use crate::bundle::contents::Contents;
use crate::bundle::receipt::HeldContent;
use crate::bundle::samples::{LAYER, Stock};
use crate::words::digest::Digest;
use crate::words::document::Descriptor;

/// A manifest over layers of these texts, each of which weighs as many bytes as it has letters.
fn image(stock: &mut Stock, text: &str, layers: &[&str]) -> Descriptor {
    let config = stock.config(text, "linux/amd64", layers.len());
    let layers: Vec<Descriptor> =
        layers.iter().map(|layer| stock.blob(LAYER, layer.as_bytes())).collect();
    stock.manifest(&config, &layers, serde_json::json!({}))
}

/// What of an image is in no other that is made of the same layers: its manifest and its config.
fn own(contents: &Contents, image: &Descriptor) -> u64 {
    let config = contents.documents[&image.digest].children()[0].size;
    image.size + config
}

fn between(before: &Contents, after: &Contents) -> Difference {
    Difference::between(&ImageSet::of(before), &ImageSet::of(after))
}

fn changes(difference: &Difference) -> Vec<(String, ChangeKind, Option<u64>, Option<u64>)> {
    let images = difference.images.iter();
    let said = images.map(|it| (it.name.to_string(), it.change, it.adds, it.frees));
    said.collect()
}

#[test]
fn an_image_that_moved_adds_what_its_old_self_and_all_others_lack() {
    let mut stock = Stock::default();
    let old = image(&mut stock, "old", &["base", "application"]);
    let new = image(&mut stock, "new", &["base", "application 2", "of another"]);
    let other = image(&mut stock, "other", &["base", "of another"]);
    let gone = image(&mut stock, "gone", &["base", "only here"]);
    let before = stock.contents(&[
        ("x.example/a:1", &old),
        ("x.example/b:1", &other),
        ("x.example/c:1", &gone),
    ]);
    let after = stock.contents(&[("x.example/a:1", &new), ("x.example/b:1", &other)]);

    let difference = between(&before, &after);

    let (adds, frees) = (own(&after, &new) + 13, own(&before, &old) + 11);
    let freed = own(&before, &gone) + 9;
    assert_eq!(
        changes(&difference),
        [
            ("x.example/a:1".to_owned(), ChangeKind::Moved, Some(adds), Some(frees)),
            ("x.example/b:1".to_owned(), ChangeKind::Unchanged, Some(0), Some(0)),
            ("x.example/c:1".to_owned(), ChangeKind::Removed, Some(0), Some(freed)),
        ]
    );
    let new = difference.new.unwrap();
    let of = |count: Option<Count>| count.unwrap();
    assert_eq!((new.all.bytes, of(new.of_one).bytes, of(new.of_several).blobs), (adds, adds, 0));
    assert_eq!(difference.gone.unwrap().all.bytes, frees + freed);
    // What the two have in common: the other image, and the layer `base` that is its own as well.
    assert_eq!(difference.shared.unwrap().bytes, own(&after, &other) + 4 + 10);
    assert!(!difference.is_none());
}

#[test]
fn what_two_new_images_share_neither_adds_alone() {
    let mut stock = Stock::default();
    let [one, two] =
        [["shared", "one"], ["shared", "two2"]].map(|layers| image(&mut stock, layers[1], &layers));
    let after = stock.contents(&[("x.example/a:1", &one), ("x.example/b:1", &two)]);

    let difference = between(&Contents::default(), &after);

    let [first, second] = [own(&after, &one) + 3, own(&after, &two) + 4];
    let adds: Vec<Option<u64>> = difference.images.iter().map(|image| image.adds).collect();
    assert_eq!(adds, [Some(first), Some(second)]);
    let new = difference.new.unwrap();
    let several = new.of_several.unwrap();
    assert_eq!((several.blobs, several.bytes), (1, 6));
    assert_eq!(new.of_one.unwrap().bytes, first + second);
    assert_eq!(new.all.bytes, after.bytes());
    assert_eq!(difference.counts.added, 2);
}

#[test]
fn one_digest_under_two_names_is_two_images_that_share_all() {
    let mut stock = Stock::default();
    let one = image(&mut stock, "one", &["layer"]);
    let before = stock.contents(&[("x.example/a:1", &one)]);
    let after = stock.contents(&[("x.example/a:1", &one), ("x.example/a:latest", &one)]);

    let twice = between(&Contents::default(), &after);
    assert!(twice.images.iter().all(|image| image.adds == Some(0)));
    assert_eq!(twice.new.unwrap().of_several.unwrap().bytes, after.bytes());

    // Another name for what is there is a change that weighs nothing.
    let named = between(&before, &after);
    assert_eq!((named.counts.added, named.new.unwrap().all.bytes), (1, 0));
    assert!(!named.is_none());
    assert!(between(&after, &after).is_none());
}

#[test]
fn an_index_that_lost_a_platform_says_which() {
    let mut stock = Stock::default();
    let (amd64, arm64) = (stock.image("amd", "linux/amd64"), stock.image("arm", "linux/arm64"));
    let whole = stock.index(&[&amd64, &arm64]);
    let smaller = stock.index(&[&amd64]);
    let platforms = |contents: &mut Contents, names: &[&str]| {
        contents.images[0].platforms = names.iter().map(|name| name.parse().unwrap()).collect();
    };
    let mut before = stock.contents(&[("x.example/a:1", &whole)]);
    platforms(&mut before, &["linux/amd64", "linux/arm64"]);
    let mut rewritten = stock.contents(&[("x.example/a:1", &smaller)]);
    platforms(&mut rewritten, &["linux/amd64"]);
    // The same index, of which one part is left behind.
    let mut less = stock.clone();
    less.documents.remove(&arm64.digest);
    let mut sparse = less.contents(&[("x.example/a:1", &whole)]);
    platforms(&mut sparse, &["linux/amd64"]);
    let lost = ["linux/arm64".parse().unwrap()];

    let moved = between(&before, &rewritten);
    assert_eq!(moved.images[0].change, ChangeKind::Moved);
    assert_eq!((&moved.images[0].lost[..], &moved.images[0].gained[..]), (&lost[..], &[][..]));
    assert_eq!(moved.images[0].adds, Some(smaller.size), "nothing but the new index");

    let parts = between(&before, &sparse);
    assert_eq!((parts.images[0].change, parts.counts.parts), (ChangeKind::Parts, 1));
    assert_eq!((&parts.images[0].lost[..], parts.images[0].adds), (&lost[..], Some(0)));
    assert!(parts.images[0].frees > Some(arm64.size) && !parts.is_none());

    let back = between(&sparse, &before);
    assert_eq!((&back.images[0].gained[..], back.images[0].frees), (&lost[..], Some(0)));
}

#[test]
fn what_refers_to_images_counts_and_belongs_to_none() {
    let (stock, after, [a, _, of_a, of_b, of_that]) = Stock::family();
    let mut before = stock.contents(&[("x.example/r:a", &a)]);
    stock.refer(&mut before, "x.example/r", &of_a);

    let difference = between(&before, &after);

    let new = difference.new.unwrap();
    // The two that are new have an empty config in common with that which is there.
    let layers: u64 =
        [&of_b, &of_that].map(|it| after.documents[&it.digest].children()[1].size).iter().sum();
    let of_referrers = new.of_referrers.unwrap().bytes;
    assert_eq!(of_referrers, of_b.size + of_that.size + layers);
    assert_eq!(new.all.bytes, new.of_one.unwrap().bytes + of_referrers);
    let signed = between(&stock.contents(&[("x.example/r:a", &a)]), &before);
    assert_eq!(signed.counts.unchanged, 1);
    assert!(!signed.is_none(), "a signature is new");
}

#[test]
fn what_is_not_known_is_not_nothing() {
    let mut stock = Stock::default();
    let one = image(&mut stock, "one", &["layer"]);
    let after = ImageSet::of(&stock.contents(&[("x.example/a:1", &one), ("x.example/b:1", &one)]));
    let list = |names: &[&str]| ImageSet::named(names.iter().map(|name| name.parse().unwrap()));
    let pinned = format!("x.example/b:1@{}", one.digest);

    let difference = Difference::between(&list(&["x.example/a:1", &pinned]), &after);

    assert_eq!(
        changes(&difference),
        [
            ("x.example/a:1".to_owned(), ChangeKind::Undecided, None, None),
            ("x.example/b:1".to_owned(), ChangeKind::Unchanged, None, None),
        ]
    );
    assert_eq!((difference.new, difference.shared, difference.gone), (None, None, None));
    assert_eq!(difference.images[0].before.as_ref().unwrap().bytes, None);
    assert!(difference.images[0].after.as_ref().unwrap().bytes > Some(0));
    assert!(!difference.is_none());

    let moved = format!("x.example/b:1@{}", Digest::of(b"other"));
    assert_eq!(Difference::between(&list(&[&moved]), &after).counts.moved, 1);
    // An image that a side does not have frees, or adds, nothing; that much is known.
    let gone = Difference::between(&after, &list(&["x.example/a:1"]));
    assert_eq!((gone.images[1].adds, gone.images[1].frees), (Some(0), None));

    let lists = |one: &[&str], other: &[&str]| Difference::between(&list(one), &list(other));
    assert!(lists(&["a:1", "a:1"], &["docker.io/library/a:1"]).is_none());
    assert_eq!(lists(&["a:1"], &["a:2"]).counts.added, 1);
}

#[test]
fn what_a_receipt_holds_is_known_and_not_what_belongs_to_which_image() {
    let mut stock = Stock::default();
    let old = image(&mut stock, "old", &["base", "application"]);
    let new = image(&mut stock, "new", &["base", "application 2"]);
    let before = stock.contents(&[("x.example/a:1", &old), ("x.example/a:2", &old)]);
    let after = stock.contents(&[("x.example/a:1", &new), ("x.example/a:2", &old)]);
    let mut held = HeldContent::default();
    for document in before.documents.values().map(|document| document.descriptor()) {
        held.manifest(document.digest, document.size);
    }
    before.blobs.needed().iter().for_each(|blob| held.blob(blob.digest, blob.size));
    held.names = before.images.iter().map(|it| (it.digest, it.name.clone())).collect();

    let receipt = ImageSet::held(&held, &HeldParts::default());
    let told = Difference::between(&receipt, &ImageSet::of(&after));

    let known = between(&before, &after);
    assert_eq!((told.new, told.shared), (known.new, known.shared));
    let gone = told.gone.unwrap();
    assert_eq!((gone.all.blobs, gone.of_one), (0, None));
    let adds = own(&after, &new) + 13;
    assert_eq!(
        changes(&told),
        [
            ("x.example/a:1".to_owned(), ChangeKind::Moved, Some(adds), None),
            ("x.example/a:2".to_owned(), ChangeKind::Unchanged, Some(0), None),
        ]
    );
    assert_eq!(told.images[0].before.as_ref().unwrap().bytes, None);
}

#[test]
fn what_manifests_at_a_place_name_belongs_to_its_images_as_far_as_it_is_there() {
    let mut stock = Stock::default();
    let old = image(&mut stock, "old", &["base", "application"]);
    let new = image(&mut stock, "new", &["base", "application 2"]);
    let (first, second) = (stock.index(&[&old, &new]), stock.index(&[&new]));
    let sbom = stock.referrer("x/sbom", &first);
    let before = stock.contents(&[("x.example/a:1", &first)]);
    let after = stock.contents(&[("x.example/a:1", &second)]);
    let (mut held, mut parts) = (HeldContent::default(), HeldParts::default());
    // The part of another platform was never pushed, and what refers to the image was.
    let of_sbom = stock.documents[&sbom.digest].children();
    for about in [&first, &old, &sbom] {
        let children = stock.documents[&about.digest].children();
        parts.note(about.digest, children.into_iter().map(|child| child.digest));
        held.manifest(about.digest, about.size);
    }
    let of_old = stock.documents[&old.digest].children();
    of_old.iter().chain(&of_sbom).for_each(|blob| held.blob(blob.digest, blob.size));
    parts.refers(sbom.digest);
    held.names = before.images.iter().map(|it| (it.digest, it.name.clone())).collect();

    let told = Difference::between(&ImageSet::held(&held, &parts), &ImageSet::of(&after));

    let of_image: u64 = of_old.iter().map(|blob| blob.size).sum::<u64>() + old.size + first.size;
    assert_eq!(told.images[0].before.as_ref().unwrap().bytes, Some(of_image));
    assert_eq!(told.images[0].frees, Some(of_image - 4), "both have the base");
    let gone = told.gone.unwrap();
    assert_eq!(gone.of_referrers.unwrap().blobs, 1 + of_sbom.len() as u64);
}
