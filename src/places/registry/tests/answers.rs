//! Registries that answer otherwise than the specification has it, as they were seen to do.

use super::*;
use crate::words::document::OCI_INDEX;

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
    for status in [200, 204, 400, 403, 404, 405, 406, 410, 415, 501] {
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
