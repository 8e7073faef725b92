//! `verify`: every byte of a bundle against what was signed, every problem named.

use serde::Serialize;

use crate::bundle::check::{self, Examined, OtherSignature, Trust};
use crate::bundle::contents::{Image, Skipped};
use crate::bundle::problem::Problem;
use crate::medium::Medium;
use crate::tools::parallel::all_cores;
use crate::verbs::evidence::Evidence;
use crate::verbs::freshness::{Demands, Fresh};
use crate::words::error::Result;
use crate::words::moment::Moment;
use crate::words::progress::Progress;

/// What to verify, and how.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The bundle.
    pub bundle: Medium,
    /// Whom to believe.
    pub trust: Trust,
    /// Which stream it has to be of, and what was taken of that before, where that is asked.
    pub demands: Option<Demands>,
    /// Whether it is remembered as taken once it was found right.
    pub remember: bool,
    /// The time, for the expiry.
    pub now: Moment,
    /// Threads.
    pub jobs: usize,
}

impl Request {
    /// Verifies `bundle` against `trust` at the time `now`, on one thread a core.
    #[must_use]
    pub fn new(bundle: impl Into<Medium>, trust: Trust, now: Moment) -> Request {
        let (bundle, jobs) = (bundle.into(), all_cores());
        Request { bundle, trust, demands: None, remember: false, now, jobs }
    }
}

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// Whether nothing is wrong.
    #[serde(skip)]
    pub ok: bool,
    /// What was signed, when and by whom.
    #[serde(flatten)]
    pub evidence: Evidence,
    /// Signatures that do not count, beside one that does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_signatures: Vec<OtherSignature>,
    /// Its images.
    pub images: Vec<Image>,
    /// What the export was asked for and could not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// Blobs, manifests among them, as the statement counts them.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Recovery data (`repair/*.par2`) that stands beside the bundle and that nobody signed.
    pub unsigned: Vec<String>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
}

/// Verifies as `request` says: on all threads, in flat memory, straight from the medium.
///
/// ```
/// use std::time::SystemTime;
///
/// use sealift::bundle::check::Trust;
/// use sealift::bundle::keys::PublicKey;
/// use sealift::verbs::verify::{Request, verify};
/// use sealift::words::progress::Silent;
///
/// let pem = std::fs::read_to_string("testdata/formats/v1/signer.pub.pem").unwrap();
/// let trust = Trust::Keys(vec![PublicKey::from_pem(&pem)?]);
/// let now = SystemTime::now().try_into()?;
/// let report = verify(&Request::new("testdata/formats/v1/packed.tar", trust, now), &Silent)?;
/// assert!(report.ok && report.problems.is_empty());
/// assert_eq!(report.images.len(), 5);
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// When the bundle is not signed by a trusted key, has expired, or its list of files is not the
/// signed one. What is wrong behind that is in [`Report::problems`], and the caller turns it into
/// a failure with [`failure`](crate::bundle::problem::failure).
pub fn verify(request: &Request, progress: &dyn Progress) -> Result<Report> {
    let mut examined = check::examine(&request.bundle, &request.trust, request.now)?;
    let fresh = match &request.demands {
        Some(demands) => demands.judge(&examined, request.now, request.remember)?,
        None => None,
    };
    examined.hash_everything(request.jobs, progress)?;
    let mut report = report(request, &examined);
    report.evidence.freshness = match &fresh {
        Some(fresh) if request.remember && report.ok => Some(fresh.remember(&progress.handle())?),
        fresh => fresh.as_ref().map(Fresh::told),
    };
    Ok(report)
}

fn report(request: &Request, examined: &Examined) -> Report {
    let about = &examined.statement().predicate;
    Report {
        ok: examined.problems().is_empty(),
        evidence: Evidence::of(&request.bundle, examined, request.now),
        other_signatures: examined.other_signatures().to_vec(),
        images: about.images.clone(),
        skipped: about.skipped.clone(),
        blobs: about.inventory.blobs,
        bytes: about.inventory.bytes,
        unsigned: examined.recovery().map(str::to_owned).collect(),
        problems: examined.problems().to_vec(),
    }
}
