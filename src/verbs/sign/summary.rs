//! [`Summary`]: what was signed, and [`Prepared`], what is to be.

use serde::Serialize;

use super::making::{Read, tally};
use super::request::Request;
use crate::bundle::keys::PublicKey;
use crate::bundle::position::StreamPosition;
use crate::bundle::roots::RoleTally;
use crate::medium::Medium;
use crate::words::digest::Digest;

/// What was signed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// Where the bundle with the signature lies.
    pub bundle: Medium,
    /// The digest of the statement.
    pub statement: Digest,
    /// Where in a stream it stands, if in any.
    pub position: Option<StreamPosition>,
    /// How many images it has.
    pub images: usize,
    /// The id of the key.
    pub key: String,
    /// The ids of the keys by which it bears signatures now, as they are named there; that of a new one is the last.
    pub signers: Vec<String>,
    /// Whether this key had signed it, so that nothing was changed.
    pub already_signed: bool,
    /// Who has signed of those whom the root of trust wants, and who is missing, where one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<RoleTally>,
}

impl Summary {
    pub(super) fn of(request: &Request, read: &Read, key: &PublicKey) -> Summary {
        Summary {
            bundle: request.output.as_ref().unwrap_or(&request.bundle).clone(),
            statement: read.statement.digest,
            position: read.statement.predicate.position(),
            images: read.statement.predicate.images.len(),
            key: key.id().hex(),
            signers: read.claimed.clone(),
            already_signed: false,
            trust: tally(request, read, key),
        }
    }
}

/// What is to be signed elsewhere.
#[derive(Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// The bundle.
    pub bundle: Medium,
    /// The digest of its statement.
    pub statement: Digest,
    /// The bytes to be signed.
    pub bytes: Vec<u8>,
}
