//! A registry that refuses what zot refuses, as its source has it (`UpdateManifest` in
//! `pkg/api/routes.go`, `ValidateManifest` in `pkg/storage/common/common.go`, `v2.1.x`).

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::content::digest;
use super::double::{Double, Reply, Seen};
use super::images::{OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST};

/// Repository and digest of everything that is there.
type Held = Mutex<BTreeSet<(String, String)>>;

/// zot without `compat`, with nothing in it.
pub fn start() -> Double {
    let held = Held::default();
    Double::start(move |seen| answer(&held, seen))
}

/// A refusal; none where zot answers as any registry with the referrers API does.
fn answer(held: &Held, seen: &Seen) -> Option<Reply> {
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let mut held = held.lock().unwrap();
    let field =
        |name: &str| query.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    if let Some((repository, _)) = path.strip_prefix("/v2/")?.split_once("/blobs/uploads/") {
        let mounted = match (field("mount"), field("from")) {
            (Some(mount), Some(from)) => {
                held.contains(&(from.to_owned(), mount.to_owned())).then_some(mount)
            }
            // `from` alone is refused.
            (None, Some(_)) => return Some(Reply::new(405, "")),
            _ => None,
        };
        let sent = field("digest").filter(|_| seen.method == "PUT");
        held.extend(mounted.or(sent).map(|digest| (repository.to_owned(), digest.to_owned())));
        return None;
    }
    let (repository, _) = path.strip_prefix("/v2/")?.split_once("/manifests/")?;
    if seen.method != "PUT" {
        return None;
    }
    let media_type = seen.header("content-type").unwrap_or_default();
    if ![OCI_INDEX, OCI_MANIFEST].contains(&media_type) {
        return Some(invalid(415, &json!({ "mediaType": media_type })));
    }
    let document: Value = serde_json::from_slice(&seen.body).unwrap();
    let there = |digest: &String| held.contains(&(repository.to_owned(), digest.clone()));
    if !needed(media_type, &document).iter().all(there) {
        return Some(invalid(400, &json!({})));
    }
    held.insert((repository.to_owned(), digest(&seen.body)));
    None
}

/// What must be in the repository before a document: children, or config and layers of an image.
fn needed(media_type: &str, document: &Value) -> Vec<String> {
    let listed = |name: &str| document[name].as_array().cloned().unwrap_or_default();
    let mut parts = match media_type {
        OCI_INDEX => listed("manifests"),
        _ => listed("layers"),
    };
    if media_type == OCI_MANIFEST {
        let config = &document["config"];
        // Configs of other types are not looked at, nor the layers beside them.
        if ![OCI_CONFIG, OCI_EMPTY].contains(&config["mediaType"].as_str().unwrap_or_default()) {
            return Vec::new();
        }
        parts.retain(|layer| !layer["mediaType"].as_str().unwrap().contains("nondistributable"));
        parts.push(config.clone());
    }
    parts.iter().map(|part| part["digest"].as_str().unwrap().to_owned()).collect()
}

fn invalid(status: u16, detail: &Value) -> Reply {
    let error = json!({
        "code": "MANIFEST_INVALID",
        "message": "manifest invalid",
        "description": "During upload, manifests undergo several checks ensuring validity.",
        "detail": detail,
    });
    Reply::new(status, json!({ "errors": [error] }).to_string())
        .header("content-type", "application/json")
}
