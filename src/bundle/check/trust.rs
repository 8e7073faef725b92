//! [`Trust`]: whom to believe.

use std::sync::Arc;

use super::files::Files;
use crate::bundle::keys::PublicKey;
use crate::bundle::roots::{MAX_ROOT, TrustFolder, root_file};
use crate::words::error::Result;

/// Whom to believe.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Trust {
    /// Any one of these keys.
    Keys(Vec<PublicKey>),
    /// As many of whom as the root of this folder demands for the bundle's stream.
    Roots(Arc<TrustFolder>),
    /// Whoever signed: the list of files and every byte are still checked, but against a list
    /// that anybody may have written.
    UnsafeAnySigner,
}

impl Trust {
    /// As many of whom as the root of `folder` demands.
    #[must_use]
    pub fn roots(folder: TrustFolder) -> Trust {
        Trust::Roots(Arc::new(folder))
    }

    /// The keys whose signatures are looked for; nothing where nobody is asked for.
    #[must_use]
    pub fn keys(&self) -> Option<Vec<PublicKey>> {
        match self {
            Trust::Keys(keys) => Some(keys.clone()),
            Trust::Roots(folder) => Some(folder.root().all_keys()),
            Trust::UnsafeAnySigner => None,
        }
    }

    /// The keys of which any one may have signed something that is no bundle: a receipt.
    #[must_use]
    pub fn any_of(&self) -> Vec<PublicKey> {
        match self {
            Trust::Keys(keys) => keys.clone(),
            Trust::Roots(folder) => folder.root().bundle_keys(),
            Trust::UnsafeAnySigner => Vec::new(),
        }
    }

    /// With the roots that `tree` carries and that follow the one that counts. Nothing else in a bundle makes
    /// anybody believed.
    pub(super) fn brought_up(&self, tree: &impl Files) -> Result<Trust> {
        let Trust::Roots(folder) = self else { return Ok(self.clone()) };
        let carried = |version| {
            let path = root_file(version);
            tree.size(&path).map(|_| tree.read_small(&path, MAX_ROOT)).transpose()
        };
        folder.brought_up(carried).map(Trust::roots)
    }
}
