//! The steps of a plan: blobs, documents and names, and what is to be done about each.

use serde::Serialize;

use crate::storage::holdings::Holdings;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::reference::{Reference, Repository, Tag};

/// What to do about a name that stands for something else at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnExisting {
    /// Fail before anything moves.
    #[default]
    Error,
    /// Point the name at the bundle's image.
    Overwrite,
    /// Leave the name as it is, and its image behind.
    Skip,
    /// Leave the name as it is, and bring its image under its digest alone: for tags that must
    /// not move, such as immutable ones, while what is to run is pinned by digest.
    KeepDigest,
    /// Leave the name as it is, and bring its image under a tag made from its digest, which never
    /// has to move: for places that remove what has no tag.
    DigestTag,
}

/// How a blob gets to where it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// It is there.
    Present,
    /// A sibling repository has it, or will have it by then.
    Mount {
        /// That repository.
        from: Repository,
    },
    /// Its bytes are sent.
    Copy,
}

/// One blob for one repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Transfer {
    /// The blob.
    pub blob: Descriptor,
    /// How.
    pub action: Action,
}

/// One manifest or index for one repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DocumentStep {
    /// Which.
    pub document: Descriptor,
    /// How many levels of documents are below it, children and subjects: those with the fewest
    /// go first.
    pub rank: usize,
    /// Whether it is there.
    pub present: bool,
    /// What it refers to, if it does.
    pub subject: Option<Digest>,
}

/// What happens to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NameAction {
    /// It stands for this image already.
    Present,
    /// It is new.
    Create,
    /// It stands for another image, and will stand for this one.
    Replace,
    /// It stands for another image, and goes on doing so; this one is left behind.
    Keep,
    /// It stands for another image, and goes on doing so; this one comes under its digest.
    ByDigest,
}

/// One name.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NameStep {
    /// In the bundle.
    pub name: Reference,
    /// At the destination.
    pub to: Reference,
    /// What it will stand for.
    pub digest: Digest,
    /// Bytes of everything that the image consists of there.
    pub bytes: u64,
    /// What it stands for now, where that can be told.
    pub now: Option<Digest>,
    /// Whether the destination lets nobody read what stands there, for a policy's sake.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
    /// The digest that was signed, where something written anew stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewritten_from: Option<Digest>,
    /// The index at the source, where a smaller one was made of it on export, and signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smaller_than: Option<Digest>,
    /// What happens.
    pub action: NameAction,
}

impl NameStep {
    /// The name under which the image can be had afterwards, if it comes at all.
    #[must_use]
    pub fn arrives_as(&self) -> Reference {
        match self.action {
            NameAction::ByDigest => {
                Reference { tag: None, digest: Some(self.digest), ..self.to.clone() }
            }
            _ => self.to.clone(),
        }
    }

    /// Whether it is the fallback tag of a list of referrers.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.to.tag.as_ref().and_then(Tag::subject).is_some()
    }

    /// Both digests, or both ids, for people.
    pub(super) fn conflict(&self, there: &(impl Holdings + ?Sized)) -> String {
        let now = match self.now {
            Some(now) => now.to_string(),
            None => "something that may not be read".to_owned(),
        };
        match there.own_id(&self.to) {
            Some(id) => format!("{} is image id {now} there, and {id} in the bundle", self.to),
            None => format!("{} is {now} there, and {} in the bundle", self.to, self.digest),
        }
    }
}
