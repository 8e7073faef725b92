//! [`Found`]: what one place gave.

use crate::bundle::receipt::{HeldContent, MAX_REASON, MAX_UNREAD, Unread};
use crate::words::error::{Class, Error, Result};
use crate::work::diff::HeldParts;

/// What one place gave.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) content: HeldContent,
    /// Which of it belongs together, where the place tells.
    pub(super) parts: HeldParts,
    /// How many repositories it has, where it has such.
    pub(super) repositories: Option<u64>,
    pub(super) unread: Vec<Unread>,
}

/// What to do about an image that cannot be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeepGoing(pub(super) bool);

impl KeepGoing {
    /// Passes over `image`, which failed by `error`, where that is wanted, and the failure is one of
    /// the image and not of the place or the person.
    pub(super) fn pass(self, image: &str, error: Error) -> Result<Unread> {
        let of_image = matches!(error.class(), Class::Damaged | Class::Incomplete | Class::Refused);
        match self.0 && of_image {
            true => {
                let reason: String = error.spelled().chars().take(MAX_REASON).collect();
                Ok(Unread::new(image, reason))
            }
            false => Err(error),
        }
    }
}

impl Found {
    /// The same, unless too much could not be read.
    pub(super) fn checked(self) -> Result<Found> {
        match self.unread.len() > MAX_UNREAD {
            false => Ok(self),
            true => {
                let text = format!("more than {MAX_UNREAD} images cannot be read");
                Err(Error::new(Class::Incomplete, text)
                    .details(self.unread.iter().take(20).map(|it| it.image.clone())))
            }
        }
    }
}
