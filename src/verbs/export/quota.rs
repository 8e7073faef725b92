//! What a registry still gives out, held against what an export needs.

use std::collections::BTreeMap;

use crate::places::registry::{Client, Quota};
use crate::words::error::Side;
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Reference, Registry};
use crate::work::graph::Wanted;

/// From how many images on a registry is asked for its quota. Docker Hub, which is known to have
/// one, is always asked; elsewhere a request more would mostly be for nothing.
const LARGE: u64 = 10;

/// Tells `progress` of each registry that gives out fewer manifests than are needed. Every image
/// needs one at least; those of several platforms need one more for each.
pub(super) fn look_ahead(wanted: &[Wanted], client: &Client, progress: &dyn Progress) {
    let mut registries: BTreeMap<&Registry, (u64, &Reference)> = BTreeMap::new();
    for wanted in wanted.iter().filter(|wanted| wanted.text.starts_with("docker://")) {
        registries.entry(&wanted.name.registry).or_insert((0, &wanted.name)).0 += 1;
    }
    for (registry, (images, name)) in registries {
        if images < LARGE && registry.as_str() != "docker.io" {
            continue;
        }
        let repository = client.repository(registry, &name.repository, Side::Source);
        // A fault here is no reason to stop: the first real request will tell of it.
        let quota = repository.quota(name).ok().flatten();
        if let Some(quota) = quota.filter(|quota| quota.remaining < images) {
            progress.event(Event::Note(remark(registry, quota, images)));
        }
    }
}

fn remark(registry: &Registry, quota: Quota, images: u64) -> String {
    let of = quota.limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
    let window = quota.window.map(|seconds| match seconds % 3600 {
        0 => format!(" in {} hours", seconds / 3600),
        _ => format!(" in {seconds} seconds"),
    });
    format!(
        "{registry} gives out {}{of} more manifests{}, and this export needs {images} or more; \
         log in for a higher limit, or run the same command again when it is spent",
        quota.remaining,
        window.unwrap_or_default(),
    )
}
