//! `verify`: every byte of a bundle against what was signed, every problem named.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::bundle::bases::Bases;
use crate::bundle::check::{self, Examined, OtherSignature, Trust, Trusted, VolumeAlone};
use crate::bundle::contents::{Image, Skipped};
use crate::bundle::ledger::LedgerVerb;
use crate::bundle::problem::{Problem, failure};
use crate::bundle::screening::Screening;
use crate::medium::Medium;
use crate::places::location::Destination;
use crate::places::registry::Client;
use crate::tools::parallel::all_cores;
use crate::tools::sound::Sound;
use crate::tools::uncached::ReadBack;
use crate::verbs::evidence::Evidence;
use crate::verbs::freshness::{Demands, Fresh};
use crate::verbs::import::{self, Outcome};
use crate::verbs::making::tell;
pub use crate::verbs::prospect::Prospect;
use crate::verbs::recording::{LedgerKeeper, LedgerRun, of_bundle, of_request};
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::moment::Moment;
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::graph::Rewrite;
use crate::work::mapping::NameRule;
use crate::work::plan::{MissingBlob, OnExisting};

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
    /// Whether the bundle is read as its medium gives it, past what the system has of it in memory.
    pub verify_media: bool,
    /// Earlier bundles and layouts at hand, for what the bundle does not carry.
    pub bases: Vec<Medium>,
    /// The rules for names with which it is imported to the place that it is held against; the first
    /// that matches decides.
    pub rules: Vec<NameRule>,
    /// Whether only the last part of each name is kept there.
    pub flatten: bool,
    /// What is written anew for that place.
    pub rewrite: Rewrite,
    /// Where it is noted what is done, if anywhere.
    pub ledger: Option<LedgerKeeper>,
}

impl Request {
    /// Verifies `bundle` against `trust` at the time `now`, on one thread a core.
    #[must_use]
    pub fn new(bundle: impl Into<Medium>, trust: Trust, now: Moment) -> Request {
        let (bundle, jobs) = (bundle.into(), all_cores());
        Request {
            bundle,
            trust,
            demands: None,
            remember: false,
            now,
            jobs,
            verify_media: false,
            bases: Vec::new(),
            rules: Vec::new(),
            flatten: false,
            rewrite: Rewrite::default(),
            ledger: None,
        }
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
    /// The volume, where it is one of several that was verified, and no more than it proves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeAlone>,
    /// Its images.
    pub images: Vec<Image>,
    /// What the export was asked for and could not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// What the sender held the images against before they were let in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub screenings: Vec<Screening>,
    /// The SHA-256 of each lock that was among the lists which asked for the images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Digest>,
    /// Blobs, manifests among them, as the statement counts them.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Recovery data (`repair/*.par2`) that stands beside the bundle and that nobody signed.
    pub unsigned: Vec<String>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// Whether what is wrong can be repaired, where something is and there is recovery data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Prospect>,
    /// The images that are whole all the same, where anything is wrong: an import can take those alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intact: Option<Vec<Reference>>,
    /// How it was read back from its medium, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
    /// The place that it was held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Whether bundle, bases and place were proven to have everything together.
    #[serde(skip)]
    pub proven: bool,
    /// Where it was held against a place or bases: blobs that neither those nor the bundle have, for
    /// each image that needs them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingBlob>,
}

impl Report {
    /// What is wrong, as one failure.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        match self.problems.is_empty() {
            true => {
                let missing = MissingBlob::obstacle(&self.missing, self.against.as_deref());
                missing.map(|it| it.error().context(&self.evidence.bundle))
            }
            false => {
                let failure = failure(&self.evidence.bundle.to_string(), &self.problems);
                Some(match &self.repair {
                    Some(prospect) => prospect.on(failure, &self.evidence.bundle),
                    None => failure,
                })
            }
        }
    }
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
/// signed one. What is wrong behind that is in [`Report::problems`], and [`Report::failure`] makes a
/// failure of it.
pub fn verify(request: &Request, progress: &dyn Progress) -> Result<Report> {
    noted(request, progress, |run| by_itself(request, run, progress))
}

fn by_itself(request: &Request, run: &LedgerRun<'_>, progress: &dyn Progress) -> Result<Report> {
    let (mut report, bundle, fresh) = alone(request, run, progress)?;
    if let Some(bundle) = bundle.filter(|_| !request.bases.is_empty()) {
        let bundle = beside(bundle, request, progress)?;
        bundle.hash_from_bases(|_| true, &Sound::default(), request.jobs, progress)?;
        let blobs = &bundle.contents().blobs;
        let lacking = blobs.lacking().map(|blob| blob.digest).collect();
        report.missing = MissingBlob::among(bundle.contents(), &lacking);
        report.proven = report.missing.is_empty();
        report.ok = report.proven;
    }
    settle(report, fresh, request, progress)
}

/// As [`verify`], and proves that everything is there together with what the place `to` holds, as an
/// import there would: nothing is changed. Of the bases that is read which the place does not hold.
///
/// # Errors
/// As there, and when the place cannot be asked.
pub fn verify_against(
    request: &Request,
    to: &Destination,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Report> {
    noted(request, progress, |run| at_place(request, run, to, client, progress))
}

fn at_place(
    request: &Request,
    run: &LedgerRun<'_>,
    to: &Destination,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Report> {
    run.know(|event| event.place = Some(to.to_string()));
    let (report, bundle, fresh) = alone(request, run, progress)?;
    let mut report = Report { against: Some(to.to_string()), ..report };
    let Some(bundle) = bundle else { return settle(report, fresh, request, progress) };
    let (trust, now) = (request.trust.clone(), request.now);
    let plans = import::Request {
        bases: request.bases.clone(),
        rules: request.rules.clone(),
        flatten: request.flatten,
        rewrite: request.rewrite,
        existing: OnExisting::Overwrite,
        dry_run: true,
        ..import::Request::new(request.bundle.clone(), to.clone(), trust, now)
    };
    if let Outcome::Planned(plan) = import::outlook(&plans, client, progress)? {
        let sent: BTreeSet<Digest> = plan.sent().map(|blob| blob.digest).collect();
        let bundle = beside(bundle, request, progress)?;
        let is_sent = |digest: &Digest| sent.contains(digest);
        bundle.hash_from_bases(is_sent, &Sound::default(), request.jobs, progress)?;
        report.missing = plan.missing;
    }
    report.proven = report.missing.is_empty();
    report.ok = report.proven;
    settle(report, fresh, request, progress)
}

/// Notes what `verify` came to.
fn noted(
    request: &Request,
    progress: &dyn Progress,
    verify: impl FnOnce(&LedgerRun<'_>) -> Result<Report>,
) -> Result<Report> {
    let run = LedgerRun::new(request.ledger.as_ref(), LedgerVerb::Verify);
    run.check()?;
    run.know(|event| of_request(event, request.bundle.path(), &request.trust));
    let result = verify(&run);
    run.end(result, progress, |report, event| {
        let event = event
            .count("images", report.images.len() as u64)
            .count("blobs", report.blobs)
            .count("bytes", report.bytes)
            .count("problems", report.problems.len() as u64);
        (event, report.failure())
    })
}

/// The bundle by itself, with every byte read; itself only if nothing is wrong with it.
fn alone(
    request: &Request,
    run: &LedgerRun<'_>,
    progress: &dyn Progress,
) -> Result<(Report, Option<Trusted>, Option<Fresh>)> {
    let bundle = request.bundle.clone();
    let bundle = if request.verify_media { bundle.past_cache() } else { bundle };
    let jobs = request.jobs;
    let mut examined = check::examine(&bundle, &request.trust, request.now)
        .map_err(|error| Prospect::despite(error, &bundle, jobs, progress))?;
    run.know(|event| of_bundle(event, &examined));
    examined.volumes_twice().iter().for_each(|text| progress.event(Event::note(text.clone())));
    let fresh = match &request.demands {
        Some(demands) => demands.judge(&examined, request.now, request.remember)?,
        None => None,
    };
    examined.hash_everything(request.jobs, progress)?;
    // What is whole in a volume is so without the others.
    let intact = examined.intact();
    let volume = examined.by_itself();
    let problems = examined.problems();
    let repair = Prospect::of(&bundle, problems, &examined.proven(), jobs, progress)?;
    let report = report(request, &examined);
    let report = Report { repair, volume, intact: (!report.ok).then_some(intact), ..report };
    if request.verify_media {
        tell(report.read_back, progress);
    }
    if report.volume.is_some() && report.ok {
        return Ok((report, None, None));
    }
    Ok((report, examined.into_trusted().ok(), fresh))
}

/// What is told of its place in its stream, which is remembered if that was asked for and nothing is
/// wrong.
fn settle(
    mut report: Report,
    fresh: Option<Fresh>,
    request: &Request,
    progress: &dyn Progress,
) -> Result<Report> {
    report.evidence.freshness = match &fresh {
        Some(fresh) if request.remember && report.ok => Some(fresh.remember(&progress.handle())?),
        fresh => fresh.as_ref().map(Fresh::told),
    };
    Ok(report)
}

fn beside(bundle: Trusted, request: &Request, progress: &dyn Progress) -> Result<Trusted> {
    Ok(bundle.beside(Bases::open(&request.bases, &request.bundle, &progress.handle())?))
}

fn report(request: &Request, examined: &Examined) -> Report {
    let about = &examined.statement().predicate;
    Report {
        ok: examined.problems().is_empty(),
        evidence: Evidence::of(&request.bundle, examined, request.now),
        other_signatures: examined.other_signatures().to_vec(),
        volume: None,
        images: about.images.clone(),
        skipped: about.skipped.clone(),
        screenings: about.screenings.clone(),
        locks: about.locks.clone(),
        blobs: about.inventory.blobs,
        bytes: about.inventory.bytes,
        unsigned: examined.recovery().map(str::to_owned).collect(),
        problems: examined.problems().to_vec(),
        intact: None,
        repair: None,
        read_back: examined.read_back(),
        against: None,
        proven: false,
        missing: Vec::new(),
    }
}
