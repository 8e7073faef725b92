//! [`LedgerKeeper`]: who notes in the ledger what a verb does, before names appear and once it ended.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::bundle::check::{Examined, Trust};
use crate::bundle::ledger::{
    LedgerBook, LedgerEvent, LedgerImage, LedgerOverride, LedgerScribe, LedgerStage, LedgerTrust,
    LedgerVerb,
};
use crate::bundle::screening::Screening;
use crate::bundle::statement::Statement;
use crate::tools::mutex::lock;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};

/// Notes in a ledger what is done.
#[derive(Debug, Clone)]
pub struct LedgerKeeper {
    book: LedgerBook,
    user: String,
    host: String,
    clock: fn() -> Result<Moment>,
    lenient: bool,
}

impl LedgerKeeper {
    /// Notes in the file `path` what `user` does on the machine `host`; `clock` tells the time. What
    /// cannot be noted is not done.
    #[must_use]
    pub fn new(
        path: impl Into<PathBuf>,
        user: impl Into<String>,
        host: impl Into<String>,
        clock: fn() -> Result<Moment>,
    ) -> LedgerKeeper {
        let (user, host) = (user.into(), host.into());
        LedgerKeeper { book: LedgerBook::at(path), user, host, clock, lenient: false }
    }

    /// The same, for what only looks: it goes on where nothing can be noted, and says so.
    #[must_use]
    pub fn lenient(self) -> LedgerKeeper {
        LedgerKeeper { lenient: true, ..self }
    }

    /// The ledger.
    #[must_use]
    pub fn book(&self) -> &LedgerBook {
        &self.book
    }

    /// Who notes, and what the time is.
    ///
    /// # Errors
    /// Those of the clock.
    pub fn scribe(&self) -> Result<LedgerScribe> {
        let at = (self.clock)()?;
        Ok(LedgerScribe { user: self.user.clone(), host: self.host.clone(), at })
    }

    fn append(&self, event: LedgerEvent) -> Result<u64> {
        // Once something was done it is noted, whoever stops.
        self.book.append(event, &self.scribe()?, &Cancel::default())
    }
}

/// What is known of a run, and what of it was noted.
#[derive(Debug)]
struct Known {
    event: LedgerEvent,
    begun: Option<u64>,
    /// What it began with last.
    images: Vec<LedgerImage>,
    /// Whether it is to be noted that it failed.
    counts: bool,
}

/// A run of a verb, as it is noted. Without a keeper nothing is.
#[derive(Debug)]
pub(super) struct LedgerRun<'k> {
    keeper: Option<&'k LedgerKeeper>,
    known: Mutex<Known>,
}

impl<'k> LedgerRun<'k> {
    /// A run of `verb`.
    pub(super) fn new(keeper: Option<&'k LedgerKeeper>, verb: LedgerVerb) -> LedgerRun<'k> {
        let event = LedgerEvent::new(verb, LedgerStage::Begun);
        let known = Known { event, begun: None, images: Vec::new(), counts: false };
        LedgerRun { keeper, known: Mutex::new(known) }
    }

    /// Fails where nothing could be noted later, as far as that is known now.
    ///
    /// # Errors
    /// As [`LedgerBook::check`].
    pub(super) fn check(&self) -> Result<()> {
        match self.keeper {
            Some(keeper) if !keeper.lenient => keeper.book.check(&Cancel::default()),
            _ => Ok(()),
        }
    }

    /// Notes later what `fill` enters. Of failures only refusals are noted as yet.
    pub(super) fn expect(&self, fill: impl FnOnce(&mut LedgerEvent)) {
        fill(&mut lock(&self.known).event);
    }

    /// Notes later what `fill` enters. A failure is noted from here on, too.
    pub(super) fn know(&self, fill: impl FnOnce(&mut LedgerEvent)) {
        let mut known = lock(&self.known);
        fill(&mut known.event);
        known.counts = true;
    }

    /// What the images were held against so far.
    pub(super) fn screenings(&self) -> Vec<Screening> {
        lock(&self.known).event.screenings.clone()
    }

    /// Notes that names are about to appear, or to go: those of `images`.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub(super) fn begin(&self, images: impl IntoIterator<Item = LedgerImage>) -> Result<()> {
        let Some(keeper) = self.keeper else { return Ok(()) };
        let mut known = lock(&self.known);
        let images: Vec<LedgerImage> = images.into_iter().collect();
        if known.begun.is_some() && known.images == images {
            return Ok(());
        }
        let mut event = known.event.clone().count("images", images.len() as u64);
        (event.images, event.begun_by) = (images.clone(), known.begun);
        let number = keeper.append(event)?;
        known.images = images;
        known.begun.get_or_insert(number);
        Ok(())
    }

    /// Notes how it ended, and gives `result`: with what was counted, and why it failed, if it did, as
    /// `tell` says of what it gave.
    ///
    /// # Errors
    /// That of `result`; else when it cannot be noted.
    pub(super) fn end<T>(
        &self,
        result: Result<T>,
        progress: &dyn Progress,
        tell: impl FnOnce(&T, LedgerEvent) -> (LedgerEvent, Option<Error>),
    ) -> Result<T> {
        let Some(keeper) = self.keeper else { return result };
        let known = lock(&self.known);
        let (begun, counts) = (known.begun, known.counts);
        let mut event = known.event.clone();
        drop(known);
        if begun.is_some() {
            // What stands there already is not told twice.
            let LedgerEvent { verb, bundle, statement, position, .. } = event;
            event = LedgerEvent::new(verb, LedgerStage::Done);
            (event.bundle, event.statement, event.position) = (bundle, statement, position);
        }
        event.begun_by = begun;
        match result {
            Ok(done) => {
                let (event, error) = tell(&done, event);
                self.outcome(keeper, event, error.as_ref(), progress).map(|()| done)
            }
            // What is wrong with the command line is nobody's business, unless names were at stake.
            Err(error)
                if error.refusals().is_empty()
                    && (!counts || begun.is_none() && error.class() == Class::Usage) =>
            {
                Err(error)
            }
            Err(error) => {
                if let Err(unnoted) = self.outcome(keeper, event, Some(&error), progress) {
                    progress.event(Event::note(unnoted.words()));
                }
                Err(error)
            }
        }
    }

    fn outcome(
        &self,
        keeper: &LedgerKeeper,
        event: LedgerEvent,
        error: Option<&Error>,
        progress: &dyn Progress,
    ) -> Result<()> {
        let event = match error {
            Some(error) => event.failed(error),
            None => LedgerEvent { stage: LedgerStage::Done, ..event },
        };
        match keeper.append(event) {
            Ok(_) => Ok(()),
            Err(error) if keeper.lenient => {
                progress.event(Event::note(phrase![
                    error.words(),
                    ": that this was looked at is noted nowhere"
                ]));
                Ok(())
            }
            Err(error) => Err(error.context("it was done, and the ledger does not say so")),
        }
    }
}

/// Enters which bundle was `examined`, and whose word it is.
pub(super) fn of_bundle(event: &mut LedgerEvent, examined: &Examined) {
    of_statement(event, examined.statement());
    event.signers = examined.signers().iter().map(|id| id.hex()).collect();
}

/// Enters what a bundle says of itself.
pub(super) fn of_statement(event: &mut LedgerEvent, statement: &Statement) {
    event.statement = Some(statement.digest);
    event.position = statement.predicate.position();
}

/// Enters that the bundle is the one at `path`, and whom to believe.
pub(super) fn of_request(event: &mut LedgerEvent, bundle: &Path, trust: &Trust) {
    event.bundle = Some(bundle.display().to_string());
    let by = match trust {
        Trust::Keys(_) => "keys",
        Trust::Roots(_) => "roots",
        Trust::UnsafeAnySigner => {
            event.overrides.push(LedgerOverride::new("anySigner", None));
            "anySigner"
        }
    };
    let keys = trust.keys().unwrap_or_default();
    let mut told = LedgerTrust::default();
    (told.by, told.keys) = (by.to_owned(), keys.iter().map(|key| key.id().hex()).collect());
    event.trust = Some(told);
}
