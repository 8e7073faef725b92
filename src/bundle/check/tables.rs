//! Who made the tables of volumes: a signed one is proven, and with it every piece that it names.

use super::examined::Examined;
use super::files::Files;
use super::trust::Trust;
use crate::bundle::envelope::Envelope;
use crate::bundle::keys::KeyId;
use crate::bundle::problem::{Problem, ProblemKind};
use crate::bundle::signed_table::SignedTable;
use crate::medium::volume_table::SIGNATURE;
use crate::medium::volumes::TableAt;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

impl<F: Files> Examined<F> {
    /// Looks at each table that is signed: it is by one who signed the bundle, and is believed as `trust`
    /// says.
    ///
    /// # Errors
    /// [`Class::Untrusted`] for one that is signed by nobody whom `trust` names.
    pub(super) fn check_tables(&mut self, trust: &Trust) -> Result<()> {
        let Some(volumes) = self.tree.volumes() else { return Ok(()) };
        let (mut proven, mut found) = (Vec::new(), Vec::new());
        for at in volumes.tables() {
            let Some(bytes) = at.signature else { continue };
            let number = at.table.number;
            match self.verdict(&at, bytes, trust)? {
                Verdict::Wrong(what) => {
                    let path = format!("{}: {SIGNATURE}", at.shown);
                    let detail = format!("{what}; it is of {}", at.table.name());
                    found.push(Problem::new(ProblemKind::Damaged, path, detail));
                }
                Verdict::Proven(key) => proven.push((number, key)),
                Verdict::NotAsked => {}
            }
        }
        self.proven_tables.extend(proven);
        self.problems.extend(found);
        Ok(())
    }

    fn verdict(&self, at: &TableAt<'_>, bytes: &[u8], trust: &Trust) -> Result<Verdict> {
        let wrong = |what: String| Ok(Verdict::Wrong(what));
        let envelope = match Envelope::from_bytes(bytes) {
            Ok(envelope) => envelope,
            Err(e) => return wrong(format!("is {}", e.message())),
        };
        let claimed = envelope.claimed_key_id();
        if !SignedTable::of(at.table, at.digest).is_in(&envelope) {
            return wrong("is a signature of another table".to_owned());
        }
        if !self.claimed.iter().any(|key| key == claimed) {
            return wrong(format!("is a signature by {claimed}, who did not sign the bundle"));
        }
        let Some(mut keys) = trust.keys() else { return Ok(Verdict::NotAsked) };
        if let Trust::Roots(_) = trust {
            // Whom the root knows, and who does not count for this bundle, does not count here.
            keys.retain(|key| self.signers.contains(&key.id()));
        }
        if let Some(key) = keys.iter().find(|key| envelope.is_by(key)) {
            return Ok(Verdict::Proven(key.id()));
        }
        if keys.iter().any(|key| key.id().hex() == claimed) {
            return wrong(format!("is no signature by {claimed}, the key that it names"));
        }
        let (name, shown) = (at.table.name(), at.shown);
        let text = format!(
            "bundle {}: the table of {name}, {shown}, is signed by {claimed}, a key that was not given",
            self.name
        );
        Err(Error::new(Class::Untrusted, text)
            .about([Subject::Key(claimed.to_owned())])
            .hint(phrase!["name the public key of each who signed with ", Remedy::Trust]))
    }
}

/// What the signature of a table is worth.
enum Verdict {
    /// It is by one who is believed.
    Proven(KeyId),
    /// Nobody's was asked for.
    NotAsked,
    /// It is none of that table, or not as it stands.
    Wrong(String),
}
