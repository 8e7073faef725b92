//! [`Project`]: what Harbor's own API tells of the project that a repository belongs to, and how
//! one is made (`api/v2.0/swagger.yaml` of goharbor/harbor).
//!
//! A registry that does not call itself Harbor is never asked. Requests go to the registry's own
//! scheme, host and port, with the user's name and password for it and nothing else.

mod answers;
mod making;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;

use self::answers::{Artifact, Details, Permission, QuotaOf, Summary, System, TagStatus};
pub use self::making::Barrier;
use super::challenge::Challenge;
use super::host::Scheme;
use super::http::{Answer, Outgoing};
use super::session::{Call, Session, Target};
use super::url::encode;
use crate::words::bytes::Bytes;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Tag;

/// What Harbor calls itself in its challenges; a constant of its source.
pub(super) const SERVICE: &str = "harbor-registry";
/// Largest answer of the API that is read. A page of a hundred tags has some 30 KiB, the
/// permissions of an administrator 10 KiB.
const MAX_BODY: u64 = 1 << 20;
/// Entries a page, the most that Harbor gives.
const PAGE: usize = 100;
/// How many pages of an artifact's tags are read. Ten thousand tags of one image are beyond every
/// use; past them the tag's status counts as unknown.
const MAX_PAGES: usize = 100;

/// Whether a project can be pushed into, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is there. It need not be seen: a robot that may only push and pull is told nothing of it.
    Exists,
    /// There is none of that name.
    Missing,
    /// It is there, and these credentials may neither see it nor pull or push.
    Hidden,
    /// Harbor tells these credentials nothing.
    Unknown,
}

/// How much a project may hold, and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// The most bytes it may hold; `None` without a limit.
    pub limit: Option<u64>,
    /// The bytes that count against it now.
    pub used: u64,
}

impl Quota {
    /// The bytes that still fit; `None` without a limit.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.used))
    }
}

/// What was found out about a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Whether it is there.
    pub standing: Standing,
    /// Whether everybody may pull from it.
    pub public: Option<bool>,
    /// Its quota, where these credentials may see it.
    pub quota: Option<Quota>,
    /// Whether these credentials may push, where Harbor says.
    pub may_push: Option<bool>,
    /// Whether it only caches another registry, and takes no pushes.
    pub is_cache: bool,
    /// Why it cannot be made, where it is missing and that is known.
    pub barrier: Option<Barrier>,
    /// Whether these credentials choose its quota if they make it, where Harbor says.
    pub may_choose_quota: Option<bool>,
    /// Whether an administrator has made the whole registry read-only.
    pub read_only: bool,
}

/// A project of a Harbor, seen with the credentials for one of its repositories.
#[derive(Debug, Clone)]
pub struct Project {
    session: Session,
    name: String,
}

impl Session {
    /// The project of this repository, where the registry is a Harbor.
    ///
    /// # Errors
    /// When the registry cannot be reached; [`Class::Refused`] when the repository lies in no
    /// project, since Harbor has none outside of one.
    pub(super) fn project(&self) -> Result<Option<Project>> {
        if !self.host.is_harbor(|| self.calls_itself_harbor())? {
            return Ok(None);
        }
        let path = self.repository.as_str();
        let Some((name, _)) = path.split_once('/') else {
            let why = "Harbor keeps repositories in projects, and this name has none";
            return Err(self
                .end
                .error(Class::Refused, path, why)
                .hint(format!("write --to docker://{}/PROJECT", self.end.registry)));
        };
        Ok(Some(Project { session: self.clone(), name: name.to_owned() }))
    }

    /// Asks for what every registry has, `/v2/`, without credentials, and reads the challenge.
    fn calls_itself_harbor(&self) -> Result<bool> {
        if let Some(Scheme::Bearer { service, .. }) = self.host.scheme() {
            return Ok(service.as_deref() == Some(SERVICE));
        }
        let retry = self.shared.settings.retry;
        let base = self.base()?;
        let url = base.with_path("/v2/");
        retry.run(&*self.shared.progress, || {
            let answer = self.send("what kind of registry it is", Outgoing::get(&url))?;
            let asked = super::auth::challenges(&answer);
            answer.discard();
            let realm = asked.into_iter().find_map(|challenge| match challenge {
                Challenge::Bearer { realm, service: Some(s), .. } if s == SERVICE => Some(realm),
                _ => None,
            });
            let Some(realm) = realm else { return Ok(false) };
            let (realm, service) = (self.trusted(&realm, &base)?, Some(SERVICE.to_owned()));
            self.host.set_scheme(Scheme::Bearer { realm, service, anonymous: false });
            Ok(true)
        })
    }

    /// Whether the registry has called itself a Harbor already. Every Harbor does so at once, as
    /// it wants a token of everybody.
    pub(super) fn is_known_harbor(&self) -> bool {
        matches!(
            self.host.scheme(),
            Some(Scheme::Bearer { service: Some(service), .. }) if service == SERVICE
        )
    }

    /// The failure to say when an upload of `blob` broke off because its project has no room,
    /// which a proxy before Harbor hides behind an answer of its own.
    pub(super) fn no_room_for(&self, blob: &Descriptor) -> Option<Error> {
        if !self.is_known_harbor() {
            return None;
        }
        // Whoever may not ask learns it from the registry, if at all.
        let project = self.project().ok()??;
        let left = project.room().ok()??;
        (left < blob.size).then(|| {
            let why = format!(
                "no room: {} of the quota of project {} are left",
                Bytes(left),
                project.name()
            );
            self.end
                .error(Class::NoRoom, &self.blob_name(blob), why)
                .hint("the project's quota is used up; raise it or remove old images")
        })
    }
}

impl Project {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Finds out what can be known about it. Changes nothing.
    ///
    /// # Errors
    /// When the registry cannot be reached, or its API fails; [`Class::Refused`] when it does not
    /// take the credentials.
    pub fn look(&self) -> Result<Findings> {
        // The token's word is the registry's own. Asked first, as credentials that are not taken
        // are nobody's, and Harbor's API answers some questions to anybody.
        self.session.prove()?;
        let (push, pull) = (self.session.may("push"), self.session.may("pull"));
        let mut findings = Findings {
            standing: Standing::Unknown,
            public: None,
            quota: None,
            may_push: push,
            is_cache: false,
            read_only: false,
            barrier: None,
            may_choose_quota: None,
        };
        // Everybody may ask this. Where the answer is not Harbor's, something in between keeps its
        // API away, and what that says about projects would be taken for Harbor's word.
        let Some(system) = self.get::<System>("/systeminfo")? else { return Ok(findings) };
        findings.read_only = system.read_only.unwrap_or(false);
        let answer = self.ask(Method::HEAD, &format!("/projects?project_name={}", self.name))?;
        findings.standing = match answer.status {
            200 => Standing::Exists,
            404 => Standing::Missing,
            _ => Standing::Unknown,
        };
        answer.discard();
        match findings.standing {
            Standing::Exists => {}
            Standing::Missing => {
                findings.may_push = None;
                findings.barrier = self.barrier(&system)?;
                findings.may_choose_quota = self.may_choose_quota()?;
                return Ok(findings);
            }
            _ if push == Some(true) => findings.standing = Standing::Exists,
            _ => return Ok(findings),
        }
        let Some(details) = self.get::<Details>(&format!("/projects/{}", self.name))? else {
            // The right to push and to pull is all that most robots have.
            if (push, pull) == (Some(false), Some(false)) {
                findings.standing = Standing::Hidden;
            }
            return Ok(findings);
        };
        findings.public = details.metadata.and_then(|m| m.public).map(|public| public == "true");
        findings.is_cache = details.registry_id.is_some_and(|id| id > 0);
        findings.quota = self.quota(details.project_id)?;
        if push.is_none() {
            findings.may_push = self.may_push(details.project_id)?;
        }
        Ok(findings)
    }

    /// What is left of its quota, where it has one and these credentials may see it.
    fn room(&self) -> Result<Option<u64>> {
        let details: Option<Details> = self.get(&format!("/projects/{}", self.name))?;
        let Some(details) = details else { return Ok(None) };
        Ok(self.quota(details.project_id)?.and_then(|quota| quota.left()))
    }

    /// The digest of what stands under `tag` of this repository; `None` where there is nothing, or
    /// Harbor does not tell these credentials.
    ///
    /// # Errors
    /// As for [`look`](Project::look).
    pub(super) fn digest_of(&self, tag: &Tag) -> Result<Option<Digest>> {
        let found: Option<Artifact> = self.get(&format!("{}/artifacts/{tag}", self.within()))?;
        Ok(found.and_then(|artifact| artifact.digest.parse().ok()))
    }

    /// This repository below the API.
    fn within(&self) -> String {
        let repository = self.session.repository.as_str();
        let within = repository.split_once('/').map_or(repository, |(_, rest)| rest);
        // Twice, as the API's description asks: Harbor's router decodes once by itself.
        let within = encode_component(&encode_component(within));
        format!("/projects/{}/repositories/{within}", self.name)
    }

    /// The quota: members see it in the project's summary, administrators in the list of quotas.
    fn quota(&self, id: i64) -> Result<Option<Quota>> {
        let summary: Option<Summary> = self.get(&format!("/projects/{}/summary", self.name))?;
        if let Some(quota) = summary.and_then(|summary| summary.quota) {
            return Ok(quota.read());
        }
        let list = format!("/quotas?reference=project&reference_id={id}");
        let quotas: Option<Vec<QuotaOf>> = self.get(&list)?;
        Ok(quotas.into_iter().flatten().next().and_then(|quota| quota.read()))
    }

    /// Whether pushing is among the permissions that Harbor lists.
    fn may_push(&self, id: i64) -> Result<Option<bool>> {
        let path = format!("/users/current/permissions?scope=/project/{id}&relative=true");
        let granted: Option<Option<Vec<Permission>>> = self.get(&path)?;
        let push = |p: &Permission| p.resource == "repository" && p.action == "push";
        // Harbor is written in Go, where an empty list may come as `null`.
        Ok(granted.map(|granted| granted.unwrap_or_default().iter().any(push)))
    }

    /// Whether a rule of the project keeps `tag` of this repository from being moved; `false`
    /// too where Harbor does not tell these credentials.
    ///
    /// # Errors
    /// As for [`look`](Project::look).
    pub fn is_immutable(&self, tag: &Tag) -> Result<bool> {
        let within = self.within();
        for page in 1..=MAX_PAGES {
            let path = format!(
                "{within}/artifacts/{tag}/tags\
                 ?with_immutable_status=true&page_size={PAGE}&page={page}"
            );
            let Some(tags) = self.get::<Vec<TagStatus>>(&path)? else { return Ok(false) };
            if let Some(found) = tags.iter().find(|status| status.name == tag.as_str()) {
                return Ok(found.immutable);
            }
            if tags.len() < PAGE {
                break;
            }
        }
        Ok(false)
    }

    /// The parsed answer to a GET; `None` when it is refused or not there: what Harbor does not
    /// tell is unknown, and no fault.
    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        let mut answer = self.ask(Method::GET, path)?;
        if answer.status != 200 {
            answer.discard();
            return Ok(None);
        }
        let end = &self.session.end;
        let body = answer
            .read_all(MAX_BODY)
            .map_err(|e| Error::io(format!("{end}: Harbor's API: cannot read the answer"), e))?;
        let body = body.ok_or_else(|| {
            end.error(Class::Damaged, "Harbor's API", format!("more than {MAX_BODY} bytes"))
        })?;
        // A proxy that keeps the API away may answer with a page of its own.
        Ok(serde_json::from_slice(&body).ok())
    }

    fn ask(&self, method: Method, path: &str) -> Result<Answer> {
        // Without it, a project whose name is a number would be looked up as an id.
        let headers = vec![("x-is-resource-name", "true".to_owned())];
        let what = format!("project {}", self.name);
        self.send(&self.call(method, path, what, headers, None)?)
    }

    fn call<'b>(
        &self,
        method: Method,
        path: &str,
        what: String,
        headers: Vec<(&'static str, String)>,
        body: Option<&'b [u8]>,
    ) -> Result<Call<'b>> {
        let base = self.session.base()?;
        let url = base.with_path(&format!("/api/v2.0{path}"));
        Ok(Call { method, target: Target::Url(url), headers, body, scopes: Vec::new(), what })
    }

    /// Sends `call` with name and password, again where that may help. The API takes no bearer
    /// tokens, so a session without a password asks as nobody.
    fn send(&self, call: &Call<'_>) -> Result<Answer> {
        let session = &self.session;
        let Target::Url(url) = &call.target else {
            return Err(Error::new(Class::Other, "an API call without an address"));
        };
        let (base, basic) = (session.base()?, session.basic()?);
        session.shared.settings.retry.run(&*session.shared.progress, || {
            let answer = session.follow(call, &base, url, basic.as_ref())?;
            match super::fault::is_transient(answer.status) {
                true => Err(session.end.refusal(&call.what, answer)),
                false => Ok(answer),
            }
        })
    }
}

/// Percent-encodes one component of a path, slashes and all.
fn encode_component(text: &str) -> String {
    encode(text).replace('/', "%2F").replace(':', "%3A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_are_encoded_twice() {
        let twice = |text: &str| encode_component(&encode_component(text));

        assert_eq!(twice("library/alpine"), "library%252Falpine");
        assert_eq!(twice("a.b_c-d"), "a.b_c-d");
    }

    #[test]
    fn what_is_left_of_a_quota_is_never_less_than_nothing() {
        let quota = |limit, used| Quota { limit, used }.left();

        assert_eq!(quota(Some(10), 4), Some(6));
        assert_eq!(quota(Some(10), 11), Some(0));
        assert_eq!(quota(None, 11), None);
    }
}
