//! [`LeaveBehind`]: what does not keep the other images from arriving.

use super::sharing::Sharing;
use crate::words::count::{are, count};
use crate::words::error::Error;
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Which images are left behind, so that the others are brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaveBehind {
    /// None: one that cannot be brought keeps all from being brought.
    #[default]
    Nothing,
    /// Those of which parts are missing, damaged or cannot be read. What is wrong at the destination
    /// stops the import.
    Unsound,
    /// All that cannot be brought.
    Anything,
}

impl LeaveBehind {
    /// Whether images that are not whole are left behind.
    pub(super) fn unsound(self) -> bool {
        self != LeaveBehind::Nothing
    }
}

/// What is wrong with some images, as `error` says, with the way to bring so many others, which are `whole`. Parts of
/// an import leave none behind.
pub(super) fn whole_too(error: Error, whole: usize, sharing: Sharing) -> Error {
    match (whole, sharing) {
        (0, _) | (_, Sharing::Shard(_) | Sharing::Finish) => error,
        (_, Sharing::None) => {
            let others = phrase![
                format!("bring the {} that {} whole with ", count(whole, "image"), are(whole)),
                Remedy::OnlyIntact
            ];
            error.hint_too(", or ", others)
        }
    }
}
