//! Harbor's own API, as far as a client of its registry has to do with it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Inner;
use super::accounts::{Account, Role};
use super::artifacts::Artifact;
use super::exchange::{Call, Reply, size_of};
use crate::support::token::decode;

const FORBIDDEN: &str = "forbidden";

impl Inner {
    /// Answers below `/api/v2.0`.
    pub(super) fn api(&self, call: &mut Call, path: &str) -> Reply {
        if path == "/ping" {
            return Reply::with(200, "text/plain; charset=utf-8", b"Pong".to_vec());
        }
        let account = self.basic(call);
        if path == "/systeminfo" {
            return Reply::json(&match account {
                Some(_) => json!({
                    "auth_mode": "db_auth", "harbor_version": "v2.15.2-double",
                    "read_only": self.state().read_only,
                    "project_creation_restriction": self.restriction(),
                }),
                None => json!({ "auth_mode": "db_auth" }),
            });
        }
        let Some(account) = account else {
            return Reply::error(401, "UNAUTHORIZED", "unauthorized");
        };
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (call.head.method.as_str(), parts.as_slice()) {
            ("HEAD", ["projects"]) => {
                let name = call.query("project_name").unwrap_or_default();
                match self.state().projects.contains_key(&name) {
                    true => Reply::json(&json!({})),
                    false => Reply::error(404, "NOT_FOUND", &format!("project {name} not found")),
                }
            }
            ("POST", ["projects"]) => self.create(call, &account),
            ("GET", ["users", "current"]) if account.robot => {
                let why = "get current user not available for security context: robot";
                Reply::error(412, "PRECONDITION", why)
            }
            ("GET", ["users", "current"]) => {
                Reply::json(&json!({ "username": account.name, "sysadmin_flag": account.admin }))
            }
            ("GET", ["quotas"]) => self.quotas(call, &account),
            ("GET", ["users", "current", "permissions"]) => self.permissions(call, &account),
            ("GET", ["repositories"]) => self.repositories(call, &account, None),
            ("GET", ["projects", name, rest @ ..]) => self.project(call, &account, name, rest),
            ("DELETE", ["projects", name, "repositories", repository, "artifacts", rest @ ..]) => {
                let repository = format!("{name}/{}", decode(&decode(repository)));
                self.delete(&account, name, &repository, rest)
            }
            _ => Reply::error(404, "NOT_FOUND", "no such thing"),
        }
    }

    /// For everybody or for administrators only (`project_creation_restriction`); those who are
    /// none get the default quota and own what they make.
    fn create(&self, call: &mut Call, account: &Account) -> Reply {
        let default = self.state().everyone_creates;
        if let Some(why) = account.kept_from_creating(default.is_some()) {
            return Reply::error(403, "FORBIDDEN", why);
        }
        let Ok(body) = serde_json::from_slice::<Value>(&call.body()) else {
            return Reply::error(400, "BAD_REQUEST", "no JSON");
        };
        let name = body["project_name"].as_str().unwrap_or_default().to_owned();
        // `[a-z0-9]+(?:[._-][a-z0-9]+)*`
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let mut parts = name.split(['.', '_', '-']);
        if !parts.all(|part| !part.is_empty() && part.chars().all(fine)) {
            return Reply::error(400, "BAD_REQUEST", "project name is not in lower case");
        }
        let mut state = self.state();
        if state.projects.contains_key(&name) {
            let why = format!("The project named {name} already exists");
            return Reply::error(409, "CONFLICT", &why);
        }
        let public = match body["metadata"]["public"].as_str() {
            Some("true") => true,
            None | Some("false") => false,
            Some(_) => return Reply::error(400, "BAD_REQUEST", "metadata.public"),
        };
        let limit = match account.admin {
            true => body["storage_limit"].as_i64().unwrap_or(-1),
            false => default.unwrap_or(-1),
        };
        state.add_project(&name, public, limit);
        if !account.robot {
            let owner = state.accounts.iter_mut().find(|known| known.name == account.name);
            owner.unwrap().roles.insert(name.clone(), Role::Maintainer);
        }
        Reply::with(201, "application/json", Vec::new())
            .header("Location", format!("/api/v2.0/projects/{name}"))
    }

    fn restriction(&self) -> &'static str {
        match self.state().everyone_creates {
            Some(_) => "everyone",
            None => "adminonly",
        }
    }

    fn quotas(&self, call: &Call, account: &Account) -> Reply {
        if !account.admin {
            return Reply::error(403, "FORBIDDEN", FORBIDDEN);
        }
        let id = call.query("reference_id").and_then(|id| id.parse::<u64>().ok());
        let state = self.state();
        let found = state.projects.values().filter(|project| Some(project.id) == id);
        let quotas: Vec<Value> = found
            .map(|project| {
                json!({
                    "id": project.id,
                    "ref": { "id": project.id },
                    "hard": { "storage": project.limit },
                    "used": { "storage": project.used },
                })
            })
            .collect();
        Reply::json(&Value::from(quotas))
    }

    /// An empty list where there are none.
    fn permissions(&self, call: &Call, account: &Account) -> Reply {
        let scope = call.query("scope").unwrap_or_default();
        let granted = |resource: &str, actions: &[&str]| {
            let each = actions.iter();
            let all: Vec<Value> =
                each.map(|a| json!({ "resource": resource, "action": a })).collect();
            Reply::json(&Value::from(all))
        };
        if scope == "/system" {
            let may: &[&str] = if account.admin || account.creates { &["create"] } else { &[] };
            return granted("project", may);
        }
        let id = scope.strip_prefix("/project/").and_then(|id| id.parse::<u64>().ok());
        let state = self.state();
        let found = state.projects.iter().find(|(_, project)| Some(project.id) == id);
        let Some(role) = found.and_then(|(name, _)| account.role(name)) else {
            return granted("repository", &[]);
        };
        let mut all: Vec<Value> =
            role.actions().iter().map(|a| ("repository", *a)).map(right).collect();
        if role.deletes() {
            all.extend([("tag", "delete"), ("artifact", "delete")].map(right));
        }
        Reply::json(&Value::from(all))
    }

    fn project(&self, call: &Call, account: &Account, name: &str, rest: &[&str]) -> Reply {
        let Some(project) = self.state().projects.get(name).cloned() else {
            return Reply::error(404, "NOT_FOUND", &format!("project {name} not found"));
        };
        let is_number = name.bytes().all(|c| c.is_ascii_digit());
        if is_number && call.header("x-is-resource-name") != Some("true") {
            return Reply::error(404, "NOT_FOUND", "no project with that id");
        }
        let sees = account.role(name).map_or(project.public, Role::sees_project);
        if !sees {
            return Reply::error(403, "FORBIDDEN", FORBIDDEN);
        }
        match rest {
            [] => Reply::json(&json!({
                "project_id": project.id, "name": name, "repo_count": 0,
                "registry_id": u64::from(project.is_cache),
                "metadata": { "public": project.public.to_string() },
            })),
            ["summary"] => Reply::json(&match account.role(name) {
                Some(_) => json!({
                    "repo_count": 0,
                    "quota": {
                        "hard": { "storage": project.limit }, "used": { "storage": project.used },
                    },
                }),
                None => json!({ "repo_count": 0 }),
            }),
            ["repositories"] => self.repositories(call, account, Some(name)),
            ["repositories", repository, "artifacts", reference, rest @ ..] => {
                // Decoded once by the router; what has a slash then was encoded only once.
                let once = decode(repository);
                if once.contains('/') {
                    return Reply::error(404, "NOT_FOUND", "no such repository");
                }
                let repository = format!("{name}/{}", decode(&once));
                match rest {
                    [] => self.artifact(&repository, reference),
                    ["tags"] => self.tags(call, &repository, reference),
                    _ => Reply::error(404, "NOT_FOUND", "no such thing"),
                }
            }
            _ => Reply::error(404, "NOT_FOUND", "no such thing"),
        }
    }

    /// A page of the repositories in `project`, or in all that the account sees.
    fn repositories(&self, call: &Call, account: &Account, project: Option<&str>) -> Reply {
        let number = |name: &str, usual: usize| {
            call.query(name).and_then(|text| text.parse().ok()).unwrap_or(usual)
        };
        let (size, page) = (number("page_size", 10).min(100), number("page", 1));
        let state = self.state();
        let is_seen = |repository: &&String| {
            let own = repository.split('/').next().unwrap_or_default();
            let public = state.projects.get(own).is_some_and(|project| project.public);
            let sees = account.role(own).map_or(public, Role::sees_project);
            project.map_or(sees, |project| project == own)
        };
        let holds = |(_, artifacts): &(&String, &BTreeMap<String, Artifact>)| !artifacts.is_empty();
        let all = state.artifacts.iter().filter(holds).map(|(repository, _)| repository);
        let all: Vec<Value> = all
            .filter(is_seen)
            .skip((page - 1) * size)
            .take(size)
            .map(|name| json!({ "id": 1, "name": name, "artifact_count": 1 }))
            .collect();
        Reply::json(&Value::from(all))
    }

    /// Deletes a tag alone, or an artifact with its tags and accessories.
    fn delete(&self, account: &Account, project: &str, repository: &str, rest: &[&str]) -> Reply {
        if !account.role(project).is_some_and(Role::deletes) {
            return Reply::error(403, "FORBIDDEN", FORBIDDEN);
        }
        let [reference, rest @ ..] = rest else {
            return Reply::error(404, "NOT_FOUND", "no such thing");
        };
        let reference = decode(reference);
        let fixed = |tag: &String| self.is_immutable(repository, tag);
        let found = self
            .state()
            .artifact(repository, &reference)
            .map(|(digest, artifact)| (digest.clone(), artifact.tags.clone()));
        let Some((digest, tags)) = found else {
            return Reply::error(404, "NOT_FOUND", "artifact not found");
        };
        match rest {
            ["tags", tag] => match tags.get(*tag) {
                None => Reply::error(404, "NOT_FOUND", "tag not found"),
                Some(tag) if fixed(tag) => {
                    let why = format!("the tag {tag} configured as immutable, cannot be deleted");
                    Reply::error(412, "PRECONDITION", &why)
                }
                Some(tag) => {
                    self.state().untag(repository, &digest, tag);
                    Reply::with(200, "application/json", Vec::new())
                }
            },
            [] if tags.iter().any(fixed) => {
                let why = "the tag configured as immutable, cannot be deleted";
                Reply::error(412, "PRECONDITION", why)
            }
            [] if self.state().is_part(repository, &digest) => {
                let why = "the deleting artifact is referenced by others";
                Reply::error(412, "VIOLATE_FOREIGN_KEY_CONSTRAINT", why)
            }
            [] => {
                let mut state = self.state();
                state.audit.push(format!("delete artifact {repository} {digest}"));
                state.remove(repository, vec![digest]);
                Reply::with(200, "application/json", Vec::new())
            }
            _ => Reply::error(404, "NOT_FOUND", "no such thing"),
        }
    }

    fn artifact(&self, repository: &str, reference: &str) -> Reply {
        match self.state().artifact(repository, &decode(reference)) {
            Some((digest, _)) => Reply::json(&json!({ "id": 1, "digest": digest })),
            None => Reply::error(404, "NOT_FOUND", "artifact not found"),
        }
    }

    /// The tags of an artifact: here the one that was asked by.
    fn tags(&self, call: &Call, repository: &str, tag: &str) -> Reply {
        let path = format!("/v2/{repository}/manifests/{tag}");
        if size_of(self.registry.port(), &path).is_none() {
            let why = format!("artifact {repository}:{tag} not found");
            return Reply::error(404, "NOT_FOUND", &why);
        }
        let wanted = call.query("with_immutable_status").as_deref() == Some("true");
        let immutable = wanted && self.is_immutable(repository, tag);
        Reply::json(&json!([{ "id": 1, "name": tag, "immutable": immutable }]))
    }
}

/// One of the permissions that the API lists.
fn right((resource, action): (&str, &str)) -> Value {
    json!({ "resource": resource, "action": action })
}
