//! The options of an import that goes on without what cannot be brought.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::idle::Given;
use crate::tools::file::AtomicFile;
use crate::tools::folder::Folder;
use crate::tools::ground;
use crate::verbs::import::Summary;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;

/// What becomes of images that cannot be brought.
#[derive(Debug, Args)]
pub(super) struct Partly {
    /// Bring the other images when some cannot be brought; those are named with their reasons, and
    /// the exit code is that of the first of these
    #[arg(long)]
    pub(super) keep_going: bool,
    /// With --keep-going, write the names of those into a file, for the next run's -f
    #[arg(long, value_name = "FILE", requires = "keep_going")]
    failed_list: Option<PathBuf>,
}

impl Partly {
    /// Which options were given that matter to a real run alone.
    pub(super) fn given(&self) -> [Given; 1] {
        [("--failed-list", self.failed_list.is_some())]
    }

    /// Fails as writing the list will, where that can be known.
    ///
    /// # Errors
    /// Those of [`ground::check`], and [`Class::Usage`] for a folder.
    pub(super) fn check(&self) -> Result<()> {
        let Some(path) = &self.failed_list else { return Ok(()) };
        if path.is_dir() {
            let text = format!("{} is a folder, not a file", path.display());
            return Err(Error::new(Class::Usage, text).hint("name a file in it"));
        }
        ground::check(path)
    }

    /// Writes the list of what did not arrive, if one is wanted, and gives that as a failure.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub(super) fn settle(&self, summary: &Summary) -> Result<Option<Error>> {
        if let Some(path) = &self.failed_list {
            let (folder, name) = Folder::making(path)?;
            let mut file = AtomicFile::within(&folder, name, 0o644)?;
            let mut text = String::from("# what did not arrive, for `sealift import -f`\n");
            for failed in &summary.failed {
                text += &format!("{}  # {}\n", failed.name, Safe(&failed.reason));
            }
            file.write_all(text.as_bytes())
                .map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
            file.commit()?;
        }
        Ok(summary.failure())
    }
}
