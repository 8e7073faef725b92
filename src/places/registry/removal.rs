//! What is taken away from a repository: by the distribution protocol, at a Harbor by its own API, as
//! that alone takes a tag and leaves the image (distribution-spec, "Content Management").

use ureq::http::Method;

use super::call::{Call, CallTarget};
use super::http::answer::Answer;
use super::manifests::ManifestSeen;
use super::repository::RegistryRepository;
use super::session::Session;
use crate::storage::holdings::{Held, Holdings};
use crate::storage::removal::ImageRemoval;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// The name of a tag that nobody has, by which a registry is asked whether tags can be deleted.
const NOBODYS: &str = "sealift-asks-whether-tags-can-be-deleted";

impl ImageRemoval for RegistryRepository {
    fn names(&self) -> Result<Vec<Reference>> {
        let at = Reference {
            registry: self.0.end.registry.clone(),
            repository: self.0.repository.clone(),
            tag: None,
            digest: None,
        };
        Ok(self.tags()?.into_iter().map(|tag| at.with_tag(tag)).collect())
    }

    fn stands_for(&self, name: &Reference) -> Result<Held> {
        self.held(name)
    }

    fn look_into(&self, digest: &Digest) -> Result<Option<Document>> {
        let reference = digest.to_string();
        let may_be_withheld = self.0.is_known_harbor();
        let is_withheld = || {
            let seen = self.0.look_at_manifest(&reference)?;
            Ok::<bool, Error>(matches!(seen, ManifestSeen::Withheld))
        };
        match may_be_withheld && is_withheld()? {
            true => Ok(None),
            false => self.0.manifest(&reference, Some(*digest)),
        }
    }

    fn is_there(&self, about: &Descriptor) -> Result<bool> {
        let seen = self.0.look_at_manifest(&about.digest.to_string())?;
        Ok(!matches!(seen, ManifestSeen::Nothing))
    }

    fn referring(&self, subject: &Descriptor) -> Result<Vec<Digest>> {
        let found = self.0.all_referrers(subject)?;
        let under_tags = found.tags.iter().filter(|(tag, document)| {
            tag.subject().is_none() || !matches!(document.kind(), Kind::Index { .. })
        });
        let under_tags = under_tags.map(|(_, document)| document.descriptor().digest);
        let listed = found.manifests.iter().chain(&found.claimed).map(|entry| entry.digest);
        Ok(listed.chain(under_tags).collect())
    }

    fn is_fixed(&self, name: &Reference) -> Result<bool> {
        Holdings::is_fixed(self, name)
    }

    fn parts_names(&self) -> Result<bool> {
        match self.project()? {
            Some(project) => project.allow_removal().map(|()| true),
            None => self.0.deletes_tags(),
        }
    }

    fn unname(&self, name: &Reference) -> Result<()> {
        match (&name.tag, self.project()?) {
            (Some(tag), Some(project)) => project.remove_tag(tag),
            (Some(tag), None) => self.0.delete(tag.as_str()),
            (None, _) => Ok(()),
        }
    }

    fn remove(&self, about: &Descriptor) -> Result<()> {
        match self.project()? {
            Some(project) => project.remove_artifact(&about.digest),
            None => self.0.delete(&about.digest.to_string()),
        }
    }
}

impl Session {
    /// Asks for `reference`, a tag or a digest, to be deleted.
    fn ask_to_delete(&self, reference: &str) -> Result<Answer> {
        let joint = if reference.contains(':') { '@' } else { ':' };
        self.call(&Call {
            method: Method::DELETE,
            target: CallTarget::Path(format!("manifests/{reference}")),
            headers: Vec::new(),
            body: None,
            scopes: vec![format!("repository:{}:pull,delete", self.repository)],
            what: format!("{}{joint}{reference}", self.repository),
        })
    }

    /// Deletes what is under `reference`, a tag or a digest, if anything is.
    fn delete(&self, reference: &str) -> Result<()> {
        let answer = self.ask_to_delete(reference)?;
        match answer.status {
            200..=299 | 404 => {
                answer.discard();
                Ok(())
            }
            _ => Err(self.not_deleted(reference, answer)),
        }
    }

    /// Whether tags can be deleted by themselves: the registry is asked for one that nobody has. Of
    /// those that take digests alone, distribution 2 says 400, and 405 for all where it is told to
    /// delete nothing.
    fn deletes_tags(&self) -> Result<bool> {
        let answer = self.ask_to_delete(NOBODYS)?;
        match answer.status {
            200..=299 | 404 => {
                answer.discard();
                return Ok(true);
            }
            400 | 405 | 501 => answer.discard(),
            _ => return Err(self.not_deleted(NOBODYS, answer)),
        }
        // That of no bytes at all, which are no manifest.
        self.delete(&Digest::of(b"").to_string()).map(|()| false)
    }

    fn not_deleted(&self, reference: &str, answer: Answer) -> Error {
        let (status, what) = (answer.status, format!("deleting from {}", self.repository));
        if matches!(status, 405 | 501) {
            answer.discard();
            let why = format!("the registry deletes nothing (HTTP {status})");
            return self.end.error(Class::Refused, &what, why).hint(
                "whoever runs it can allow it: for docker's registry, storage.delete.enabled in its \
                 configuration, or REGISTRY_STORAGE_DELETE_ENABLED=true",
            );
        }
        let error = self.end.refusal(&format!("{what}: {reference}"), answer);
        match status {
            401 | 403 => error.hint("the account needs the right to delete there"),
            _ => error,
        }
    }
}
