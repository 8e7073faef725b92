//! The distribution API as Harbor guards it: who may, whether there is room, whether the tag may
//! be moved. The order is that of Harbor's own middleware.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::accounts::rights;
use super::exchange::{Call, Reply, size_of};
use super::{Inner, State};
use crate::support::content::digest;

/// The parts of a path below `/v2/`.
pub struct Parts {
    pub repository: String,
    /// `manifests`, `blobs`, `uploads`, `referrers` or `tags`.
    pub kind: &'static str,
    pub reference: String,
}

impl Parts {
    pub fn of(path: &str) -> Option<Parts> {
        let rest = path.strip_prefix("/v2/")?;
        for (mark, kind) in [
            ("/manifests/", "manifests"),
            ("/blobs/uploads/", "uploads"),
            ("/blobs/", "blobs"),
            ("/referrers/", "referrers"),
            ("/tags/", "tags"),
        ] {
            if let Some((repository, reference)) = rest.split_once(mark) {
                let (repository, reference) = (repository.to_owned(), reference.to_owned());
                return Some(Parts { repository, kind, reference });
            }
        }
        None
    }

    pub fn project(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }
}

fn unauthorized(challenge: &str, message: &str) -> Reply {
    Reply::error(401, "UNAUTHORIZED", message)
        .header("Docker-Distribution-Api-Version", "registry/2.0")
        .header("Www-Authenticate", challenge)
}

impl Inner {
    /// `v2auth`: 401 with the challenge that Harbor would give.
    pub(super) fn admit(&self, call: &Call) -> Result<(), Reply> {
        let anonymous = call.header("authorization").is_none();
        let parts = Parts::of(call.path());
        let scope = parts.as_ref().map(|parts| {
            let actions = if call.head.method == "GET" || call.head.method == "HEAD" {
                "pull"
            } else {
                "pull,push"
            };
            format!(",scope=\"repository:{}:{actions}\"", parts.repository)
        });
        let challenge = match anonymous {
            false => "Basic realm=\"harbor\"".to_owned(),
            true => format!(
                "Bearer realm=\"http://127.0.0.1:{}/service/token\",service=\"harbor-registry\"{}",
                self.port,
                scope.unwrap_or_default()
            ),
        };
        let refused = |message: &str| Err(unauthorized(&challenge, message));
        let token = call.header("authorization").and_then(|a| a.strip_prefix("Bearer "));
        let access = token.and_then(|token| self.tokens.take(token));
        let account = self.basic(call);
        let Some(parts) = parts else {
            let known = access.is_some() || account.is_some();
            return if known { Ok(()) } else { refused("unauthorized") };
        };
        let reads = call.head.method == "GET" || call.head.method == "HEAD";
        if reads && anonymous {
            return refused("authorize header needed to send HEAD to repository");
        }
        let state = self.state();
        if !state.projects.contains_key(parts.project()) {
            // The one place where Harbor's challenge is empty.
            let message = format!("project {} not found", parts.project());
            return Err(unauthorized("", &message));
        }
        let may = |repository: &str, action: &str| match &access {
            Some(access) => {
                access.iter().any(|(name, can)| name == repository && can.contains(&action))
            }
            None => {
                let project = repository.split('/').next().unwrap_or_default();
                rights(&state, account.as_ref(), project).contains(&action)
            }
        };
        let action = match call.head.method.as_str() {
            "GET" | "HEAD" => "pull",
            "DELETE" => "delete",
            _ => "push",
        };
        if !may(&parts.repository, action) {
            return refused("unauthorized to access repository");
        }
        match call.query("from") {
            Some(from) if !may(&from, "pull") => refused("unauthorized to access repository"),
            _ => Ok(()),
        }
    }

    /// Whether a rule of the project keeps a tag that is there.
    pub(super) fn is_immutable(&self, repository: &str, tag: &str) -> bool {
        let (project, within) = repository.split_once('/').unwrap_or((repository, ""));
        let matches = |pattern: &str, text: &str| {
            pattern == "**" || pattern == text || {
                let start = pattern.strip_suffix("**");
                start.is_some_and(|start| text.starts_with(start))
            }
        };
        let state = self.state();
        state.projects.get(project).is_some_and(|project| {
            let mut rules = project.immutable.iter();
            rules.any(|(names, tags)| matches(names, within) && matches(tags, tag))
        })
    }

    /// What remains after the credentials were good.
    pub(super) fn registry_call(&self, call: &mut Call) -> u16 {
        let port = self.registry.port();
        let Some(parts) = Parts::of(call.path()) else { return call.pass_on(port, None, None) };
        let writes = call.head.method != "GET" && call.head.method != "HEAD";
        if writes && self.state().read_only {
            return call.reply(Reply::error(403, "DENIED", "The system is in read only mode."));
        }
        if writes && self.state().projects[parts.project()].is_cache {
            let why = format!("can not push artifact to a proxy project: {}", parts.project());
            return call.reply(Reply::error(405, "METHOD_NOT_ALLOWED", &why));
        }
        match (call.head.method.as_str(), parts.kind) {
            ("GET" | "HEAD", "manifests") => {
                let key = (parts.repository.clone(), parts.reference.clone());
                if self.state().gone.contains(&key) {
                    return call.reply(Reply::error(404, "NOT_FOUND", "artifact not found"));
                }
                if self.state().withheld(&parts.repository, &parts.reference) {
                    let why = "current image with policy is not allowed to be pulled";
                    return call.reply(Reply::error(412, "PROJECTPOLICYVIOLATION", why));
                }
                call.pass_on(port, None, None)
            }
            // A piece that breaks off leaves nothing.
            ("PATCH", "uploads") => {
                let (length, body) = (call.length(), call.body());
                match body.len() as u64 == length {
                    true => call.pass_on(port, Some(&body), None),
                    false => call.reply(Reply::error(499, "UNKNOWN", "client closed request")),
                }
            }
            ("PUT", "manifests") => self.put_manifest(call, &parts),
            ("PUT", "uploads") => {
                let digest = call.query("digest").unwrap_or_default();
                let size = call.length() as i64;
                self.counted(call, &parts, &[(digest, size)], |call| call.pass_on(port, None, None))
            }
            ("POST", "uploads") => match (call.query("mount"), call.query("from")) {
                (Some(digest), Some(from)) => {
                    let there = size_of(port, &format!("/v2/{from}/blobs/{digest}"));
                    let size = there.map_or(0, |(size, _)| size as i64);
                    self.counted(call, &parts, &[(digest, size)], |c| c.pass_on(port, None, None))
                }
                _ => call.pass_on(port, None, None),
            },
            // From its own database, and all at once.
            ("GET", "tags") => {
                let tags = self.state().tags_of(&parts.repository);
                call.reply(match tags {
                    Some(tags) => Reply::json(&json!({ "name": parts.repository, "tags": tags })),
                    None => {
                        let why = format!("repository {} not found", parts.repository);
                        Reply::error(404, "NOT_FOUND", &why)
                    }
                })
            }
            ("GET", "referrers") => {
                let list = self.state().referrers_of(&parts.repository, &parts.reference);
                let media_type = "application/vnd.oci.image.index.v1+json";
                let index =
                    json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": list });
                call.reply(Reply::with(200, media_type, index.to_string().into_bytes()))
            }
            _ => call.pass_on(port, None, None),
        }
    }

    fn put_manifest(&self, call: &mut Call, parts: &Parts) -> u16 {
        let port = self.registry.port();
        let body = call.body();
        let tag = (!parts.reference.starts_with("sha256:")).then_some(&parts.reference);
        if let Some(tag) = tag {
            let path = format!("/v2/{}/manifests/{tag}", parts.repository);
            if size_of(port, &path).is_some() && self.is_immutable(&parts.repository, tag) {
                let within = parts.repository.split_once('/').map_or("", |(_, name)| name);
                let why = format!(
                    "Failed to process request due to '{within}:{tag}' configured as immutable."
                );
                return call.reply(Reply::error(412, "PRECONDITION", &why));
            }
        }
        let document: Value = serde_json::from_slice(&body).unwrap_or_default();
        let subject = document["subject"]["digest"].as_str().map(str::to_owned);
        // Blobs that are there and belong to nothing in the project count again.
        let sizes = document["layers"].as_array().into_iter().flatten();
        let named =
            |held: &Value| Some((held["digest"].as_str()?.to_owned(), held["size"].as_i64()?));
        let mut holds: Vec<_> = sizes.chain([&document["config"]]).filter_map(named).collect();
        holds.push((digest(&body), body.len() as i64));
        let more = subject.clone().map(|subject| ("OCI-Subject", subject));
        let status =
            self.counted(call, parts, &holds, |call| call.pass_on(port, Some(&body), more));
        if status < 300 {
            let media_type = call.header("content-type").unwrap_or_default().to_owned();
            self.state().stored(&parts.repository, &parts.reference, &media_type, &body);
        }
        status
    }

    /// Counts `what` against the project's quota while `act` runs, and keeps the count when it
    /// succeeds: what a project has already costs nothing.
    fn counted(
        &self,
        call: &mut Call,
        parts: &Parts,
        what: &[(String, i64)],
        act: impl FnOnce(&mut Call) -> u16,
    ) -> u16 {
        let reserved = self.state().reserve(parts.project(), what);
        let size = match reserved {
            Ok(size) => size,
            Err(refusal) => return self.refuse_early(call, parts, refusal),
        };
        let status = act(call);
        let mut state = self.state();
        let project = state.projects.get_mut(parts.project()).unwrap();
        if status == 201 {
            project.counted.extend(what.iter().cloned());
        }
        project.reserved -= size;
        project.used = project.counted.values().sum::<i64>() + project.reserved;
        status
    }

    /// Refuses what is sent before it was read, which nginx may make a 502 of.
    fn refuse_early(&self, call: &mut Call, parts: &Parts, refusal: Reply) -> u16 {
        let early = parts.kind == "uploads" && self.state().hasty;
        match early {
            true => call.reply(Reply::with(502, "text/html", b"<h1>Bad Gateway</h1>".to_vec())),
            false => call.reply(refusal),
        }
    }
}

impl State {
    fn reserve(&mut self, project: &str, what: &[(String, i64)]) -> Result<i64, Reply> {
        let project = self.projects.get_mut(project).unwrap();
        let new: BTreeMap<_, _> = what.iter().cloned().collect();
        let new = new.iter().filter(|(digest, _)| !project.counted.contains_key(*digest));
        let size: i64 = new.map(|(_, size)| size).sum();
        if size == 0 {
            return Ok(0);
        }
        let (used, limit) = (project.used, project.limit);
        if limit >= 0 && used + size > limit {
            let shown = |bytes: i64| match bytes {
                0..1024 => format!("{bytes} B"),
                1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
                _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
            };
            let why = format!(
                "adding {} of storage resource, which when updated to current usage of {} will \
                 exceed the configured upper limit of {}.",
                shown(size),
                shown(used),
                shown(limit)
            );
            return Err(Reply::error(403, "DENIED", &why));
        }
        project.reserved += size;
        project.used += size;
        Ok(size)
    }
}
