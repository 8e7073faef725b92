//! What a registry double keeps, and how a registry with the OCI 1.1 referrers API answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::content::digest;
use super::double::{Reply, Seen};
use super::images::{Image, OCI_INDEX};

/// Blobs and documents by repository.
#[derive(Default)]
pub struct Stock {
    blobs: BTreeMap<(String, String), Vec<u8>>,
    /// By tag and by digest, with their types.
    documents: BTreeMap<(String, String), (String, Vec<u8>)>,
    uploads: BTreeMap<String, Vec<u8>>,
    count: u64,
    /// Whether it has no referrers API, as registries before OCI 1.1.
    pub old: bool,
}

impl Stock {
    /// Takes an image, tags and all.
    pub fn hold(&mut self, image: &Image) {
        let at = |reference: &str| (image.repository.clone(), reference.to_owned());
        for (digest, bytes) in &image.blobs {
            self.blobs.insert(at(digest), bytes.clone());
        }
        for document in &image.documents {
            let held = (document.media_type.to_owned(), document.bytes.clone());
            self.documents.insert(at(&document.digest), held.clone());
            for (tag, _) in image.tags.iter().filter(|(_, digest)| **digest == document.digest) {
                self.documents.insert(at(tag), held.clone());
            }
        }
    }

    /// A document's bytes by tag or digest.
    pub fn document(&self, repository: &str, reference: &str) -> Option<&[u8]> {
        let key = (repository.to_owned(), reference.to_owned());
        self.documents.get(&key).map(|(_, bytes)| bytes.as_slice())
    }

    /// A registry's answer.
    pub fn answer(&mut self, seen: &Seen) -> Reply {
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let Some(rest) = path.strip_prefix("/v2/") else { return missing() };
        if rest.is_empty() {
            return Reply::new(200, "{}");
        }
        for part in ["/manifests/", "/blobs/uploads/", "/blobs/", "/referrers/", "/tags/"] {
            let Some((repository, last)) = rest.split_once(part) else { continue };
            return match part {
                "/manifests/" => self.manifests(seen, repository, last),
                "/blobs/uploads/" => self.uploads(seen, repository, last, query),
                "/blobs/" => self.blob(seen, repository, last),
                "/referrers/" if !self.old => self.referrers(repository, last),
                "/tags/" => self.tags(repository),
                _ => missing(),
            };
        }
        missing()
    }

    fn manifests(&mut self, seen: &Seen, repository: &str, reference: &str) -> Reply {
        let at = |reference: &str| (repository.to_owned(), reference.to_owned());
        if seen.method == "PUT" {
            let held =
                (seen.header("content-type").unwrap_or_default().to_owned(), seen.body.clone());
            let digest = digest(&seen.body);
            self.documents.insert(at(&digest), held.clone());
            self.documents.insert(at(reference), held);
            let reply = Reply::new(201, "").header("docker-content-digest", digest);
            let subject = subject(&seen.body).filter(|_| !self.old);
            return match subject {
                Some(subject) => reply.header("oci-subject", subject),
                None => reply,
            };
        }
        // A tag alone, or a document with all tags that stand for it, as distribution 3 does.
        if seen.method == "DELETE" {
            let Some((_, bytes)) = self.documents.remove(&at(reference)) else { return missing() };
            if reference.contains(':') {
                self.documents
                    .retain(|(name, _), (_, other)| name != repository || *other != bytes);
            }
            return Reply::new(202, "");
        }
        match self.documents.get(&at(reference)) {
            Some((media_type, bytes)) => Reply::new(200, bytes.clone())
                .header("content-type", media_type)
                .header("docker-content-digest", digest(bytes)),
            None => missing(),
        }
    }

    fn blob(&self, seen: &Seen, repository: &str, digest: &str) -> Reply {
        let Some(bytes) = self.blobs.get(&(repository.to_owned(), digest.to_owned())) else {
            return missing();
        };
        let from = seen.header("range").and_then(|range| {
            range.strip_prefix("bytes=")?.trim_end_matches('-').parse::<usize>().ok()
        });
        match from {
            Some(from) if from < bytes.len() => {
                let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                Reply::new(206, &bytes[from..]).header("content-range", range)
            }
            _ => Reply::new(200, bytes.clone()),
        }
    }

    fn uploads(&mut self, seen: &Seen, repository: &str, id: &str, query: &str) -> Reply {
        let fields: BTreeMap<&str, &str> =
            query.split('&').filter_map(|field| field.split_once('=')).collect();
        let place = |id: &str| format!("/v2/{repository}/blobs/uploads/{id}");
        match seen.method.as_str() {
            "POST" => {
                if let (Some(mount), Some(from)) = (fields.get("mount"), fields.get("from"))
                    && let Some(bytes) = self.blobs.get(&((*from).to_owned(), (*mount).to_owned()))
                {
                    let bytes = bytes.clone();
                    self.blobs.insert((repository.to_owned(), (*mount).to_owned()), bytes);
                    return Reply::new(201, "");
                }
                self.count += 1;
                let id = format!("{}", self.count);
                self.uploads.insert(id.clone(), Vec::new());
                Reply::new(202, "").header("location", place(&id)).header("range", "0-0")
            }
            "PATCH" => {
                let Some(bytes) = self.uploads.get_mut(id) else { return missing() };
                bytes.extend(&seen.body);
                let range = format!("0-{}", bytes.len().max(1) - 1);
                Reply::new(202, "").header("location", place(id)).header("range", range)
            }
            "PUT" => {
                let Some(mut bytes) = self.uploads.remove(id) else { return missing() };
                bytes.extend(&seen.body);
                let digest = digest(&bytes);
                if fields.get("digest") != Some(&digest.as_str()) {
                    return Reply::new(400, r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
                }
                self.blobs.insert((repository.to_owned(), digest.clone()), bytes);
                Reply::new(201, "").header("docker-content-digest", digest)
            }
            "DELETE" => Reply::new(204, ""),
            _ => missing(),
        }
    }

    fn referrers(&self, repository: &str, of: &str) -> Reply {
        let mut found: BTreeMap<String, Value> = BTreeMap::new();
        for ((name, _), (media_type, bytes)) in &self.documents {
            if name == repository && subject(bytes).as_deref() == Some(of) {
                let entry =
                    json!({"mediaType": media_type, "digest": digest(bytes), "size": bytes.len()});
                found.insert(digest(bytes), entry);
            }
        }
        let entries: Vec<Value> = found.into_values().collect();
        let list = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
        Reply::new(200, list.to_string()).header("content-type", OCI_INDEX)
    }

    fn tags(&self, repository: &str) -> Reply {
        let tags: BTreeSet<&str> = self
            .documents
            .keys()
            .filter(|(name, reference)| name == repository && !reference.contains(':'))
            .map(|(_, tag)| tag.as_str())
            .collect();
        match tags.is_empty() {
            true => missing(),
            false => Reply::new(200, json!({"name": repository, "tags": tags}).to_string()),
        }
    }
}

/// What a document refers to.
fn subject(bytes: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    value["subject"]["digest"].as_str().map(str::to_owned)
}

fn missing() -> Reply {
    Reply::new(404, r#"{"errors":[{"code":"NOT_FOUND","message":"no such thing"}]}"#)
}
