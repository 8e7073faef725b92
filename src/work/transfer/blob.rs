//! [`move_blob`]: one blob on its way, with patience.

use super::fault::at_fault;
use super::owners::Owners;
use crate::storage::reading::from_all_places;
use crate::storage::store::{BlobSink, BlobSource};
use crate::storage::verifying::Verifying;
use crate::tools::retry::Retry;
use crate::words::document::Descriptor;
use crate::words::error::Result;
use crate::words::progress::{Event, Progress};

/// Moves one blob of the image `of`, checked on the way, trying again after transient faults. Gives
/// how many of its bytes an earlier run had left with `sink`.
pub(super) fn move_blob(
    blob: &Descriptor,
    of: &Owners<'_>,
    source: &dyn BlobSource,
    what: &str,
    sink: &dyn BlobSink,
    progress: &dyn Progress,
) -> Result<u64> {
    let of = of.name(&blob.digest);
    progress.event(Event::Started { digest: blob.digest, bytes: blob.size, of });
    let mut again = false;
    // What an attempt that failed had fetched is there for the next one, and came in this run.
    let mut taken = u64::MAX;
    let mut attempt = || {
        // An answer may have got lost after the blob was stored.
        if std::mem::replace(&mut again, true) && sink.kept(blob)? {
            progress.event(Event::Advanced { digest: Some(blob.digest), bytes: blob.size });
            return Ok(());
        }
        let whence = source.whence(blob);
        let what = whence.as_deref().unwrap_or(what);
        let mut content = Verifying::from_source(source, blob, what, progress);
        let done = sink.put(&mut content).map_err(|error| {
            progress.event(Event::Rewound { digest: blob.digest, bytes: content.count() });
            if content.is_at_fault() { at_fault(error) } else { error }
        });
        taken = taken.min(content.taken());
        done
    };
    from_all_places(source, blob, || Retry::default().run(progress, &mut attempt))?;
    progress.event(Event::Finished { digest: blob.digest });
    Ok(if taken > blob.size { 0 } else { taken })
}
