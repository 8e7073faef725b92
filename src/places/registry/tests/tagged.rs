//! What refers to manifests, asked for with as few requests as do.

use super::*;
use crate::words::digest::Digest;
use crate::words::document::OCI_INDEX;

/// A manifest that is there for every name that it was asked by; `answer` decides first.
fn start(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Server {
    Server::start(move |seen| match answer(&seen.line) {
        Some(reply) => reply,
        None if seen.line.contains("/referrers/") => reply(404, &[], "404 page not found\n"),
        None if seen.line.contains("/manifests/sha256-") => reply(404, &[], ""),
        None => manifest(),
    })
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

    let found = crate::seams::parallel::map(8, &subjects, |s| repository.referrers(s)).unwrap();

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
fn a_list_of_tags_is_read_no_further_than_it_is_worth() {
    let endless = || {
        start(|line| {
            let next = Some("/v2/team/app/tags/list?n=1000&last=x");
            line.contains("/tags/list").then(|| list(&["1.0".to_owned()], next))
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
    for (said, name, asked) in [
        ("404 page not found\n", "team/other", 1),
        ("404 page not found\n", "other/app", 2),
        ("404 page not found\n", "teams/other", 2),
        ("", "team/other", 2),
        (r#"{"errors":[]}"#, "team/other", 2),
    ] {
        let kind = format!("content-type: {OCI_INDEX}");
        let server = Server::start(move |seen| match seen.line.as_str() {
            line if line.contains(&format!("/{name}/referrers/")) => {
                let entry = serde_json::json!({"schemaVersion": 2, "manifests": [
                    {"mediaType": OCI_MANIFEST, "digest": Digest::of(b"sbom"), "size": 3}
                ]});
                reply(200, &[&kind], entry.to_string())
            }
            line if line.contains("/referrers/") => reply(404, &[], said),
            _ => reply(404, &[], ""),
        });
        let settings =
            Settings { plain_http: vec![server.address.parse().unwrap()], ..Settings::default() };
        let client = Client::new(settings, Arc::new(Recorder::default())).unwrap();
        let at = |repository: &str| {
            let registry = server.address.parse().unwrap();
            client.repository(&registry, &repository.parse().unwrap(), Side::Source)
        };
        let subject = &subjects(1)[0];

        let (first, second) = (at("team/app"), at(name));
        assert!(first.referrers(subject).unwrap().manifests.is_empty());
        assert!(first.referrers(subject).unwrap().manifests.is_empty());
        assert!(at("team/app").referrers(subject).unwrap().manifests.is_empty(), "asked anew");
        let found = second.referrers(subject).unwrap().manifests.len();

        assert_eq!(found, asked - 1, "{said:?} {name}");
        let log = server.log();
        assert_eq!(log.iter().filter(|line| line.contains("/referrers/")).count(), asked);
    }
}
