//! [`Prospect`]: whether what is wrong with a bundle can be made good.

use serde::Serialize;

use crate::bundle::check::ProvenBytes;
use crate::bundle::problem::{Problem, ProblemKind};
use crate::bundle::recovery::{SetState, Survey, is_head};
use crate::medium::Medium;
use crate::words::count::{are, count};
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::progress::Progress;
use crate::words::remedy::Remedy;

/// How far into a packed file the list of files and its signatures lie at most, in nearly all.
const HEADS: u64 = 8 << 20;

/// Whether what is wrong with a bundle can be repaired from the recovery data beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Prospect {
    /// Whether it can.
    pub possible: bool,
    /// What is lost of what each set of recovery data protects.
    pub sets: Vec<SetState>,
    /// Why nobody can say, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Prospect {
    /// That of `bundle`, in which `problems` were found and all that is `proven` is right; nothing where
    /// it has no recovery data, or none would help; for one on another machine none is looked for. Only what
    /// is not proven is read.
    ///
    /// # Errors
    /// When it is stopped.
    pub(super) fn of(
        bundle: &Medium,
        problems: &[Problem],
        proven: &ProvenBytes,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<Option<Prospect>> {
        let is_spare = |problem: &Problem| problem.kind == ProblemKind::Extra;
        if bundle.is_remote() || problems.iter().all(is_spare) {
            return Ok(None);
        }
        told(Survey::of(bundle, &|file, bytes| proven.has(file, bytes), jobs, progress))
    }

    /// Adds to `error`, with which `bundle` could not be looked at, that it can be repaired, if it can;
    /// that it was stopped where it was.
    pub(super) fn despite(
        error: Error,
        bundle: &Medium,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Error {
        if bundle.is_remote() {
            return error;
        }
        let is_folder = bundle.path().is_dir();
        // Where it may only not be by whom it should be, no more is read than what says that.
        let is_known = |file: &str, bytes: &std::ops::Range<u64>| match is_folder {
            true => !is_head(file),
            false => bytes.start > HEADS,
        };
        let are_heads_damaged = match error.class() {
            Class::Damaged | Class::Incomplete => true,
            Class::Untrusted => match Survey::of(bundle, &is_known, jobs, progress) {
                Ok(survey) => survey.is_some_and(|survey| survey.is_damaged()),
                Err(e) if e.class() == Class::Interrupted => return e,
                Err(_) => false,
            },
            _ => false,
        };
        if !are_heads_damaged {
            return error;
        }
        let survey = Survey::of(bundle, &|_, _| false, jobs, progress);
        match told(survey) {
            Ok(Some(prospect)) if prospect.possible => prospect.hint(error, bundle),
            Ok(_) => error,
            Err(stopped) => stopped,
        }
    }

    /// `failure` of `bundle`, with what is known of a way out.
    pub(super) fn on(&self, failure: Error, bundle: &Medium) -> Error {
        if self.possible {
            return self.hint(failure, bundle);
        }
        let lacking: usize = self.sets.iter().map(SetState::lacking).sum();
        let why = match (&self.reason, lacking) {
            (Some(reason), _) => format!("it cannot be repaired: {reason}"),
            (None, 0) => {
                "it cannot be repaired: the recovery data was made of it as it is".to_owned()
            }
            (None, _) => format!(
                "it cannot be repaired: {}, and {} {} lacking",
                self.lost(),
                count(lacking, "recovery slice"),
                are(lacking)
            ),
        };
        failure.details([why])
    }

    fn hint(&self, error: Error, bundle: &Medium) -> Error {
        // Volumes that lie at several places are repaired one by one.
        let damaged = self.sets.iter().find(|set| set.lost_slices > 0).map(|set| &set.of);
        let named =
            if bundle.places().nth(1).is_none() { bundle } else { damaged.unwrap_or(bundle) };
        error.hint(phrase![
            format!("{}, and can be made again: `", self.lost()),
            Remedy::Repair,
            format!(" {named}`")
        ])
    }

    fn lost(&self) -> String {
        let sum = |of: fn(&SetState) -> usize| self.sets.iter().map(of).sum::<usize>();
        let lost = sum(|set| set.lost_slices);
        format!("{lost} of {} {} lost", count(sum(|set| set.slices), "slice"), are(lost))
    }
}

/// What a survey comes to.
fn told(survey: Result<Option<Survey>>) -> Result<Option<Prospect>> {
    match survey {
        Ok(survey) => Ok(survey.map(|survey| Prospect {
            possible: survey.is_damaged() && survey.can_be_repaired(),
            sets: survey.states(),
            reason: None,
        })),
        Err(e) if e.class() == Class::Interrupted => Err(e),
        Err(e) => {
            let reason = Some(e.spelled());
            Ok(Some(Prospect { possible: false, sets: Vec::new(), reason }))
        }
    }
}
