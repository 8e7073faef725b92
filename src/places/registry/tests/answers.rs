//! Registries that answer otherwise than the specification has it, as they were seen to do.

use super::*;
use crate::storage::checked::samples::Unchecked;
use crate::storage::holdings::Held;
use crate::words::media::OCI_INDEX;

fn subject() -> Descriptor {
    document().descriptor().clone()
}

/// A list of one entry, a manifest that nobody has.
fn list() -> (Descriptor, Document) {
    let entry = Descriptor::of(OCI_MANIFEST, b"referrer");
    let raw = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]});
    (entry, Document::parse(raw.to_string().into_bytes(), OCI_INDEX).unwrap())
}

fn typed(status: u16, media_type: &str, body: &[u8]) -> Vec<u8> {
    reply(status, &[&format!("content-type: {media_type}")], body)
}

#[test]
fn every_refusal_to_list_referrers_leads_to_the_fallback_tag() {
    for status in [200, 204, 400, 401, 403, 404, 405, 406, 410, 415, 501] {
        let (entry, list) = list();
        let server = Server::start(move |seen| match &seen.line {
            line if line.contains("/referrers/") => typed(status, "text/html", b"<html>"),
            line if line.contains("/tags/list") => reply(404, &[], ""),
            line if line.contains(".sig") || line.contains(".att") || line.contains(".sbom") => {
                reply(404, &[], "")
            }
            _ => typed(200, OCI_INDEX, list.raw()),
        });

        let found = server.repository(Side::Source).referrers(&subject()).unwrap();

        assert_eq!(found.claimed, [entry], "{status}");
        assert_eq!(found.tags.len(), 1, "{status}");
    }
}

#[test]
fn a_refusal_for_another_reason_is_an_error_and_not_an_empty_list() {
    for status in [401, 429, 500, 503] {
        let server = Server::start(move |_| reply(status, &["retry-after: 0"], ""));

        assert!(server.repository(Side::Source).referrers(&subject()).is_err(), "{status}");
    }
}

#[test]
fn a_list_of_referrers_is_one_whatever_its_type_is_called() {
    for media_type in
        [OCI_INDEX, "application/json", "application/json; charset=utf-8", "text/plain"]
    {
        let (entry, list) = list();
        let server = Server::start(move |seen| match seen.line.contains("/referrers/") {
            true => typed(200, media_type, list.raw()),
            false => reply(404, &[], ""),
        });

        let found = server.repository(Side::Source).referrers(&subject()).unwrap();

        assert_eq!(found.manifests, [entry], "{media_type}");
    }
}

#[test]
fn a_fallback_tag_that_stands_for_the_subject_or_for_an_image_is_no_list() {
    let (_, list) = list();
    let other = Descriptor::of(OCI_INDEX, b"other");
    for (subject, answer) in [
        (subject(), typed(200, OCI_MANIFEST, document().raw())),
        (other.clone(), typed(200, OCI_MANIFEST, document().raw())),
        (list.descriptor().clone(), typed(200, OCI_INDEX, list.raw())),
    ] {
        let tag = format!("sha256-{}", subject.digest.hex());
        let server = Server::start(move |seen| match seen.line.contains(&tag) {
            true => answer.clone(),
            false => reply(404, &[], ""),
        });

        let found = server.repository(Side::Source).referrers(&subject).unwrap();

        assert!(found.claimed.is_empty() && found.manifests.is_empty(), "{subject:?} {found:?}");
        let lists = |tag: &Tag| tag.subject() == Some(subject.digest);
        assert!(!found.tags.iter().any(|(tag, _)| lists(tag)), "{subject:?}");
    }
}

/// The tags that are listed, and what is told beside them.
fn tags(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> (Vec<String>, Vec<String>) {
    let server = Server::start(answer);
    let told = Arc::new(Recorder::default());
    let repository = server.with(Side::Source, Settings::default(), told.clone());
    let tags = repository.tags().unwrap().iter().map(ToString::to_string).collect();
    (tags, notes(&told))
}

#[test]
fn what_is_no_tag_is_told_of_and_keeps_no_other_from_being_listed() {
    let list = r#"{"tags":["1.10","sha256:aaaa","v 1",null,7,{"a":[]},["x"],"latest"]}"#;

    let (tags, notes) = tags(move |_| reply(200, &[], list));

    assert_eq!(tags, ["1.10", "latest"]);
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].contains("6 entries that are no tag") && notes[0].contains("sha256:aaaa"),
        "{notes:?}"
    );
}

#[test]
fn the_next_page_is_asked_for_where_the_list_is_and_nowhere_else() {
    for link in [
        "</v2/team/app/tags/list?last=b>; rel=\"next\"",
        "</v2/app/tags/list?last=b>; rel=next",
        "<https://inner.svc.local:5000/v2/team/app/tags/list?last=b>; rel=\"next\"",
        "/v2/team/app/tags/list?last=b; rel=\"next\"",
        "</v2/team/app/tags/list?last=b b>; rel=\"next\"",
    ] {
        let (tags, notes) = tags(move |seen| match seen.line.contains("last=b") {
            true => reply(200, &[], r#"{"tags":["c"]}"#),
            false => reply(200, &[&format!("link: {link}")], r#"{"tags":["a","b"]}"#),
        });

        assert_eq!((tags.join(","), notes.len()), ("a,b,c".to_owned(), 0), "{link}");
    }
}

#[test]
fn a_list_of_tags_that_leads_to_itself_or_in_a_circle_is_one_error_that_names_it() {
    for (links, pages) in [(&["0"][..], 1), (&["1", "0"], 2), (&["1", "2", "1"], 3)] {
        let server = Server::start(move |seen| {
            let at: usize = seen.line.split_once("last=").map_or(0, |(_, n)| n.parse().unwrap());
            let next = format!("link: </v2/team/app/tags/list?last={}>; rel=\"next\"", links[at]);
            reply(200, &[&next], format!(r#"{{"tags":["t{at}"]}}"#))
        });
        let repository = server.repository(Side::Source);

        let error = repository.tags().unwrap_err();

        assert_eq!(error.class(), Class::Damaged, "{error}");
        let named = format!("registry {}: tags of team/app: the list does not end", server.address);
        assert!(error.to_string().contains(&named), "{error}");
        assert!(server.log().len() <= pages + 1, "{:?}", server.log());
    }
}

fn small() -> (Descriptor, &'static [u8]) {
    (Descriptor::of("a/b", b"content"), b"content")
}

fn put(repository: &RegistryRepository) -> Result<()> {
    let (blob, bytes) = small();
    repository.put(&mut Unchecked(&blob, &mut io::Cursor::new(bytes)))
}

#[test]
fn storage_that_refuses_head_is_asked_for_one_byte() {
    for status in [400, 403, 405, 501] {
        let storage = Server::start(move |seen| match seen.line.starts_with("HEAD") {
            true => reply(status, &[], ""),
            false if seen.header("range").is_some() => {
                reply(206, &["content-range: bytes 0-0/7"], "c")
            }
            false => reply(200, &[], "content"),
        });
        let away = storage.address.clone();
        let server = Server::start(move |seen| match seen.line.contains(&small().0.digest.hex()) {
            true => reply(307, &[&format!("location: http://{away}/x?signature=1")], ""),
            false => reply(404, &[], ""),
        });
        let repository = server.repository(Side::Destination);

        assert!(repository.has(&small().0).unwrap(), "{status}");
        let other = Descriptor::new("a/b", small().0.digest, 8);
        assert!(!repository.has(&other).unwrap(), "{status}: another size");
        assert!(!repository.has(&Descriptor::of("a/b", b"other")).unwrap(), "{status}");
    }
}

#[test]
fn a_registry_that_finds_nothing_by_head_is_asked_by_get() {
    let server = Server::start(|seen| match seen.line.starts_with("HEAD") {
        true => reply(404, &[], ""),
        false if seen.line.contains("/blobs/") => reply(200, &[], "content"),
        false => manifest(),
    });
    let repository = server.repository(Side::Destination);

    let found = repository.held(&name(&server, ":1")).unwrap();

    let there = document().descriptor().digest;
    assert!(matches!(found, Held::Known(digest) if digest == there), "{found:?}");
    assert!(repository.has(&small().0).unwrap(), "it is known by now");
    assert_eq!(server.seen("HEAD").len(), 1);
}

/// A registry with a manifest and three blobs, of which HEAD finds only the first; `shows` says
/// whether it finds blobs.
fn with_blobs(shows: bool) -> (Server, Vec<Descriptor>) {
    let blobs: Vec<_> = (0..3).map(|n| Descriptor::of("a/b", &[n])).collect();
    let there = blobs.clone();
    let server = Server::start(move |seen| {
        let has = there.iter().any(|blob| seen.line.ends_with(&blob.digest.hex()));
        match seen.line.split('/').next().unwrap().trim() {
            _ if seen.line.contains("/manifests/") => manifest(),
            "GET" if has => reply(206, &["content-range: bytes 0-0/1"], "x"),
            "HEAD" if has && shows => reply(200, &[], "x"),
            _ => reply(404, &[], ""),
        }
    });
    (server, blobs)
}

#[test]
fn a_host_that_finds_no_blob_by_head_is_asked_by_get_once_that_is_known() {
    let (server, blobs) = with_blobs(false);
    let repository = server.repository(Side::Destination);
    let absent = Descriptor::of("a/b", b"absent");
    repository.held(&name(&server, ":1")).unwrap();

    assert!(!repository.has(&absent).unwrap());
    assert!(blobs.iter().all(|blob| repository.has(blob).unwrap()));

    let blobs = |method: &str| server.seen(&format!("{method} /v2/team/app/blobs/")).len();
    assert_eq!((blobs("HEAD"), blobs("GET")), (2, 4), "{:?}", server.log());
}

#[test]
fn head_of_blobs_is_believed_where_it_finds_one_or_nothing_should_be_there() {
    let (server, blobs) = with_blobs(true);
    let absent = |n: u8| Descriptor::of("a/b", &[n, n]);
    let asked = || server.seen("GET /v2/team/app/blobs/").len();

    let empty = server.repository(Side::Destination);
    (0..20).for_each(|n| assert!(!empty.has(&absent(n)).unwrap()));
    assert_eq!(asked(), 0, "there was no manifest");
    let honest = server.repository(Side::Destination);
    honest.held(&name(&server, ":1")).unwrap();
    assert!(!honest.has(&absent(0)).unwrap() && honest.has(&blobs[0]).unwrap());
    (1..20).for_each(|n| assert!(!honest.has(&absent(n)).unwrap()));
    assert_eq!(asked(), 1);
    let new = server.repository(Side::Destination);
    new.held(&name(&server, ":1")).unwrap();
    (0..20).for_each(|n| assert!(!new.has(&absent(n)).unwrap()));
    assert_eq!(asked(), 1 + 8);
}

#[test]
fn a_blob_that_was_taken_and_head_does_not_find_is_asked_for_by_get() {
    let digest = small().0.digest;
    let server = Server::start(move |seen| match seen.line.starts_with("GET") {
        true if seen.line.contains(&digest.hex()) => reply(200, &[], "content"),
        _ => reply(404, &[], ""),
    });
    let repository = server.repository(Side::Destination);

    assert!(!repository.has(&small().0).unwrap(), "one request for what is to be sent");
    assert!(repository.has_taken(&small().0).unwrap());
    assert!(!repository.has_taken(&Descriptor::of("a/b", b"other")).unwrap());
    assert!(repository.has(&small().0).unwrap(), "it is known by now");
}

#[test]
fn a_blob_that_is_taken_by_patch_alone_is_sent_so_once() {
    for status in [400, 404, 405, 411, 416, 501] {
        let server = Server::start(move |seen| match seen.line.split(' ').next() {
            Some("POST") => reply(202, &["location: /v2/team/app/blobs/uploads/1"], ""),
            Some("PATCH") => reply(202, &[], ""),
            Some("PUT") if seen.body.is_empty() => reply(201, &[], ""),
            _ => reply(status, &[], ""),
        });
        let repository = server.repository(Side::Destination);

        put(&repository).unwrap();
        put(&repository).unwrap();

        let whole = server.seen("PUT").iter().filter(|seen| !seen.body.is_empty()).count();
        assert_eq!((whole, server.seen("PATCH").len()), (1, 2), "{status}");
    }
}

#[test]
fn any_good_answer_to_an_upload_is_believed_when_the_blob_is_there() {
    for status in [200, 202, 204] {
        for there in [true, false] {
            let server = Server::start(move |seen| match seen.line.split(' ').next() {
                Some("POST") => reply(200, &["docker-upload-uuid: abc"], ""),
                Some("PUT") => reply(status, &[], ""),
                Some("HEAD") if there => b"HTTP/1.1 200 X\r\ncontent-length: 7\r\n\r\n".to_vec(),
                _ => reply(404, &[], ""),
            });
            let repository = server.repository(Side::Destination);

            let done = put(&repository);

            assert_eq!(done.is_ok(), there, "{status} {there}: {done:?}");
            let put = &server.seen("PUT")[0].line;
            assert!(put.starts_with("PUT /v2/team/app/blobs/uploads/abc?digest="), "{put}");
        }
    }
}

#[test]
fn a_body_that_is_too_large_by_416_goes_in_pieces_that_are_small_enough() {
    let bytes = vec![7; 2 << 20];
    let blob = Descriptor::of("a/b", &bytes);
    let server = Server::start(|seen| match seen.line.split(' ').next() {
        Some("POST") => reply(202, &["location: /v2/team/app/blobs/uploads/1"], ""),
        Some("GET") => reply(204, &["range: 0-0"], ""),
        Some("PATCH") if seen.body.len() <= 512 << 10 => reply(202, &[], ""),
        Some("PUT") if seen.body.is_empty() => reply(201, &[], ""),
        _ => reply(416, &[], ""),
    });

    server
        .repository(Side::Destination)
        .put(&mut Unchecked(&blob, &mut io::Cursor::new(bytes)))
        .unwrap();

    assert_eq!(server.seen("PATCH").len(), 1 + 4, "one of 1 MiB, and four that are taken");
}

#[test]
fn a_mount_that_is_answered_with_anything_but_success_is_none_and_asked_for_once() {
    for status in [400, 403, 404, 405, 409, 500, 501, 502, 503] {
        let server = Server::start(move |_| reply(status, &[], ""));
        let repository = server.repository(Side::Destination);

        let from = "team/base".parse::<Repository>().unwrap();

        assert!(!repository.mount(&small().0, &from).unwrap(), "{status}");
        assert_eq!(server.seen("POST").len(), 1, "{status}");
    }
}

#[test]
fn get_is_asked_once_a_host_for_a_name_that_head_does_not_find() {
    let server = Server::start(|seen| match seen.line.contains("/manifests/sha256:") {
        true => manifest(),
        false => reply(404, &[], ""),
    });
    let repository = server.repository(Side::Destination);
    std::thread::scope(|scope| {
        for tag in [":1", ":2", ":3", ":4"] {
            let (repository, server) = (&repository, &server);
            scope.spawn(move || {
                let found = repository.held(&name(server, tag)).unwrap();
                assert!(matches!(found, Held::Nothing), "{found:?}");
            });
        }
    });

    assert_eq!(server.seen("GET /v2/team/app/").len(), 1, "{:?}", server.log());
}

#[test]
fn a_host_that_was_believed_and_hid_what_it_has_overwrites_nothing() {
    let list = list().1;
    let raw = list.raw().to_vec();
    let server =
        Server::start(move |seen| match seen.line.split_once(" /v2/team/app/manifests/") {
            Some(("GET", "old")) => typed(200, OCI_INDEX, &raw),
            Some(("GET", digest)) if digest.starts_with("sha256:") => manifest(),
            Some(("PUT", _)) => reply(201, &[], ""),
            _ => reply(404, &[], ""),
        });
    let repository = server.repository(Side::Destination);
    for tag in [":new", ":old"] {
        let found = repository.held(&name(&server, tag)).unwrap();
        assert!(matches!(found, Held::Nothing), "the first was new, and it is believed since");
    }

    repository.publish(&name(&server, ":new"), &document()).unwrap();
    let error = repository.publish(&name(&server, ":old"), &document()).unwrap_err();

    assert_eq!(error.class(), Class::Refused);
    assert!(error.to_string().contains(&list.descriptor().digest.to_string()), "{error}");
    assert_eq!(server.seen("PUT").len(), 1, "{:?}", server.log());
    let read_back = repository.held(&name(&server, ":old")).unwrap();
    assert!(matches!(read_back, Held::Known(_)), "by GET");
}

#[test]
fn a_blob_that_was_changed_on_its_way_is_sent_again_and_not_in_pieces() {
    for code in ["DIGEST_INVALID", "SIZE_INVALID"] {
        let damage = Mutex::new(1);
        let server = Server::start(move |seen| match seen.line.split(' ').next() {
            Some("POST") => reply(202, &["location: /v2/team/app/blobs/uploads/1"], ""),
            Some("PUT") if std::mem::take(&mut *damage.lock().unwrap()) > 0 => {
                reply(400, &[], format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#))
            }
            Some("PUT") => reply(201, &[], ""),
            _ => reply(404, &[], ""),
        });
        let repository = server.repository(Side::Destination);

        let error = put(&repository).unwrap_err();
        assert!(error.is_transient() && error.class() == Class::Refused, "{error}");
        assert!(error.to_string().contains(code), "{error}");
        assert!(error.way_out().unwrap().contains("not what arrived"), "{error:?}");
        put(&repository).unwrap();

        let puts = server.seen("PUT");
        assert_eq!((puts.len(), server.seen("PATCH").len()), (2, 0));
        assert!(puts.iter().all(|put| put.body == b"content"), "whole");
    }
}

#[test]
fn what_comes_compressed_is_refused_as_that_and_a_remark_on_it_is_none() {
    let gzip = &["content-encoding: gzip"][..];
    let squeezed = b"\x1f\x8b\x08\x00squeezed";
    let server = Server::start(move |seen| match &seen.line {
        line if line.starts_with("HEAD") => {
            b"HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: 99\r\n\r\n".to_vec()
        }
        line if line.contains("/blobs/") && seen.header("range").is_some() => {
            reply(206, &["content-encoding: gzip", "content-range: bytes 2-6/7"], "ntent")
        }
        line if line.contains(&small().0.digest.hex()) => reply(200, gzip, "content"),
        line if line.contains("/manifests/plain") => reply(
            200,
            &["content-encoding: gzip", "content-type: application/json"],
            document().raw(),
        ),
        _ => reply(200, gzip, squeezed),
    });
    let repository = server.repository(Side::Source);
    let refused = |error: Error| {
        assert_eq!(error.class(), Class::Damaged, "{error}");
        assert!(
            error.to_string().contains("it comes compressed (Content-Encoding: gzip)"),
            "{error}"
        );
        assert!(error.way_out().unwrap().contains("below /v2/"), "{error:?}");
    };
    let read = |offset| {
        let mut bytes = Vec::new();
        repository.open(&small().0, offset).unwrap().unchecked().read_to_end(&mut bytes).unwrap();
        bytes
    };

    assert_eq!((read(0), read(2)), (b"content".to_vec(), b"ntent".to_vec()), "as long as it is");
    refused(repository.open(&Descriptor::of("a/b", b"another"), 0).map(drop).unwrap_err());
    refused(repository.resolve(&name(&server, ":1")).map(drop).unwrap_err());
    refused(repository.tags().map(drop).unwrap_err());
    repository.resolve(&name(&server, ":plain")).unwrap();
    assert!(
        server.repository(Side::Destination).has(&small().0).unwrap(),
        "its length says nothing"
    );
}
