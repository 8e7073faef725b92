//! Manifests that need not be fetched, because they are on this side already. What a tag means is
//! asked nevertheless: by `HEAD`, which costs no pull.

use ureq::http::Method;

use super::host::HeadWorth;
use super::manifests::{is_vague, media_type};
use super::session::Session;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, guess_type};
use crate::words::error::Result;

impl Session {
    /// The document `digest`, where it is at hand. It has the type `media_type`, or if nobody says so
    /// the one that it gives itself.
    pub(super) fn at_hand(&self, digest: &Digest, media_type: &str) -> Option<Document> {
        let bytes = self.at_hand.as_ref()?.bytes(digest)?;
        let own = if is_vague(media_type) { guess_type(&bytes) } else { None };
        // What the registry would be asked for instead tells what is wrong, if anything is.
        Document::parse(bytes, own.as_deref().unwrap_or(media_type)).ok()
    }

    /// The document that `tag` means now, where it is at hand. Nothing where the registry does not
    /// tell: then it is read from there.
    ///
    /// # Errors
    /// When nobody answers.
    pub(super) fn tagged_at_hand(&self, tag: &str) -> Result<Option<Document>> {
        if self.at_hand.is_none() {
            return Ok(None);
        }
        Ok(self.told(tag)?.and_then(|told| self.at_hand(&told.digest, &told.media_type)))
    }

    /// Type, digest and size of what stands under `tag`, as far as the registry tells.
    fn told(&self, tag: &str) -> Result<Option<Descriptor>> {
        if matches!(self.host.head(), HeadWorth::Lies | HeadWorth::Exposed) {
            return Ok(None);
        }
        let answer = self.call(&self.manifest_call(Method::HEAD, tag))?;
        if answer.status != 200 || !answer.own {
            answer.discard();
            return Ok(None);
        }
        self.host.set_head(HeadWorth::Honest);
        self.host.set_has_manifests();
        self.tagged.saw(&answer.headers);
        let digest = answer.header("docker-content-digest").and_then(|d| d.parse().ok());
        let size = answer.size().unwrap_or(0);
        Ok(digest.map(|digest| Descriptor::new(media_type(&answer, &[]), digest, size)))
    }
}
