//! `import` into a node of K3s, RKE2 or k0s: the images go into its containerd, where that runs, and as
//! archives into the folder from which it imports whenever it starts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::agent_state::AgentState;
use super::super::archives::AtArchives;
use super::super::filing::Filing;
use super::super::halt::Halt;
use super::super::job::Job;
use super::super::landing::Landing;
use super::super::outcome::Outcome;
use super::super::read_back::read_back;
use super::super::request::Request;
use super::super::summary::Summary;
use super::super::surveyed::{self, Surveyed};
use super::super::there_now::{CameAs, ThereNow};
use super::chosen::Chosen;
use super::look::Look;
use super::pulling::Pulling;
use super::untagged;
use crate::bundle::contents::Contents;
use crate::bundle::receipt::ReceivedState;
use crate::bundle::subset::Subset;
use crate::places::engine::Agent;
use crate::places::location::ArchiveFormat;
use crate::tools::room::{self, Disk};
use crate::words::error::{Class, Result};
use crate::words::phrase::phrase;
use crate::words::progress::Event;
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;
use crate::work::plan::{Delivery, NameAction, Obstacle, Plan};
use crate::work::template::Template;

/// An agent, as a destination.
pub(crate) struct ToAgent<'d> {
    agent: &'d Agent,
    /// Its folder of archives.
    images: PathBuf,
}

impl<'d> ToAgent<'d> {
    /// That `agent`.
    pub(crate) fn of(agent: &'d Agent) -> ToAgent<'d> {
        // The slash says that it is a folder before it is there.
        ToAgent { agent, images: agent.images().join("") }
    }
}

impl Landing for ToAgent<'_> {
    fn path(&self) -> Option<&Path> {
        Some(&self.images)
    }

    fn check(&self, request: &Request) -> Result<()> {
        untagged::refuse(self.agent, request)
    }

    fn look_back(
        &self,
        job: Job<'_>,
        names: Vec<Reference>,
        came_as: CameAs<'_>,
    ) -> Result<ThereNow, Halt> {
        let filed = Filed::of(job, self.agent)?;
        let (archives, deliveries) = filed.look(job, self, names.clone())?;
        let mut there = read_back(&archives, &deliveries, came_as)?;
        if self.agent.runs()? {
            let (pulling, delivery) = Pulling::look(job, &self.agent.engine(), names)?;
            let mut now = read_back(&pulling, &[delivery], came_as)?;
            // What is not both here and there is not as it was brought.
            for filed in there.seen.iter_mut().filter(|it| it.state == ReceivedState::Complete) {
                let same = now.seen.iter().position(|it| it.name == filed.name);
                if let Some(same) = same {
                    *filed = now.seen.swap_remove(same);
                }
            }
            there.content = now.content;
        }
        Ok(there)
    }

    fn land(&self, job: Job<'_>, names: Vec<Reference>) -> Result<Outcome, Halt> {
        // 1. What is there? Does it run?
        let filed = Filed::of(job, self.agent)?;
        let (archives, deliveries) = filed.look(job, self, names.clone())?;
        let mut plan = surveyed::plan(&archives, &deliveries)?;
        let mut now = None;
        if self.agent.runs()? {
            now = Some(Now::look(job, self.agent, names)?);
        } else {
            if !self.agent.data().exists() {
                let (data, name) = (self.agent.data().display(), self.agent.name());
                let text = format!("{data} is new: no {name} has kept its data there so far");
                job.progress.event(Event::note(text));
            }
            let (engine, about) = (self.agent.engine(), self.agent.about());
            let chosen = Chosen::of(job.contents, names, &engine, &about, None);
            chosen.notes.into_iter().for_each(|note| job.progress.event(Event::note(note)));
            plan.obstacles.splice(0..0, chosen.obstacles);
        }

        // 2. Can it be brought, to both?
        if let Some(now) = &now {
            plan.obstacles.extend(apart(self.agent, &plan, &now.plan));
            plan.obstacles.extend(self.too_small(&plan, &now.plan));
        }
        if job.request.dry_run {
            if let Some(now) = now {
                plan.join(now.plan);
            }
            return Ok(Outcome::Planned(plan));
        }
        let obstacles = now.iter().flat_map(|now| &now.plan.obstacles).chain(&plan.obstacles);
        let obstacles: Vec<Obstacle> = obstacles.cloned().collect();
        if let Some(error) = Obstacle::failure(&obstacles) {
            return Err(error.into());
        }

        // 3. Its containerd first: of an archive that comes it imports at once what is not there yet.
        if let Some(Now { pulling, deliveries, plan }) = &mut now {
            bring(pulling, plan, deliveries)?;
        }
        bring(&archives, &mut plan, &deliveries)?;
        let mut summary = job.ready.summary(job.request, plan);
        summary.agent = Some(AgentState::of(self.agent, now.is_some()));
        if let Some(now) = now {
            tell(&mut summary, &job.ready.summary(job.request, now.plan));
        }
        Ok(Outcome::Done(summary))
    }
}

impl ToAgent<'_> {
    /// Why both parts do not fit onto one disk, where each alone does.
    fn too_small(&self, filed: &Plan, now: &Plan) -> Option<Obstacle> {
        let disk = |path: &Path| Disk::of(path).map(|disk| disk.number);
        let own = disk(&self.images)?;
        let needed = |plan: &Plan| {
            let here =
                plan.sizes.room.iter().filter(|room| disk(Path::new(&room.place)) == Some(own));
            here.fold(0u64, |sum, room| sum.saturating_add(room.needed))
        };
        let is_alone = |plan: &Plan| plan.obstacles.iter().all(|it| it.class != Class::NoRoom);
        let what = format!("for {} and for its containerd on one disk", self.images.display());
        let fits = room::check(&self.images, needed(filed).saturating_add(needed(now)), &what)
            .map_err(|e| e.hint("free some; what both need stands in a dry run"));
        fits.err().filter(|_| is_alone(filed) && is_alone(now)).map(|e| Obstacle::known(&e))
    }
}

/// What goes into the folder of archives: images alone, for all platforms that the bundle has.
struct Filed {
    request: Request,
    contents: Contents,
    by_digest: bool,
}

impl Filed {
    fn of(job: Job<'_>, agent: &Agent) -> Result<Filed> {
        let template = Some(Template::parse(agent.file_names())?);
        let request =
            Request { filing: Filing { template, ..Filing::default() }, ..job.request.clone() };
        let images = &job.contents.images;
        let documents = images.iter().flat_map(|image| job.contents.closure(image.digest));
        let contents =
            Subset::with(documents.collect()).cut(job.contents, images.clone(), Vec::new());
        Ok(Filed { request, contents, by_digest: !agent.names_digests() })
    }

    /// Looks at the archives in the folder of `to`.
    fn look<'f>(
        &'f self,
        job: Job<'f>,
        to: &'f ToAgent<'_>,
        names: Vec<Reference>,
    ) -> Result<(AtArchives<'f>, Vec<Delivery>), Halt> {
        let job = Job { request: &self.request, contents: &self.contents, ..job };
        // What files are called there is settled: the name of an image alone tells them apart.
        let way_out = phrase![
            "bring it under another name with ",
            Remedy::Rules,
            ", which nodes then have to ask for, or leave it behind with ",
            Remedy::Except
        ];
        AtArchives::look(job, ArchiveFormat::Oci, &to.images, names, self.by_digest)
            .map_err(|halt| halt.with_way_out(&way_out))
    }
}

/// A containerd that runs, and what is to be done there.
struct Now<'i> {
    pulling: Pulling<'i>,
    deliveries: [Delivery<Look>; 1],
    plan: Plan,
}

impl<'i> Now<'i> {
    fn look(job: Job<'i>, agent: &Agent, names: Vec<Reference>) -> Result<Now<'i>> {
        let (pulling, delivery) = Pulling::look(job, &agent.engine(), names)?;
        let deliveries = [delivery];
        let plan = surveyed::plan(&pulling, &deliveries)?;
        Ok(Now { pulling, deliveries, plan })
    }
}

/// Brings to `place` what `plan` says.
fn bring<S: Surveyed>(
    place: &S,
    plan: &mut Plan,
    deliveries: &[Delivery<S::There>],
) -> Result<(), Halt> {
    let brought = surveyed::bring(place, plan, deliveries);
    brought.map_err(|unfinished| Halt::of(place.job().ready.located(unfinished), place.contents()))
}

/// Names that stand for other images in one of the two alone, and are to be left: the agent would move them
/// when it starts.
fn apart(agent: &Agent, filed: &Plan, now: &Plan) -> Option<Obstacle> {
    let kept = |plan: &Plan| -> BTreeSet<Reference> {
        let names = plan.repositories.iter().flat_map(|repository| &repository.names);
        names.filter(|step| step.action == NameAction::Keep).map(|step| step.to.clone()).collect()
    };
    let (filed, now) = (kept(filed), kept(now));
    let findings: Vec<String> =
        filed.symmetric_difference(&now).map(Reference::to_string).collect();
    let text = format!("{agent} has other images in its containerd than in its folder");
    let hint =
        phrase![Remedy::Existing, " overwrite replaces them in both; or leave those images out"];
    (!findings.is_empty()).then(|| Obstacle::new(Class::Refused, text, hint).about(findings))
}

/// Enters into `summary`, of the folder, what was done in the containerd.
fn tell(summary: &mut Summary, now: &Summary) {
    for filed in &mut summary.images {
        let same = now.images.iter().find(|it| it.name == filed.name && it.to == filed.to);
        if let Some(now) = same.filter(|it| it.action != NameAction::Present) {
            (filed.action, filed.before) = (now.action, now.before);
        }
    }
}
