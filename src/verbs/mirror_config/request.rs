//! [`Request`]: which images, and for which clients.

use std::path::PathBuf;

use crate::bundle::check::Trust;
use crate::bundle::keys::PublicKey;
use crate::medium::Medium;
use crate::places::location::Destination;
use crate::words::reference::Registry;
use crate::work::choice::Choice;
use crate::work::mapping::NameRule;
use crate::work::mirror::{MirrorClient, MirrorTarget};

/// What says which image lies where.
#[derive(Debug)]
#[non_exhaustive]
pub enum MirrorSource {
    /// A bundle, and how it is imported.
    Bundle(Box<MirrorBundle>),
    /// The receipt of an import, which has its names.
    Receipt {
        /// The receipt.
        path: PathBuf,
        /// Keys of which one must have signed it; nobody is asked for where there is none.
        keys: Vec<PublicKey>,
    },
}

/// A bundle, and how it is imported.
#[derive(Debug)]
#[non_exhaustive]
pub struct MirrorBundle {
    /// The bundle, or a record of it.
    pub medium: Medium,
    /// Who must have signed it.
    pub trust: Trust,
    /// Where it is imported to, which is a registry.
    pub to: Destination,
    /// Rules for names; the first that matches decides.
    pub rules: Vec<NameRule>,
    /// Whether only the last part of a name is kept.
    pub flatten: bool,
}

/// Which images, and for which clients.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// What says which image lies where.
    pub source: MirrorSource,
    /// For whom.
    pub clients: Vec<MirrorClient>,
    /// Which images.
    pub choice: Choice,
    /// The registries that speak plain HTTP. Those on loopback do without authorities.
    pub plain_http: Vec<Registry>,
    /// The authorities that vouch for the registry, as PEM, where clients do not know them.
    pub authorities: Option<String>,
    /// The folder that the files are written to, each client's in one of its own.
    pub output: Option<PathBuf>,
    /// Whether one image of each registry is pulled through the files that are written, by tag and by digest, where the
    /// client can be told of them for one call.
    pub check: bool,
}

impl MirrorBundle {
    /// The bundle on `medium`, signed as `trust` asks, imported to the registry `to` under names as they are.
    #[must_use]
    pub fn new(medium: impl Into<Medium>, trust: Trust, to: Destination) -> MirrorBundle {
        MirrorBundle { medium: medium.into(), trust, to, rules: Vec::new(), flatten: false }
    }
}

impl Request {
    /// The files for `clients`, of all images of `source`. The fields say otherwise.
    #[must_use]
    pub fn new(source: MirrorSource, clients: Vec<MirrorClient>) -> Request {
        Request {
            source,
            clients,
            choice: Choice::default(),
            plain_http: Vec::new(),
            authorities: None,
            output: None,
            check: false,
        }
    }

    /// How `registry` is reached.
    pub(super) fn reached(&self, registry: Registry) -> MirrorTarget {
        let is_open = registry.is_loopback() && self.authorities.is_none();
        let plain = self.plain_http.contains(&registry) || is_open;
        let authorities = self.authorities.clone().filter(|_| !plain);
        MirrorTarget { plain, authorities, ..MirrorTarget::new(registry) }
    }
}
