//! What is written and what room there is, of a plan that takes away.

use std::collections::BTreeMap;
use std::path::Path;

use super::request::Request;
use crate::places::location::Destination;
use crate::places::registry::{Client, Project};
use crate::words::error::{Result, Side};
use crate::work::plan::{PlaceRoom, PlanSizes};
use crate::work::prune::{Claims, PrunePlan};

/// What `plan` moves and needs: nothing but the new list of a layout. The room of a registry is known
/// of a Harbor's projects alone.
///
/// # Errors
/// When the place does not answer.
pub(super) fn sizes(
    request: &Request,
    claims: &Claims<'_>,
    plan: &PrunePlan,
    client: &Client,
) -> Result<PlanSizes> {
    let place = || PlaceRoom::new(request.place.to_string(), 0, None);
    let (write, room) = match &request.place {
        Destination::Registry { .. } => {
            let projects = projects(claims, client)?;
            (0, if projects.is_empty() { vec![place()] } else { projects })
        }
        Destination::Layout { path } => {
            // The new list lies beside the old one for a moment, and is shorter.
            let write = if plan.is_empty() { 0 } else { length(&path.join("index.json")) };
            (write, vec![PlaceRoom::on_disk(path, write)])
        }
        _ => (0, vec![place()]),
    };
    Ok(PlanSizes { write, room, ..PlanSizes::default() })
}

/// What each project leaves that the repositories lie in, where the registry has such.
fn projects(claims: &Claims<'_>, client: &Client) -> Result<Vec<PlaceRoom>> {
    let mut projects = BTreeMap::new();
    for lot in &claims.lots {
        let there = client.repository(&lot.at.registry, &lot.at.repository, Side::Destination);
        let Some(project) = there.project()? else { return Ok(Vec::new()) };
        projects.entry(project.name().to_owned()).or_insert(project);
    }
    let room = |(name, project): (String, Project)| Ok(PlaceRoom::new(name, 0, project.room()?));
    projects.into_iter().map(room).collect()
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |about| about.len())
}
