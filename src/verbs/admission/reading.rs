//! [`PartReading`]: how the small parts of images are had that policies ask for.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bundle::check::Trusted;
use crate::bundle::docker::Configs;
use crate::places::at_hand::AtHand;
use crate::storage::reading::read_small;
use crate::storage::store::BlobSources;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Result, Side};

/// Largest part that is read: an attestation with an SBOM of ten thousand packages.
const MAX_PART: u64 = 32 << 20;

/// Gives the bytes of a part; nothing where they are not at hand.
type PartOf<'r> = dyn Fn(&Descriptor) -> Result<Option<Arc<[u8]>>> + Sync + 'r;

/// How the small parts of images are had that policies ask for: configs, signatures, attestations.
pub(in crate::verbs) struct PartReading<'r> {
    /// The bytes of a part; nothing where they are not at hand.
    pub(super) part: Box<PartOf<'r>>,
    /// Whether an image is signed by the digest that it has at its source, whatever was made of it.
    pub(super) at_source: bool,
    /// How many at a time.
    pub(super) jobs: usize,
}

impl<'r> PartReading<'r> {
    /// From what `bundle` carries, or a base beside it.
    pub(in crate::verbs) fn of_bundle(
        bundle: &'r Trusted,
        jobs: usize,
        cancel: &'r Cancel,
    ) -> PartReading<'r> {
        let carried = bundle.contents().blobs.carried().map(|blob| blob.digest);
        let carried: BTreeSet<Digest> = carried.collect();
        let part = move |blob: &Descriptor| match carried.contains(&blob.digest) {
            true => {
                read_small(bundle, blob, MAX_PART, "the bundle", cancel).map(|it| Some(it.into()))
            }
            false => Ok(None),
        };
        PartReading { part: Box::new(part), at_source: false, jobs }
    }

    /// From the `configs` that were read, from what is `at_hand`, or from `sources`.
    pub(in crate::verbs) fn of_sources(
        configs: &'r Configs,
        (at_hand, sources): (&'r AtHand, &'r (dyn BlobSources + Sync)),
        jobs: usize,
        cancel: &'r Cancel,
    ) -> PartReading<'r> {
        let part = move |blob: &Descriptor| {
            if let Some(read) = configs.get(&blob.digest) {
                return Ok(Some(Arc::clone(read)));
            }
            if let Some(bytes) = at_hand.small(blob, MAX_PART, cancel)? {
                return Ok(Some(bytes.into()));
            }
            let (source, place) = sources.source_of(&blob.digest)?;
            let read = read_small(source, blob, MAX_PART, &format!("source {place}"), cancel);
            read.map(|it| Some(it.into())).map_err(|e| e.on_unless_noted(Side::Source))
        };
        PartReading { part: Box::new(part), at_source: true, jobs }
    }
}
