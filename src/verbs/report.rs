//! `report`: what a bundle holds and whose word that is, on one page for those who decide about it.

mod accompanying;
mod bundle_report;
mod check_walk;
mod escape;
mod image;
mod manifest;
mod markdown;
mod page;
mod picture;
mod request;
mod screened;
mod view;

pub use self::bundle_report::{BundleReport, ReportedChanges};
pub use self::image::ReportedImage;
pub use self::manifest::{NamedBase, ReportedManifest};
pub use self::markdown::write_markdown;
pub use self::page::{served_bundles, served_page, write_page};
pub use self::request::Request;
use crate::bundle::bases::Bases;
use crate::bundle::check;
use crate::bundle::record::Record;
use crate::verbs::diff::Compared;
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::work::diff::{Difference, ImageSet};

/// Reports as `request` says. Every byte of the bundle is read first, as `verify` does it.
///
/// ```
/// use std::time::SystemTime;
///
/// use sealift::bundle::check::Trust;
/// use sealift::bundle::keys::PublicKey;
/// use sealift::verbs::report::{Request, report, write_page};
/// use sealift::words::progress::Silent;
///
/// let pem = std::fs::read_to_string("testdata/formats/v1/signer.pub.pem").unwrap();
/// let trust = Trust::Keys(vec![PublicKey::from_pem(&pem)?]);
/// let now = SystemTime::now().try_into()?;
/// let told = report(&Request::new("testdata/formats/v1/packed.tar", trust, now), &Silent)?;
/// assert!(told.trusted && told.images.len() == 5);
/// let mut page = Vec::new();
/// write_page(&told, &mut page)?;
/// assert!(page.starts_with(b"<!DOCTYPE html>"));
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// When the bundle is not signed by a trusted key, or anything of it is damaged or missing: then there
/// is no report. The same of the earlier one, as far as [`Record::read`] looks. That it has expired is
/// no failure here: [`BundleReport`] says it.
pub fn report(request: &Request, progress: &dyn Progress) -> Result<BundleReport> {
    // 1. Is it what was signed, to the last byte?
    let bundle = check::examine_expired(&request.bundle, &request.trust)?.into_trusted()?;
    let bases = Bases::open(&request.bases, &request.bundle, &progress.handle())?;
    let bundle = bundle.beside(bases).verify(request.jobs, progress)?;

    // 2. What was there before?
    let record = |medium| Ok((medium, Record::read(medium, &request.trust)?));
    let before: Option<Result<_>> = request.against.as_ref().map(record);
    let before = before.transpose()?;

    // 3. What does it hold, and what changes?
    let mut told = BundleReport::of(&request.bundle, &bundle, request.now, progress)?;
    if let Some((medium, record)) = before {
        let set = ImageSet::of(record.contents());
        let after = ImageSet::of(bundle.trusted().contents());
        let difference = Difference::between(&set, &after);
        let before = Compared::bundle(medium, &record, request.now, &set);
        told.compare(ReportedChanges { before, difference });
    }
    Ok(told)
}
