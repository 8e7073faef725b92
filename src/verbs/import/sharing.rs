//! [`Sharing`]: an import that several machines do together.

use crate::bundle::contents::Contents;
use crate::words::bytes::Bytes;
use crate::words::count::count;
use crate::words::error::Class;
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;
use crate::work::plan::{Obstacle, Plan};
use crate::work::shard::Shard;

/// How many blobs that are not there yet are named: enough to look for them.
const SHOWN: usize = 5;

/// Which part of an import one machine does, where several do it together: each a shard of the blobs, and
/// one, behind all others, the names. Parts need not know of one another, and each can be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Sharing {
    /// All of it.
    #[default]
    None,
    /// The blobs of a shard, and nothing that anybody could see.
    Shard(Shard),
    /// Manifests and names, of blobs that are there.
    Finish,
}

impl Sharing {
    /// The shard that it is.
    pub(super) fn shard(self) -> Option<Shard> {
        match self {
            Sharing::Shard(shard) => Some(shard),
            Sharing::None | Sharing::Finish => None,
        }
    }

    /// How many bytes of `contents` it brings, or would have to.
    pub(super) fn carried(self, contents: &Contents) -> u64 {
        let documents = contents.documents.values().map(|it| it.descriptor().size);
        let blobs = contents.blobs.carried();
        match self {
            Sharing::None => contents.bytes(),
            Sharing::Shard(shard) => {
                let own = blobs.filter(|blob| shard.takes(&blob.digest));
                own.map(|blob| blob.size).fold(0, u64::saturating_add)
            }
            Sharing::Finish => documents.fold(0, u64::saturating_add),
        }
    }

    /// What keeps `plan` from being the last part of an import: blobs that no shard has brought.
    pub(super) fn obstacle(self, plan: &Plan) -> Option<Obstacle> {
        if self != Sharing::Finish || plan.copy.blobs == 0 {
            return None;
        }
        let text = format!(
            "{} of {} are not there yet, so that no name was made",
            count(usize::try_from(plan.copy.blobs).unwrap_or(usize::MAX), "blob"),
            Bytes(plan.copy.bytes),
        );
        let hint =
            phrase!["run the shards again that did not end well, then ", Remedy::FinishShards];
        let blobs = plan.sent().take(SHOWN);
        let blobs = blobs.map(|blob| format!("{} ({} bytes)", blob.digest, blob.size));
        Some(Obstacle::new(Class::Incomplete, text, hint).about(blobs))
    }
}
