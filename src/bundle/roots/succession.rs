//! From one root to the next: exactly one version later, and signed as both of them demand.

use super::document::Root;
use super::faults;
use super::role::RoleTally;
use super::signed::SignedRoot;
use crate::words::error::Result;

impl SignedRoot {
    /// Who of those who have to has signed it, as it says itself.
    #[must_use]
    pub fn own_tally(&self) -> RoleTally {
        let root = self.root();
        root.root.tally("root", &root.keys, &self.signed_by(&root.keys))
    }

    /// Whether it is signed by as many as it demands itself.
    ///
    /// # Errors
    /// [`Class::Untrusted`](crate::words::error::Class::Untrusted) with who has not.
    pub fn check_own(&self) -> Result<()> {
        let tally = self.own_tally();
        match tally.is_met() {
            true => Ok(()),
            false => Err(faults::too_few(self.root().version, &[tally])),
        }
    }
}

impl Root {
    /// Who has signed `next`, of those who have to as this root says.
    #[must_use]
    pub fn tally_of(&self, next: &SignedRoot) -> RoleTally {
        let tally = self.root.tally("root", &self.keys, &next.signed_by(&self.keys));
        RoleTally { role: format!("root of version {}", self.version), ..tally }
    }

    /// Whether `next` may take its place: its version is the next one, and it is signed by as many as
    /// both of them demand.
    ///
    /// # Errors
    /// [`Class::Stale`](crate::words::error::Class::Stale) for another version,
    /// [`Class::Untrusted`](crate::words::error::Class::Untrusted) with who has not signed.
    pub fn check_next(&self, next: &SignedRoot) -> Result<()> {
        let version = next.root().version;
        if Some(version) != self.version.checked_add(1) {
            return Err(faults::no_successor(self.version, version));
        }
        let tallies = [self.tally_of(next), next.own_tally()];
        match tallies.iter().all(RoleTally::is_met) {
            true => Ok(()),
            false => {
                let open: Vec<RoleTally> = tallies.into_iter().filter(|it| !it.is_met()).collect();
                Err(faults::too_few(version, &open))
            }
        }
    }
}
