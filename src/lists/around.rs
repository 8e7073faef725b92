//! [`Around`]: what a list may refer to besides itself.

use std::path::{Component, Path, PathBuf};

use super::list_text::ListText;
use crate::words::error::{Class, Error, Result};

/// What a list may refer to besides itself.
pub trait Around {
    /// The text of the file at `path`, which `from` names; relative paths are those beside `from`.
    ///
    /// # Errors
    /// When it cannot be read. [`Around::is_there`] asks without one.
    fn beside(&self, from: &ListText, path: &str) -> Result<ListText>;

    /// Whether there is a file at `path`, which `from` names.
    fn is_there(&self, from: &ListText, path: &str) -> bool;

    /// The value of a variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;

    /// The name of the folder that `list` lies in, where it is known.
    fn folder_name(&self, list: &ListText) -> Option<String> {
        list.path()?.parent()?.file_name()?.to_str().map(ToOwned::to_owned)
    }

    /// The profiles that are switched on.
    fn profiles(&self) -> &[String] {
        &[]
    }

    /// Further members that name images, as paths: `spec.engine.image`, `spec.images[*]`.
    fn image_paths(&self) -> &[String] {
        &[]
    }
}

/// Nothing is around.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl Around for Nothing {
    fn beside(&self, _: &ListText, path: &str) -> Result<ListText> {
        Err(Error::new(Class::Usage, format!("{path} is needed, and no other file is read here")))
    }

    fn is_there(&self, _: &ListText, _: &str) -> bool {
        false
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

/// `path` from `folder` on, without what goes there and back.
pub(super) fn joined(folder: &Path, path: &str) -> PathBuf {
    let mut joined = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(joined.components().next_back(), Some(Component::Normal(_))) =>
            {
                joined.pop();
            }
            part => joined.push(part),
        }
    }
    joined
}
