//! A repository as one end of a transfer: what it holds, gives and takes.

use std::fmt;
use std::sync::Arc;

use super::harbor::Project;
use super::lists::page::TagPages;
use super::manifests::ManifestSeen;
use super::mirrors::alternatives::{Alternatives, Want};
use super::pull_limit::PullLimit;
use super::session::Session;
use crate::storage::checked::Checked;
use crate::storage::documents::DocumentsAtHand;
use crate::storage::holdings::{BlobHoldings, Held, Holdings, KeptList};
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSink, BlobSource, ImageSink, ImageSource, Referrers};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Reference, Repository, Tag};

/// One repository at a registry: a source and a sink of blobs and images. As a source it may be
/// read from mirrors. Displays as `host/path`.
#[derive(Debug, Clone)]
pub struct RegistryRepository(pub(super) Session, pub(super) Alternatives);

impl fmt::Display for RegistryRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.end.registry, self.0.repository)
    }
}

impl RegistryRepository {
    /// How messages name this end, as in `source registry harbor.example`.
    #[must_use]
    pub fn end(&self) -> String {
        self.0.end.to_string()
    }

    /// As a source that fetches no manifest again which is `at_hand`. What a tag means is asked all
    /// the same.
    #[must_use]
    pub fn beside(mut self, at_hand: &Arc<dyn DocumentsAtHand>) -> RegistryRepository {
        let sessions = self.1.sessions().chain([&mut self.0]);
        sessions.for_each(|session| session.at_hand = Some(Arc::clone(at_hand)));
        self
    }

    /// The session with the registry itself.
    ///
    /// # Errors
    /// [`Class::Refused`] when the configuration forbids to read from it.
    fn primary(&self) -> Result<&Session> {
        self.1.permit().map(|()| &self.0)
    }

    /// All tags, in the registry's order.
    ///
    /// # Errors
    /// [`Class::Incomplete`](crate::words::error::Class::Incomplete) when there is no such
    /// repository; [`Class::Refused`](crate::words::error::Class::Refused) when it may not be
    /// seen; [`Class::Damaged`](crate::words::error::Class::Damaged) when the list does not end.
    pub fn tags(&self) -> Result<Vec<Tag>> {
        self.primary()?.tags()
    }

    /// The tags in the first `most` pages of the list, before each of which but the first `ask` is asked.
    ///
    /// # Errors
    /// As for [`tags`](RegistryRepository::tags), and those of `ask`.
    pub fn first_tags(&self, most: usize, ask: &mut dyn FnMut() -> Result<()>) -> Result<TagPages> {
        self.primary()?.first_tags(most, ask)
    }

    /// What the registry lists as referring to `subject`; nothing where it keeps no such list, and
    /// what refers to an image has a tag. One without lists is asked once.
    ///
    /// # Errors
    /// When the registry does not answer, or its list is none.
    pub fn listed_referrers(&self, subject: &Descriptor) -> Result<Vec<Descriptor>> {
        Ok(self.primary()?.listed(subject)?.unwrap_or_default())
    }

    /// The Harbor project that the repository belongs to; `None` where the registry is no
    /// Harbor. The first call asks the registry what it is.
    ///
    /// # Errors
    /// When the registry cannot be reached; [`Class::Refused`](crate::words::error::Class::Refused) when the repository's name has no
    /// project.
    pub fn project(&self) -> Result<Option<Project>> {
        self.primary()?.project()
    }

    /// How many manifests the registry still gives out, where it says so, as Docker Hub does. A
    /// `HEAD` of the manifest under `name`, which does not count.
    ///
    /// # Errors
    /// When the registry does not answer or refuses.
    pub fn quota(&self, name: &Reference) -> Result<Option<PullLimit>> {
        self.0.ask_quota(&under(name)?)
    }
}

impl BlobSource for RegistryRepository {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        self.1.open(&self.0, blob, offset)
    }

    fn distrust(&self, blob: &Descriptor) -> bool {
        self.1.distrust(blob)
    }
}

impl ImageSource for RegistryRepository {
    fn resolve(&self, name: &Reference) -> Result<Document> {
        let (reference, digest) = (under(name)?, name.digest);
        let want = if digest.is_some() { Want::Digest } else { Want::Tag };
        let found = self.1.first(&self.0, want, |place| place.named(&reference, digest))?;
        self.0.tagged.want(found.descriptor().digest, digest.is_none());
        Ok(found)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document> {
        self.1.first(&self.0, Want::Content, |place| place.described(descriptor))
    }

    fn referrers(&self, subject: &Descriptor) -> Result<Referrers> {
        self.1.original(&self.0, |place| place.all_referrers(subject))
    }
}

impl BlobHoldings for RegistryRepository {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        self.0.has_blob(blob)
    }
}

impl BlobSink for RegistryRepository {
    /// A whole blob is tried once: where the error is transient, the caller begins again with a
    /// fresh reader. In pieces it goes on where it broke off, as long as the registry knows.
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        self.0.upload(&content.blob().clone(), content)
    }

    fn kept(&self, blob: &Descriptor) -> Result<bool> {
        self.0.has_blob(blob)
    }

    fn has_taken(&self, blob: &Descriptor) -> Result<bool> {
        self.0.has_taken(blob)
    }

    fn mount(&self, blob: &Descriptor, from: &Repository) -> Result<bool> {
        self.0.mount_blob(blob, from)
    }

    fn sibling(&self, from: &Repository) -> Option<Box<dyn BlobSource>> {
        let session = Session { repository: from.clone(), ..self.0.clone() };
        Some(Box::new(RegistryRepository(session, Alternatives::default())))
    }
}

impl Holdings for RegistryRepository {
    fn has_document(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(match self.0.look_at_manifest(&descriptor.digest.to_string())? {
            ManifestSeen::Nothing => false,
            ManifestSeen::Described(found) => {
                found.digest == descriptor.digest && found.size == descriptor.size
            }
            ManifestSeen::Withheld => true,
        })
    }

    /// Looks at the tag where the name has one, as that is what `publish` would replace.
    fn published(&self, name: &Reference) -> Result<Option<Descriptor>> {
        match &name.tag {
            Some(tag) => self.0.head_manifest(tag.as_str()),
            None => self.0.head_manifest(&under(name)?),
        }
    }

    /// Where a policy keeps it from being read, Harbor's own API may tell the digest.
    fn held(&self, name: &Reference) -> Result<Held> {
        let reference = match &name.tag {
            Some(tag) => tag.to_string(),
            None => under(name)?,
        };
        Ok(match self.0.surely_look_at_manifest(&reference)? {
            ManifestSeen::Nothing => Held::Nothing,
            ManifestSeen::Described(found) => Held::Known(found.digest),
            ManifestSeen::Withheld => Held::Withheld(match &name.tag {
                Some(tag) => match self.0.project()? {
                    Some(project) => project.digest_of(tag)?,
                    None => None,
                },
                None => name.digest,
            }),
        })
    }

    fn unlisted(&self, subject: &Digest, referrers: &[Digest]) -> Result<Option<Vec<Digest>>> {
        let list = self.0.listed(&Descriptor::new("", *subject, 0))?;
        Ok(list.map(|list| {
            let listed = |digest: &&Digest| list.iter().any(|entry| entry.digest == **digest);
            referrers.iter().filter(|digest| !listed(digest)).copied().collect()
        }))
    }

    fn referrers_list(&self, tag: &Tag) -> Result<Option<KeptList>> {
        self.0.kept_list(tag)
    }

    /// A registry answers for a tag with the manifest itself.
    fn names_show_documents(&self) -> bool {
        true
    }

    /// Where the settings say so: a registry takes no manifest without its blobs, but may lose
    /// them later.
    fn vouches(&self) -> bool {
        self.0.shared.settings.quick
    }

    fn is_fixed(&self, name: &Reference) -> Result<bool> {
        match (&name.tag, self.0.project()?) {
            (Some(tag), Some(project)) => project.is_immutable(tag),
            _ => Ok(false),
        }
    }

    fn takes_sparse(&self, _: &str, _: &[Descriptor]) -> Result<Option<bool>> {
        self.0.takes_sparse()
    }
}

impl ImageSink for RegistryRepository {
    fn put_document(&self, document: &Document) -> Result<bool> {
        self.0.put_manifest(&document.descriptor().digest.to_string(), document)
    }

    /// A name without a tag needs nothing more than `put_document` did.
    fn publish(&self, name: &Reference, document: &Document) -> Result<()> {
        match &name.tag {
            Some(tag) => self.0.publish_manifest(tag, document),
            None => Ok(()),
        }
    }

    fn replace(
        &self,
        name: &Reference,
        version: Option<&str>,
        document: &Document,
    ) -> Result<bool> {
        match (&name.tag, version) {
            (Some(tag), Some(version)) => self.0.replace_list(tag, version, document),
            _ => self.publish(name, document).map(|()| true),
        }
    }

    fn try_sparse(&self, media_type: &str, missing: &[Descriptor]) -> Result<bool> {
        self.0.try_sparse(media_type, missing)
    }
}

/// What a name says below `manifests/`: the digest, else the tag.
pub(super) fn under(name: &Reference) -> Result<String> {
    let digest = name.digest.map(|digest| digest.to_string());
    let tag = || name.tag.as_ref().map(ToString::to_string);
    digest
        .or_else(tag)
        .ok_or_else(|| Error::new(Class::Usage, format!("{name} has neither tag nor digest")))
}
