//! `repair`: what is damaged of a bundle, made again from recovery data.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::bundle::check::{self, Examined, Trust};
use crate::bundle::keys::KeyId;
use crate::bundle::problem::{Problem, failure};
use crate::bundle::recovery::{Restoring, SetState, Survey};
use crate::medium::Medium;
use crate::tools::parallel::all_cores;
use crate::words::count::{are, count};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;

/// What to repair, and whom to believe.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The bundle.
    pub bundle: Medium,
    /// Where the repaired one goes; nothing for the place of the damaged one.
    pub output: Option<Medium>,
    /// Who has to have signed it.
    pub trust: Trust,
    /// Whether it is only looked at: nothing is written.
    pub dry_run: bool,
    /// Threads.
    pub jobs: usize,
}

impl Request {
    /// Repairs `bundle` where it is, if it is by whom `trust` says, on one thread a core.
    #[must_use]
    pub fn new(bundle: impl Into<Medium>, trust: Trust) -> Request {
        let (bundle, jobs) = (bundle.into(), all_cores());
        Request { bundle, output: None, trust, dry_run: false, jobs }
    }
}

/// What was repaired, or could not be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The bundle.
    pub bundle: Medium,
    /// Where the repaired one is to be, if that is another place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Medium>,
    /// Whether nothing was to be written.
    pub dry_run: bool,
    /// Whether anything was written.
    pub repaired: bool,
    /// The files that are damaged or missing, or were.
    pub damaged: Vec<String>,
    /// What was lost of what each set of recovery data protects.
    pub sets: Vec<SetState>,
    /// The images that are lost, where it cannot be repaired and that can be told.
    pub lost_images: Vec<Reference>,
    /// The images that are whole all the same, where it cannot be repaired and that can be told.
    pub whole_images: Vec<Reference>,
    /// Whose signatures count of those that it bears, once it was repaired; none where none was asked for.
    pub signers: Vec<KeyId>,
    /// What is wrong with it, where it cannot be repaired.
    #[serde(skip)]
    failure: Option<Error>,
}

impl Summary {
    /// That it cannot be repaired, as one failure.
    #[must_use]
    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }
}

/// Repairs as `request` says. A packed file is made anew beside itself, and takes its place when every byte
/// of it was read and held against the signed list. Of a folder each file is held against the digest in
/// that list before it takes the place of the damaged one, and all of it is read at the end. So a run that
/// is stopped leaves what was there, or what is right, and the same call finishes it.
///
/// # Errors
/// [`Class::Incomplete`] without recovery data; those of the disk, and of reading what was repaired. Where
/// more is lost than can be made again nothing is changed, and [`Summary::failure`] says so.
pub fn repair(request: &Request, progress: &dyn Progress) -> Result<Summary> {
    // 1. What is lost, and can it be made again?
    let bundle = &request.bundle;
    let survey = Survey::of(bundle, &|_, _| false, request.jobs, progress)?;
    let survey = survey.ok_or_else(|| none(bundle))?;
    let mut summary = found(request, &survey);
    if !survey.can_be_repaired() {
        return too_much(request, summary, progress);
    }
    if survey.is_damaged() && request.dry_run {
        return Ok(summary);
    }

    // 2. Make it again, and believe nothing of it before it was read.
    let signers = RefCell::new(Vec::new());
    let check = |made: &Medium| {
        if is_sealed(made, &request.trust)? {
            let text =
                "nobody has looked into it: no identity opens it, and it is as it was protected";
            progress.event(Event::note(text.to_owned()));
            return Ok(());
        }
        let examined = whole(made, request, progress)?;
        *signers.borrow_mut() = examined.signers().to_vec();
        Ok(())
    };
    let (trust, jobs) = (&request.trust, request.jobs);
    let how = Restoring { trust, check: &check, jobs, progress };
    match &request.output {
        _ if !survey.is_damaged() => check(bundle)?,
        Some(copy) => survey.copy_to(copy, &how)?,
        None => survey.in_place(&how)?,
    }
    summary.repaired = survey.is_damaged();
    summary.signers = signers.into_inner();
    Ok(summary)
}

fn found(request: &Request, survey: &Survey) -> Summary {
    Summary {
        bundle: request.bundle.clone(),
        output: request.output.clone(),
        dry_run: request.dry_run,
        repaired: false,
        damaged: survey.damaged(),
        sets: survey.states(),
        lost_images: Vec::new(),
        whole_images: Vec::new(),
        signers: Vec::new(),
        failure: None,
    }
}

/// Whether `bundle` is encrypted and cannot be opened, where nobody's signature is asked for.
fn is_sealed(bundle: &Medium, trust: &Trust) -> Result<bool> {
    if !matches!(trust, Trust::UnsafeAnySigner) || !bundle.is_encrypted()? {
        return Ok(false);
    }
    Ok(bundle.open().is_err_and(|e| e.class() == Class::Untrusted))
}

/// The bundle, or the volume, `made`, of which every byte was read and nothing is wrong.
fn whole(made: &Medium, request: &Request, progress: &dyn Progress) -> Result<Examined> {
    let mut examined = read(made, request, progress)?;
    // That other volumes are elsewhere is no fault of one.
    examined.by_itself();
    match examined.problems().is_empty() {
        true => Ok(examined),
        false => Err(failure(&made.to_string(), examined.problems())),
    }
}

fn read(bundle: &Medium, request: &Request, progress: &dyn Progress) -> Result<Examined> {
    let mut examined = check::examine_expired(bundle, &request.trust)?;
    examined.hash_everything(request.jobs, progress)?;
    Ok(examined)
}

fn none(bundle: &Medium) -> Error {
    Error::new(Class::Incomplete, format!("there is no recovery data of {bundle}"))
        .subject(Subject::Path(bundle.path().to_owned()))
        .hint(phrase!["`", Remedy::Protect, "` makes it, as long as a bundle is whole"])
}

/// What is lost, by the images that need it as far as that can still be read.
fn too_much(request: &Request, summary: Summary, progress: &dyn Progress) -> Result<Summary> {
    let lost: usize = summary.sets.iter().map(|set| set.lost_slices).sum();
    let lacking: usize = summary.sets.iter().map(SetState::lacking).sum();
    let text = format!(
        "{} cannot be repaired: {} {} lost, and {} {} lacking to make all of that again",
        request.bundle,
        count(lost, "slice"),
        are(lost),
        count(lacking, "recovery slice"),
        are(lacking),
    );
    let error = Error::new(Class::Damaged, text)
        .subject(Subject::Path(request.bundle.path().to_owned()))
        .hint("copy it from its origin again; nothing was changed");
    let examined = match read(&request.bundle, request, progress) {
        Ok(examined) => examined,
        Err(e) if e.class() == Class::Interrupted => return Err(e),
        Err(e) => {
            let details = vec![e.words(), "which images are lost cannot be told".into()];
            return Ok(Summary { failure: Some(error.details(details)), ..summary });
        }
    };
    let whole: BTreeSet<Reference> = examined.intact().into_iter().collect();
    let names = examined.contents().images.iter().map(|image| image.name.clone());
    let (whole_images, lost_images): (Vec<Reference>, Vec<Reference>) =
        names.partition(|name| whole.contains(name));
    let details = lost_images.iter().map(|name| format!("lost: {name}"));
    let details = details.chain(whole_images.iter().map(|name| format!("whole: {name}")));
    let details = details.chain(examined.problems().iter().map(Problem::to_string));
    let failure = Some(error.details(details));
    Ok(Summary { lost_images, whole_images, failure, ..summary })
}
