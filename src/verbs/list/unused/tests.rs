use super::*;
use crate::places::location::Place;
use crate::work::mapping::NameRule;

/// A digest made of one word.
fn digest(word: &str) -> Digest {
    Digest::of(word.as_bytes())
}

fn place(text: &str, images: &[HeldImage]) -> PlaceListing {
    let naming = match text.parse::<Place>() {
        Ok(place) => Naming::at(&place),
        Err(_) => Naming::FullNames,
    };
    let mut listing = PlaceListing::new(text, naming);
    images.iter().for_each(|held| listing.add(held.clone()).unwrap());
    listing
}

fn held(name: &str) -> HeldImage {
    HeldImage { is_pinned: false, ..HeldImage::named(&name.parse().unwrap()) }
}

/// An image of which a place knows the digest.
fn known(name: &str, word: &str) -> HeldImage {
    HeldImage { digest: Some(digest(word)), ..held(name) }
}

/// An image that a cluster asks for by its name, and runs.
fn runs(name: &str, word: &str) -> HeldImage {
    HeldImage { is_asked: true, ..known(name, word) }
}

/// The names of what is not used, with how that was found.
fn unused(held: PlaceListing, other: PlaceListing, rules: &[&str]) -> Vec<String> {
    let rules = rules.iter().map(|rule| NameRule::parse(rule).unwrap()).collect();
    let request = Request { rules, ..Request::new(Vec::new()) };
    let told = compare(vec![held], &[other], &request);
    let line = |image: &super::super::ListedImage| {
        let name = image.name.as_ref().unwrap();
        format!(
            "{}:{} {:?}",
            name.repository,
            name.tag.as_ref().unwrap(),
            image.compared_by.unwrap()
        )
    };
    told.images.iter().map(line).collect()
}

#[test]
fn what_runs_by_its_digest_is_used_whatever_it_is_called() {
    let here = place(
        "docker://h.example/g",
        &[
            known("h.example/g/a:1", "a"),
            known("h.example/g/a:2", "b"),
            known("h.example/g/c:1", "c"),
        ],
    );
    let index = HeldImage { parts: [digest("part")].into(), ..known("h.example/g/i:1", "index") };
    let here = {
        let mut here = here;
        here.add(index).unwrap();
        here
    };
    let cluster =
        place("kubernetes:", &[runs("other.example/x:9", "a"), runs("other.example/y:9", "part")]);

    assert_eq!(unused(here, cluster, &[]), ["g/a:2 DigestAndName", "g/c:1 DigestAndName"]);
}

#[test]
fn a_name_that_a_cluster_asks_for_is_used_whatever_it_stands_for_now() {
    let here = || place("docker://h.example/g", &[known("h.example/g/a:1", "new")]);

    assert!(
        unused(here(), place("kubernetes:", &[runs("h.example/g/a:1", "old")]), &[]).is_empty()
    );
    // What is pinned is asked for by its digest alone.
    let pinned = HeldImage { is_asked: false, ..runs("h.example/g/a:1", "old") };
    assert_eq!(unused(here(), place("kubernetes:", &[pinned]), &[]), ["g/a:1 Digest"]);
    // So is what another place holds.
    let there = place("oci:x", &[known("h.example/g/a:1", "old")]);
    assert_eq!(unused(here(), there, &[]), ["g/a:1 Digest"]);
}

#[test]
fn names_are_compared_as_an_import_maps_them() {
    let here = || {
        let names =
            ["h.example/g/library/alpine:3", "h.example/g/base/alpine:3", "h.example/g/other:1"];
        place("docker://h.example/g", &names.map(held))
    };
    let cluster = || place("kubernetes:", &[HeldImage { is_asked: true, ..held("alpine:3") }]);

    assert_eq!(unused(here(), cluster(), &[]), ["g/base/alpine:3 Name", "g/other:1 Name"]);
    let ruled = unused(here(), cluster(), &["docker.io/library/*=base/*"]);
    // A rule adds to what may be meant, and takes nothing away.
    assert_eq!(ruled, ["g/other:1 Name"]);
}

#[test]
fn what_a_cluster_runs_is_found_in_the_registry_that_it_was_imported_to() {
    let cluster = place("kubernetes:", &[runs("alpine:3", "a"), runs("quay.io/x/y:1", "b")]);
    let there = place("docker://h.example/g", &[held("h.example/g/library/alpine:3")]);

    assert_eq!(unused(cluster, there, &[]), ["x/y:1 Name"]);
}

#[test]
fn between_registries_names_are_compared_below_their_paths() {
    let one =
        place("docker://a.example/one", &[held("a.example/one/x:1"), held("a.example/one/y:1")]);
    let other = place("docker://b.example/two/three", &[held("b.example/two/three/x:1")]);

    assert_eq!(unused(one, other, &[]), ["one/y:1 Name"]);
}

#[test]
fn what_cannot_be_compared_is_not_called_unused() {
    let bare = HeldImage { config: Some(digest("config")), ..HeldImage::default() };
    let engine = || place("containers-storage:", &[bare.clone(), held("a:1")]);
    let told = |cluster| compare(vec![engine()], &[cluster], &Request::new(Vec::new()));

    let by_manifest = told(place("kubernetes:", &[runs("b:1", "b")]));
    let undecided = by_manifest.compared.unwrap().undecided;
    assert_eq!((by_manifest.images.len(), undecided.len()), (1, 1));
    assert_eq!(undecided[0].config, Some(digest("config")));
    let by_config = HeldImage { config: Some(digest("config")), ..held("b:1") };
    let compared = told(place("kubernetes:", &[by_config])).compared.unwrap();
    assert_eq!((compared.used, compared.unused, compared.undecided.len()), (1, 1, 0));
}
