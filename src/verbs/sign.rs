//! `sign`: one more signature of a bundle that is there, made here or elsewhere.

use std::path::Path;

mod making;
mod request;
mod summary;

use self::making::{
    in_place, is_folder, read, refuse_encrypted, refuse_full, refuse_stranger, signed_before,
};
pub use self::request::{Request, Signer};
pub use self::summary::{Prepared, Summary};
use crate::bundle::envelope::{Envelope, PAYLOAD_TYPE, pae};
use crate::bundle::ledger::{LedgerImage, LedgerVerb};
use crate::tools::ground;
use crate::verbs::pack::{self, pack_signed};
use crate::verbs::recording::{LedgerRun, of_request};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::progress::Progress;

/// Adds a signature over the very statement that the bundle bears, once every byte of it was read and found
/// right. A folder gets it in its place; of another form the same bundle is made anew as `request.output`.
///
/// # Errors
/// [`Class::Untrusted`] where the bundle is not signed as `request.trust` wants it, or the signature that is
/// to be attached is none; [`Class::Damaged`] and [`Class::Incomplete`] where anything is wrong with the
/// bundle; [`Class::Usage`] where it cannot be signed in its place. Nothing has changed then.
pub fn sign(request: &Request, by: &Signer, progress: &dyn Progress) -> Result<Summary> {
    let run = LedgerRun::new(request.ledger.as_ref(), LedgerVerb::Sign);
    run.check()?;
    run.know(|event| of_request(event, request.bundle.path(), &request.trust));
    let result = noted(request, by, &run, progress);
    run.end(result, progress, |summary, event| {
        (event.count("signatures", summary.signers.len() as u64), None)
    })
}

fn noted(
    request: &Request,
    by: &Signer,
    run: &LedgerRun<'_>,
    progress: &dyn Progress,
) -> Result<Summary> {
    // 1. Can it be put where it belongs?
    if request.output.is_none() && !is_folder(&request.bundle)? {
        let text = format!("{} is no folder that a signature can be put into", request.bundle);
        return Err(Error::new(Class::Usage, text)
            .subject(Subject::Path(request.bundle.path().to_owned()))
            .hint("with -o NEW the same bundle is made with one more signature: a folder, or a file NEW.tar"));
    }

    refuse_encrypted(request)?;

    // 2. What is signed is what was read.
    let read = read(request, progress)?;
    let signer = by.public();
    let id = signer.id();
    let mut summary = Summary::of(request, &read, signer);
    refuse_stranger(summary.trust.as_ref(), signer)?;
    summary.already_signed = signed_before(&read, signer);
    if summary.already_signed && request.output.is_none() {
        return Ok(summary);
    }
    if !summary.already_signed {
        refuse_full(request, &read, &id)?;
    }
    let envelope = match by {
        Signer::Key(key) => Envelope::sign(&read.payload, key),
        Signer::Elsewhere { key, signature } => {
            Envelope::of_signature(&read.payload, key, signature)?
        }
    };

    // 3. It is noted before it is there.
    run.know(|event| {
        event.statement = Some(read.statement.digest);
        event.position = read.statement.predicate.position();
        event.signers = vec![id.hex()];
    });
    let images = read.statement.predicate.images.iter();
    run.begin(images.map(|image| LedgerImage::new(&image.name, image.digest)))?;
    match &request.output {
        None => in_place(request.bundle.path(), &id, &envelope)?,
        Some(output) => {
            let wanted = pack::Request {
                jobs: request.jobs,
                ..pack::Request::new(request.bundle.clone(), output.clone())
            };
            let more = (!summary.already_signed).then_some((&id, &envelope));
            pack_signed(&wanted, None, more, progress)?;
        }
    }
    if !summary.already_signed {
        summary.signers.push(id.hex());
    }
    Ok(summary)
}

/// What somebody else has to sign, byte for byte, with an Ed25519 key: the pre-authentication encoding (DSSE,
/// protocol.md) of the statement. The bundle was read for that as [`sign`] reads it. It is to be written to the file
/// `to`, which is not there.
///
/// # Errors
/// As [`sign`].
pub fn prepare(request: &Request, to: &Path, progress: &dyn Progress) -> Result<Prepared> {
    if request.bundle.contains(to) {
        let text = format!("{} lies in the bundle {}", to.display(), request.bundle);
        return Err(Error::new(Class::Usage, text).hint("name another place"));
    }
    if to.symlink_metadata().is_ok() {
        let text = format!("{} exists already", to.display());
        return Err(Error::new(Class::Usage, text)
            .subject(Subject::Path(to.to_owned()))
            .hint("choose another name, or remove it"));
    }
    ground::check(to)?;
    let read = read(request, progress)?;
    let bytes = pae(PAYLOAD_TYPE, &read.payload);
    Ok(Prepared { bundle: request.bundle.clone(), statement: read.statement.digest, bytes })
}
