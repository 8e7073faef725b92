//! [`Unnamable`]: what is there instead of the name of an image, or an image that cannot be read.

use serde::Serialize;

use super::at::ListedAt;
use crate::words::error::Error;

/// How much of a reason, or of what is no name, is kept.
const MAX_TEXT: usize = 1_000;

/// What is there instead of the name of an image, or an image that cannot be read.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Unnamable {
    /// What stands there.
    pub image: String,
    /// Where.
    pub at: ListedAt,
    /// Why it is none.
    pub reason: String,
}

impl Unnamable {
    /// That `image` is none `at` a place, as `error` says.
    pub(super) fn new(image: String, at: ListedAt, error: &Error) -> Unnamable {
        let cut = |text: String| text.chars().take(MAX_TEXT).collect();
        Unnamable { image: cut(image), at, reason: cut(error.spelled()) }
    }
}
