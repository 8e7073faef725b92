//! [`There`]: what stands under the name of the bundle already. The same bundle is done; anything
//! else is left as it is.

use std::fs;
use std::io;
use std::path::Path;

use super::{Request, Summary};
use crate::bundle::check::{self, Examined, Trust};
use crate::bundle::contents::{Contents, Skipped};
use crate::bundle::draft::taken;
use crate::bundle::keys::{KeyId, PublicKey};
use crate::bundle::problem::failure;
use crate::bundle::statement::Predicate;
use crate::words::error::{Error, Result};
use crate::work::plan::Count;

/// A bundle that is there, signed by the same key.
pub(super) struct There(Examined, KeyId);

impl There {
    /// What is at the output of `request`, which `key` is to sign, if anything.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::words::error::Class::Usage) for what is no bundle of the same key, or
    /// is not whole; that of the disk.
    pub(super) fn look(request: &Request, key: &PublicKey) -> Result<Option<There>> {
        let output: &Path = &request.output;
        match fs::symlink_metadata(output) {
            // What is in the way of it is told next.
            Err(e)
                if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(e) => return Err(Error::io(format!("cannot look at {}", output.display()), e)),
            Ok(_) => {}
        }
        let trust = Trust::Keys(vec![key.clone()]);
        match check::examine(output, &trust, request.created_at) {
            Ok(found) if found.problems().is_empty() => Ok(Some(There(found, key.id()))),
            // It may be the same one, or not: nobody can tell.
            Ok(found) if failure("", found.problems()).is_unreadable() => {
                Err(failure(&output.display().to_string(), found.problems()))
            }
            Err(e) if e.is_unreadable() => Err(e),
            // What it is instead does not matter: it stays.
            _ => Err(taken(output)),
        }
    }

    /// The summary of an export that has nothing to do, when it would make this bundle.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::words::error::Class::Usage) when it would make another one.
    pub(super) fn same(
        &self,
        request: &Request,
        contents: Contents,
        skipped: Vec<Skipped>,
    ) -> Result<Summary> {
        let there = &self.0.statement().predicate;
        // When it was made, and so when exactly it expires, is no matter of what is in it.
        let expires = request.expires_at.is_some() == there.expires_at.is_some();
        let wanted = Predicate {
            tool: there.tool.clone(),
            ..Predicate::of(&contents, there.created_at, there.expires_at).without(skipped)
        };
        if !expires || wanted != *there {
            let text = "it holds something else, or expires otherwise";
            return Err(taken(&request.output).details([text.to_owned()]));
        }
        let mut reused = Count::default();
        contents.blobs.iter().for_each(|blob| reused.add(blob));
        Ok(Summary {
            ok: true,
            bundle: request.output.clone(),
            images: contents.images,
            skipped: wanted.skipped,
            referrers: contents.referrers.len(),
            fetched: Count::default(),
            reused,
            key: self.1,
            statement: Some(self.0.statement().digest),
            dry_run: request.dry_run,
            already_complete: true,
        })
    }
}
