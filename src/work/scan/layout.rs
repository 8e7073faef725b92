//! [`image_layout`]: an image by itself, in an OCI layout.

use super::content::write;
use crate::bundle::contents::Contents;
use crate::bundle::head::index_json;
use crate::bundle::subset::{Referring, subset};
use crate::places::engine::Scratch;
use crate::storage::store::BlobSources;
use crate::storage::verifying::Verifying;
use crate::tools::folder::Folder;
use crate::tools::room;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Side};
use crate::words::phrase::phrase;
use crate::words::progress::Progress;
use crate::words::remedy::Remedy;

/// What the file `oci-layout` says (OCI image-spec, image-layout.md).
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Lays the image `root` in `scratch`, with all that it consists of and without what refers to it.
///
/// # Errors
/// [`Class::Incomplete`] where a part of it is not carried; those of the source and of the disk.
pub(super) fn image_layout(
    root: Digest,
    (contents, sources): (&Contents, &dyn BlobSources),
    scratch: &Scratch,
    progress: &dyn Progress,
) -> Result<()> {
    let first = contents.images.iter().find(|image| image.digest == root);
    let name = first.map(|image| &image.name);
    let part: Contents = subset(contents, &Referring::default(), |image| Some(&image.name) == name);
    room::check(scratch.path(), part.bytes(), "to lay an image down that is scanned")
        .map_err(|e| e.hint(phrase!["lay it elsewhere: ", Remedy::ScanScratch, " DIR"]))?;
    let make = |folder: &Folder, name: &str| {
        let made = folder.make_below(name, 0o700);
        made.map_err(|e| Error::io(format!("cannot make {}", folder.at(name).display()), e))
    };
    let folder = scratch.folder();
    write(folder, "oci-layout", &mut &*LAYOUT)?;
    write(folder, "index.json", &mut &index_json(&part)[..])?;
    let blobs = make(&make(folder, "blobs")?, "sha256")?;
    for (digest, document) in &part.documents {
        write(&blobs, &digest.hex(), &mut document.raw())?;
    }
    if let Some(lacking) = part.blobs.lacking().next() {
        let text = format!(
            "{} is not carried, and an image is to be scanned whole that needs it",
            lacking.digest
        );
        return Err(Error::new(Class::Incomplete, text)
            .hint("scan the layers that are carried, with {dir} in place of {layout}"));
    }
    for blob in part.blobs.needed() {
        progress.check()?;
        let (source, place) = sources.source_of(&blob.digest)?;
        let place = source.whence(blob).unwrap_or_else(|| place.to_owned());
        let mut bytes = Verifying::from_source(source, blob, &place, progress);
        write(&blobs, &blob.digest.hex(), &mut bytes)
            .map_err(|e| if bytes.is_at_fault() { e.on_unless_noted(Side::Source) } else { e })?;
    }
    Ok(())
}
