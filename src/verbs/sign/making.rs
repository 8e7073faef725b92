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
use crate::bundle::roots::RoleTally;
use crate::bundle::statement::Statement;
use crate::medium::Medium;
use crate::tools::file::AtomicFile;
use crate::tools::folder::Folder;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::progress::Progress;

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
    envelopes: Vec<Envelope>,
}

/// Reads the whole bundle, and finds nothing wrong.
pub(super) fn read(request: &Request, progress: &dyn Progress) -> Result<Read> {
    // Whoever signs next is one of several: how many it takes is asked by those who take the bundle.
    let trust = match &request.trust {
        Trust::Roots(folder) => Trust::Keys(folder.root().bundle_keys()),
        other => other.clone(),
    };
    let mut examined = check::examine_expired(&request.bundle, &trust)?;
    examined.hash_everything(request.jobs.large, progress)?;
    if !examined.problems().is_empty() {
        return Err(failure(examined.name(), examined.problems()));
    }
    let envelopes = examined.envelopes()?;
    let payload = envelopes.first().map(|it| it.payload().to_owned()).unwrap_or_default();
    let (statement, claimed) = (examined.statement().clone(), examined.claimed_signers().to_vec());
    Ok(Read { payload, statement, claimed, envelopes })
}

/// Whether the bundle is a folder by itself, and no volumes lie in it.
pub(super) fn is_folder(bundle: &Medium) -> Result<bool> {
    let is_one = bundle.places().count() == 1 && bundle.path().is_dir();
    Ok(is_one && bundle.open()?.volumes().is_none())
}

/// Who of those that the root of trust wants has signed, with `signer`, where a root is asked.
pub(super) fn tally(request: &Request, read: &Read, signer: &PublicKey) -> Option<RoleTally> {
    let Trust::Roots(folder) = &request.trust else { return None };
    let root = folder.root();
    let has = |key: &PublicKey| key == signer || read.envelopes.iter().any(|it| it.is_by(key));
    let signers =
        root.bundle_keys().iter().filter(|key| has(key)).map(PublicKey::id).collect::<Vec<_>>();
    Some(root.judge(&read.statement, &signers, &BTreeSet::new(), None).tally)
}

/// Whether `signer` has signed it.
pub(super) fn signed_before(read: &Read, signer: &PublicKey) -> bool {
    read.envelopes.iter().any(|it| it.is_by(signer))
}

/// Fails where it has no room for one more signature.
pub(super) fn refuse_full(request: &Request, read: &Read) -> Result<()> {
    match read.envelopes.len() < MAX_ENVELOPES {
        true => Ok(()),
        false => {
            let text = format!(
                "{} bears {MAX_ENVELOPES} signatures, and may have no more",
                request.bundle
            );
            Err(Error::new(Class::Usage, text))
        }
    }
}

/// Puts the envelope of `signer` into the folder `bundle`, whole or not at all. It is made beside the
/// bundle, which has nothing in it that is not signed or listed.
pub(super) fn in_place(bundle: &Path, signer: &KeyId, envelope: &Envelope) -> Result<()> {
    let fault = |e| Error::io(format!("cannot write into {}", bundle.display()), e);
    let folder = Folder::open(bundle).map_err(fault)?;
    let signatures = folder.below("sig").map_err(fault)?;
    let path = envelope_path(signer);
    let name = path.strip_prefix("sig/").unwrap_or(&path);
    if signatures.look(name).map_err(fault)?.is_some() {
        let text = format!("{path} is there, and is no signature by key {signer}");
        return Err(Error::new(Class::Damaged, text)
            .subject(Subject::Path(folder.at(&path)))
            .hint("ask the sender for a whole copy, or remove that file"));
    }
    let full = bundle.canonicalize().map_err(fault)?;
    let (beside, _) = Folder::holding(&full)?;
    let mut file = AtomicFile::locked_within(&beside, name, MODE)?;
    file.write_all(&envelope.to_bytes()).map_err(fault)?;
    file.commit_new_into(&signatures).map_err(|e| {
        e.hint("where the folder above is of another medium, -o NEW makes the bundle with the signature anew")
    })
}
