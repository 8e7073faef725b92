//! `receive`: a drop folder, of which what arrives is verified, imported, acknowledged and put away.

mod destination;
mod parcel;
mod refusal_note;
mod report;
mod request;
mod tray;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use self::parcel::{Parcel, list};
use self::refusal_note::RefusalNote;
pub use self::report::{ParcelReport, ParcelState};
pub use self::request::Request;
use self::tray::Tray;
use crate::bundle::check::{self, Examined};
use crate::bundle::ledger::LedgerVerb;
use crate::bundle::memory::Memory;
use crate::bundle::position::StreamPosition;
use crate::bundle::problem::failure;
use crate::bundle::receipt::{HeldBundle, ReadReceipt};
use crate::places::registry::Client;
use crate::tools::folder::Folder;
use crate::tools::lock::lock_folder;
use crate::verbs::import::{self, Outcome, import};
use crate::verbs::recording::LedgerRun;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, ErrorKind, Result, Side, Subject};
use crate::words::progress::Progress;

/// Where parcels go that were imported, and where those go that were not taken.
const DONE: &str = "done";
const REFUSED: &str = "refused";
/// For how many rounds at most nobody looks again at what waits: a destination that is full stays so for a
/// while, and one that is back is to be used before long.
const MAX_PAUSE: u32 = 32;

/// How often an encrypted bundle whose bytes are not right is looked at, unchanged, before it is refused: where one
/// was cut off cannot be told from where one was changed. With the pauses between these are half an hour.
const MAX_DOUBTS: u32 = 6;

/// A drop folder, and what is known of what lies in it.
#[derive(Debug)]
pub struct Receiver<'r> {
    request: &'r Request,
    folder: Folder,
    done: Tray,
    refused: Tray,
    known: BTreeMap<OsString, Known>,
}

/// What is known of a parcel that stays where it is.
#[derive(Debug)]
struct Known {
    /// What its files were when they were looked at last.
    stamp: Digest,
    /// What was told of it last.
    told: Option<(ParcelState, String)>,
    /// For how many rounds nobody looks at it, and how many that will be next time.
    pause: u32,
    next_pause: u32,
    /// How often it may have been cut off.
    doubts: u32,
}

/// A parcel that is whole, as far as its head tells.
struct Ripe {
    parcel: Parcel,
    statement: Digest,
    position: Option<StreamPosition>,
}

impl<'r> Receiver<'r> {
    /// Opens the drop folder of `request`, and goes on with what an earlier run left half moved.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is no such folder, [`Class::Usage`] for what is none, and for a destination
    /// that lies in it or is standard output; [`Class::Busy`] while
    /// another one receives there; when it cannot be read or written.
    pub fn open(request: &'r Request) -> Result<Receiver<'r>> {
        let folder = Folder::open(&request.folder).map_err(|e| no_folder(&request.folder, e))?;
        destination::check(&request.import.to, &request.folder)?;
        destination::beside(&request.import, &request.folder)?;
        lock_folder(&folder)?;
        let (done, refused) = (Tray::open(&folder, DONE)?, Tray::open(&folder, REFUSED)?);
        Ok(Receiver { request, folder, done, refused, known: BTreeMap::new() })
    }

    /// Looks once at all that lies there, and takes what nobody writes any more: what is the same as it was
    /// when it was looked at before. Between two rounds the caller waits as long as no writer pauses. Gives
    /// what is new of any.
    ///
    /// # Errors
    /// [`Class::Interrupted`]; when the folder cannot be listed, and as [`open`](Receiver::open) where another one
    /// has its name now. What is wrong with one of them is told of
    /// that one.
    pub fn round(&mut self, client: &Client, progress: &dyn Progress) -> Result<Vec<ParcelReport>> {
        // 0. A medium that was mounted there, or exchanged, is what lies there now.
        if self.folder.is_found().is_err() {
            *self = Receiver::open(self.request)?;
        }

        // 1. What lies there that is not being written?
        let mut reports = Vec::new();
        let mut ripe = Vec::new();
        for parcel in self.settled()? {
            progress.check()?;
            match self.examined(&parcel) {
                Ok(examined) => {
                    let (statement, position) =
                        (examined.statement().digest, examined.statement().predicate.position());
                    ripe.push(Ripe { parcel, statement, position });
                }
                Err(error) => reports.extend(self.put_off(&parcel, error)?),
            }
        }

        // 2. What is whole, in the order of its stream.
        ripe.sort_by(|one, other| {
            (&one.position, &one.parcel.name).cmp(&(&other.position, &other.parcel.name))
        });
        for Ripe { parcel, statement, position } in ripe {
            progress.check()?;
            let taken = self
                .waits_for(position.as_ref())
                .and_then(|()| self.take(&parcel, statement, client, progress));
            match taken {
                Ok(report) => {
                    self.known.remove(&parcel.name);
                    reports.push(report);
                }
                Err(error) => {
                    let error = self.graver(&parcel, error, progress);
                    reports.extend(self.put_off(&parcel, error)?);
                }
            }
        }

        // 3. A line of the ledger for each that is another than it was.
        reports.iter().try_for_each(|report| self.note(report, progress))?;
        Ok(reports)
    }

    fn note(&self, report: &ParcelReport, progress: &dyn Progress) -> Result<()> {
        let template = &self.request.import;
        let run = LedgerRun::new(template.ledger.as_ref(), LedgerVerb::Receive);
        run.know(|event| {
            event.bundle = Some(report.name.clone());
            event.place = Some(template.to.to_string());
            event.statement = report.statement;
        });
        match &report.error {
            None => run.end(Ok(()), progress, |(), event| (event, None)),
            Some(error) => {
                // It is given back as it was noted.
                let _ =
                    run.end(Err::<(), Error>(error.clone()), progress, |(), event| (event, None));
                Ok(())
            }
        }
    }

    /// The parcels that are as they were in the round before, and at which it is time to look.
    fn settled(&mut self) -> Result<Vec<Parcel>> {
        let fault = |e| Error::io(format!("cannot list {}", self.folder.path().display()), e);
        let parcels = list(&self.folder, &[DONE, REFUSED]).map_err(fault)?;
        self.known.retain(|name, _| parcels.iter().any(|parcel| parcel.name == *name));
        let mut settled = Vec::new();
        for parcel in parcels {
            // What cannot be looked at was taken away, or comes again with the next round.
            let Ok(stamp) = parcel.stamp(&self.folder) else { continue };
            match self.known.get_mut(&parcel.name) {
                Some(known) if known.stamp == stamp && known.pause == 0 => settled.push(parcel),
                Some(known) if known.stamp == stamp => known.pause -= 1,
                Some(known) => {
                    (known.stamp, known.doubts) = (stamp, 0);
                    (known.pause, known.next_pause) = (0, 1);
                }
                None => {
                    let known = Known { stamp, told: None, pause: 0, next_pause: 1, doubts: 0 };
                    self.known.insert(parcel.name, known);
                }
            }
        }
        Ok(settled)
    }

    /// The bundle that `parcel` is, of which nothing is missing.
    fn examined(&self, parcel: &Parcel) -> Result<Examined> {
        let fault = |e| Error::io(format!("cannot look at {}", shown_as(&parcel.name)), e);
        if let Some(text) = parcel.has_begun(&self.folder).map_err(fault)? {
            return Err(Error::new(Class::Incomplete, text));
        }
        let like = &self.request.import.bundle;
        let medium = parcel.medium(&self.folder, like);
        let now = (self.request.clock)()?;
        let examined = check::examine(&medium, &self.request.import.trust, now)?;
        match examined.problems().is_empty() {
            true => Ok(examined),
            false => Err(failure(examined.name(), examined.problems())),
        }
    }

    /// Fails where a bundle at `position` comes before others of its stream that are still to come.
    fn waits_for(&self, position: Option<&StreamPosition>) -> Result<()> {
        let demands = &self.request.import.demands;
        let (Some(at), Some(state), None) = (position, &demands.state, &demands.reasons.gap) else {
            return Ok(());
        };
        let Some(last) = Memory::at(state).recall(&at.stream)? else { return Ok(()) };
        let next = last.position().sequence.saturating_add(1);
        match at.epoch == last.position().epoch && at.sequence > next {
            true => {
                let text = format!("{at} comes before {} {next} was taken", at.stream);
                Err(Error::new(Class::Incomplete, text).hint("bring those between in as well"))
            }
            false => Ok(()),
        }
    }

    /// Imports `parcel`, the bundle of this `statement`, and puts it away with its receipt.
    fn take(
        &self,
        parcel: &Parcel,
        statement: Digest,
        client: &Client,
        progress: &dyn Progress,
    ) -> Result<ParcelReport> {
        let receipt_of =
            |to: &OsStr| self.done.folder().at(format!("{}.receipt.json", to.to_string_lossy()));
        // That of one in whose place this came while it was imported stays.
        let is_others = |to: &OsStr| {
            let (path, is_own) = (receipt_of(to), |it: &HeldBundle| it.statement == statement);
            let read = path.exists().then(|| ReadReceipt::at(&path, &[]));
            read.is_some_and(|read| {
                !read.is_ok_and(|it| it.receipt.about.against.iter().flatten().any(is_own))
            })
        };
        let to = self.done.free_name(&parcel.name, is_others)?;
        let receipt = receipt_of(&to);
        let template = &self.request.import;
        let request = import::Request {
            bundle: parcel.medium(&self.folder, &template.bundle),
            now: (self.request.clock)()?,
            every_byte: true,
            receipt: template.receipt.as_ref().map(|receipting| receipting.at(&receipt)),
            ..template.clone()
        };
        let (evidence, outcome) = import(&request, client, progress)?;
        if let Outcome::Done(summary) = &outcome
            && let Some(error) = summary.failure()
        {
            return Err(error);
        }
        self.is_the_same(parcel)?;
        self.done.take(&self.folder, parcel, &to)?;
        let report = ParcelReport::new(shown_as(&parcel.name), ParcelState::Done);
        Ok(ParcelReport {
            moved_to: Some(self.done.folder().at(&to)),
            statement: Some(evidence.statement),
            receipt: request.receipt.map(|_| receipt),
            ..report
        })
    }

    /// What is damaged in `parcel`, where the destination refused it because of `error`: what can never be brought is
    /// not put off until somebody mends the destination. It is read for that once.
    fn graver(&self, parcel: &Parcel, error: Error, progress: &dyn Progress) -> Error {
        let is_refused = error.class() == Class::Refused && error.side() == Some(Side::Destination);
        let known = self.known.get(&parcel.name).and_then(|it| it.told.as_ref());
        if !is_refused || known == Some(&(ParcelState::Postponed, error.spelled())) {
            return error;
        }
        let jobs = self.request.import.jobs.large;
        let read = self.examined(parcel).and_then(Examined::into_trusted);
        match read.and_then(|bundle| bundle.verify(jobs, progress)) {
            Err(damage) if damage.class() == Class::Damaged => damage,
            _ => error,
        }
    }

    /// What becomes of `parcel`, which was not taken because of `error`: it is refused where that says that it will
    /// never be right, else it is waited for. Nothing where that was told before.
    fn put_off(&mut self, parcel: &Parcel, error: Error) -> Result<Option<ParcelReport>> {
        let at_destination = error.side() == Some(Side::Destination);
        let is_doubtful = match self.known.get_mut(&parcel.name) {
            Some(known) if error.kind() == ErrorKind::CiphertextDamaged => {
                known.doubts += 1;
                known.doubts < MAX_DOUBTS
            }
            _ => false,
        };
        let state = match error.class() {
            Class::Interrupted => return Err(error),
            Class::Damaged if is_doubtful => ParcelState::Waiting,
            Class::Untrusted | Class::Damaged | Class::Stale if !at_destination => {
                return self.refuse(parcel, error);
            }
            Class::Incomplete if !at_destination => ParcelState::Waiting,
            _ => ParcelState::Postponed,
        };
        let told = Some((state, error.spelled()));
        let Some(known) = self.known.get_mut(&parcel.name) else { return Ok(None) };
        known.pause = known.next_pause;
        known.next_pause = known.next_pause.saturating_mul(2).min(MAX_PAUSE);
        if known.told == told {
            return Ok(None);
        }
        known.told = told;
        Ok(Some(ParcelReport::new(shown_as(&parcel.name), state).because(error)))
    }

    /// Fails where `parcel` is not what was looked at: somebody put another one in its place, which is none to be
    /// put away.
    fn is_the_same(&self, parcel: &Parcel) -> Result<()> {
        let stamp = self.known.get(&parcel.name).map(|known| known.stamp);
        match parcel.stamp(&self.folder).ok() == stamp {
            true => Ok(()),
            false => {
                let text = format!("{} is another one by now", shown_as(&parcel.name));
                Err(Error::new(Class::Incomplete, text))
            }
        }
    }

    /// Puts `parcel` away, with the reason beside it.
    fn refuse(&mut self, parcel: &Parcel, error: Error) -> Result<Option<ParcelReport>> {
        if let Err(changed) = self.is_the_same(parcel) {
            return self.put_off(parcel, changed);
        }
        let to = self.refused.free_name(&parcel.name, |_| false)?;
        let report = ParcelReport {
            moved_to: Some(self.refused.folder().at(&to)),
            ..ParcelReport::new(shown_as(&parcel.name), ParcelState::Refused).because(error.clone())
        };
        let reason = RefusalNote::of(&report.name, &error, (self.request.clock)()?);
        self.refused.tell(&format!("{}.reason.json", to.to_string_lossy()), &reason.to_bytes()?)?;
        self.refused.take(&self.folder, parcel, &to)?;
        self.known.remove(&parcel.name);
        Ok(Some(report))
    }
}

fn shown_as(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

/// Why there is no drop folder at `path`. It is not made: bundles that were put onto a medium would come nowhere, and
/// what arrives where none is mounted fills another disk.
fn no_folder(path: &Path, e: io::Error) -> Error {
    let error = match e.kind() {
        io::ErrorKind::NotFound => {
            let text = format!("{}: no such file or folder", path.display());
            Error::new(Class::Incomplete, text)
                .hint("mount the medium, or make the folder that bundles are to be put into")
        }
        io::ErrorKind::NotADirectory => {
            let text = format!("{} is a file, not a folder", path.display());
            let hint = "name the folder that bundles are put into; a single one is imported";
            Error::new(Class::Usage, text).hint(hint)
        }
        _ => Error::io(format!("cannot read {}", path.display()), e),
    };
    error.subject(Subject::Path(path.to_owned()))
}
