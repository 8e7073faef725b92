//! What refers to manifests, asked for with as few requests as do.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::words::digest::Digest;
use crate::words::media::OCI_INDEX;

/// A manifest that is there for every name that it was asked by; `answer` decides first.
fn start(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Server {
    Server::start(move |seen| match answer(&seen.line) {
        Some(reply) => reply,
        None if seen.line.contains("/referrers/") => no_route(),
        None if seen.line.contains("/manifests/sha256-") => reply(404, &[], ""),
        None => manifest(),
    })
}

/// What distribution says of referrers.
fn no_route() -> Vec<u8> {
    reply(404, &["docker-distribution-api-version: registry/2.0"], "404 page not found\n")
}

fn subjects(count: usize) -> Vec<Descriptor> {
    (0..count).map(|n| Descriptor::of(OCI_MANIFEST, n.to_string().as_bytes())).collect()
}

fn asked_by_tag(server: &Server) -> usize {
    server.log().iter().filter(|line| line.contains("/manifests/sha256-")).count()
}

fn lists(server: &Server) -> usize {
    server.seen("GET /v2/team/app/tags/list").len()
}

fn list(tags: &[String], next: Option<&str>) -> Vec<u8> {
    let body = serde_json::json!({"name": "team/app", "tags": tags}).to_string();
    match next {
        Some(next) => reply(200, &[&format!("link: <{next}>; rel=\"next\"")], body),
        None => reply(200, &[], body),
    }
}

#[test]
fn one_list_of_tags_answers_for_all_manifests() {
    let subjects = subjects(20);
    let signature = format!("sha256-{}.sig", subjects[7].digest.hex());
    let tags = vec!["odd tag!".to_owned(), signature.clone(), "1.0".to_owned()];
    let there = signature.clone();
    let server = start(move |line| {
        (line.contains("/tags/list").then(|| list(&tags, None)))
            .or_else(|| line.ends_with(&there).then(manifest))
    });
    let repository = server.repository(Side::Source);
    repository.resolve(&"h.example/team/app:1.0".parse().unwrap()).unwrap();

    let found = crate::tools::parallel::map(8, &subjects, |s| repository.referrers(s)).unwrap();

    let tags: Vec<String> =
        found.iter().flat_map(|found| &found.tags).map(|(tag, _)| tag.to_string()).collect();
    assert_eq!(tags, [signature]);
    assert_eq!((lists(&server), asked_by_tag(&server)), (1, 1));
    assert_eq!(server.seen("GET /v2/team/app/referrers/").len(), 1);
}

#[test]
fn a_list_of_tags_that_is_not_to_be_had_or_not_whole_is_none() {
    let known = vec!["1.0".to_owned()];
    let other = vec!["2.0".to_owned()];
    for (what, answer) in [
        ("unauthorized", reply(401, &[], "")),
        ("forbidden", reply(403, &[], "")),
        ("not found", reply(404, &[], "")),
        ("not allowed", reply(405, &[], "")),
        ("not implemented", reply(501, &[], "")),
        ("no list", reply(200, &[], "<html>")),
        ("empty", list(&[], None)),
        ("without what is there", list(&other, None)),
        ("elsewhere", list(&known, Some("https://other.example/v2/team/app/tags/list"))),
        ("a circle", list(&known, Some("/v2/team/app/tags/list?n=1000"))),
        ("a cache's", reply(200, &["age: 300"], r#"{"tags":["1.0"]}"#)),
    ] {
        let server = start(move |line| line.contains("/tags/list").then(|| answer.clone()));
        let repository = server.repository(Side::Source);
        repository.resolve(&"h.example/team/app:1.0".parse().unwrap()).unwrap();

        for subject in &subjects(3) {
            assert!(repository.referrers(subject).unwrap().tags.is_empty());
        }

        assert_eq!((lists(&server), asked_by_tag(&server)), (1, 12), "{what}");
    }
}

#[test]
fn a_list_that_was_read_for_its_tags_is_not_read_again_for_signatures() {
    let known = vec!["1.0".to_owned(), "1.1".to_owned()];
    let other = vec!["2.0".to_owned()];
    for (what, answer, asked) in [
        ("whole", list(&known, None), (1, 4)),
        ("without what is there", list(&other, None), (1, 12)),
        ("a cache's", reply(200, &["age: 300"], r#"{"tags":["1.0"]}"#), (2, 12)),
        ("as long as a page, all of it", list(&numbered(10), None), (2, 4)),
        ("with what is no tag", reply(200, &[], r#"{"tags":["1.0","a b"]}"#), (2, 4)),
    ] {
        let server = start(move |line| line.contains("/tags/list").then(|| answer.clone()));
        let repository = server.repository(Side::Source);
        repository.tags().unwrap();
        let image = repository.resolve(&"h.example/team/app:1.0".parse().unwrap()).unwrap();

        // The tags of what was asked for by its name are asked for all the same: they are few.
        repository.referrers(image.descriptor()).unwrap();
        for subject in &subjects(2) {
            assert!(repository.referrers(subject).unwrap().tags.is_empty());
        }

        assert_eq!((lists(&server), asked_by_tag(&server)), asked, "{what}");
    }
}

#[test]
fn a_list_that_fills_a_page_is_believed_once_nothing_comes_behind_it() {
    for count in [10, 50, 1000] {
        let last = format!("1.{}", count - 1);
        for (what, behind, asked) in [
            ("pages, and it is the last", list(&[], None), 0),
            ("pages, and it is the last", reply(200, &[], r#"{"name":"team/app","tags":null}"#), 0),
            ("no pages", list(&numbered(count), None), 0),
            ("more", list(&["sha256-a".to_owned()], None), 12),
            ("more, with a link", list(&[], Some("/v2/team/app/tags/list?n=1&last=x")), 12),
            ("another page as long", list(&vec!["2.0".to_owned(); count], None), 12),
            ("the first ones, as few as asked for", list(&numbered(1), None), 12),
            ("a cache's", reply(200, &["age: 300"], r#"{"tags":[]}"#), 12),
            ("a refusal", reply(400, &[], ""), 12),
        ] {
            let end = format!("/tags/list?n=1&last={last}");
            let server = start(move |line| match line.contains("/tags/list") {
                true if line.contains(&end) => Some(behind.clone()),
                true => Some(list(&numbered(count), None)),
                false => None,
            });
            let repository = server.repository(Side::Source);
            repository.resolve(&"h.example/team/app:1.0".parse().unwrap()).unwrap();

            for subject in &subjects(3) {
                assert!(repository.referrers(subject).unwrap().tags.is_empty());
            }

            assert_eq!((lists(&server), asked_by_tag(&server)), (2, asked), "{what}, {count}");
        }
    }
}

/// So many tags, `1.0` among them.
fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("1.{n}")).collect()
}

/// A signature.
fn signed() -> Vec<u8> {
    let raw = String::from_utf8(document().raw().to_vec()).unwrap().replacen('{', "{ ", 1);
    reply(200, &[&format!("content-type: {OCI_MANIFEST}")], raw)
}

/// What a registry shows whose lists of tags leave out those made from digests: an image, signed
/// under cosign's tag, in each of so many repositories.
struct Hiding {
    server: Server,
    client: Client,
    repositories: usize,
}

impl Hiding {
    fn new(repositories: usize, shown: &'static [&'static str], settings: Settings) -> Hiding {
        let signature = format!("sha256-{}.sig", document().descriptor().digest.hex());
        let server = start(move |line| {
            let shown: Vec<String> = shown.iter().map(|tag| (*tag).to_owned()).collect();
            (line.contains("/tags/list").then(|| list(&shown, None)))
                .or_else(|| line.ends_with(&signature).then(signed))
        });
        let plain_http = vec![server.address.parse().unwrap()];
        let settings = Settings { plain_http, ..settings };
        let client = Client::new(settings, Arc::new(Recorder::default())).unwrap();
        Hiding { server, client, repositories }
    }

    /// How many signatures are found when every repository is asked for its image `name`.
    fn signatures(&self, name: &str) -> usize {
        let names: Vec<Reference> = (0..self.repositories)
            .map(|n| format!("{}/team/app-{n}{name}", self.server.address).parse().unwrap())
            .collect();
        let at = |name: &Reference| {
            self.client.repository(&name.registry, &name.repository, Side::Source)
        };
        let places: Vec<_> = names.iter().map(at).collect();
        let images: Vec<_> =
            names.iter().zip(&places).map(|(name, place)| place.resolve(name).unwrap()).collect();
        let found = places
            .iter()
            .zip(&images)
            .map(|(place, image)| place.referrers(image.descriptor()).unwrap().tags.len());
        found.sum()
    }
}

#[test]
fn few_images_are_asked_for_their_signatures_whatever_the_list_says() {
    for repositories in [1, 3] {
        let few = Hiding::new(repositories, &["1.0"], Settings::default());

        assert_eq!(few.signatures(":1.0"), repositories);
    }
}

#[test]
fn a_host_that_hides_a_signature_is_asked_tag_by_tag_from_then_on() {
    let hiding = Hiding::new(20, &["1.0"], Settings::default());

    assert_eq!(hiding.signatures(":1.0"), 20);
    assert_eq!(hiding.server.seen("GET /v2/team/app-1/tags/list").len(), 0);
}

#[test]
fn a_list_that_shows_what_is_made_from_digests_is_believed_and_only_if_it_may_be() {
    let other = "sha256-0000000000000000000000000000000000000000000000000000000000000000.sig";
    let shown: &'static [&'static str] =
        Box::leak(Box::new(["1.0", Box::leak(other.to_owned().into())]));
    let believed = Hiding::new(20, shown, Settings::default());
    let doubted = Hiding::new(20, shown, Settings { tag_lists: false, ..Settings::default() });

    assert_eq!((believed.signatures(":1.0"), asked_by_tag(&believed.server)), (0, 0));
    assert_eq!(doubted.signatures(":1.0"), 20);
    assert!(!doubted.server.log().iter().any(|line| line.contains("/tags/list")));
}

#[test]
fn an_image_that_was_asked_for_by_its_digest_proves_no_list() {
    let digest = format!("@{}", document().descriptor().digest);
    let hiding = Hiding::new(20, &["1.0", "sha256-old"], Settings::default());

    assert_eq!(hiding.signatures(&digest), 20);
}

#[test]
fn an_unsigned_delivery_costs_a_question_for_every_eighth_image() {
    let hiding = Hiding::new(20, &["1.0"], Settings::default());
    let unsigned = start(|line| line.contains("/tags/list").then(|| list(&["1.0".into()], None)));
    let hiding = Hiding { server: unsigned, ..hiding };
    let plain_http = vec![hiding.server.address.parse().unwrap()];
    let settings = Settings { plain_http, ..Settings::default() };
    let client = Client::new(settings, Arc::new(Recorder::default())).unwrap();
    let unsigned = Hiding { client, ..hiding };

    assert_eq!(unsigned.signatures(":1.0"), 0);
    assert_eq!(asked_by_tag(&unsigned.server), 3);
}

#[test]
fn a_list_of_tags_is_read_no_further_than_it_is_worth() {
    let endless = || {
        let page = AtomicUsize::new(0);
        start(move |line| {
            let last = page.fetch_add(1, Ordering::Relaxed);
            let next = format!("/v2/team/app/tags/list?n=1000&last={last}");
            line.contains("/tags/list").then(|| list(&[format!("1.{last}")], Some(&next)))
        })
    };

    let (few, many) = (endless(), endless());
    few.repository(Side::Source).referrers(&subjects(1)[0]).unwrap();
    let repository = many.repository(Side::Source);
    subjects(17).iter().for_each(|subject| drop(repository.referrers(subject).unwrap()));

    assert_eq!((lists(&few), asked_by_tag(&few)), (4, 4));
    assert_eq!((lists(&many), asked_by_tag(&many)), (10, 68));
}

#[test]
fn what_one_repository_says_of_referrers_holds_for_its_like_only_where_no_route_is() {
    const OWN: &str = "docker-distribution-api-version: registry/2.0";
    const PLAIN: &str = "x: y";
    for (said, header, name, look, asked) in [
        ("404 page not found\n", OWN, "team/other", OWN, 1),
        ("404 page not found\n", OWN, "team/other", PLAIN, 2),
        ("404 page not found\n", OWN, "team/other", "docker-distribution-api-version: x", 2),
        ("404 page not found\n", PLAIN, "team/other", OWN, 2),
        ("404 page not found\n", OWN, "other/app", OWN, 2),
        ("404 page not found\n", OWN, "teams/other", OWN, 2),
        ("", OWN, "team/other", OWN, 2),
        (r#"{"errors":[]}"#, OWN, "team/other", OWN, 2),
    ] {
        let kind = format!("content-type: {OCI_INDEX}");
        let server = Server::start(move |seen| match seen.line.as_str() {
            line if line.contains(&format!("/{name}/referrers/")) => {
                let entry = serde_json::json!({"schemaVersion": 2, "manifests": [
                    {"mediaType": OCI_MANIFEST, "digest": Digest::of(b"sbom"), "size": 3}
                ]});
                reply(200, &[&kind], entry.to_string())
            }
            line if line.contains("/referrers/") => reply(404, &[header], said),
            line if line.ends_with(&format!("/{name}/manifests/1")) => manifest_with(look),
            line if line.ends_with("/manifests/1") => manifest_with(OWN),
            _ => reply(404, &[], ""),
        });
        let settings =
            Settings { plain_http: vec![server.address.parse().unwrap()], ..Settings::default() };
        let client = Client::new(settings, Arc::new(Recorder::default())).unwrap();
        let at = |repository: &str| {
            let name: Reference = format!("{}/{repository}:1", server.address).parse().unwrap();
            let place = client.repository(&name.registry, &name.repository, Side::Source);
            place.resolve(&name).unwrap();
            place
        };
        let subject = &subjects(1)[0];

        let (first, second) = (at("team/app"), at(name));
        assert!(first.referrers(subject).unwrap().manifests.is_empty());
        assert!(first.referrers(subject).unwrap().manifests.is_empty());
        assert!(at("team/app").referrers(subject).unwrap().manifests.is_empty(), "asked anew");
        let found = second.referrers(subject).unwrap().manifests.len();

        assert_eq!(found, asked - 1, "{said:?} {header} {name} {look}");
        let log = server.log();
        assert_eq!(log.iter().filter(|line| line.contains("/referrers/")).count(), asked);
    }
}

#[test]
fn a_list_of_referrers_that_may_not_be_seen_is_told_of_once_and_not_taken_for_an_empty_one() {
    for status in [401, 403] {
        for (side, says) in [(Side::Source, "stays behind"), (Side::Destination, "under a tag")] {
            let server = Server::start(move |seen| match seen.line.contains("/referrers/") {
                true => reply(status, &[], ""),
                false => reply(404, &[], ""),
            });
            let told = Arc::new(Recorder::default());
            let repository = server.with(side, Settings::default(), told.clone());

            for subject in &subjects(3) {
                let listed = repository.unlisted(&subject.digest, &[]).unwrap();
                assert!(listed.is_none(), "{status}");
            }

            let notes = notes(&told);
            assert_eq!(notes.len(), 1, "{notes:?}");
            let said = format!("registry {}: referrers of team/app@", server.address);
            assert!(notes[0].contains(&said) && notes[0].contains(says), "{notes:?}");
            assert!(notes[0].contains(&format!("not shown (HTTP {status})")), "{notes:?}");
        }
    }
}
