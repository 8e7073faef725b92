//! The page of `import --dry-run`: what a change board wants to see before it agrees.

use std::process::ExitCode;

use serde::Serialize;

use super::evidence::{ahead, by_root, signed};
use super::in_order::standing;
use super::printer::Printer;
use super::sizes;
use super::table::{blobs, bytes, grouped};
use crate::verbs::evidence::Evidence;
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::escape::Safe;
use crate::work::plan::{
    Acceptance, Action, NameAction, NameStep, Obstacle, Plan, ProjectAction, ProjectPlan,
    RepositoryPlan,
};

/// A plan, with the bundle that it is for.
#[derive(Debug, Serialize)]
pub(super) struct PlanPage<'a> {
    #[serde(flatten)]
    pub(super) evidence: &'a Evidence,
    #[serde(rename = "destination")]
    pub(super) to: String,
    #[serde(flatten)]
    pub(super) plan: &'a Plan,
}

/// Shows the plan, and ends as the import would if it cannot be run.
pub(super) fn show(page: &PlanPage<'_>, verbose: bool, printer: &Printer) -> Result<ExitCode> {
    let error = Obstacle::failure(&page.plan.obstacles);
    printer.ending(page, error.as_ref(), || text(page, verbose))?;
    Ok(printer.end(error.as_ref()))
}

/// What becomes of a name, in a word.
pub(super) fn word(action: NameAction) -> &'static str {
    match action {
        NameAction::Present => "unchanged",
        NameAction::Create => "new",
        NameAction::Replace => "replaced",
        NameAction::Keep => "left as it is",
        NameAction::ByDigest => "by digest, the tag is left as it is",
    }
}

fn text(page: &PlanPage<'_>, verbose: bool) -> Vec<String> {
    let plan = page.plan;
    let bundle = page.evidence.bundle.to_string();
    let mut lines = vec![
        format!("plan: bundle {} to {}", Safe(&bundle), Safe(&page.to)),
        signed(page.evidence, false),
        format!("statement {}", page.evidence.statement),
    ];
    lines.extend(by_root(page.evidence));
    lines.extend(standing(page.evidence));
    lines.extend(ahead(page.evidence));
    lines.push(String::new());
    lines.extend(plan.projects.iter().map(project_text));
    lines.extend(images(plan));
    lines.extend(sparse(plan));
    if verbose {
        lines.push(String::new());
        lines.extend(every_part(plan));
    }
    lines.push(String::new());
    lines.push(created(plan));
    lines.extend(untagged(names(plan).filter(|it| it.action == NameAction::ByDigest).count()));
    lines.extend(sizes::lines(&plan.sizes));
    let lacking = match plan.lacking.blobs {
        0 => String::new(),
        n => format!(", {} ({}) that nobody has", blobs(n), bytes(plan.lacking.bytes)),
    };
    lines.push(format!(
        "dry run: {} ({}) to send, {} to mount, {} there{lacking}; nothing was changed",
        blobs(plan.copy.blobs),
        bytes(plan.copy.bytes),
        blobs(plan.mount.blobs),
        blobs(plan.present.blobs),
    ));
    lines
}

/// The names of images, and of what goes with them under a name of its own.
fn names(plan: &Plan) -> impl Iterator<Item = &NameStep> {
    placed(plan).map(|(_, step)| step)
}

/// As [`names`], each with the repository that it goes to.
fn placed(plan: &Plan) -> impl Iterator<Item = (&RepositoryPlan, &NameStep)> {
    let all = plan.repositories.iter();
    let all = all.flat_map(|it| it.names.iter().map(move |step| (it, step)));
    all.filter(|(_, step)| !step.is_list())
}

/// Each image with its size, and below it its digest and what its name stands for now.
fn images(plan: &Plan) -> Vec<String> {
    let head = ["IMAGE", "SIZE", "NAME AT THE DESTINATION"].map(str::to_owned).to_vec();
    let rows = names(plan)
        .map(|step| vec![step.to.to_string(), bytes(step.bytes), word(step.action).to_owned()]);
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let mut shown = grouped(&rows, true).into_iter();
    let mut lines: Vec<String> = shown.next().into_iter().flatten().collect();
    for ((repository, step), row) in placed(plan).zip(shown) {
        lines.extend(row);
        lines.push(format!("  is    {}", step.digest));
        let other = step.now.filter(|now| *now != step.digest);
        lines.extend(other.map(|now| {
            format!(
                "  {}   {now}",
                match step.action {
                    NameAction::Replace => "was",
                    _ => "has",
                }
            )
        }));
        lines.extend(step.rewritten_from.map(|it| format!("  for   {it}, which was signed")));
        lines.extend(step.smaller_than.map(|it| format!("  of    {it}, made smaller on export")));
        let renamed = step.name.to_string() != step.to.to_string();
        lines.extend(renamed.then(|| format!("  from  {}", step.name)));
        let file = Some(&repository.repository).filter(|_| repository.is_file);
        lines.extend(file.map(|file| format!("  in    {}", Safe(file))));
    }
    lines
}

/// What there will be that is not there now.
fn created(plan: &Plan) -> String {
    let of = |action| names(plan).filter(|step| step.action == action).count();
    let made = plan.projects.iter().filter(|it| it.action == ProjectAction::Create).count();
    let documents = plan.repositories.iter().flat_map(|repository| &repository.documents);
    let sent = documents.filter(|step| !step.present).count();
    let all = [
        (made > 0).then(|| format!("{} made", count(made, "project"))),
        Some(format!("{} created", count(of(NameAction::Create), "name"))),
        Some(format!("{} replaced", of(NameAction::Replace))),
        Some(format!("{} unchanged", of(NameAction::Present))),
        Some(of(NameAction::Keep)).filter(|n| *n > 0).map(|n| format!("{n} left as they are")),
        Some(of(NameAction::ByDigest)).filter(|n| *n > 0).map(|n| format!("{n} by digest alone")),
        Some(format!("{} to send", count(sent, "manifest"))),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn sparse(plan: &Plan) -> Vec<String> {
    let line = |index: &crate::work::plan::SparseIndex| {
        let repository = Safe(&index.repository);
        format!(
            "index {repository}@{} goes without {}: {}",
            index.digest,
            count(index.missing, "part"),
            match index.acceptance {
                Acceptance::Taken => "the destination takes that",
                Acceptance::Refused => "the destination does not take that",
                Acceptance::UnknownUntilTried =>
                    "whether the destination takes that is not known until it is tried",
            }
        )
    };
    plan.sparse.iter().map(line).collect()
}

/// Every blob, manifest and name, repository by repository.
fn every_part(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for repository in &plan.repositories {
        lines.push(Safe(&repository.repository).to_string());
        for transfer in &repository.blobs {
            let how = match &transfer.action {
                Action::Present => "there".to_owned(),
                Action::Mount { from } => format!("mount from {from}"),
                Action::Copy => "send".to_owned(),
            };
            lines.push(format!("  {} {} {how}", transfer.blob.digest, bytes(transfer.blob.size)));
        }
        for step in &repository.documents {
            let how = if step.present { "there" } else { "send" };
            lines.push(format!("  {} manifest {how}", step.document.digest));
        }
        for name in &repository.names {
            let (name, to, action) = (&name.name, &name.to, word(name.action));
            lines.push(format!("  {name} -> {to} {action}"));
        }
    }
    lines
}

/// A project with what is known of it, in one line.
fn project_text(project: &ProjectPlan) -> String {
    let what = match project.action {
        ProjectAction::Present => "exists",
        ProjectAction::Create => "is made",
        ProjectAction::Missing => "does not exist",
        ProjectAction::Hidden => "exists, but may not be seen",
        ProjectAction::Unknown => "cannot be asked about",
    };
    let public = match project.public {
        Some(true) => ", public",
        Some(false) => ", private",
        None => "",
    };
    let quota = match &project.quota {
        Some(quota) => match (quota.limit, quota.left()) {
            (Some(limit), Some(left)) => {
                format!(", {} of its quota of {} are left", bytes(left), bytes(limit))
            }
            _ => ", no quota".to_owned(),
        },
        None if project.action == ProjectAction::Present => ", its quota is not known".to_owned(),
        None => String::new(),
    };
    let push = match project.may_push {
        Some(false) => ", no right to push",
        _ => "",
    };
    let adds = bytes(project.adds);
    format!("project {} {what}{public}{quota}{push}; up to {adds} to add", Safe(&project.project))
}

/// What to know of images that come without a tag.
pub(super) fn untagged(images: usize) -> Option<String> {
    (images > 0).then(|| {
        format!(
            "without a tag: {images}; a registry that removes what has no tag, as Harbor can when \
             it collects garbage, will remove them (--on-existing digest-tag gives them one)"
        )
    })
}
