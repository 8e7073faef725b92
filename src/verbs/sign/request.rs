//! [`Request`]: which bundle gets a signature, and [`Signer`], whose.

use crate::bundle::check::Trust;
use crate::bundle::keys::{PrivateKey, PublicKey};
use crate::medium::Medium;
use crate::tools::pace::Jobs;
use crate::verbs::recording::LedgerKeeper;
use crate::words::moment::Moment;

/// Which bundle gets a signature.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The bundle that is there.
    pub bundle: Medium,
    /// Who must have signed it before. Of a root of trust any one whom it names is enough: the others may
    /// be to come.
    pub trust: Trust,
    /// Where the same bundle with one more signature is to lie; in its place, a folder, where nothing is said.
    pub output: Option<Medium>,
    /// Reads and copies at a time.
    pub jobs: Jobs,
    /// When that is. What has expired then is not signed.
    pub now: Moment,
    /// Where it is noted, if anywhere.
    pub ledger: Option<LedgerKeeper>,
}

impl Request {
    /// Signs `bundle` at `now`, which somebody whom `trust` names has signed. The fields say otherwise.
    #[must_use]
    pub fn new(bundle: impl Into<Medium>, trust: Trust, now: Moment) -> Request {
        let (bundle, jobs) = (bundle.into(), Jobs::default());
        Request { bundle, trust, output: None, jobs, now, ledger: None }
    }
}

/// Whose signature it is.
#[derive(Debug)]
pub enum Signer {
    /// It is made here.
    Key(PrivateKey),
    /// It was made elsewhere, over what [`prepare`](super::prepare) gave.
    Elsewhere {
        /// The key that is said to have made it.
        key: PublicKey,
        /// The 64 bytes of it.
        signature: Vec<u8>,
    },
}

impl Signer {
    /// The key to check it with.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        match self {
            Signer::Key(key) => key.public(),
            Signer::Elsewhere { key, .. } => key,
        }
    }
}
