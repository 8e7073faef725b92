//! `pack`: the same bundle in another form, byte for byte, without a key.

mod request;
mod summary;

pub use self::request::Request;
pub use self::summary::Summary;
use crate::bundle::check::{self, Trust};
use crate::bundle::draft::{Draft, refuse_existing};
use crate::bundle::envelope::Envelope;
use crate::bundle::keys::{KeyId, PrivateKey};
use crate::storage::store::BlobSources;
use crate::tools::ground;
use crate::verbs::making::{copy_layers, no_room_for, read_back, tell_anew, too_large, volumes};
use crate::verbs::protect;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::work::plan::Count;

/// Makes of a bundle the same one in the form of `request.output`: its small files as they are, signatures
/// among them, and every blob hashed on its way. Nobody is believed for that, and whether it has
/// expired does not matter: whoever takes the result asks for that. A `key` that signed the bundle signs
/// the tables of volumes; it is wiped from memory with the last one.
///
/// # Errors
/// [`Class::Untrusted`] where the `key` did not sign the bundle;
/// [`Class::Damaged`] and [`Class::Incomplete`] where anything is wrong with the bundle. After a fault of
/// the disk `NAME.partial` holds what was finished, and the same call goes on from there.
pub fn pack(
    request: &Request,
    key: Option<PrivateKey>,
    progress: &dyn Progress,
) -> Result<Summary> {
    pack_signed(request, key, None, progress)
}

/// As [`pack`], with one `more` signature.
pub(super) fn pack_signed(
    request: &Request,
    key: Option<PrivateKey>,
    more: Option<(&KeyId, &Envelope)>,
    progress: &dyn Progress,
) -> Result<Summary> {
    // 1. Where to, and is it free?
    let bundle = &request.bundle;
    let output = match &key {
        Some(_) => request.output.clone(),
        None => request.output.clone().with_unsigned_tables(),
    };
    let output = &output;
    protect::possible(output, request.redundancy)?;
    refuse_existing(output)?;
    ground::check(output.path())?;
    if bundle.contains(output.path()) {
        let text = format!("{output} lies in the bundle {bundle}");
        return Err(Error::new(Class::Usage, text).hint("name another place"));
    }

    // 2. Is it whole, but for the bytes of layers? Take its small files over.
    let signer = key.as_ref().map(|key| key.public().clone());
    let trust = match &signer {
        Some(key) => Trust::Keys(vec![key.clone()]),
        None => Trust::UnsafeAnySigner,
    };
    let trusted = check::examine_expired(bundle, &trust)
        .map_err(|e| match e.class() {
            Class::Untrusted if signer.is_some() => e
                .context("only who signed the bundle can sign its volumes")
                .hint("sign with the key that signed it, or leave the tables unsigned"),
            _ => e,
        })?
        .into_trusted()?;
    let about = trusted.about();
    let left_behind: Vec<String> = about.recovery().map(str::to_owned).collect();
    if !left_behind.is_empty() {
        let text =
            "recovery data (repair/*.par2) is for the form that it was made for, and stays behind";
        progress.event(Event::note(text.to_owned()));
    }
    let mut head = about.head()?;
    more.iter().for_each(|(signer, envelope)| head.add_signature(signer, envelope));
    too_large(output, &head)?;
    let volumes = volumes(output, &head)?;
    let summary = |copied, reused, read_back| Summary {
        bundle: bundle.clone(),
        output: output.clone(),
        statement: head.statement,
        images: trusted.contents().images.len(),
        bytes: Draft::size(output, &head),
        volumes,
        volume_dir: output.drive().map(|drive| drive.folder.clone()),
        copied,
        reused,
        recovery: None,
        left_behind: left_behind.clone(),
        read_back,
        dry_run: request.dry_run,
    };
    if request.dry_run {
        let left = Draft::left(output)?;
        no_room_for(output, &head, left)?;
        return Ok(summary(head.layers.iter().collect(), Count::default(), None));
    }

    // 3. Copy what is missing straight to its place; only then does it get its name.
    let signatures = head.signatures();
    let mut draft = Draft::open(output)?;
    tell_anew(&draft, progress);
    key.into_iter().for_each(|key| draft.keep_key(key));
    draft.begin(&head)?;
    let mut reused = Count::default();
    let from = (trusted.contents(), &trusted as &dyn BlobSources);
    let done = copy_layers(&draft, &head, from, request.jobs, progress, &mut reused)?;
    let proven = match signer {
        Some(signer) => draft.prove(&signer)?,
        None => draft.prove_same(signatures)?,
    };
    let read_back = read_back(request.verify_media, &proven, &trust, progress)?;
    proven.name()?;
    let recovery = request.redundancy.map(|it| protect::add_to_finished(output, it, progress));
    Ok(Summary { recovery: recovery.transpose()?, ..summary(done.came, reused, read_back) })
}
