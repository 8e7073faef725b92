//! [`Projects`]: where the destination is a Harbor, the projects that a plan goes to: what is
//! there, what has to be made, and what is in the way, before a byte moves.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Delivery, Obstacle, Plan, ProjectAction, ProjectPlan, RepositoryPlan, Sibling};
use crate::bundle::contents::Contents;
use crate::places::registry::{Barrier, Client, Findings, Project, Quota, Standing};
use crate::words::at::At;
use crate::words::bytes::Bytes;
use crate::words::digest::Digest;
use crate::words::error::{Class, ErrorKind, Result, Side};
use crate::words::phrase::{Phrase, phrase};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Registry;
use crate::words::remedy::Remedy;

/// What may be done about projects.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
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

struct FoundProject {
    project: Project,
    found: Findings,
    /// Its repositories.
    repositories: Vec<At<RepositoryPlan>>,
}

/// The projects of a destination; none where it is no Harbor.
#[derive(Default)]
pub struct Projects {
    registry: String,
    entries: Vec<FoundProject>,
}

impl std::fmt::Debug for Projects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Projects({}, {})", self.registry, self.entries.len())
    }
}

impl Projects {
    /// Looks at the projects of `deliveries`, and marks those as absent whose project is missing or
    /// hidden. Changes nothing at the destination, and asks no registry but a Harbor.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    pub fn look(
        client: &Client,
        registry: &Registry,
        deliveries: &mut [Delivery],
    ) -> Result<Projects> {
        let mut projects = Projects { registry: registry.to_string(), entries: Vec::new() };
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for (at, delivery) in deliveries.iter_mut().enumerate() {
            client.check()?;
            let Some(Sibling { repository: path, .. }) = &delivery.sibling else { continue };
            let repository = client.repository(registry, path, Side::Destination);
            let Some(project) = repository.project()? else { return Ok(projects) };
            let entry = match known.get(project.name()) {
                Some(entry) => *entry,
                None => {
                    let found = project.look()?;
                    known.insert(project.name().to_owned(), projects.entries.len());
                    projects.entries.push(FoundProject {
                        project,
                        found,
                        repositories: Vec::new(),
                    });
                    projects.entries.len() - 1
                }
            };
            let entry = &mut projects.entries[entry];
            entry.repositories.push(At::nth(at));
            delivery.absent = matches!(entry.found.standing, Standing::Missing | Standing::Hidden);
        }
        Ok(projects)
    }

    /// Enters the projects into `plan`, and what they put in its way.
    pub fn judge(&self, plan: &mut Plan, contents: &Contents, provision: &Provision) {
        for entry in &self.entries {
            let adds = adds(plan, contents, &entry.repositories);
            let project = self.describe(entry, adds, provision);
            // Nothing keeps from writing whoever has nothing to write.
            if !entry.repositories.iter().all(|at| at.of(&plan.repositories).is_settled()) {
                plan.obstacles.extend(obstacle(entry, &project, provision));
            }
            plan.projects.push(project);
        }
    }

    /// Says which wishes for projects that are made do not change those that are there.
    pub fn tell_unheeded(&self, provision: &Provision, progress: &dyn Progress) {
        let there = |entry: &&FoundProject| matches!(entry.found.standing, Standing::Exists);
        for entry in self.entries.iter().filter(there) {
            let project = format!("{}/{}", self.registry, entry.project.name());
            for text in unheeded(&project, &entry.found, provision) {
                progress.event(Event::note(text));
            }
        }
    }

    fn describe(&self, entry: &FoundProject, adds: u64, provision: &Provision) -> ProjectPlan {
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
            adds,
            may_push: found.may_push,
        }
    }

    /// Makes the projects that `plan` has to have made, and looks again at the quota that each
    /// got: Harbor gives its default to those who are no administrators.
    ///
    /// # Errors
    /// [`Class::Refused`] where that is not allowed, or when the quota is not the one that was
    /// asked for; [`Class::NoRoom`] when it turns out too small. Projects that were made stay.
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
            progress.check()?;
            let made = entry.project.create(provision.public, provision.quota)?;
            let text = if made { "made project" } else { "somebody else just made project" };
            progress.event(Event::note(format!("{text} {}", planned.project)));
            let found = entry.project.look()?;
            planned.quota = found.quota;
            let unlike = other_quota(planned, provision).filter(|_| made);
            if let Some(obstacle) = unlike.or_else(|| too_small(planned, provision)) {
                return Err(obstacle.error());
            }
        }
        Ok(())
    }
}

/// What `provision` wishes for a project that is there and otherwise.
fn unheeded(project: &str, found: &Findings, provision: &Provision) -> Vec<Phrase> {
    let mut unheeded = Vec::new();
    let has = match &found.quota {
        Some(Quota { limit: Some(limit), .. }) => format!("keeps its quota of {}", Bytes(*limit)),
        Some(Quota { limit: None, .. }) => "stays without a quota".to_owned(),
        None => "keeps the quota that it has".to_owned(),
    };
    let limit = found.quota.as_ref().and_then(|quota| quota.limit);
    if provision.quota.is_some_and(|wanted| limit != Some(wanted)) {
        unheeded.push(phrase![
            format!("project {project} is there already and {has}: "),
            Remedy::StorageQuota,
            " is for projects that are made"
        ]);
    }
    if provision.public && found.public == Some(false) {
        unheeded.push(phrase![
            format!("project {project} is there already and stays private: "),
            Remedy::PublicProjects,
            " is for projects that are made"
        ]);
    }
    unheeded
}

/// A project that was made with another quota than was asked for, or one that cannot be seen.
fn other_quota(planned: &ProjectPlan, provision: &Provision) -> Option<Obstacle> {
    let wanted = provision.quota?;
    let got = match planned.quota {
        Some(Quota { limit: Some(limit), .. }) if limit == wanted => return None,
        Some(Quota { limit: Some(limit), .. }) => format!("a quota of {}", Bytes(limit)),
        Some(Quota { limit: None, .. }) => "no quota".to_owned(),
        None => "a quota that these credentials may not see".to_owned(),
    };
    Some(refused(
        format!("project {} was made, with {got} instead of {}", planned.project, Bytes(wanted)),
        phrase![
            "only administrators choose it: have one set it, then run the import without ",
            Remedy::StorageQuota
        ],
    ))
}

/// The bytes of all documents that none of `repositories` has yet, and of their blobs, each once. A blob
/// that is there without an image that refers to it does not count yet.
fn adds(plan: &Plan, contents: &Contents, repositories: &[At<RepositoryPlan>]) -> u64 {
    let (mut there, mut new) = (BTreeSet::new(), BTreeMap::<Digest, u64>::new());
    let repositories = repositories.iter().map(|at| at.of(&plan.repositories));
    for step in repositories.flat_map(|repository| &repository.documents) {
        let document = contents.documents.get(&step.document.digest);
        let parts = document.into_iter().flat_map(|document| document.children());
        let blobs = parts.filter(|part| !part.is_document() && !part.is_foreign());
        for held in blobs.chain([&step.document]) {
            match step.present {
                true => drop(there.insert(held.digest)),
                false => drop(new.insert(held.digest, held.size)),
            }
        }
    }
    let added = new.iter().filter(|(digest, _)| !there.contains(*digest));
    added.fold(0, |sum, (_, size)| sum.saturating_add(*size))
}

fn refused(message: String, hint: impl Into<Phrase>) -> Obstacle {
    Obstacle::new(Class::Refused, message, hint)
}

/// What keeps a project from being made as it is wanted.
fn not_made(entry: &FoundProject, project: &str, provision: &Provision) -> Option<Obstacle> {
    let message = |why: &str| format!("project {project} cannot be made: {why}");
    Some(match entry.found.barrier {
        Some(Barrier::Name) => refused(
            message("Harbor takes no project of that name"),
            phrase![
                "a name is of lower case letters and digits, with single dots, dashes or underscores \
                 between them; choose another one with ",
                Remedy::To,
                " or ",
                Remedy::Rules
            ],
        ),
        Some(Barrier::ProjectRobot) => refused(
            message("these credentials are those of another project's robot"),
            "ask an administrator for the project, or for a robot account of the system level that \
             may make projects",
        ),
        Some(Barrier::Administrators) => refused(
            message("only administrators may make projects"),
            "ask an administrator for the project, or for a robot account of the system level that \
             may make projects",
        ),
        None if provision.quota.is_some() && entry.found.may_choose_quota == Some(false) => {
            refused(
                message("these credentials may not choose its quota"),
                phrase![
                    "leave out ",
                    Remedy::StorageQuota,
                    " to take the registry's, or have an administrator make the project"
                ],
            )
        }
        None => return None,
    })
}

/// How a missing project comes about.
fn way_to(entry: &FoundProject) -> Phrase {
    match entry.found.barrier {
        None => phrase![
            Remedy::CreateProjects,
            " makes it, private unless ",
            Remedy::PublicProjects,
            " says otherwise"
        ],
        Some(Barrier::Name) => {
            phrase!["Harbor takes no project of that name; choose another with ", Remedy::To]
        }
        Some(Barrier::ProjectRobot | Barrier::Administrators) => {
            phrase![
                "these credentials may not make it either; ask an administrator, or choose another \
                 with ",
                Remedy::To
            ]
        }
    }
}

fn obstacle(
    entry: &FoundProject,
    planned: &ProjectPlan,
    provision: &Provision,
) -> Option<Obstacle> {
    let project = &planned.project;
    match planned.action {
        _ if entry.found.read_only => Some(refused(
            format!("the registry of {project} is read-only"),
            "an administrator has to end that; Harbor is read-only while it collects garbage",
        )),
        ProjectAction::Missing => {
            Some(refused(format!("project {project} does not exist"), way_to(entry)))
        }
        ProjectAction::Hidden => Some(refused(
            format!("project {project} is there, but may not be seen with these credentials"),
            "ask its administrator to make you, or the robot account, a member that may push",
        )),
        ProjectAction::Create => {
            not_made(entry, project, provision).or_else(|| too_small(planned, provision))
        }
        ProjectAction::Present if entry.found.is_cache => Some(refused(
            format!("project {project} only caches another registry and takes no images"),
            phrase!["choose another project with ", Remedy::To],
        )),
        _ if planned.may_push == Some(false) => Some(refused(
            format!("these credentials may not push to project {project}"),
            "ask its administrator for the role of a developer, or for a robot account that may \
             push",
        )),
        _ => too_small(planned, provision),
    }
}

fn too_small(planned: &ProjectPlan, provision: &Provision) -> Option<Obstacle> {
    let quota = planned.quota?;
    let (limit, left) = (quota.limit?, quota.left()?);
    if provision.ignore_quota || planned.adds <= left {
        return None;
    }
    let findings = [
        format!("quota:   {}", Bytes(limit)),
        format!("used:    {}", Bytes(quota.used)),
        format!("left:    {}", Bytes(left)),
        format!("to push: {}", Bytes(planned.adds)),
        format!("lacking: {}", Bytes(planned.adds - left)),
    ];
    let message = format!("project {} has no room for the bundle", planned.project);
    let hint = phrase![
        "have the quota raised, or remove old images and let Harbor collect its garbage; ",
        Remedy::IgnoreQuota,
        " tries all the same, since layers that the project has under other names count once"
    ];
    Some(Obstacle::new(Class::NoRoom, message, hint).about(findings).of_kind(ErrorKind::NoSpace))
}
