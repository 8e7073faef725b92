//! In place of `pulled`, for a build without the feature `serve`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chosen::Chosen;
use crate::bundle::check::Trusted;
use crate::places::engine::{About, Engine};
use crate::verbs::import::Request;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::work::plan::Plan;

/// What came of it.
pub(super) enum Pulled {
    /// The engine has it all.
    #[expect(dead_code, reason = "nothing is pulled from a build that has no server")]
    All(BTreeMap<Digest, u64>),
    /// It cannot reach what is served here.
    Unreachable(String),
}

/// Says that nothing is served here.
///
/// # Errors
/// None.
pub(super) fn pull(
    _: &Engine,
    _: &About,
    _: &Plan,
    _: &Chosen,
    _: &Arc<Trusted>,
    _: &Request,
    _: &dyn Progress,
) -> Result<Pulled> {
    Ok(Pulled::Unreachable("this build of sealift has no server".to_owned()))
}
