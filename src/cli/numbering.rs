//! The options that make a bundle the next one of a stream.

use std::path::PathBuf;

use clap::Args;

use super::environment::state_folder;
use super::report::argument;
use super::unlock::Unlocking;
use crate::bundle::history::{History, Opening};
use crate::verbs::sequel::Sequel;
use crate::words::error::{Class, Error, Result};
use crate::words::stream::StreamName;

/// The stream that a bundle becomes the next one of.
#[derive(Debug, Args)]
pub(super) struct Numbering {
    /// Make it the next bundle of this stream, numbered behind the last one
    #[arg(long, value_name = "NAME", value_parser = argument::<StreamName>)]
    stream: Option<StreamName>,
    /// Folder in which the history of each stream is kept: what was signed, without layers
    /// [default: ~/.local/state/sealift/history]
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// Begin the stream, or begin to count again in a new epoch, where its history was lost (=N: in
    /// this one)
    #[arg(long, value_name = "N", requires = "stream", num_args = 0..=1, require_equals = true)]
    new_epoch: Option<Option<u32>>,
    /// Go on behind this bundle of the stream, which the history does not know
    #[arg(long, value_name = "BUNDLE", requires = "stream", conflicts_with = "new_epoch")]
    after: Option<PathBuf>,
}

impl Numbering {
    /// Whether a history is named and no stream.
    pub(super) fn names_history_alone(&self) -> bool {
        self.stream.is_none() && self.history.is_some()
    }

    /// The history in the folder that is named, else in the user's own.
    pub(super) fn history(&self) -> Result<History> {
        let named = self.history.clone();
        let folder = named.or_else(|| state_folder().map(|state| state.join("history")));
        folder.map(History::at).ok_or_else(|| {
            Error::new(Class::Usage, "there is no home to keep the history in")
                .hint("name a folder with --history")
        })
    }

    /// Whether a stream is named.
    pub(super) fn names_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether a bundle is named that has to be read.
    pub(super) fn reads_bundle(&self) -> bool {
        self.after.is_some()
    }

    /// The stream, if one is named; a bundle of it is opened by `opener`.
    pub(super) fn sequel(self, opener: &Unlocking) -> Result<Option<Sequel>> {
        let Some(name) = self.stream.clone() else { return Ok(None) };
        let mut stream = Sequel::new(name, self.history()?);
        stream.opening = match (self.new_epoch, self.after) {
            (Some(epoch), _) => Opening::NewEpoch(epoch.map(u64::from)),
            (None, Some(bundle)) => Opening::After(opener.medium(bundle)),
            (None, None) => Opening::GoesOn,
        };
        Ok(Some(stream))
    }
}
