//! Whether a registry takes an index without its children: known of Harbor, tried elsewhere.

use serde_json::json;
use ureq::http::Method;

use super::call::{Call, CallTarget};
use super::fault::{Parts, is_transient};
use super::session::Session;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{ErrorKind, Result};
use crate::words::progress::Event;

impl Session {
    /// Whether an index is taken though some of its children are not there; `None` where only
    /// trying would tell.
    ///
    /// Harbor never takes one: it looks every child up when an index arrives
    /// (`src/controller/artifact/manifest/index.go`).
    pub(super) fn takes_sparse(&self) -> Result<Option<bool>> {
        Ok(self.project()?.map(|_| false))
    }

    /// Pushes an index of `missing` alone, without a name, and removes it again. Its annotation
    /// makes it one that nobody else has, so that nothing real can be removed.
    pub(super) fn try_sparse(&self, media_type: &str, missing: &[Descriptor]) -> Result<bool> {
        let text = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "manifests": missing,
            "annotations": { "sealift.probe": "made to be refused, or removed at once" },
        });
        let probe = Document::parse(text.to_string().into_bytes(), media_type)?;
        let digest = probe.descriptor().digest;
        let mut call = Call {
            method: Method::PUT,
            target: CallTarget::Path(format!("manifests/{digest}")),
            headers: vec![("content-type", media_type.to_owned())],
            body: Some(probe.raw()),
            scopes: self.scopes(true),
            what: format!("an index without its parts in {}", self.repository),
        };
        match self.send_document(&call, Parts::LeftOut, |status| !refuses_all(status)) {
            Ok(answer) => {
                let taken = matches!(answer.status, 200..=202);
                answer.discard();
                if !taken {
                    return Ok(false);
                }
            }
            Err(error) if error.kind() == ErrorKind::PartsLacking => return Ok(false),
            Err(error) => return Err(error),
        }
        (call.method, call.headers, call.body) = (Method::DELETE, Vec::new(), None);
        call.scopes.push(format!("repository:{}:delete", self.repository));
        let removed = self.call_once(&call).is_ok_and(|answer| {
            let removed = matches!(answer.status, 200..=204 | 404);
            answer.discard();
            removed
        });
        if !removed {
            // Without a name it is what every registry's collection of garbage is for.
            self.shared.progress.event(Event::note(format!(
                "{}: {} keeps an empty index that was pushed to try it, {digest} without a tag, \
                 because the registry lets nobody delete",
                self.end, self.repository
            )));
        }
        Ok(true)
    }
}

/// Whether an answer with this status is about who asks, or about the moment, and not about the
/// index.
fn refuses_all(status: u16) -> bool {
    matches!(status, 401 | 403) || is_transient(status)
}
