//! [`RootChange`]: what is to be different in the next root.

use std::collections::BTreeSet;

use crate::bundle::keys::PublicKey;
use crate::bundle::roots::{
    DeniedDigest, DeniedRepository, NamedKey, RevokedKey, Root, SignerName, SigningRole,
};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;

/// Somebody who signs, by name, with a key where it is a new one.
#[derive(Debug, Clone)]
pub struct NamedSigner {
    /// What he is called.
    pub name: SignerName,
    /// His key, if the root does not have it yet.
    pub key: Option<PublicKey>,
}

/// Which roles are meant.
#[derive(Debug, Clone, Default)]
pub struct WhichRoles {
    /// That of those who sign roots.
    pub root: bool,
    /// Those of streams, by their names.
    pub streams: Vec<String>,
}

/// What is to be different in the next root.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RootChange {
    /// These sign, too.
    Add {
        /// Who.
        signers: Vec<NamedSigner>,
        /// What.
        roles: WhichRoles,
        /// How many of whom it takes from now on.
        threshold: Option<usize>,
    },
    /// These sign no more.
    Remove {
        /// Who.
        names: Vec<SignerName>,
        /// What; everything where that is nothing.
        roles: WhichRoles,
        /// How many of whom it takes from now on.
        threshold: Option<usize>,
    },
    /// What the key of this one signed does not count any more.
    Revoke {
        /// Whose.
        name: SignerName,
        /// Why.
        reason: String,
        /// The statements that count all the same.
        accepted: Vec<Digest>,
        /// When.
        at: Moment,
    },
    /// This is not taken any more.
    Deny {
        /// Statements, images and parts of them.
        digests: Vec<Digest>,
        /// Repositories.
        repositories: Vec<String>,
        /// Why.
        reason: String,
    },
    /// This is taken again.
    Allow {
        /// Statements, images and parts of them.
        digests: Vec<Digest>,
        /// Repositories.
        repositories: Vec<String>,
    },
    /// It holds until then, or for good.
    Expire(Option<Moment>),
}

fn usage(text: String) -> Error {
    Error::new(Class::Usage, text)
}

impl RootChange {
    /// Makes it in `root`.
    ///
    /// # Errors
    /// [`Class::Usage`] for names that are not there, or there already.
    pub(super) fn make(self, root: &mut Root) -> Result<()> {
        match self {
            RootChange::Add { signers, roles, threshold } => add(root, signers, &roles, threshold),
            RootChange::Remove { names, roles, threshold } => {
                names.iter().try_for_each(|name| remove(root, name, &roles, threshold))
            }
            RootChange::Revoke { name, reason, accepted, at } => {
                revoke(root, name, reason, accepted.into_iter().collect(), at)
            }
            RootChange::Deny { digests, repositories, reason } => {
                deny(root, digests, repositories, &reason);
                Ok(())
            }
            RootChange::Allow { digests, repositories } => allow(root, &digests, &repositories),
            RootChange::Expire(until) => {
                root.expires_at = until;
                Ok(())
            }
        }
    }
}

fn add(
    root: &mut Root,
    signers: Vec<NamedSigner>,
    roles: &WhichRoles,
    threshold: Option<usize>,
) -> Result<()> {
    let names: Vec<SignerName> = signers.iter().map(|signer| signer.name.clone()).collect();
    for NamedSigner { name, key } in signers {
        let there = root.keys.iter().find(|own| own.name == name);
        match (there, key) {
            (None, Some(public_key)) => root.keys.push(NamedKey { name, public_key }),
            (None, None) => {
                return Err(usage(format!("the root has no key of {name}"))
                    .hint("name the file of the public key, too: NAME=PUB.pem"));
            }
            (Some(own), Some(key)) if own.public_key != key => {
                return Err(usage(format!(
                    "the root has another key of {name}, {}",
                    own.id().short()
                ))
                .hint("take another name for the new one, and remove or revoke the old one"));
            }
            (Some(_), _) => {}
        }
    }
    root.keys.sort_by(|one, other| one.name.cmp(&other.name));
    if roles.root {
        root.root.keys.extend(names.iter().cloned());
        root.root.threshold = threshold.unwrap_or(root.root.threshold);
    }
    for stream in &roles.streams {
        let empty = SigningRole { threshold: threshold.unwrap_or(1), keys: BTreeSet::new() };
        let role = root.streams.entry(stream.clone()).or_insert(empty);
        role.keys.extend(names.iter().cloned());
        role.threshold = threshold.unwrap_or(role.threshold);
    }
    Ok(())
}

fn remove(
    root: &mut Root,
    name: &SignerName,
    roles: &WhichRoles,
    threshold: Option<usize>,
) -> Result<()> {
    if !root.keys.iter().any(|key| key.name == *name) {
        return Err(usage(format!("the root has no key of {name}")));
    }
    let all = !roles.root && roles.streams.is_empty();
    let leave = |role: &mut SigningRole| {
        if role.keys.remove(name) {
            role.threshold = threshold.unwrap_or(role.threshold);
        }
    };
    if all || roles.root {
        leave(&mut root.root);
    }
    for stream in &roles.streams {
        if !root.streams.contains_key(stream) {
            return Err(usage(format!("the root has no role for {stream}")));
        }
    }
    let meant = |stream: &String| all || roles.streams.contains(stream);
    root.streams.iter_mut().filter(|(stream, _)| meant(stream)).for_each(|(_, role)| leave(role));
    // A stream that nobody signs any more has no role.
    root.streams.retain(|_, role| !role.keys.is_empty());
    let signs = |key: &NamedKey| {
        let mut roles = root.streams.values().chain([&root.root]);
        roles.any(|role| role.keys.contains(&key.name))
    };
    root.keys = root.keys.iter().filter(|key| key.name != *name || signs(key)).cloned().collect();
    Ok(())
}

fn revoke(
    root: &mut Root,
    name: SignerName,
    reason: String,
    accepted: BTreeSet<Digest>,
    at: Moment,
) -> Result<()> {
    if let Some(old) = root.revoked.iter_mut().find(|old| old.name == name) {
        old.accepted.extend(accepted);
        return Ok(());
    }
    let Some(key) = root.keys.iter().find(|key| key.name == name).cloned() else {
        return Err(usage(format!("the root has no key of {name}")));
    };
    let streams = root.streams.iter().filter(|(_, role)| role.keys.contains(&name));
    let roles = streams.map(|(stream, _)| stream.clone()).collect();
    remove(root, &name, &WhichRoles::default(), None)?;
    let public_key = key.public_key;
    root.revoked.push(RevokedKey { name, public_key, at, reason, roles, accepted });
    root.revoked.sort_by_key(RevokedKey::id);
    Ok(())
}

fn deny(root: &mut Root, digests: Vec<Digest>, repositories: Vec<String>, reason: &str) {
    let denied = &mut root.denied;
    denied.digests.retain(|old| !digests.contains(&old.digest));
    denied.repositories.retain(|old| !repositories.contains(&old.repository));
    let reason = || reason.to_owned();
    let new = digests.into_iter().collect::<BTreeSet<_>>().into_iter();
    denied.digests.extend(new.map(|digest| DeniedDigest { digest, reason: reason() }));
    let new = repositories.into_iter().collect::<BTreeSet<_>>().into_iter();
    let new = new.map(|repository| DeniedRepository { repository, reason: reason() });
    denied.repositories.extend(new);
    denied.digests.sort_by_key(|it| it.digest);
    denied.repositories.sort_by(|one, other| one.repository.cmp(&other.repository));
}

fn allow(root: &mut Root, digests: &[Digest], repositories: &[String]) -> Result<()> {
    let denied = &mut root.denied;
    let unknown = digests.iter().find(|it| !denied.digests.iter().any(|old| old.digest == **it));
    if let Some(unknown) = unknown {
        return Err(usage(format!("{unknown} is not denied")));
    }
    let is_there = |it: &&String| denied.repositories.iter().any(|old| old.repository == **it);
    if let Some(unknown) = repositories.iter().find(|it| !is_there(it)) {
        return Err(usage(format!("{unknown} is not denied")));
    }
    denied.digests.retain(|old| !digests.contains(&old.digest));
    denied.repositories.retain(|old| !repositories.contains(&old.repository));
    Ok(())
}
