//! [`admitted`]: whether the images that are to be brought are let in.

use super::ready::Ready;
use super::request::Request;
use crate::bundle::contents::Contents;
use crate::verbs::admission::PartReading;
use crate::words::error::Result;
use crate::words::progress::Progress;

/// Holds the images of `contents`, a part of the bundle, against the policies of `request`, and notes what these say.
///
/// # Errors
/// [`Class::Untrusted`](crate::words::error::Class::Untrusted), with every rule that is broken; when a config
/// cannot be read.
pub(super) fn admitted(
    request: &Request,
    ready: &Ready<'_>,
    contents: &Contents,
    progress: &dyn Progress,
) -> Result<()> {
    let cancel = progress.handle();
    let reading = PartReading::of_bundle(&ready.bundle, request.jobs.most, &cancel);
    let admitted = request.admission.of_contents(contents, &reading, request.now)?;
    admitted.tell(progress);
    ready.run.know(|event| admitted.enter(event));
    Ok(())
}
