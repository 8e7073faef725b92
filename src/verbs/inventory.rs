//! `inventory`: what a site holds, as a receipt for whoever makes the next bundle for it.

mod against;
mod engine;
mod found;
mod local;
mod look;
mod registry;
mod report;
mod request;
mod walk;

use std::io::Write as _;
use std::path::Path;

pub use self::against::not_held;
use self::found::KeepGoing;
use self::local::OutputPath;
pub(super) use self::registry::TaggedImages;
pub use self::report::{BundleHeld, InventoryReport, MissingImage, PlaceHeld};
pub use self::request::{Against, Request, Stdin};
use crate::bundle::keys::PrivateKey;
use crate::bundle::receipt::{HeldContent, ReadReceipt, Receipt, ReceiptAbout};
use crate::places::location::{Place, Source};
use crate::places::registry::Client;
use crate::tools::file::AtomicFile;
use crate::tools::folder::Folder;
use crate::tools::ground;
use crate::tools::pace::Jobs;
use crate::verbs::export::OpenPlaces;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::words::progress::Progress;
use crate::words::reference::{Registry, Repository};
use crate::work::diff::HeldParts;

/// Permissions of a receipt: it is to be handed on.
const MODE: u32 = 0o644;

/// Looks at the places of `request`, reading manifests alone, and writes the receipt, signed with
/// `key` if there is one.
///
/// # Errors
/// Those of the places, of the records, and of the disk. That a bundle is not all held is none: the
/// report says so.
pub fn inventory(
    request: &Request,
    key: Option<&PrivateKey>,
    client: &Client,
    progress: &dyn Progress,
) -> Result<InventoryReport> {
    // 1. Can the receipt be written?
    if let Some(output) = &request.output {
        ground::check(output)?;
    }
    match (&request.against, request.places.as_slice()) {
        (_, []) => Err(Error::new(Class::Usage, "no place is named")),
        (None, _) => everything(request, key, client, progress),
        (Some(against), [place]) => of_bundles(request, (against, place), key, client, progress),
        (Some(_), _) => Err(Error::new(Class::Usage, "several places are named")
            .hint("ask each by itself whether it holds the bundles")),
    }
}

/// All that `place` holds now, and which of it belongs together, for one who makes no receipt of it.
///
/// # Errors
/// When any of it cannot be read.
pub fn held(
    place: &Place,
    now: Moment,
    (jobs, stdin): (Jobs, Stdin),
    client: &Client,
    progress: &dyn Progress,
) -> Result<(HeldContent, HeldParts)> {
    let request = Request { jobs, stdin, ..Request::new(Vec::new(), None, now) };
    look::all(place, &request, client, progress).map(|found| (found.content, found.parts))
}

/// The tags of `registry`, or of what lies below `path` or is called so, without what they stand for.
///
/// # Errors
/// When the registry does not show what it has. Repositories that cannot be read are told.
pub(super) fn tagged(
    place: (&Registry, Option<&Repository>),
    client: &Client,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<TaggedImages> {
    registry::tagged(place, client, jobs, KeepGoing(true), progress)
}

/// Opens the layouts and archives of `source`, to be read by their manifests.
///
/// # Errors
/// When it cannot be opened.
pub(super) fn opened(
    source: &Source,
    client: &Client,
    stdin: Stdin,
    progress: &dyn Progress,
) -> Result<OpenPlaces> {
    local::opened(source, client, (&OutputPath(Path::new("list")), stdin), progress)
}

/// All that the places hold.
fn everything(
    request: &Request,
    key: Option<&PrivateKey>,
    client: &Client,
    progress: &dyn Progress,
) -> Result<InventoryReport> {
    // 2. What does each place hold?
    let (mut all, mut unread, mut places) = (HeldContent::default(), Vec::new(), Vec::new());
    for place in &request.places {
        let found = look::all(place, request, client, progress)?;
        places.push(PlaceHeld::of(place, &found));
        all.join(found.content);
        unread.extend(found.unread);
    }

    // 3. One receipt of them all.
    let named = request.places.iter().map(ToString::to_string).collect();
    let about = ReceiptAbout::places(request.created_at, named).without(unread);
    let receipt = Receipt::new(about, all);
    let digest = write(&receipt, key, request.output.as_deref())?;
    let key = key.map(|key| key.public().id());
    Ok(InventoryReport::of(&receipt, places, Vec::new()).written(&request.output, digest, key))
}

/// What of some bundles a place holds, and nothing else of it.
fn of_bundles(
    request: &Request,
    (against, place): (&Against, &Place),
    key: Option<&PrivateKey>,
    client: &Client,
    progress: &dyn Progress,
) -> Result<InventoryReport> {
    // 2. What did they bring?
    let records = against.read()?;

    // 3. Is it there?
    let (mut all, mut bundles) = (HeldContent::default(), Vec::new());
    for record in &records {
        let held = against::of_bundle(record, against, place, request, client, progress)?;
        all.join(held.content);
        bundles.push(held.bundle);
    }

    // 4. One receipt of them all, where it is wanted.
    let about = bundles.iter().map(BundleHeld::told).collect();
    let receipt = Receipt::new(ReceiptAbout::bundles(request.created_at, about), all);
    let digest = write(&receipt, key, request.output.as_deref())?;
    let key = key.map(|key| key.public().id());
    Ok(InventoryReport::of(&receipt, Vec::new(), bundles).written(&request.output, digest, key))
}

/// Writes `receipt` where it is to lie, whole or not at all, and gives its digest.
fn write(
    receipt: &Receipt,
    key: Option<&PrivateKey>,
    output: Option<&Path>,
) -> Result<Option<Digest>> {
    output.map(|output| hand_out(receipt, key, output)).transpose()
}

/// Writes `receipt` as the file `output`, whole or not at all, and gives its digest.
///
/// # Errors
/// When it is too large to be read again, and when the disk refuses.
pub(super) fn hand_out(
    receipt: &Receipt,
    key: Option<&PrivateKey>,
    output: &Path,
) -> Result<Digest> {
    let bytes = receipt.to_bytes(key)?;
    // What its readers would refuse is not handed out.
    let digest = ReadReceipt::from_bytes(&bytes, &[])?.digest;
    let (folder, name) = Folder::making(output)?;
    let mut file = AtomicFile::within(&folder, name, MODE)?;
    file.write_all(&bytes)
        .map_err(|e| Error::io(format!("cannot write {}", output.display()), e))?;
    file.commit()?;
    Ok(digest)
}
