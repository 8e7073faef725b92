//! What refers to an image: by the referrers API, by the fallback tag, and by cosign's tags.

use ureq::http::Method;

use super::manifests::media_type;
use super::page::MAX_PAGES;
use super::session::{Session, Target};
use crate::seams::store::{KeptList, Referrers};
use crate::words::document::{Descriptor, Document, Kind, OCI_INDEX};
use crate::words::error::{Class, Result};
use crate::words::reference::Tag;

/// How many referrers of one image are taken. Images in use have a handful; a list without end
/// would fill memory.
const MAX_REFERRERS: usize = 10_000;

/// What cosign puts behind the fallback tag for signatures, attestations and bills of materials.
const COSIGN: &[&str] = &[".sig", ".att", ".sbom"];

impl Session {
    /// Everything that refers to `subject`.
    pub(super) fn all_referrers(&self, subject: &Descriptor) -> Result<Referrers> {
        let mut found = Referrers::default();
        let fallback = Tag::referrers_of(&subject.digest);
        match self.listed(subject)? {
            Some(manifests) => found.manifests = manifests,
            None => {
                if let Some(document) = self.manifest(fallback.as_str(), None)? {
                    if let Kind::Index { manifests } = document.kind() {
                        found.manifests.extend(manifests.iter().cloned());
                    }
                    found.tags.push((fallback.clone(), document));
                }
            }
        }
        for suffix in COSIGN {
            let tag: Tag = format!("{fallback}{suffix}").parse()?;
            // Asking first costs nothing where reading counts as a pull.
            if self.head_manifest(tag.as_str())?.is_some()
                && let Some(document) = self.manifest(tag.as_str(), None)?
            {
                found.tags.push((tag, document));
            }
        }
        Ok(found)
    }

    /// The list under the fallback tag `tag`, if there is one.
    pub(super) fn kept_list(&self, tag: &Tag) -> Result<Option<KeptList>> {
        let found = self.manifest_and_version(tag.as_str(), None)?;
        Ok(found.map(|(document, version)| KeptList { document, version }))
    }

    /// Replaces the list under `tag`, if it still has this `version`; whether it had.
    pub(super) fn replace_list(&self, tag: &Tag, version: &str, list: &Document) -> Result<bool> {
        if self.put_manifest_if(tag.as_str(), list, Some(version))?.is_some() {
            return Ok(true);
        }
        let now = self.kept_list(tag)?.and_then(|list| list.version);
        if now.as_deref() != Some(version) {
            return Ok(false);
        }
        // Nothing has changed, so the condition itself is not understood.
        self.put_manifest(tag.as_str(), list).map(|_| true)
    }

    /// The list of the referrers API; `None` when the registry has none.
    fn listed(&self, subject: &Descriptor) -> Result<Option<Vec<Descriptor>>> {
        if self.host.lacks_referrers() {
            return Ok(None);
        }
        let what = format!("referrers of {}@{}", self.repository, subject.digest);
        let mut call = self.read(Method::GET, format!("referrers/{}", subject.digest), what);
        call.headers.push(("accept", OCI_INDEX.to_owned()));
        let mut manifests = Vec::new();
        for page in 0..MAX_PAGES {
            let mut answer = self.call(&call)?;
            let is_list = answer.status == 200 && media_type(&answer, &[]) == OCI_INDEX;
            // Old registries answer 404, and some a page for people with 200.
            let absent = matches!(answer.status, 200 | 400 | 404..=406) && !is_list;
            if page == 0 && absent {
                answer.discard();
                self.host.set_lacks_referrers();
                return Ok(None);
            }
            if !is_list {
                return Err(self.end.refusal(&call.what, answer));
            }
            let bytes = self.read_document(&call.what, &mut answer)?;
            let list = Document::parse(bytes, OCI_INDEX)
                .map_err(|e| e.context(format!("{}: {}", self.end, call.what)))?;
            manifests.extend(list.children().into_iter().cloned());
            if manifests.len() > MAX_REFERRERS {
                break;
            }
            match self.next_page(&answer, &call.what)? {
                Some(next) => call.target = Target::Url(next),
                None => return Ok(Some(manifests)),
            }
        }
        let why = format!("the list does not end after {} entries", manifests.len());
        Err(self.end.error(Class::Damaged, &call.what, why))
    }
}
