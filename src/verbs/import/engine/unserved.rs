//! In place of `pulled`, for a build without the feature `serve`.

use super::pulling::Pulling;
use crate::work::plan::Plan;
use crate::work::transfer::{Carrier, Unfinished};

/// What came of it.
pub(super) enum Pulled {
    /// The engine has it all.
    #[expect(dead_code, reason = "nothing is pulled from a build that has no server")]
    All,
    /// It cannot reach what is served here.
    Unreachable(String),
}

/// Says that nothing is served here.
///
/// # Errors
/// None.
pub(super) fn pull(_: &Pulling<'_>, _: &Plan, _: &Carrier<'_>) -> Result<Pulled, Unfinished> {
    Ok(Pulled::Unreachable("this build of sealift has no server".to_owned()))
}
