//! [`Request`]: which receipt is looked at, and what for.

use std::path::PathBuf;

use crate::bundle::check::Trust;
use crate::bundle::keys::PublicKey;
use crate::medium::Medium;

/// Which receipt is looked at, and what for.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The receipt.
    pub path: PathBuf,
    /// The keys of which one has to have signed it.
    pub keys: Vec<PublicKey>,
    /// Whether it counts whoever signed it, if anybody did.
    pub any_signer: bool,
    /// The bundle, or the record of one, of which it is to tell, and whom to believe that.
    pub against: Option<(Medium, Trust)>,
}

impl Request {
    /// Looks at the receipt at `path`, which one of the `keys` has to have signed. The fields say otherwise.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, keys: Vec<PublicKey>) -> Request {
        Request { path: path.into(), keys, any_signer: false, against: None }
    }
}
