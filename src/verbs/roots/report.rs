//! [`RootReport`]: what a root of trust says, and who has signed it.

use serde::Serialize;

use crate::bundle::roots::{
    Denials, RevokedKey, RoleSigner, RoleTally, Root, SignedRoot, SigningRole, TrustFolder,
};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Subject};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// What a root of trust says, and who has signed it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RootReport {
    /// The file, or the folder, that it is from.
    pub from: String,
    /// Which one it is.
    pub version: u64,
    /// The digest of what is signed: what people compare.
    pub fingerprint: Digest,
    /// When it was drafted.
    pub created_at: Moment,
    /// Until when it holds.
    pub expires_at: Option<Moment>,
    /// Whether it holds no more.
    pub expired: bool,
    /// Who signs roots, and the bundles of each stream.
    pub roles: Vec<NamedRole>,
    /// The keys that do not count any more.
    pub revoked: Vec<RevokedKey>,
    /// What is not taken.
    pub denied: Denials,
    /// Who has signed it: of those whom it names itself, and of those whom the root before it names, where
    /// that is known.
    pub signatures: Vec<RoleTally>,
    /// Whether those are enough.
    pub complete: bool,
    /// The versions that were looked through, or that were taken just now.
    pub versions: Vec<u64>,
}

/// A role and who is in it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NamedRole {
    /// `root`, or the name of a stream.
    pub role: String,
    /// How many it takes.
    pub threshold: usize,
    /// Of whom.
    pub signers: Vec<RoleSigner>,
}

impl RootReport {
    /// About `signed`, which is in `from`, and may follow the root that counts in `folder`.
    #[must_use]
    pub fn of(
        from: impl ToString,
        signed: &SignedRoot,
        folder: Option<&TrustFolder>,
        now: Moment,
    ) -> RootReport {
        let root = signed.root();
        let before = folder.map(TrustFolder::root).filter(|it| it.version < root.version);
        let old = before.map(|before| before.tally_of(signed));
        let signatures: Vec<RoleTally> =
            [Some(signed.own_tally()), old].into_iter().flatten().collect();
        let follows =
            before.is_none_or(|before| before.version.checked_add(1) == Some(root.version));
        let named = |name: &str, role: &SigningRole| named(name, role, root);
        let roles = root.streams.iter().map(|(name, role)| named(name, role));
        RootReport {
            from: from.to_string(),
            version: root.version,
            fingerprint: root.fingerprint(),
            created_at: root.created_at,
            expires_at: root.expires_at,
            expired: root.has_expired(now),
            roles: [named("root", &root.root)].into_iter().chain(roles).collect(),
            revoked: root.revoked.clone(),
            denied: root.denied.clone(),
            complete: follows && signatures.iter().all(RoleTally::is_met),
            signatures,
            versions: Vec::new(),
        }
    }

    /// Why it cannot be relied upon, if it cannot.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        if !self.complete {
            let text = format!("root {} of {} is not signed by enough", self.version, self.from);
            let missing =
                self.signatures.iter().filter(|it| !it.is_met()).flat_map(|it| &it.missing);
            return Some(
                Error::new(Class::Untrusted, text)
                    .about(missing.map(|signer| Subject::Key(signer.key.hex())))
                    .details(self.signatures.iter().map(RoleTally::in_words))
                    .hint(phrase![
                        "each of them signs the same file with `",
                        Remedy::Roots,
                        " sign`"
                    ]),
            );
        }
        let until = self.expires_at.filter(|_| self.expired)?;
        let text = format!("root {} of {} holds no more since {until}", self.version, self.from);
        Some(Error::new(Class::Stale, text).hint(phrase![
            "draft the next one with `",
            Remedy::Roots,
            " add` or its like, or take it with `",
            Remedy::Roots,
            " rotate`"
        ]))
    }
}

fn named(name: &str, role: &SigningRole, root: &Root) -> NamedRole {
    let signers = role.tally(name, &root.keys, &std::collections::BTreeSet::new()).missing;
    NamedRole { role: name.to_owned(), threshold: role.threshold, signers }
}
