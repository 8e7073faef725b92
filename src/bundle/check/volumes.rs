//! What is said of a bundle in volumes: which of them are missing or damaged, and which images need them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::examined::Examined;
use super::files::Files;
use crate::bundle::cut::{Cut, CutVolume, ToCut, entry};
use crate::bundle::head::small_configs;
use crate::bundle::inventory::{SUMS, is_outside};
use crate::bundle::keys::KeyId;
use crate::bundle::problem::{Problem, ProblemKind};
use crate::medium::cutting::Cutting;
use crate::medium::volumes::{Apart, Volumes};
use crate::places::layout::{blob_digest, blob_path};
use crate::storage::reading::digest_of;
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::Result;
use crate::words::progress::{Event, Progress};

/// Most images that are named for one volume.
const SHOWN: usize = 1_000;

/// What one volume is by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VolumeAlone {
    /// Which one it is.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    /// What people call the set.
    pub label: String,
    /// Blobs that are whole in it, manifests and configs among them, and so proven.
    pub blobs: usize,
    /// Pieces of blobs of which the rest is in other volumes: they are as they were written. They are proven
    /// where the table is signed, else with the rest alone.
    pub pieces: usize,
    /// Who signed the table of what lies in it, where somebody did who is believed.
    pub signer: Option<KeyId>,
    /// The images that are whole in it.
    pub images: Vec<String>,
}

impl<F: Files> Examined<F> {
    /// Says which volumes are missing, with the images that need them, and of each blob that is
    /// missing in which volume it is.
    pub(super) fn name_volumes(&mut self) {
        let Some(volumes) = self.tree.volumes() else { return };
        let mut found = Vec::new();
        if volumes.statement() != Some(self.statement.digest) {
            let detail = "its volumes say that they are of another bundle";
            found.push(Problem::new(ProblemKind::Damaged, "", detail));
        }
        let lost = self.lost(volumes);
        let name = |number: &u32| format!("{} is not there", volumes.name(*number));
        for (number, blobs) in &lost {
            let mut problem = Problem::new(ProblemKind::MissingVolume, "", name(number));
            let needed = self.contents.needed_by(blobs);
            let roots: BTreeSet<_> = needed.into_values().flatten().collect();
            let names: BTreeSet<String> =
                roots.into_iter().map(|root| self.contents.root_name(root)).collect();
            problem.more_images = names.len().saturating_sub(SHOWN);
            problem.images = names.into_iter().take(SHOWN).collect();
            found.push(problem);
        }
        let of_blob: BTreeMap<&Digest, &u32> = lost
            .iter()
            .flat_map(|(number, blobs)| blobs.iter().map(move |it| (it, number)))
            .collect();
        for problem in self.problems.iter_mut().filter(|it| it.kind == ProblemKind::Missing) {
            let number = blob_digest(&problem.path).and_then(|it| of_blob.get(&it).copied());
            if let Some(number) = number {
                problem.detail = format!("is in {}, which is not there", volumes.name(*number));
            }
        }
        found.append(&mut self.problems);
        self.problems = found;
    }

    /// The numbers of the volumes that are not there, each with the blobs of which it has a piece, as far
    /// as that is known.
    fn lost(&self, volumes: &Volumes) -> BTreeMap<u32, BTreeSet<Digest>> {
        let missing = volumes.missing().into_iter();
        let mut lost: BTreeMap<u32, BTreeSet<Digest>> =
            missing.map(|number| (number, BTreeSet::new())).collect();
        if lost.is_empty() {
            return lost;
        }
        let cut = self.cut(volumes).map(|cut| cut.0).unwrap_or_default();
        if u32::try_from(cut.len()) != Ok(volumes.of()) {
            return lost;
        }
        for volume in cut {
            if let Some(blobs) = lost.get_mut(&volume.table.number) {
                blobs.extend(volume.table.pieces.iter().map(|piece| piece.blob));
            }
        }
        lost
    }

    /// How the bundle was cut: as it would be again.
    fn cut(&self, volumes: &Volumes) -> Result<Cut> {
        let configs: BTreeSet<Digest> =
            small_configs(&self.contents).into_iter().map(|config| config.digest).collect();
        let is_signed = |digest: &Digest| self.sums.files().contains_key(&blob_path(digest));
        let needed = self.contents.blobs.needed().iter().filter(|blob| is_signed(&blob.digest));
        let (small, layers): (Vec<Descriptor>, Vec<Descriptor>) =
            needed.cloned().partition(|blob| configs.contains(&blob.digest));
        let own = self.sums.files().keys().filter(|path| !path.starts_with("blobs/"));
        let paths = self.tree.paths();
        let unsigned = paths.iter().filter(|path| path.starts_with("sig/") || **path == SUMS);
        let files = own.map(String::as_str).chain(unsigned.copied());
        let files = files.filter_map(|path| self.tree.size(path));
        let documents = self.contents.documents.values().map(|it| it.descriptor().size);
        let sizes = files.chain(documents).chain(small.iter().map(|blob| blob.size));
        let head = sizes.map(entry).fold(0, u64::saturating_add);
        let (label, volume_size) = (volumes.label().to_owned(), volumes.volume_size());
        let bundle = ToCut { head, statement: self.statement.digest, layers: &layers };
        Cut::of(&bundle, &Cutting { volume_size, label, only: None, is_signed: false })
    }
}

impl Examined {
    /// The volumes that it lies in, where it does.
    #[must_use]
    pub fn volumes(&self) -> Option<&Volumes> {
        self.tree.volumes()
    }

    /// Of each volume of the set the blobs of which it has a piece, with where in them that begins;
    /// nothing where it was not cut as it would be here.
    #[must_use]
    pub fn pieces_of_volumes(&self) -> Option<BTreeMap<u32, Vec<(Digest, u64)>>> {
        let volumes = self.tree.volumes()?;
        let Cut(cut) = self.cut(volumes).ok()?;
        let pieces = |volume: CutVolume| {
            let each = volume.table.pieces.iter();
            (volume.table.number, each.map(|piece| (piece.blob, piece.offset())).collect())
        };
        (u32::try_from(cut.len()) == Ok(volumes.of()))
            .then(|| cut.into_iter().map(pieces).collect())
    }

    /// The volumes in which the bytes of `blob` are wrong, for people, as far as that can be told, else
    /// those in which it lies.
    #[must_use]
    pub fn suspects(&self, blob: &Digest) -> Vec<String> {
        self.tree.suspects(&blob_path(blob))
    }

    /// Whether nothing is wrong but that volumes are not there.
    #[must_use]
    pub fn lacks_only_volumes(&self) -> bool {
        let Some(volumes) = self.tree.volumes() else { return false };
        let lost: BTreeSet<Digest> = self.lost(volumes).into_values().flatten().collect();
        !lost.is_empty() && self.problems.iter().all(|problem| is_elsewhere(problem, &lost))
    }

    /// A sentence about each copy of a volume that is not read, since there is another.
    #[must_use]
    pub fn volumes_twice(&self) -> &[String] {
        self.tree.volumes().map_or(&[], Volumes::twice)
    }

    /// How many bytes a volume has at most of those that it lies in, where it does.
    #[must_use]
    pub fn volume_size(&self) -> Option<u64> {
        self.tree.volumes().map(Volumes::volume_size)
    }

    /// The same, of which layers that are not there are on media elsewhere, and no problem.
    #[must_use]
    pub fn with_layers_elsewhere(mut self) -> Examined {
        self.problems.retain(|problem| {
            problem.kind != ProblemKind::Missing || blob_digest(&problem.path).is_none()
        });
        self
    }

    /// Says in which volumes the bytes of what is wrong lie.
    pub(super) fn name_suspects(&self, problem: &mut Problem) {
        let volumes = self.tree.suspects(&problem.path);
        if !volumes.is_empty() {
            problem.detail = format!("{}; it lies in {}", problem.detail, volumes.join(", "));
        }
    }

    /// Reads what has to be right in volumes beside the files of the bundle. Gives what is wrong.
    pub(super) fn hash_apart(&self, jobs: usize, progress: &dyn Progress) -> Result<Vec<Problem>> {
        let apart = self.tree.apart();
        if apart.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = apart.iter().fold(0, |sum: u64, it| sum.saturating_add(it.bytes.size()));
        progress.event(Event::Phase {
            name: "verifying volumes",
            bytes,
            items: apart.len() as u64,
        });
        let cancel = progress.handle();
        let found = parallel::map(jobs, &apart, |it| {
            progress.check()?;
            let wanted = self.wanted(it)?;
            let read = digest_of(&mut it.bytes.reader(0), &cancel);
            progress.check()?;
            progress.event(Event::Advanced { digest: None, bytes: it.bytes.size() });
            Ok(match read {
                Ok(digest) if digest == wanted => None,
                Ok(_) => {
                    let detail = "is not what was written there";
                    Some(Problem::new(ProblemKind::Damaged, it.path.as_str(), detail))
                }
                Err(e) => {
                    let detail = e.to_string();
                    Some(Problem::new(ProblemKind::Unreadable, it.path.as_str(), detail))
                }
            })
        })?;
        progress.event(Event::Done);
        Ok(found.into_iter().flatten().collect())
    }

    /// The digest that `apart` has to have.
    fn wanted(&self, apart: &Apart) -> Result<Digest> {
        if let Some(digest) = apart.sha256 {
            return Ok(digest);
        }
        let path = apart.copy_of.as_deref().unwrap_or_default();
        match self.sums.files().get(path) {
            Some(digest) if !is_outside(path) => Ok(*digest),
            _ => {
                let size = self.tree.size(path).unwrap_or(0);
                Ok(Digest::of(&self.tree.read_small(path, size)?))
            }
        }
    }

    /// What the volume is that was named by itself, if one was; that others are not there is no problem
    /// then.
    pub fn by_itself(&mut self) -> Option<VolumeAlone> {
        let volumes = self.tree.volumes()?;
        let number = volumes.single()?;
        let lost: BTreeSet<Digest> = self.lost(volumes).into_values().flatten().collect();
        let blobs = self.tree.files().filter(|(path, _)| path.starts_with("blobs/")).count();
        let needed = self.contents.needed_by(&lost);
        let partly: BTreeSet<String> =
            needed.into_values().flatten().map(|root| self.contents.root_name(root)).collect();
        let images = self.contents.images.iter().map(|image| image.name.to_string());
        let alone = VolumeAlone {
            number,
            of: volumes.of(),
            label: volumes.label().to_owned(),
            blobs,
            pieces: volumes.loose(),
            signer: self.proven_tables.get(&number).cloned(),
            images: images.filter(|name| !partly.contains(name)).collect(),
        };
        self.forget_other_volumes();
        Some(alone)
    }

    /// Takes out of what is wrong that volumes are not there: those that are stay what they are.
    pub fn forget_other_volumes(&mut self) {
        let Some(volumes) = self.tree.volumes() else { return };
        let lost: BTreeSet<Digest> = self.lost(volumes).into_values().flatten().collect();
        self.problems.retain(|problem| !is_elsewhere(problem, &lost));
    }
}

/// Whether it is a `problem` only as long as other volumes are not there, which have pieces of the blobs
/// that are `lost`.
fn is_elsewhere(problem: &Problem, lost: &BTreeSet<Digest>) -> bool {
    match problem.kind {
        ProblemKind::MissingVolume => true,
        ProblemKind::Missing => blob_digest(&problem.path).is_some_and(|it| lost.contains(&it)),
        _ => false,
    }
}
