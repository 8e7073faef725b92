//! What an engine's storage will need, held against what its disk and the user's quota leave.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::chosen::Chosen;
use super::look::Look;
use super::unpacked::unpacked;
use crate::places::engine::{EngineInfo, quota_left};
use crate::storage::store::BlobSource;
use crate::tools::room::{self, Disk};
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::{Document, Kind};
use crate::words::error::Subject;
use crate::work::plan::{Obstacle, PlaceRoom, Plan};

/// Bytes that layers need.
#[derive(Debug, Default, PartialEq)]
struct Needs {
    /// Unpacked.
    unpacked: u64,
    /// As they came.
    packed: u64,
}

/// What `plan` needs on each disk, and what of that does not fit there or into a quota.
pub(super) fn room(
    about: &EngineInfo,
    plan: &Plan,
    chosen: &Chosen,
    look: &Look,
    bundle: &dyn BlobSource,
    cancel: &Cancel,
) -> (Vec<PlaceRoom>, Vec<Obstacle>) {
    let needs = needs(about, plan, chosen, look, bundle);
    let mut disks: BTreeMap<u64, (DiskUse<'_>, u64, u64)> = BTreeMap::new();
    let storage = about.unpacked.as_deref().map(|path| (DiskUse::Storage(path), needs.unpacked));
    let packed = about.packed.as_deref().map(|path| match about.keeps_packed {
        true => (DiskUse::Storage(path), needs.packed),
        false => (DiskUse::Staging(path), needs.packed),
    });
    for (place, bytes) in [storage, packed].into_iter().flatten() {
        let Some(disk) = Disk::of(place.path()) else { continue };
        let known = disks.entry(disk.number).or_insert((place, disk.free, 0));
        known.2 = known.2.saturating_add(bytes);
    }
    let left = |path: &Path| quota_left(path, cancel).filter(|_| about.owned);
    let short =
        disks.values().filter_map(|(place, free, bytes)| too_small(left, place, *free, *bytes));
    let rooms = disks.values().map(|(place, free, bytes)| {
        let path = place.path();
        let free = left(path).map_or(*free, |left| left.min(*free));
        PlaceRoom::new(path.display().to_string(), *bytes, Some(free))
    });
    (rooms.collect(), short.collect())
}

/// What a disk is for. Where it is for both, it is the storage's.
enum DiskUse<'a> {
    /// Images stay there.
    Storage(&'a Path),
    /// Layers are there while they are pulled.
    Staging(&'a Path),
}

impl DiskUse<'_> {
    fn path(&self) -> &Path {
        match self {
            DiskUse::Storage(path) | DiskUse::Staging(path) => path,
        }
    }

    fn way_out(&self) -> &'static str {
        match self {
            DiskUse::Storage(_) => {
                "remove images that nobody needs (podman image prune, docker image prune), or \
                 give the engine a storage on another disk"
            }
            DiskUse::Staging(_) => {
                "name a folder on a larger disk by TMPDIR, or image_copy_tmp_dir in \
                 containers.conf"
            }
        }
    }
}

impl fmt::Display for DiskUse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskUse::Storage(path) => write!(f, "in the engine's storage at {}", path.display()),
            DiskUse::Staging(path) => {
                let path = path.display();
                write!(f, "in the folder where podman keeps layers while it pulls, {path}")
            }
        }
    }
}

fn too_small(
    left: impl Fn(&Path) -> Option<u64>,
    place: &DiskUse<'_>,
    free: u64,
    bytes: u64,
) -> Option<Obstacle> {
    let path = place.path();
    let quota = || match left(path) {
        Some(left) => {
            room::fits(bytes, left, &format!("in the user's quota at {}", path.display()))
        }
        None => Ok(()),
    };
    let error = room::fits(bytes, free, &place.to_string()).and_then(|()| quota()).err()?;
    Some(
        Obstacle::new(error.class(), error.message(), place.way_out())
            .of_kind(error.kind())
            .with_subjects([Subject::Path(path.to_owned())]),
    )
}

/// What the images that are to come need.
fn needs(
    about: &EngineInfo,
    plan: &Plan,
    chosen: &Chosen,
    look: &Look,
    bundle: &dyn BlobSource,
) -> Needs {
    let (mut needs, mut counted) = (Needs::default(), BTreeSet::new());
    for step in plan.changes() {
        // Of several that fit, the engine takes one.
        let Some(manifest) = chosen.manifests(step.digest).first().copied() else { continue };
        let image = of_image(about, manifest, bundle, |digest| {
            look.is_there(&digest) || !counted.insert(digest)
        });
        needs.unpacked = needs.unpacked.saturating_add(image.unpacked);
        needs.packed = match about.keeps_packed {
            true => needs.packed.saturating_add(image.packed),
            // Images come one after the other, and each cleans up.
            false => needs.packed.max(image.packed),
        };
    }
    needs
}

fn of_image(
    about: &EngineInfo,
    manifest: &Document,
    bundle: &dyn BlobSource,
    mut is_there: impl FnMut(Digest) -> bool,
) -> Needs {
    let Kind::Manifest { layers, .. } = manifest.kind() else { return Needs::default() };
    let (mut needs, mut below) = (Needs::default(), 0u64);
    for layer in layers {
        let size = unpacked(bundle, layer);
        below = below.saturating_add(size);
        if is_there(layer.digest) {
            continue;
        }
        needs.unpacked = needs.unpacked.saturating_add(if about.stacks { below } else { size });
        needs.packed = needs.packed.saturating_add(layer.size);
    }
    needs
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::storage::raw::Raw;
    use crate::words::document::Descriptor;
    use crate::words::error::Result;
    use crate::words::media::OCI_MANIFEST;
    use crate::words::platform::Platform;

    /// Nothing tells: compressed layers are guessed.
    struct Silent;

    impl BlobSource for Silent {
        fn open(&self, _: &Descriptor, _: u64) -> Result<Raw<'_>> {
            Ok(Raw::new(std::io::empty()))
        }
    }

    fn about(stacks: bool) -> EngineInfo {
        EngineInfo {
            platform: "linux/amd64".parse::<Platform>().unwrap(),
            remote: None,
            unpacked: None,
            packed: None,
            keeps_packed: false,
            keeps_partial: false,
            owned: true,
            stacks,
            keeps_manifests: true,
            takes_untagged: true,
            takes_zstd: true,
            takes_nested: true,
            scratch: None,
        }
    }

    #[test]
    fn layers_that_are_there_need_nothing_but_below_others_in_a_stack() {
        let plain = "application/vnd.oci.image.layer.v1.tar";
        let layer = |kind: &str, name: &str, size| {
            Descriptor::new(format!("{plain}{kind}"), Digest::of(name.as_bytes()), size)
        };
        let layers = [layer("", "a", 100), layer("+gzip", "b", 10), layer("", "c", 7)];
        let raw = serde_json::json!({
            "schemaVersion": 2, "config": layer("", "config", 1), "layers": layers,
        });
        let manifest = Document::parse(raw.to_string().into_bytes(), OCI_MANIFEST).unwrap();
        let needs = |stacks, there: &[usize]| {
            let is_there = |digest| there.iter().any(|at| layers[*at].digest == digest);
            let needs = of_image(&about(stacks), &manifest, &Silent, is_there);
            (needs.unpacked, needs.packed)
        };

        assert_eq!(needs(false, &[]), (137, 117));
        assert_eq!(needs(false, &[0]), (37, 17));
        assert_eq!(needs(true, &[]), (100 + 130 + 137, 117));
        assert_eq!(needs(true, &[0, 1]), (137, 7));
        assert_eq!(needs(true, &[0, 1, 2]), (0, 0));
    }
}
