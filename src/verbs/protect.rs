//! `protect`: recovery data for a bundle, by which damage to it is made good.

use serde::Serialize;

use crate::bundle::check::{self, Trust};
use crate::bundle::problem::failure;
use crate::bundle::recovery::{self, Protection, Redundancy, SetLayout};
use crate::medium::Medium;
use crate::tools::parallel::all_cores;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::words::remedy::Remedy;

/// What to protect, and how well.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The bundle.
    pub bundle: Medium,
    /// How much recovery data is made.
    pub redundancy: Redundancy,
    /// Threads.
    pub jobs: usize,
}

impl Request {
    /// Protects `bundle` with 5% of recovery data, on one thread a core.
    #[must_use]
    pub fn new(bundle: impl Into<Medium>) -> Request {
        let (bundle, jobs) = (bundle.into(), all_cores());
        Request { bundle, redundancy: Redundancy::default(), jobs }
    }
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The bundle.
    pub bundle: Medium,
    /// Its recovery data.
    #[serde(flatten)]
    pub protected: Protected,
}

/// The recovery data of a bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Protected {
    /// The files with recovery data, beside the bundle or its volumes, or in `repair/` of a folder.
    pub files: Vec<String>,
    /// How many bytes they have.
    pub bytes: u64,
    /// How it was cut, unless it is in volumes.
    #[serde(flatten)]
    pub layout: Option<SetLayout>,
    /// Each of its volumes, where it is a folder of those.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<ProtectedVolume>,
    /// Whether all of that was there already.
    pub was_there: bool,
}

/// A volume with its own recovery data.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProtectedVolume {
    /// The volume.
    pub volume: Medium,
    /// How many bytes its recovery data has.
    pub bytes: u64,
    /// How it was cut.
    #[serde(flatten)]
    pub layout: SetLayout,
    /// Whether all of that was there already.
    pub was_there: bool,
}

/// Makes recovery data as `request` says. No key is needed: it is outside of what is signed, and what is
/// repaired with it is held against that.
///
/// # Errors
/// When the bundle is not what its own list of files says, whoever signed that; and those of
/// [`recovery::protect`].
pub fn protect(request: &Request, progress: &dyn Progress) -> Result<Summary> {
    // 1. Damage is not protected.
    let Request { bundle, redundancy, jobs } = request;
    look(bundle, *jobs, progress)?;

    // 2. Make it, unless it is there.
    let protected = add(bundle, *redundancy, *jobs, progress)?;
    Ok(Summary { bundle: bundle.clone(), protected })
}

/// Fails when what is there of `bundle` is not as it was made. What nobody can open is taken as it is.
fn look(bundle: &Medium, jobs: usize, progress: &dyn Progress) -> Result<()> {
    for part in recovery::parts(bundle)? {
        if part.is_encrypted()? {
            progress.event(Event::note(format!(
                "{part} is encrypted: it is protected as it lies, whether it is damaged already or not"
            )));
            return Ok(());
        }
    }
    let mut examined = check::examine_expired(bundle, &Trust::UnsafeAnySigner)?;
    examined.hash_everything(jobs, progress)?;
    // Each volume is protected by itself.
    examined.forget_other_volumes();
    match examined.problems() {
        [] => Ok(()),
        problems => Err(failure(&bundle.to_string(), problems)),
    }
}

/// Makes recovery data for `bundle`, whose bytes are right.
///
/// # Errors
/// Those of [`recovery::protect`].
pub(super) fn add(
    bundle: &Medium,
    redundancy: Redundancy,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Protected> {
    let parts = recovery::parts(bundle)?;
    let is_itself = parts.iter().all(|part| part == bundle);
    let (files, volumes) = (Vec::new(), Vec::new());
    let mut all = Protected { files, bytes: 0, layout: None, volumes, was_there: true };
    for part in parts {
        let made = recovery::protect(&part, redundancy, jobs, progress)?;
        let Protection { layout, files, bytes, was_there } = made;
        all.files.extend(files);
        all.bytes += bytes;
        all.was_there &= was_there;
        match is_itself {
            true => all.layout = Some(layout),
            false => {
                all.volumes.push(ProtectedVolume { volume: part, bytes, layout, was_there });
            }
        }
    }
    Ok(all)
}

/// Fails where `output` will have no volumes to be protected once it is finished.
pub(super) fn possible(output: &Medium, redundancy: Option<Redundancy>) -> Result<()> {
    match (output.drive(), redundancy) {
        (Some(_), Some(_)) => {
            let text =
                "volumes that go onto media one after the other get no recovery data with them";
            Err(Error::new(Class::Usage, text).hint(phrase![
                "take smaller ones, and protect each on its medium with ",
                Remedy::Protect
            ]))
        }
        _ => Ok(()),
    }
}

/// As [`add`], for a bundle that was just finished: it is so, whatever becomes of its recovery data.
///
/// # Errors
/// As there, with the way to make the rest.
pub(super) fn add_to_finished(
    bundle: &Medium,
    redundancy: Redundancy,
    progress: &dyn Progress,
) -> Result<Protected> {
    add(bundle, redundancy, all_cores(), progress).map_err(|error| {
        error
            .context(format!("bundle {bundle} is complete, and its recovery data is not"))
            .hint_too("; then ", phrase![Remedy::Protect, format!(" {bundle} makes the rest")])
    })
}
