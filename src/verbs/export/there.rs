//! [`There`]: what stands under the name of the bundle already. The same bundle is done; anything
//! else is left as it is.

use std::io;

use super::request::Request;
use super::summary::{Summary, held, volume_dir};
use crate::bundle::check::{self, Examined, Trust};
use crate::bundle::contents::Contents;
use crate::bundle::draft::{Draft, taken};
use crate::bundle::history::Opening;
use crate::bundle::keys::PublicKey;
use crate::bundle::problem::{Problem, ProblemKind, failure};
use crate::bundle::statement::Predicate;
use crate::medium::Medium;
use crate::tools::parallel::all_cores;
use crate::tools::uncached::ReadBack;
use crate::verbs::making::tell;
use crate::verbs::numbered::holds;
use crate::verbs::sequel::Sequel;
use crate::words::count::count;
use crate::words::error::{Class, Error, ErrorKind, Result, Subject};
use crate::words::phrase::phrase;
use crate::words::progress::Progress;
use crate::words::remedy::Remedy;
use crate::work::plan::Count;

/// A bundle that is there, signed by the same key.
pub(super) struct There(Examined, PublicKey);

impl There {
    /// What is at the output of `request`, which `key` is to sign, if anything.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::words::error::Class::Usage) for what is no bundle of the same key, or
    /// is not whole; that of the disk.
    pub(super) fn look(request: &Request, key: &PublicKey) -> Result<Option<There>> {
        let output = &request.output;
        match output.is_taken() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            // What is in the way of it is told next.
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => return Ok(None),
            Err(e) => return Err(Error::io(format!("cannot look at {output}"), e)),
        }
        let trust = Trust::Keys(vec![key.clone()]);
        let medium = match request.verify_media {
            true => output.clone().past_cache(),
            false => output.clone(),
        };
        if request.update {
            let there = There(outdated(&medium, &trust)?, key.clone());
            return there.goes_on_in_stream(request).map(|()| Some(there));
        }
        // Volumes that went onto media are not here to be looked at.
        if output.drive().is_some() {
            let record = Draft::record_of(output).ok_or_else(|| taken(output.path()))?;
            let found = check::examine(&record, &trust, request.created_at);
            let found = found.map(Examined::with_layers_elsewhere);
            let found = found.ok().filter(|found| found.problems().is_empty());
            let found = found.ok_or_else(|| taken(output.path()))?;
            return Ok(Some(There(found, key.clone())));
        }
        match check::examine(&medium, &trust, request.created_at) {
            // Cut otherwise, it is another one for whoever writes discs.
            Ok(found)
                if found.problems().is_empty()
                    && found.volume_size() == output.cutting().map(|by| by.volume_size) =>
            {
                Ok(Some(There(found, key.clone())))
            }
            // It may be the same one, or not: nobody can tell.
            Ok(found) if failure("", found.problems()).kind() == ErrorKind::Unreadable => {
                Err(failure(&output.to_string(), found.problems()))
            }
            Err(e) if e.kind() == ErrorKind::Unreadable => Err(e),
            // What it is instead does not matter: it stays.
            _ => Err(taken(output.path())),
        }
    }

    /// Refuses to bring a bundle of a stream up to date as one of another, or of none: it would have
    /// no number any more, and the other side would not take it.
    fn goes_on_in_stream(&self, request: &Request) -> Result<()> {
        let Some(position) = self.0.statement().predicate.position() else { return Ok(()) };
        match request.stream.as_ref().is_some_and(|asked| asked.name == position.stream) {
            true => Ok(()),
            false => {
                let text = format!("{} is {position}", request.output);
                let hint = phrase![
                    "name its stream with ",
                    Remedy::Stream,
                    format!(" {}, or another output", position.stream)
                ];
                Err(Error::new(Class::Usage, text)
                    .subject(Subject::Path(request.output.path().to_owned()))
                    .hint(hint))
            }
        }
    }

    /// Why an export that would say what is `wanted` would make another bundle than this one, if it would.
    pub(super) fn difference(&self, request: &Request, wanted: &Predicate) -> Option<Error> {
        let there = &self.0.statement().predicate;
        if !self.0.problems().is_empty() {
            return Some(failure(self.0.name(), self.0.problems()));
        }
        // When it was made is no matter of what is in it; for how long it holds is.
        let (asked, has) = (
            holds(request.created_at, request.expires_at),
            holds(there.created_at, there.expires_at),
        );
        let mut wanted = Predicate {
            tool: there.tool.clone(),
            created_at: there.created_at,
            expires_at: there.expires_at,
            ..wanted.clone()
        };
        let position = there.position();
        if let (Some(position), Some(asked)) = (&position, &request.stream)
            && position.stream == asked.name
        {
            // It has its number already.
            wanted = wanted.at(position.clone(), there.previous.clone());
        }
        // What scanners found on the day that it was made holds of it.
        let Some(said) = request.scans.said(there) else {
            let text = "it does not say that these scanners have seen it".to_owned();
            return Some(taken(request.output.path()).details([text]));
        };
        wanted = wanted.screened_too(said);
        let begins = request.stream.as_ref().map(|asked| &asked.opening);
        let is_other_epoch = match (&position, begins) {
            (Some(position), Some(Opening::NewEpoch(Some(epoch)))) => {
                (position.epoch, position.sequence) != (*epoch, 1)
            }
            _ => false,
        };
        if wanted != *there || is_other_epoch || position.is_some() != request.stream.is_some() {
            let text = "it holds something else".to_owned();
            return Some(taken(request.output.path()).details([text]));
        }
        if asked != has {
            let days = |seconds: Option<i64>| match seconds {
                Some(seconds) => {
                    format!("expires {} after it was made", count(days(seconds), "day"))
                }
                None => "does not expire".to_owned(),
            };
            let text = format!(
                "it holds the same, and {}; one that {} was asked for",
                days(has),
                days(asked)
            );
            return Some(taken(request.output.path()).details([text]));
        }
        None
    }

    /// Reads it back from its medium, where that is asked for.
    ///
    /// # Errors
    /// [`Class::Damaged`](crate::words::error::Class::Damaged) for anything else than was signed.
    pub(super) fn read_back(
        &mut self,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Option<ReadBack>> {
        let Some(way) = self.0.read_back().filter(|_| !request.dry_run) else { return Ok(None) };
        self.0.hash_everything(all_cores(), progress)?;
        match self.0.problems() {
            [] => tell(Some(way), progress),
            problems => return Err(failure(self.0.name(), problems)),
        }
        Ok(Some(way))
    }

    /// The summary of an export that has nothing to do, as it would make this bundle.
    ///
    /// # Errors
    /// When the history of its stream cannot know it.
    pub(super) fn same(
        &self,
        request: &Request,
        contents: Contents,
        predicate: Predicate,
    ) -> Result<Summary> {
        if let (Some(Sequel { name, history, .. }), false) = (&request.stream, request.dry_run) {
            history.admit(name, &self.1, &request.output)?;
        }
        if !request.dry_run {
            Draft::keep_name(&request.output)?;
        }
        let reused = contents.blobs.carried().collect();
        let held = held(&contents);
        Ok(Summary {
            ok: true,
            bundle: request.output.clone(),
            images: contents.images,
            skipped: predicate.skipped,
            screenings: self.0.statement().predicate.screenings.clone(),
            locks: predicate.locks,
            referrers: contents.referrers.len(),
            fetched: Count::default(),
            reused,
            continued: 0,
            held,
            leans_on: predicate.base.map(|base| base.on).unwrap_or_default(),
            key: self.1.id(),
            statement: Some(self.0.statement().digest),
            position: self.0.statement().predicate.position(),
            dry_run: request.dry_run,
            already_complete: true,
            volumes: None,
            volume_dir: volume_dir(&request.output),
            read_back: None,
            recovery: None,
            sizes: None,
            change: None,
            weights: None,
        })
    }
}

/// The bundle at `output`, which is to be brought up to date: what is wrong with it, another one makes
/// good.
///
/// # Errors
/// [`Class::Usage`](crate::words::error::Class::Usage) where another one cannot come in its place, or
/// holds what goes with it and is no part of it; those of a bundle that cannot be read, or is not
/// signed by the same key.
fn outdated(output: &Medium, trust: &Trust) -> Result<Examined> {
    Draft::may_update(output)?;
    let no_update = |e: Error| {
        e.context(format!("{output} cannot be brought up to date"))
            .hint(phrase!["choose another name, and name this one with ", Remedy::Reuse])
    };
    let found = check::examine_expired(output, trust).map_err(no_update)?;
    let strange = found.problems().iter().filter(|it| {
        !matches!(it.kind, ProblemKind::Damaged | ProblemKind::Missing | ProblemKind::Unreadable)
    });
    let strange: Vec<Problem> = strange.cloned().collect();
    match strange.is_empty() {
        true => Ok(found),
        false => Err(no_update(failure(&output.to_string(), &strange))),
    }
}

/// So many seconds in whole days.
fn days(seconds: i64) -> usize {
    usize::try_from(seconds / (24 * 60 * 60)).unwrap_or(0)
}
