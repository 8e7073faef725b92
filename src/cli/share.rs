//! The options of an import that several machines do together.

use clap::Args;

use super::report::argument;
use crate::verbs::import::Sharing;
use crate::work::shard::Shard;

/// Which part of an import this is.
#[derive(Debug, Args)]
pub(super) struct Share {
    /// Bring a part of the blobs alone, the one of this number of so many, and make no name. Shards run
    /// anywhere, at once or not, and again where one failed; --finish ends the import
    #[arg(long, value_name = "I/N", value_parser = argument::<Shard>)]
    shard: Option<Shard>,
    /// Bring manifests and names, once all shards are there: exit code 5 where a blob is not
    #[arg(long, conflicts_with = "shard")]
    finish: bool,
}

impl Share {
    /// The part that was asked for.
    pub(super) fn sharing(&self) -> Sharing {
        match (self.shard, self.finish) {
            (Some(shard), _) => Sharing::Shard(shard),
            (None, true) => Sharing::Finish,
            (None, false) => Sharing::None,
        }
    }
}
