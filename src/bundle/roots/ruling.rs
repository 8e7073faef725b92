//! [`Ruling`]: what a root says of a bundle, rule by rule.

use std::collections::BTreeSet;

use super::document::Root;
use super::role::{RoleSigner, RoleTally};
use crate::bundle::keys::KeyId;
use crate::bundle::statement::Statement;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// A rule by which bundles are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustRule {
    /// The root itself holds no more.
    RootExpired,
    /// Too few of those have signed who sign bundles of that stream.
    Threshold,
    /// Somebody has signed whose key was revoked.
    Revoked,
    /// It, or something in it, is not taken, whoever signed.
    Denied,
    /// It has expired.
    Expired,
}

/// A rule that a bundle breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenRule {
    /// Which.
    pub rule: TrustRule,
    /// By what, for people.
    pub what: String,
}

/// What a root says of a bundle.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ruling {
    /// Who of whom has signed.
    pub tally: RoleTally,
    /// What is against it.
    pub broken: Vec<BrokenRule>,
}

impl TrustRule {
    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TrustRule::RootExpired => "root-expired",
            TrustRule::Threshold => "threshold",
            TrustRule::Revoked => "revoked",
            TrustRule::Denied => "denied",
            TrustRule::Expired => "expired",
        }
    }

    /// Whether it says that something is too old, and nothing worse.
    fn is_of_age(self) -> bool {
        matches!(self, TrustRule::RootExpired | TrustRule::Expired)
    }
}

impl Root {
    /// What it says of the bundle with this `statement`, which `signers` have signed and which consists of
    /// `blobs`. Without `now` nothing is too old.
    #[must_use]
    pub fn judge(
        &self,
        statement: &Statement,
        signers: &[KeyId],
        blobs: &BTreeSet<Digest>,
        now: Option<Moment>,
    ) -> Ruling {
        let signers: BTreeSet<KeyId> = signers.iter().copied().collect();
        let mut broken = Vec::new();
        let mut breaks = |rule, what: String| broken.push(BrokenRule { rule, what });
        if let Some(until) =
            self.expires_at.filter(|_| now.is_some_and(|now| self.has_expired(now)))
        {
            breaks(
                TrustRule::RootExpired,
                format!("root {} holds no more since {until}", self.version),
            );
        }
        let stream = &statement.predicate.stream;
        let (tally, is_there) = match self.role_of(stream) {
            Some((name, role)) => {
                let mut tally = role.tally(name, &self.keys, &signers);
                tally.signed.extend(self.still_accepted(name, statement, &signers));
                (tally, true)
            }
            None => {
                let (role, threshold) = (stream.to_string(), 1);
                let (signed, missing) = (Vec::new(), Vec::new());
                (RoleTally { role, threshold, signed, missing }, false)
            }
        };
        if !is_there {
            let about = statement.predicate.position();
            let what = match about {
                Some(_) => format!("nobody signs bundles of stream {stream}"),
                None => "nobody signs bundles outside of any stream".to_owned(),
            };
            breaks(TrustRule::Threshold, what);
        } else if !tally.is_met() {
            breaks(TrustRule::Threshold, tally.in_words());
        }
        for key in self.revoked.iter().filter(|key| signers.contains(&key.id())) {
            if !tally.is_met() && !key.accepted.contains(&statement.digest) {
                let (name, id, at) = (&key.name, key.id().short(), key.at);
                let what = format!(
                    "the key {id} of {name} was revoked at {at} ({}), and this statement is not among \
                     those that still count",
                    key.reason
                );
                breaks(TrustRule::Revoked, what);
            }
        }
        for what in self.denials(statement, blobs) {
            breaks(TrustRule::Denied, what);
        }
        if let Some(now) = now
            && statement.not_expired(now).is_err()
            && let Some(until) = statement.predicate.expires_at
        {
            breaks(TrustRule::Expired, format!("it expired at {until}"));
        }
        Ruling { tally, broken }
    }

    /// Those of `signers` whose keys were revoked after they signed this statement, which is accepted.
    fn still_accepted(
        &self,
        role: &str,
        statement: &Statement,
        signers: &BTreeSet<KeyId>,
    ) -> Vec<RoleSigner> {
        let revoked = self.revoked.iter().filter(|key| {
            signers.contains(&key.id())
                && key.roles.contains(role)
                && key.accepted.contains(&statement.digest)
        });
        let signer = |key: &super::revoked::RevokedKey| RoleSigner {
            name: key.name.clone(),
            key: key.id(),
            revoked: true,
        };
        revoked.map(signer).collect()
    }

    /// What of the bundle is denied, and why.
    fn denials(&self, statement: &Statement, blobs: &BTreeSet<Digest>) -> Vec<String> {
        let images = &statement.predicate.images;
        let mut found = Vec::new();
        for denied in &self.denied.digests {
            let (digest, reason) = (denied.digest, &denied.reason);
            let named: Vec<String> = images
                .iter()
                .filter(|image| image.digest == digest)
                .map(|image| image.name.to_string())
                .collect();
            match named.is_empty() {
                false => found.push(format!("{digest}, which is {}: {reason}", named.join(", "))),
                true if statement.digest == digest => {
                    found.push(format!("this statement, {digest}: {reason}"));
                }
                true if blobs.contains(&digest) => {
                    found.push(format!("{digest}, a part of its images: {reason}"));
                }
                true => {}
            }
        }
        for image in images {
            let name = image.name.name();
            let denied = self.denied.repositories.iter().find(|denied| denied.is_of(&name));
            found.extend(
                denied.map(|it| format!("{}, by {}: {}", image.name, it.repository, it.reason)),
            );
        }
        found
    }
}

impl Ruling {
    /// Who has signed the bundle that is called `bundle`, where nothing is against it, or nothing but that it
    /// has expired: that is for [`Statement::not_expired`] to tell.
    ///
    /// # Errors
    /// [`Class::Untrusted`], or [`Class::Stale`] where the root is only too old; each broken rule is among the
    /// findings.
    pub fn accepted(self, bundle: &str, root: &Root) -> Result<RoleTally> {
        let is_other = |broken: &BrokenRule| broken.rule != TrustRule::Expired;
        if !self.broken.iter().any(is_other) {
            return Ok(self.tally);
        }
        let is_of_age = self.broken.iter().all(|broken| broken.rule.is_of_age());
        let class = if is_of_age { Class::Stale } else { Class::Untrusted };
        let text =
            format!("bundle {bundle} is not taken by root {} of the trust folder", root.version);
        let missing = self.tally.missing.iter().map(|signer| Subject::Key(signer.key.hex()));
        let about: Vec<Subject> = match self.tally.is_met() {
            true => Vec::new(),
            false => missing.collect(),
        };
        let has = |rule| self.broken.iter().any(|broken: &BrokenRule| broken.rule == rule);
        let error = Error::new(class, text)
            .details(self.broken.iter().map(|it| format!("{}: {}", it.rule.name(), it.what)))
            .about(about);
        Err(if has(TrustRule::RootExpired) {
            error.hint(phrase![
                "ask those who sign roots for the next one, and take it with `",
                Remedy::Roots,
                " rotate`; a bundle that carries it does as well"
            ])
        } else if has(TrustRule::Threshold) {
            error.hint(phrase![
                "ask those who have not signed; `",
                Remedy::Roots,
                " show` lists who signs what"
            ])
        } else {
            error.hint(phrase!["`", Remedy::Roots, " show` lists what is not taken, and why"])
        })
    }
}
