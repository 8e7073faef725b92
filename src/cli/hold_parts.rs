//! The option that says where parts of layers are held while volumes are exchanged.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::attendant::AtTerminal;
use super::environment::state_folder;
use crate::verbs::import::Discs;
use crate::words::progress::Progress;

/// Where parts of layers are held while volumes are exchanged.
#[derive(Debug, Args)]
pub(super) struct HoldParts {
    /// Folder in which parts of layers are held whose others are in volumes to come, as long as it takes
    /// [default: ~/.local/state/sealift/scratch]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

impl HoldParts {
    /// How volumes are imported that come one after the other; nothing where no parts can be held.
    pub(super) fn discs(self, progress: &Arc<dyn Progress>) -> Option<Discs> {
        let scratch = self.scratch.or_else(|| state_folder().map(|it| it.join("scratch")))?;
        let attendant = Arc::new(AtTerminal::new(Arc::clone(progress)));
        Some(Discs { attendant: Some(attendant), ..Discs::held_in(scratch) })
    }
}
