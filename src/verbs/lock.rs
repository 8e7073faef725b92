//! `lock`: names of images, frozen to what they stand for today.

mod check;
mod freeze;
mod old_lock;
mod report;
mod request;

use std::io::Write as _;
use std::path::Path;

pub use self::check::check;
use self::freeze::freeze;
pub use self::report::{LockChanges, LockChecked, LockReport, MovedImage};
pub use self::request::{CheckRequest, Request};
use crate::lists::LockForm;
use crate::places::registry::Client;
use crate::tools::file::AtomicFile;
use crate::tools::ground;
use crate::verbs::export::contents_of;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::progress::Progress;
use crate::work::weights::Weights;

/// Permissions of a lock: it is to be handed on.
const MODE: u32 = 0o644;

/// Freezes the images of `request`, reading manifests and what is needed to tell what they run on, and
/// writes the lock. No layer is read.
///
/// # Errors
/// Those of the registries, all names that cannot be had at once; [`Class::Usage`](crate::words::error::Class::Usage)
/// where something stands at the output that is no lock; those of the disk. Nothing is written then.
pub fn lock(request: &Request, client: &Client, progress: &dyn Progress) -> Result<LockReport> {
    // 1. Can the lock be written, and what stands there?
    ground::check(&request.output)?;
    let there = old_lock::look(&request.output)?;
    let before =
        there.as_ref().filter(|_| request.update).map(old_lock::OldLock::read).transpose()?;

    // 2. What do the names stand for today, and what belongs to that?
    let contents = contents_of(&request.export()?, client, progress)?;

    // 3. Freeze it.
    let weights = Weights::of(&contents);
    let lock = freeze(request, &contents, &weights);
    let bytes = lock.to_bytes(LockForm::of(&request.output))?;
    let digest = Digest::of(&bytes);

    // 4. Write it, whole or not at all; the same one stays.
    let is_same = there.is_some_and(|there| there.digest == digest);
    if !is_same {
        write(&request.output, &bytes)?;
    }
    let changes = request.update.then(|| LockChanges::between(&before.unwrap_or_default(), &lock));
    Ok(LockReport {
        ok: true,
        lock: request.output.clone(),
        digest,
        images: lock.images,
        total: weights.total,
        shared: weights.shared,
        of_referrers: weights.of_referrers,
        changes,
        written: !is_same,
    })
}

fn write(output: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(output, MODE)?;
    file.write_all(bytes)
        .map_err(|e| Error::io(format!("cannot write {}", output.display()), e))?;
    file.commit()
}
