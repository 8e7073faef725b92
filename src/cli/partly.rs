//! The options of an import that goes on without what cannot be brought.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::idle::Given;
use crate::medium::Medium;
use crate::tools::file::AtomicFile;
use crate::tools::folder::Folder;
use crate::tools::ground;
use crate::verbs::import::{LeaveBehind, Summary};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::escape::Safe;

/// What each list begins with.
const FIRST_LINE: &str = "# what did not arrive, for `sealift import -f`";

/// What becomes of images that cannot be brought.
#[derive(Debug, Args)]
pub(super) struct Partly {
    /// Bring the other images when some cannot be brought; those are named with their reasons, and
    /// the exit code is that of the first of these
    #[arg(long, group = "partly")]
    keep_going: bool,
    /// Of a bundle that is damaged or incomplete bring the images that are whole; the others are named
    /// with their reasons, and the exit code is 4 where anything is damaged. What is wrong at the
    /// destination stops all, which it does not with --keep-going
    #[arg(long, group = "partly")]
    only_intact: bool,
    /// With --keep-going or --only-intact, write the names of those that did not arrive into a file, for
    /// the next run's -f
    #[arg(long, value_name = "FILE", requires = "partly")]
    failed_list: Option<PathBuf>,
}

impl Partly {
    /// Which images are left behind.
    pub(super) fn leave_behind(&self) -> LeaveBehind {
        match (self.keep_going, self.only_intact) {
            (true, _) => LeaveBehind::Anything,
            (false, true) => LeaveBehind::Unsound,
            (false, false) => LeaveBehind::Nothing,
        }
    }

    /// Which options were given that matter to a real run alone.
    pub(super) fn given(&self) -> [Given; 1] {
        [("--failed-list", self.failed_list.is_some())]
    }

    /// Fails as writing the list will, where that can be known. Only an earlier list, or an empty
    /// file, is replaced.
    ///
    /// # Errors
    /// Those of [`ground::check`], and [`Class::Usage`] for a folder, for another file, and for a place
    /// in the bundle itself.
    pub(super) fn check(&self, bundle: &Medium) -> Result<()> {
        let Some(path) = &self.failed_list else { return Ok(()) };
        let refused = |what: &str, hint: &str| {
            let text = format!("{} {what}", path.display());
            Err(Error::new(Class::Usage, text).subject(Subject::Path(path.clone())).hint(hint))
        };
        if path.is_dir() {
            return refused("is a folder, not a file", "name a file in it");
        }
        if bundle.contains(path) {
            return refused("lies in the bundle itself", "name another place for the list");
        }
        ground::check(path)?;
        if !is_replaceable(path)? {
            return refused(
                "is there, and no list of what did not arrive",
                "nothing was put in its place; name another file",
            );
        }
        Ok(())
    }

    /// Writes the list of what did not arrive, if one is wanted, and gives that as a failure.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub(super) fn settle(&self, summary: &Summary) -> Result<Option<Error>> {
        if let Some(path) = &self.failed_list {
            let (folder, name) = Folder::making(path)?;
            let mut file = AtomicFile::within(&folder, name, 0o644)?;
            let mut text = format!("{FIRST_LINE}\n");
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

/// Whether a list may go where `path` is: nothing is there, an empty file, or an earlier list.
fn is_replaceable(path: &Path) -> Result<bool> {
    let fault = |e| Error::io(format!("cannot look at {}", path.display()), e);
    match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(true),
        Err(e) => return Err(fault(e)),
        Ok(about) if !about.is_file() => return Ok(false),
        Ok(_) => {}
    }
    let (folder, name) = Folder::holding(path)?;
    let file = folder.file(&name).map_err(fault)?;
    let mut begin = Vec::new();
    file.take(FIRST_LINE.len() as u64).read_to_end(&mut begin).map_err(fault)?;
    Ok(begin.is_empty() || begin == FIRST_LINE.as_bytes())
}
