//! `import`: a bundle into a registry, a layout, archives or an engine. Verifying and copying are
//! one pass: every byte is hashed on its way, and nothing is unpacked.

mod archives;
mod engine;
mod foreign;
mod landing;
mod layout;
mod names;
mod partly;
mod registry;
mod repositories;
mod rewritten;
mod summary;
mod usable;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::archives::Filing;
use self::archives::{Archives, is_folder};
use self::engine::Pulling;
use self::landing::Job;
use self::layout::Layout;
use self::names::{names, tell_idle};
pub use self::partly::Failed;
use self::partly::{Halt, Rest};
use self::registry::Repositories;
use self::rewritten::{Rewritten, rewritten};
use self::summary::summary;
pub use self::summary::{Landed, Summary};
use self::usable::usable;
use crate::bundle::check::{self, Trust, Trusted};
use crate::bundle::contents::Contents;
use crate::bundle::part::referring;
use crate::places::location::{Destination, is_stream};
use crate::places::registry::Client;
use crate::tools::file::lies_in;
use crate::tools::ground;
use crate::tools::pace::Jobs;
use crate::verbs::evidence::Evidence;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::words::platform::Platform;
use crate::words::progress::Progress;
use crate::words::reference::Reference;
use crate::work::choice::{Choice, part};
use crate::work::graph::Rewrite;
use crate::work::mapping::NameRule;
use crate::work::plan::{OnExisting, Plan};
use crate::work::projects::Provision;
use crate::work::transfer::{Carrier, Tally};

/// What to import, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The bundle.
    pub bundle: PathBuf,
    /// Where to.
    pub to: Destination,
    /// Whom to believe.
    pub trust: Trust,
    /// Which images.
    pub choice: Choice,
    /// Rules for names; the first that matches decides.
    pub rules: Vec<NameRule>,
    /// Whether only the last part of a name is kept.
    pub flatten: bool,
    /// What to do about names that stand for other images.
    pub existing: OnExisting,
    /// What may be done about projects, where the destination has such.
    pub projects: Provision,
    /// The platform of which multi-platform images are taken, where a destination holds one only.
    pub platform: Option<Platform>,
    /// What is written anew, under other digests.
    pub rewrite: Rewrite,
    /// The time, for the expiry.
    pub now: Moment,
    /// How archives are written, where they are the destination.
    pub filing: Filing,
    /// Transfers at a time.
    pub jobs: Jobs,
    /// Whether to stop with the plan.
    pub dry_run: bool,
    /// Whether images that cannot be brought are left behind, and the others are brought.
    pub keep_going: bool,
}

impl Request {
    /// Imports all of `bundle` to the destination `to`, if `trust` lets it, at the time `now`:
    /// names as they are, nothing overwritten, as fast as it goes. The fields say otherwise.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use sealift::bundle::check::Trust;
    /// use sealift::verbs::import::Request;
    ///
    /// # let keys = Vec::new();
    /// let to = "docker://harbor.example/group".parse()?;
    /// let now = SystemTime::now().try_into()?;
    /// let mut request = Request::new("june.tar", to, Trust::Keys(keys), now);
    /// request.dry_run = true;
    /// # Ok::<(), sealift::words::error::Error>(())
    /// ```
    #[must_use]
    pub fn new(bundle: impl Into<PathBuf>, to: Destination, trust: Trust, now: Moment) -> Request {
        Request {
            bundle: bundle.into(),
            to,
            trust,
            choice: Choice::default(),
            rules: Vec::new(),
            flatten: false,
            existing: OnExisting::default(),
            projects: Provision::default(),
            platform: None,
            rewrite: Rewrite::default(),
            now,
            filing: Filing::default(),
            jobs: Jobs::default(),
            dry_run: false,
            keep_going: false,
        }
    }
}

/// What came of a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It was only to be planned.
    Planned(Plan),
    /// It was done.
    Done(Summary),
}

impl Outcome {
    /// Whether the destination told of no projects, as every Harbor does.
    #[must_use]
    pub fn no_harbor(&self) -> bool {
        match self {
            Outcome::Planned(plan) => plan.projects.is_empty(),
            Outcome::Done(summary) => summary.projects.is_empty() && summary.failed.is_empty(),
        }
    }
}

/// Imports as `request` says. With what came of it goes which bundle it was.
///
/// # Errors
/// Everything about the signature, the list of files and the manifests comes before the
/// destination is touched. A layer that turns out damaged ends the import before any name is
/// published. Running the same import again goes on from where it stopped.
pub fn import(
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<(Evidence, Outcome)> {
    // 1. Believe the bundle: signature, list of files, manifests. Which of its images?
    let examined = check::examine(&request.bundle, &request.trust, request.now)
        .map_err(|error| request.choice.misread().unwrap_or(error))?;
    let chosen = request.choice.of(examined.contents())?;
    let (bundle, unsound) = usable(examined, chosen.as_ref(), request, progress)?;
    let sound = bundle.contents();
    let chosen = chosen.map(|chosen| {
        let names: BTreeSet<&Reference> = chosen.images.iter().map(|image| &image.name).collect();
        part(sound, &referring(sound), |image| names.contains(&image.name))
    });
    keep_apart(request)?;

    // 2. What has to be written anew for the destination?
    let ready = Ready { bundle: Arc::new(bundle), tally: Tally::default() };
    let contents = chosen.as_ref().unwrap_or(ready.bundle.contents());
    let Rewritten { contents, failed } = rewritten(request, contents, progress)?;
    let failed = [unsound, failed].concat();
    tell_idle(request, &contents, progress);

    // 3. Bring it there, all at once; then, where that is wanted, what can be brought.
    let outcome = match contents.images.is_empty() && !failed.is_empty() {
        true if request.dry_run => Ok(Outcome::Planned(Plan::empty(ready.statement()))),
        true => Ok(Outcome::Done(ready.nothing(request))),
        false => ready.run(request, &contents, client, progress),
    };
    let outcome = match outcome {
        Ok(Outcome::Planned(mut plan)) => {
            plan.obstacles.splice(0..0, Failed::obstacle(&failed));
            Outcome::Planned(plan)
        }
        Ok(Outcome::Done(summary)) => {
            Outcome::Done(Summary { ok: failed.is_empty(), failed, ..summary })
        }
        Err(halt) if request.keep_going && !request.dry_run => {
            let rest = Rest { request, ready: &ready, client, progress, failed };
            Outcome::Done(rest.bring(&contents, halt)?)
        }
        Err(halt) => return Err(halt.into()),
    };
    let evidence = Evidence::of(&request.bundle, ready.bundle.about(), request.now);
    Ok((evidence, outcome))
}

/// A bundle that is believed, and what was brought of it.
struct Ready {
    bundle: Arc<Trusted>,
    tally: Tally,
}

impl Ready {
    /// Imports `contents`, a part of the bundle.
    fn run(
        &self,
        request: &Request,
        contents: &Contents,
        client: &Client,
        progress: &dyn Progress,
    ) -> Result<Outcome, Halt> {
        let job = Job { request, ready: self, contents, progress };
        match &request.to {
            Destination::Registry { registry, .. } => {
                job.land(|names| Repositories::look(job, registry, client, names))
            }
            Destination::Layout { path } => {
                ground::folder(path)?;
                job.land(|names| Layout::look(job, path, names))
            }
            Destination::Archive { format, path } => {
                job.land(|names| Archives::look(job, *format, path, names))
            }
            Destination::Engine(engine) => {
                engine::check(engine, request.existing)?;
                job.land(|names| Pulling::look(job, engine, names))
            }
        }
    }

    /// Brings the blobs of `contents`.
    fn carrier<'c>(
        &'c self,
        request: &Request,
        contents: &'c Contents,
        progress: &'c dyn Progress,
    ) -> Carrier<'c> {
        let (source, tally) = (&*self.bundle, &self.tally);
        let go_on = request.keep_going;
        Carrier { contents, source, jobs: request.jobs, go_on, tally, progress }
    }

    fn statement(&self) -> Digest {
        self.bundle.about().statement().digest
    }

    /// The summary of an import that did nothing yet.
    fn nothing(&self, request: &Request) -> Summary {
        self.summary(request, Plan::empty(self.statement()))
    }

    /// What the import amounted to, of which `plan` was the last.
    fn summary(&self, request: &Request, plan: Plan) -> Summary {
        summary(request, plan, &self.tally, self.bundle.about().signers().to_vec())
    }
}

/// Nothing is written into the bundle itself, which would be no signed one any more.
fn keep_apart(request: &Request) -> Result<()> {
    let (Destination::Layout { path } | Destination::Archive { path, .. }) = &request.to else {
        return Ok(());
    };
    match !is_stream(path) && lies_in(path, &request.bundle) {
        true => {
            let text = format!("{} lies in the bundle itself", path.display());
            Err(Error::new(Class::Usage, text).hint("name another place"))
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
