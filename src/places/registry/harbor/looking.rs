//! What can be known of a project, and of what is in it.

use ureq::http::Method;

use super::answers::{
    Artifact, Details, Permission, QuotaOf, QuotaSummary, RepositoryName, System, TagStatus,
};
use super::findings::{Findings, Quota, Standing};
use super::project::Project;
use crate::words::digest::Digest;
use crate::words::error::{Class, Result};
use crate::words::reference::Tag;

/// Entries a page, the most that Harbor gives.
const PAGE: usize = 100;
/// How many pages of an artifact's tags are read. Ten thousand tags of one image are beyond every
/// use; past them the tag's status counts as unknown.
const MAX_PAGES: usize = 100;

impl Project {
    /// Finds out what can be known about it. Changes nothing.
    ///
    /// # Errors
    /// When the registry cannot be reached, or its API fails; [`Class::Refused`](crate::words::error::Class::Refused) when it does not
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

    /// The names of the repositories in it, or of all that these credentials may see if not `within`
    /// it alone, `most` of them at most. `None` where Harbor does not tell.
    ///
    /// # Errors
    /// As for [`look`](Project::look), and [`Class::Damaged`](crate::words::error::Class::Damaged)
    /// for more than `most`.
    pub(crate) fn repositories(&self, within: bool, most: usize) -> Result<Option<Vec<String>>> {
        let path = match within {
            true => format!("/projects/{}/repositories", self.name),
            false => "/repositories".to_owned(),
        };
        let mut names = Vec::new();
        for page in 1.. {
            let path = format!("{path}?page_size={PAGE}&page={page}");
            let Some(found) = self.get::<Vec<RepositoryName>>(&path)? else { break };
            let is_last = found.len() < PAGE;
            names.extend(found.into_iter().map(|repository| repository.name));
            if names.len() > most {
                let why = format!("more than {most} repositories");
                return Err(self.session.end.error(Class::Damaged, "Harbor's API", why));
            }
            if is_last {
                return Ok(Some(names));
            }
        }
        Ok(None)
    }

    /// What is left of its quota, where it has one and these credentials may see it.
    pub(crate) fn room(&self) -> Result<Option<u64>> {
        let details: Option<Details> = self.get(&format!("/projects/{}", self.name))?;
        let Some(details) = details else { return Ok(None) };
        Ok(self.quota(details.project_id)?.and_then(|quota| quota.left()))
    }

    /// The digest of what stands under `tag` of this repository; `None` where there is nothing, or
    /// Harbor does not tell these credentials.
    ///
    /// # Errors
    /// As for [`look`](Project::look).
    pub(crate) fn digest_of(&self, tag: &Tag) -> Result<Option<Digest>> {
        let found: Option<Artifact> = self.get(&format!("{}/artifacts/{tag}", self.within()))?;
        Ok(found.and_then(|artifact| artifact.digest.parse().ok()))
    }

    /// The quota: members see it in the project's summary, administrators in the list of quotas.
    fn quota(&self, id: i64) -> Result<Option<Quota>> {
        let summary: Option<QuotaSummary> =
            self.get(&format!("/projects/{}/summary", self.name))?;
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
}
