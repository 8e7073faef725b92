//! [`Root`]: the document that says who may sign.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::denials::{Denials, DeniedRepository};
use super::named_key::NamedKey;
use super::revoked::RevokedKey;
use super::role::SigningRole;
use crate::bundle::keys::{KeyId, PublicKey};
use crate::bundle::memory::MAX_REASON;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::json::check_strict_with;
use crate::words::moment::Moment;
use crate::words::stream::StreamName;

/// The form of the document.
const FORM: &str = "urn:sealift:root:v1";
/// The role for each stream that has none of its own.
pub const OTHERS: &str = "*";
/// The role for bundles outside of any stream.
pub const OUTSIDE: &str = "default";
/// Most keys: far more than anybody has people to sign, and each costs a try for each signature.
const MAX_KEYS: usize = 256;
/// Most revoked keys: those of some years, where everybody gets a new one each month.
const MAX_REVOKED: usize = 1_024;
/// Most streams with a role of their own.
const MAX_STREAMS: usize = 1_024;
/// Most digests and repositories that are denied, and statements that are accepted of one revoked key:
/// what is longer belongs into a policy. Each is looked for in each bundle.
const MAX_LISTED: usize = 4_096;
/// All members, none of which may stand there in another case.
const MEMBERS: &[&str] = &[
    "form",
    "version",
    "createdAt",
    "expiresAt",
    "keys",
    "name",
    "publicKey",
    "root",
    "threshold",
    "streams",
    "revoked",
    "at",
    "reason",
    "roles",
    "accepted",
    "denied",
    "digests",
    "digest",
    "repositories",
    "repository",
];

/// Who may sign: the root of trust. Each version replaces the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Root {
    pub(super) form: String,
    /// Which one it is, from 1 on.
    pub version: u64,
    /// When it was drafted.
    pub created_at: Moment,
    /// Until when it holds, if not for good.
    pub expires_at: Option<Moment>,
    /// All keys that may sign anything, in order of their names, each once.
    pub keys: Vec<NamedKey>,
    /// Who signs the next root, and has to have signed this one.
    pub root: SigningRole,
    /// Who signs the bundles of each stream; [`OTHERS`] and [`OUTSIDE`] are among the names.
    pub streams: BTreeMap<String, SigningRole>,
    /// The keys that do not count any more.
    pub revoked: Vec<RevokedKey>,
    /// What is not taken, whoever signed it.
    pub denied: Denials,
}

impl Root {
    /// A first root with `keys`, of which `threshold` sign the next one and every bundle.
    ///
    /// # Errors
    /// As [`check`](Root::check).
    pub fn first(
        mut keys: Vec<NamedKey>,
        threshold: usize,
        created_at: Moment,
        expires_at: Option<Moment>,
    ) -> Result<Root> {
        keys.sort_by(|one, other| one.name.cmp(&other.name));
        let role =
            SigningRole { threshold, keys: keys.iter().map(|key| key.name.clone()).collect() };
        let streams = [OTHERS, OUTSIDE].map(|name| (name.to_owned(), role.clone())).into();
        let (revoked, denied) = (Vec::new(), Denials::default());
        let form = FORM.to_owned();
        let root = Root {
            form,
            version: 1,
            created_at,
            expires_at,
            keys,
            root: role,
            streams,
            revoked,
            denied,
        };
        root.check().map(|()| root)
    }

    /// What would be the next one, without a change.
    #[must_use]
    pub fn next(&self, created_at: Moment) -> Root {
        Root { version: self.version.saturating_add(1), created_at, ..self.clone() }
    }

    /// Its bytes, as they are signed: compact JSON in one spelling.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Only maps with keys that are no text cannot be written, and there are none.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads such bytes.
    ///
    /// # Errors
    /// [`Class::Untrusted`] for anything else: unknown members, members twice or in another case or order,
    /// weak keys, roles that nobody can fill.
    pub fn from_bytes(bytes: &[u8]) -> Result<Root> {
        let bad = |why: String| Error::new(Class::Untrusted, format!("not a root of trust: {why}"));
        check_strict_with(bytes, MEMBERS).map_err(|e| bad(e.message().to_owned()))?;
        let root: Root = serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
        if root.form != FORM {
            return Err(bad(format!("its form is not {FORM}"))
                .hint("a newer sealift may have made it; use that version"));
        }
        root.check().map_err(|e| bad(e.message().to_owned()))?;
        match root.to_bytes() == bytes {
            true => Ok(root),
            false => Err(bad("it is not spelled as sealift writes it".to_owned())),
        }
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`Class::Usage`], with the first thing that does not.
    pub fn check(&self) -> Result<()> {
        let bad = |why: &str| Err(Error::new(Class::Usage, why.to_owned()));
        if self.version == 0 || self.version > 1 << 53 {
            return bad("its version is none");
        }
        let most = [
            (self.keys.len(), MAX_KEYS, "keys"),
            (self.revoked.len(), MAX_REVOKED, "revoked keys"),
            (self.streams.len(), MAX_STREAMS, "streams"),
            (self.denied.digests.len(), MAX_LISTED, "denied digests"),
            (self.denied.repositories.len(), MAX_LISTED, "denied repositories"),
        ];
        if let Some((_, most, what)) = most.iter().find(|(count, most, _)| count > most) {
            return bad(&format!("it has more than {most} {what}"));
        }
        self.check_keys()?;
        self.check_role("root", &self.root)?;
        for (name, role) in &self.streams {
            if name != OTHERS && name.parse::<StreamName>().is_err() {
                return bad(&format!("{name:?} is no name of a stream"));
            }
            self.check_role(name, role)?;
        }
        self.check_lists()
    }

    fn check_keys(&self) -> Result<()> {
        let bad = |why: &str| Err(Error::new(Class::Usage, why.to_owned()));
        if !self.keys.is_sorted_by(|one, next| one.name < next.name) {
            return bad("its keys are not in order of their names, each once");
        }
        let all = self.keys.iter().map(NamedKey::id).chain(self.revoked.iter().map(RevokedKey::id));
        let mut seen = BTreeSet::new();
        for id in all {
            if !seen.insert(id) {
                return bad(&format!("the key {} stands twice in it", id.short()));
            }
        }
        Ok(())
    }

    fn check_role(&self, name: &str, role: &SigningRole) -> Result<()> {
        let bad = |why: String| Err(Error::new(Class::Usage, format!("role {name} {why}")));
        if let Some(unknown) =
            role.keys.iter().find(|name| !self.keys.iter().any(|key| key.name == **name))
        {
            return bad(format!("names {unknown}, who has no key here"));
        }
        match role.threshold == 0 || role.threshold > role.keys.len() {
            true => bad(format!("takes {} of {} signatures", role.threshold, role.keys.len())),
            false => Ok(()),
        }
    }

    fn check_lists(&self) -> Result<()> {
        let bad = |why: &str| Err(Error::new(Class::Usage, why.to_owned()));
        let (digests, repositories) = (&self.denied.digests, &self.denied.repositories);
        if !self.revoked.is_sorted_by(|one, next| one.id() < next.id())
            || !digests.is_sorted_by(|one, next| one.digest < next.digest)
            || !repositories.is_sorted_by(|one, next| one.repository < next.repository)
        {
            return bad("a list in it is not in order, each once");
        }
        if self
            .revoked
            .iter()
            .any(|key| key.accepted.len() > MAX_LISTED || key.roles.len() > MAX_STREAMS)
        {
            return bad("a list of a revoked key is too long");
        }
        if let Some(odd) = repositories.iter().find(|it| !DeniedRepository::is_name(&it.repository))
        {
            return bad(&format!("{:?} is no name of a repository", odd.repository));
        }
        let reasons = self.revoked.iter().map(|it| &it.reason);
        let reasons = reasons.chain(digests.iter().map(|it| &it.reason));
        let mut reasons = reasons.chain(repositories.iter().map(|it| &it.reason));
        match reasons.any(|reason| reason.trim().is_empty() || reason.chars().count() > MAX_REASON)
        {
            true => {
                bad(&format!("a reason in it is empty, or has more than {MAX_REASON} characters"))
            }
            false => Ok(()),
        }
    }

    /// The digest of what is signed: what people compare.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// Whether it holds no more at `now`.
    #[must_use]
    pub fn has_expired(&self, now: Moment) -> bool {
        self.expires_at.is_some_and(|until| until <= now)
    }

    /// The role for the bundles of `stream`, with what it is called; that of
    /// [`StreamName::none`] is for bundles outside of any.
    #[must_use]
    pub fn role_of(&self, stream: &StreamName) -> Option<(&str, &SigningRole)> {
        let own = self.streams.get_key_value(stream.as_str());
        let found = match *stream == StreamName::none() {
            true => own,
            false => own.or_else(|| self.streams.get_key_value(OTHERS)),
        };
        found.map(|(name, role)| (name.as_str(), role))
    }

    /// The keys of all who sign bundles of any stream.
    #[must_use]
    pub fn bundle_keys(&self) -> Vec<PublicKey> {
        let signs =
            |key: &&NamedKey| self.streams.values().any(|role| role.keys.contains(&key.name));
        self.keys.iter().filter(signs).map(|key| key.public_key.clone()).collect()
    }

    /// Every key that it knows, those among them that it revokes.
    #[must_use]
    pub fn all_keys(&self) -> Vec<PublicKey> {
        let revoked = self.revoked.iter().map(|key| key.public_key.clone());
        self.keys.iter().map(|key| key.public_key.clone()).chain(revoked).collect()
    }

    /// What the holder of the key `id` is called.
    #[must_use]
    pub fn name_of(&self, id: &KeyId) -> Option<&super::named_key::SignerName> {
        let own = self.keys.iter().find(|key| key.id() == *id).map(|key| &key.name);
        own.or_else(|| self.revoked.iter().find(|key| key.id() == *id).map(|key| &key.name))
    }
}
