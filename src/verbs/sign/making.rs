//! Reading a bundle that is to be signed, and putting a signature into it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use super::request::Request;
use crate::bundle::check::{self, Trust};
use crate::bundle::envelope::{Envelope, MAX_ENVELOPES};
use crate::bundle::head::envelope_path;
use crate::bundle::keys::{KeyId, PublicKey};
use crate::bundle::problem::failure;
use crate::bundle::roots::{RoleTally, Root, Ruling, TrustRule};
use crate::bundle::statement::Statement;
use crate::medium::Medium;
use crate::tools::file::AtomicFile;
use crate::tools::folder::{Folder, is_folder_at};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::phrase;
use crate::words::progress::Progress;
use crate::words::remedy::Remedy;

/// Permissions of a signature: whoever may read the bundle reads it.
const MODE: u32 = 0o644;

/// A bundle of which every byte was read.
pub(super) struct Read {
    /// What was signed.
    pub(super) payload: Vec<u8>,
    /// The same, parsed.
    pub(super) statement: Statement,
    /// The ids of the keys that are said to have signed it.
    pub(super) claimed: Vec<String>,
    /// What it consists of.
    blobs: BTreeSet<Digest>,
    /// The signatures that it bears, each with its file.
    envelopes: Vec<(String, Envelope)>,
}

/// Reads the whole bundle, and finds nothing wrong, nor anything that the root of trust is against, if one is
/// asked, but that somebody is missing.
pub(super) fn read(request: &Request, progress: &dyn Progress) -> Result<Read> {
    let trust = match &request.trust {
        Trust::Roots(folder) => Trust::Keys(folder.root().all_keys()),
        other => other.clone(),
    };
    let mut examined = check::examine(&request.bundle, &trust, request.now)?;
    let envelopes = examined.envelopes()?;
    let payload = envelopes.first().map(|it| it.1.payload().to_owned()).unwrap_or_default();
    let (statement, claimed) = (examined.statement().clone(), examined.claimed_signers().to_vec());
    let blobs = examined.all_blobs();
    let read = Read { payload, statement, claimed, blobs, envelopes };
    if let Some((root, mut ruling)) = ruling(request, &read, None) {
        // Whoever signs next is one of several.
        ruling.broken.retain(|broken| broken.rule != TrustRule::Threshold);
        ruling.accepted(examined.name(), root)?;
    }
    examined.hash_everything(request.jobs.large, progress)?;
    match examined.problems() {
        [] => Ok(read),
        problems => Err(failure(examined.name(), problems)),
    }
}

/// What the root of trust says of the bundle, once `signer` has signed it as well.
fn ruling<'r>(
    request: &'r Request,
    read: &Read,
    signer: Option<&PublicKey>,
) -> Option<(&'r Root, Ruling)> {
    let Trust::Roots(folder) = &request.trust else { return None };
    let root = folder.root();
    let has = |key: &&PublicKey| {
        signer == Some(*key) || read.envelopes.iter().any(|(_, envelope)| envelope.is_by(key))
    };
    let keys = root.all_keys();
    let signers: Vec<KeyId> = keys.iter().filter(has).map(PublicKey::id).collect();
    Some((root, root.judge(&read.statement, &signers, &read.blobs, Some(request.now))))
}

/// Whether the bundle is a folder by itself, and no volumes lie in it.
pub(super) fn is_folder(bundle: &Medium) -> Result<bool> {
    let is_one = bundle.places().count() == 1 && is_folder_at(bundle.path())?;
    Ok(is_one && bundle.open()?.volumes().is_none())
}

/// Fails for what is encrypted: what is made of it would lie in clear, and to whom it is to be encrypted again
/// nobody said.
pub(super) fn refuse_encrypted(request: &Request) -> Result<()> {
    #[cfg(feature = "age")]
    let into =
        request.output.as_ref().is_some_and(|it| it.form() == crate::medium::Form::Encrypted);
    #[cfg(not(feature = "age"))]
    let into = false;
    match into || request.bundle.is_encrypted()? {
        false => Ok(()),
        true => {
            let text = "what is encrypted is not signed: a bundle is signed, and encrypted then";
            Err(Error::new(Class::Usage, text)
                .subject(Subject::Path(request.bundle.path().to_owned()))
                .hint("decrypt it with `sealift pack`, sign that, and encrypt what comes out"))
        }
    }
}

/// Who of those that the root of trust wants has signed, with `signer`, where a root is asked.
pub(super) fn tally(request: &Request, read: &Read, signer: &PublicKey) -> Option<RoleTally> {
    ruling(request, read, Some(signer)).map(|(_, ruling)| ruling.tally)
}

/// Fails where the signature would count for nobody: the root of trust does not ask for it.
pub(super) fn refuse_stranger(tally: Option<&RoleTally>, signer: &PublicKey) -> Result<()> {
    let id = signer.id();
    match tally {
        Some(tally) if !tally.signed.iter().any(|it| it.key == id) => {
            let text = format!("key {id} is none of those that sign for role {}", tally.role);
            Err(Error::new(Class::Usage, text).subject(Subject::Key(id.hex())).hint(phrase![
                "sign with a key that the root of trust names, or name with ",
                Remedy::Trust,
                " who has signed before"
            ]))
        }
        _ => Ok(()),
    }
}

/// Whether `signer` has signed it.
pub(super) fn signed_before(read: &Read, signer: &PublicKey) -> bool {
    read.envelopes.iter().any(|(_, envelope)| envelope.is_by(signer))
}

/// Fails where it has no room for a signature by `signer`.
pub(super) fn refuse_full(request: &Request, read: &Read, signer: &KeyId) -> Result<()> {
    if read.envelopes.len() >= MAX_ENVELOPES {
        let text =
            format!("{} bears {MAX_ENVELOPES} signatures, and may have no more", request.bundle);
        return Err(Error::new(Class::Usage, text));
    }
    let path = envelope_path(signer);
    if read.envelopes.iter().any(|(other, _)| *other == path) {
        let text = format!("{}: {path} is no signature by key {signer}", request.bundle);
        return Err(Error::new(Class::Damaged, text)
            .subject(Subject::Path(request.bundle.path().to_owned()))
            .hint("ask the sender for a whole copy"));
    }
    Ok(())
}

/// Puts the envelope of `signer` into the folder `bundle`, whole or not at all. It is made beside the
/// bundle, which has nothing in it that is not signed or listed.
pub(super) fn in_place(bundle: &Path, signer: &KeyId, envelope: &Envelope) -> Result<()> {
    let fault = |e| Error::io(format!("cannot write into {}", bundle.display()), e);
    let folder = Folder::open(bundle).map_err(fault)?;
    let signatures = folder.below("sig").map_err(fault)?;
    let path = envelope_path(signer);
    let name = path.strip_prefix("sig/").unwrap_or(&path);
    let full = bundle.canonicalize().map_err(fault)?;
    let (beside, _) = Folder::holding(&full)?;
    let mut file = AtomicFile::locked_within(&beside, name, MODE)?;
    file.write_all(&envelope.to_bytes()).map_err(fault)?;
    file.commit_new_into(&signatures).map_err(|e| {
        e.hint("where the folder above is of another medium, -o NEW makes the bundle with the signature anew")
    })
}
