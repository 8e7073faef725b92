//! [`Projects`]: where the destination is a Harbor, the projects that a plan goes to: what is
//! there, what has to be made, and what is in the way, before a byte moves.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::plan::{Action, Obstacle, Plan, Scope};
use crate::places::registry::{Client, Findings, Project, Quota, Standing};
use crate::seams::interrupt;
use crate::words::bytes::Bytes;
use crate::words::digest::Digest;
use crate::words::error::{Class, Result, Side};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Registry;

/// What may be done about projects.
#[derive(Debug, Clone, Copy, Default)]
pub struct Provision {
    /// Whether missing ones are made.
    pub create: bool,
    /// Whether everybody may pull from those.
    pub public: bool,
    /// The quota of those, in bytes.
    pub quota: Option<u64>,
    /// Whether a quota that looks too small is left to the registry to judge.
    pub ignore_quota: bool,
}

/// What happens to a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProjectAction {
    /// It is there.
    Present,
    /// It is made.
    Create,
    /// It is not there, and is not to be made.
    Missing,
    /// It is there, and cannot be seen.
    Hidden,
    /// Harbor tells these credentials nothing.
    Unknown,
}

/// One project of the destination.
#[derive(Debug, Clone, Serialize)]
pub struct ProjectPlan {
    /// `host/project`.
    pub project: String,
    /// What happens to it.
    pub action: ProjectAction,
    /// Whether everybody may pull from it, or will.
    pub public: Option<bool>,
    /// Its quota, where that is known.
    pub quota: Option<Quota>,
    /// The bytes that will count against the quota, at most: Harbor counts a blob once a project,
    /// and may have it in a repository that the plan does not touch.
    pub adds: u64,
    /// Whether these credentials may push, where Harbor says.
    pub may_push: Option<bool>,
}

struct Entry {
    project: Project,
    found: Findings,
    /// Which of the scopes are repositories of it.
    scopes: Vec<usize>,
}

/// The projects of a destination; none where it is no Harbor.
#[derive(Default)]
pub struct Projects {
    registry: String,
    entries: Vec<Entry>,
}

impl std::fmt::Debug for Projects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Projects({}, {})", self.registry, self.entries.len())
    }
}

impl Projects {
    /// Looks at the projects of `scopes`, and marks those as absent whose project is missing or
    /// hidden. Changes nothing at the destination, and asks no registry but a Harbor.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    pub fn look(client: &Client, registry: &Registry, scopes: &mut [Scope]) -> Result<Projects> {
        let mut projects = Projects { registry: registry.to_string(), entries: Vec::new() };
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for (at, scope) in scopes.iter_mut().enumerate() {
            interrupt::check()?;
            let Some(path) = &scope.path else { continue };
            let repository = client.repository(registry, path, Side::Destination);
            let Some(project) = repository.project()? else { return Ok(projects) };
            let entry = match known.get(project.name()) {
                Some(entry) => *entry,
                None => {
                    let found = project.look()?;
                    known.insert(project.name().to_owned(), projects.entries.len());
                    projects.entries.push(Entry { project, found, scopes: Vec::new() });
                    projects.entries.len() - 1
                }
            };
            let entry = &mut projects.entries[entry];
            entry.scopes.push(at);
            scope.absent = matches!(entry.found.standing, Standing::Missing | Standing::Hidden);
        }
        Ok(projects)
    }

    /// Enters the projects into `plan`, and what they put in its way.
    pub fn judge(&self, plan: &mut Plan, provision: &Provision) {
        for entry in &self.entries {
            let project = self.describe(entry, plan, provision);
            plan.obstacles.extend(obstacle(entry, &project, provision));
            plan.projects.push(project);
        }
    }

    fn describe(&self, entry: &Entry, plan: &Plan, provision: &Provision) -> ProjectPlan {
        let found = &entry.found;
        let action = match found.standing {
            Standing::Exists => ProjectAction::Present,
            Standing::Missing if provision.create => ProjectAction::Create,
            Standing::Missing => ProjectAction::Missing,
            Standing::Hidden => ProjectAction::Hidden,
            Standing::Unknown => ProjectAction::Unknown,
        };
        let made = action == ProjectAction::Create;
        let wanted = provision.quota.filter(|_| made);
        ProjectPlan {
            project: format!("{}/{}", self.registry, entry.project.name()),
            action,
            public: if made { Some(provision.public) } else { found.public },
            quota: wanted.map_or(found.quota, |limit| Some(Quota { limit: Some(limit), used: 0 })),
            adds: adds(plan, &entry.scopes),
            may_push: found.may_push,
        }
    }

    /// Makes the projects that `plan` has to have made, and looks again at the quota that each
    /// got: Harbor gives its default to those who are no administrators.
    ///
    /// # Errors
    /// [`Class::Refused`] where that is not allowed; [`Class::NoRoom`] when the quota turns out
    /// too small. Projects that were made stay.
    pub fn create(
        &self,
        plan: &mut Plan,
        provision: &Provision,
        progress: &dyn Progress,
    ) -> Result<()> {
        for (entry, planned) in self.entries.iter().zip(&mut plan.projects) {
            if planned.action != ProjectAction::Create {
                continue;
            }
            interrupt::check()?;
            let made = entry.project.create(provision.public, provision.quota)?;
            let text = if made { "made project" } else { "somebody else just made project" };
            progress.event(Event::Note(format!("{text} {}", planned.project)));
            let found = entry.project.look()?;
            planned.quota = found.quota;
            note_quota(planned, provision, progress);
            if let Some(obstacle) = too_small(planned, provision) {
                return Err(obstacle.error());
            }
        }
        Ok(())
    }
}

/// Says that a project got another quota than was asked for.
fn note_quota(planned: &ProjectPlan, provision: &Provision, progress: &dyn Progress) {
    let (Some(wanted), Some(quota)) = (provision.quota, planned.quota) else { return };
    if quota.limit == Some(wanted) {
        return;
    }
    let got = quota.limit.map_or("no limit".to_owned(), |limit| Bytes(limit).to_string());
    progress.event(Event::Note(format!(
        "{} got a quota of {got} instead of {}: only administrators choose it",
        planned.project,
        Bytes(wanted)
    )));
}

/// The bytes of all blobs and documents that none of `scopes` has yet, each once.
fn adds(plan: &Plan, scopes: &[usize]) -> u64 {
    let (mut there, mut new) = (BTreeSet::new(), BTreeMap::<Digest, u64>::new());
    for repository in scopes.iter().map(|at| &plan.repositories[*at]) {
        for transfer in &repository.blobs {
            match transfer.action {
                Action::Present => drop(there.insert(transfer.blob.digest)),
                _ => drop(new.insert(transfer.blob.digest, transfer.blob.size)),
            }
        }
        for step in &repository.documents {
            match step.present {
                true => drop(there.insert(step.document.digest)),
                false => drop(new.insert(step.document.digest, step.document.size)),
            }
        }
    }
    new.iter().filter(|(digest, _)| !there.contains(*digest)).map(|(_, size)| size).sum()
}

fn obstacle(entry: &Entry, planned: &ProjectPlan, provision: &Provision) -> Option<Obstacle> {
    let project = &planned.project;
    let refused = |message: String, hint: &str| {
        let (class, findings, hint) = (Class::Refused, Vec::new(), hint.to_owned());
        Some(Obstacle { class, message, findings, hint })
    };
    match planned.action {
        _ if entry.found.read_only => refused(
            format!("the registry of {project} is read-only"),
            "an administrator has to end that; Harbor is read-only while it collects garbage",
        ),
        ProjectAction::Missing => refused(
            format!("project {project} does not exist"),
            "--create-projects makes it, private unless --public says otherwise",
        ),
        ProjectAction::Hidden => refused(
            format!("project {project} is there, but may not be seen with these credentials"),
            "ask its administrator to make you, or the robot account, a member that may push",
        ),
        ProjectAction::Present if entry.found.is_cache => refused(
            format!("project {project} only caches another registry and takes no images"),
            "choose another project with --to",
        ),
        ProjectAction::Present if planned.may_push == Some(false) => refused(
            format!("these credentials may not push to project {project}"),
            "ask its administrator for the role of a developer, or for a robot account that may \
             push",
        ),
        _ => too_small(planned, provision),
    }
}

fn too_small(planned: &ProjectPlan, provision: &Provision) -> Option<Obstacle> {
    let quota = planned.quota?;
    let (limit, left) = (quota.limit?, quota.left()?);
    if provision.ignore_quota || planned.adds <= left {
        return None;
    }
    Some(Obstacle {
        class: Class::NoRoom,
        message: format!("project {} has no room for the bundle", planned.project),
        findings: vec![
            format!("quota:   {}", Bytes(limit)),
            format!("used:    {}", Bytes(quota.used)),
            format!("left:    {}", Bytes(left)),
            format!("to push: {}", Bytes(planned.adds)),
            format!("lacking: {}", Bytes(planned.adds - left)),
        ],
        hint: "have the quota raised, or remove old images and let Harbor collect its garbage; \
               --ignore-quota tries all the same, since layers that the project has under other \
               names count once"
            .to_owned(),
    })
}
