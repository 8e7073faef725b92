//! What refers to an image: by the referrers API, by the fallback tag, and by cosign's tags.

use ureq::http::Method;

use super::call::CallTarget;
use super::http::answer::{Answer, MAX_ERROR_BODY};
use super::lists::trail::Trail;
use super::manifests::{is_vague, media_type};
use super::session::Session;
use crate::storage::holdings::KeptList;
use crate::storage::store::Referrers;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Result, Side};
use crate::words::media::OCI_INDEX;
use crate::words::progress::Event;
use crate::words::reference::Tag;

/// How many referrers of one image are taken. Images in use have a handful; a list without end
/// would fill memory.
const MAX_REFERRERS: usize = 10_000;

/// What cosign puts behind the fallback tag for signatures, attestations and bills of materials.
const COSIGN: &[&str] = &[".sig", ".att", ".sbom"];

/// How distribution answers for a path that it has no route for, and so for referrers whatever the
/// repository: as every server written in Go does, with a header of its own. It holds for those
/// to which the same registry answers, as far as their names and its answers tell; any other
/// refusal holds for the repository that was asked about.
const NO_SUCH_ROUTE: (&[u8], &str) = (b"404 page not found", "docker-distribution-api-version");

/// Whether referrers are listed.
enum Lists {
    /// These are.
    Here(Vec<Descriptor>),
    /// Not for this repository.
    NotHere,
    /// For no repository that is like it.
    Nowhere,
}

/// Whether an answer without a list of referrers says that there is no such list to be had. Old
/// registries answer 404, some 405 or 501, some a page for people with 200, and proxies with a list
/// of known paths 400, 401 or 403. The manifest that is asked about was given out a moment ago, so
/// that the last two are no missing right to read it; they may be one to see the list, which is
/// told. The rest are failures.
fn tells_of_no_list(status: u16) -> bool {
    match status {
        407 | 408 | 421 | 425 | 429 => false,
        200..=299 | 400..=499 | 501 => true,
        _ => false,
    }
}

impl Session {
    /// Everything that refers to `subject`.
    pub(super) fn all_referrers(&self, subject: &Descriptor) -> Result<Referrers> {
        let mut found = Referrers::default();
        let fallback = Tag::referrers_of(&subject.digest);
        let cosign = COSIGN.iter().map(|suffix| format!("{fallback}{suffix}").parse());
        let mut tags = cosign.collect::<Result<Vec<Tag>>>()?;
        match self.listed(subject)? {
            Some(manifests) => found.manifests = manifests,
            None => tags.insert(0, fallback.clone()),
        }
        let mut under = self.under_tags(subject.digest, &tags)?;
        // A project of Harbor's that caches another registry lists what its database knows, which
        // is nothing of what that registry keeps under the fallback tag.
        if found.manifests.is_empty() && !tags.contains(&fallback) && self.is_known_harbor() {
            let list = self.manifest(fallback.as_str(), None)?;
            under.extend(list.map(|list| (fallback.clone(), list)));
        }
        for (tag, document) in under {
            let is_list = matches!(document.kind(), Kind::Index { .. });
            if tag == fallback && (!is_list || document.descriptor().digest == subject.digest) {
                continue;
            }
            if tag == fallback
                && let Kind::Index { manifests } = document.kind()
            {
                found.claimed.extend(manifests.iter().cloned());
            }
            found.tags.push((tag, document));
        }
        // Harbor lists what cosign's tags stand for as well, though it has no subject.
        let tagged = |digest: &Digest| {
            found.tags.iter().any(|(_, document)| {
                document.descriptor().digest == *digest && document.subject().is_none()
            })
        };
        found.manifests = found.manifests.iter().filter(|d| !tagged(&d.digest)).cloned().collect();
        Ok(found)
    }

    /// What stands under those of `tags`, made from the digest of `subject`, that are there.
    fn under_tags(&self, subject: Digest, tags: &[Tag]) -> Result<Vec<(Tag, Document)>> {
        let listed = self.listed_tags(tags)?;
        let doubt = self.doubt(subject, listed.as_deref());
        let mut found = Vec::new();
        for tag in tags {
            let is_listed = listed.as_ref().is_some_and(|listed| listed.contains(tag));
            let document = match is_listed {
                true => self.read_tag(tag.as_str())?,
                false if doubt.about(tag) => self.read_doubtful(tag)?,
                false => None,
            };
            if let Some(document) = document {
                // GitLab's registry answers for the fallback tag with the subject itself.
                if listed.is_some() && !is_listed && document.descriptor().digest != subject {
                    self.host.set_hides_tags();
                }
                found.push((tag.clone(), document));
            }
        }
        Ok(found)
    }

    /// What stands under `tag`, which is there.
    fn read_tag(&self, tag: &str) -> Result<Option<Document>> {
        match self.tagged_at_hand(tag)? {
            Some(document) => Ok(Some(document)),
            None => self.manifest(tag, None),
        }
    }

    /// What stands under `tag`, which may not be there. Asking first costs nothing where reading counts
    /// as a pull.
    fn read_doubtful(&self, tag: &Tag) -> Result<Option<Document>> {
        if tag.subject().is_some() {
            return self.manifest(tag.as_str(), None);
        }
        let Some(told) = self.head_manifest(tag.as_str())? else { return Ok(None) };
        match self.at_hand(&told.digest, &told.media_type) {
            Some(document) => Ok(Some(document)),
            None => self.manifest(tag.as_str(), None),
        }
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

    /// The list of the referrers API; `None` when there is none for this repository, which says
    /// nothing of others: behind one host may be several registries. Until one answer told, all
    /// others wait for it.
    pub(super) fn listed(&self, subject: &Descriptor) -> Result<Option<Vec<Descriptor>>> {
        let _first = self.tagged.neighbours().first_to_ask();
        if self.tagged.lacks_referrers() {
            return Ok(None);
        }
        let found = self.list_referrers(subject)?;
        self.tagged.neighbours().set_asked();
        match found {
            Lists::Here(manifests) => return Ok(Some(manifests)),
            Lists::NotHere => self.tagged.set_lacks_referrers(),
            Lists::Nowhere => self.tagged.set_like_lack_referrers(),
        }
        Ok(None)
    }

    fn list_referrers(&self, subject: &Descriptor) -> Result<Lists> {
        let what = format!("referrers of {}@{}", self.repository, subject.digest);
        let mut call = self.read(Method::GET, format!("referrers/{}", subject.digest), what);
        call.headers.push(("accept", OCI_INDEX.to_owned()));
        let (mut manifests, mut trail) = (Vec::new(), Trail::default());
        loop {
            let mut answer = self.call(&call)?;
            // A page for people is not read; what only calls itself JSON may be a list.
            let told = media_type(&answer, &[]);
            let bytes = match answer.status == 200 && (told == OCI_INDEX || is_vague(&told)) {
                true => self.read_document(&call.what, &mut answer)?,
                false => Vec::new(),
            };
            let is_list = answer.status == 200 && media_type(&answer, &bytes) == OCI_INDEX;
            let absent = !is_list && tells_of_no_list(answer.status);
            if manifests.is_empty() && absent {
                return Ok(self.without_list(&call.what, answer));
            }
            if !is_list {
                return Err(self.end.refusal(&call.what, answer));
            }
            let list = Document::parse(bytes, OCI_INDEX).map_err(|e| {
                self.end.unusable(&call.what, "a list of referrers", false, &e.spelled())
            })?;
            let entries = list.children();
            let page = (list.raw(), entries.len());
            manifests.extend(entries.into_iter().cloned());
            if manifests.len() > MAX_REFERRERS {
                let why = format!("the list does not end after {} entries", manifests.len());
                return Err(self.end.error(Class::Damaged, &call.what, why));
            }
            match self.next_page(&call.what, &answer, page, &mut trail)? {
                Some(next) => call.target = CallTarget::Url(next),
                None => return Ok(Lists::Here(manifests)),
            }
        }
    }

    /// What an answer without a list of referrers says of the repository and its like.
    fn without_list(&self, what: &str, mut answer: Answer) -> Lists {
        let (body, header) = NO_SUCH_ROUTE;
        let unrouted = answer.status == 404
            && answer.headers.contains_key(header)
            && answer.read_some(MAX_ERROR_BODY).trim_ascii_end() == body;
        if matches!(answer.status, 401 | 403) {
            let follows = match self.end.side {
                Side::Source => {
                    "what only that list tells of stays behind; all under tags comes along"
                }
                Side::Destination => "what refers to images gets a list under a tag",
            };
            let text =
                format!("{}: {what}: not shown (HTTP {}); {follows}", self.end, answer.status);
            self.shared.progress.event(Event::note(text));
        }
        answer.discard();
        if unrouted { Lists::Nowhere } else { Lists::NotHere }
    }
}
