//! [`scan`]: the images of a bundle are scanned before anything is written at the destination.

use super::ready::Ready;
use super::request::Request;
use crate::bundle::contents::Contents;
use crate::words::count::count;
use crate::words::error::{Class, Result, Side};
use crate::words::progress::{Event, Progress};
use crate::work::scan;

/// Has `contents`, a part of the bundle, scanned as `request` says, and notes what was said. What the bundle
/// does not carry was let in before, and is told. In a dry run it is said what would be scanned.
///
/// # Errors
/// As [`scan`](scan::scan).
pub(super) fn scan(
    request: &Request,
    ready: &Ready<'_>,
    contents: &Contents,
    progress: &dyn Progress,
) -> Result<()> {
    let scans = &request.scans;
    if scans.is_empty() {
        return Ok(());
    }
    let tools = scans.tools(&progress.handle())?;
    let lacking = contents.blobs.lacking().count();
    if lacking > 0 {
        let text =
            format!("{} that the bundle does not carry: not scanned", count(lacking, "layer"));
        progress.event(Event::note(text));
    }
    if request.dry_run {
        let lines = scan::outlook(scans, contents)?;
        lines.into_iter().for_each(|line| progress.event(Event::note(line)));
        return Ok(());
    }
    let said = scan::scan(scans, &tools, contents, &*ready.bundle, progress);
    let said = said.map_err(|e| match e.class() {
        Class::Damaged | Class::Incomplete => e.on_unless_noted(Side::Source),
        _ => e,
    })?;
    ready.run.know(|event| event.screenings.extend(said));
    for scanner in &scans.scanners {
        let images = count(contents.images.len(), "image");
        progress.event(Event::note(format!("{scanner} found nothing in {images}")));
    }
    Ok(())
}
