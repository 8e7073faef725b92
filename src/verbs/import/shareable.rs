//! [`check`]: whether an import can be done in parts.

use super::landing::Landing;
use super::leave_behind::LeaveBehind;
use super::request::Request;
use super::sharing::Sharing;
use crate::words::error::{Class, Error, Result};

/// Fails where `request` asks for a part of an import that cannot be done in parts.
///
/// # Errors
/// [`Class::Usage`].
pub(super) fn check(request: &Request, landing: &dyn Landing) -> Result<()> {
    let usage = |text: &str, hint: &str| Err(Error::new(Class::Usage, text).hint(hint));
    if request.sharing == Sharing::None {
        return Ok(());
    }
    if !landing.takes_shards() {
        let text = format!("{} cannot be filled by several at once", request.to);
        return usage(&text, "shards are for registries; import there in one run");
    }
    if request.leave_behind != LeaveBehind::Nothing {
        let text = "what one shard leaves behind the others do not know";
        return usage(text, "choose images by name, the same for all shards");
    }
    if request.sharing == Sharing::Finish {
        return Ok(());
    }
    if request.receipt.is_some() {
        let text = "a shard makes no name, and so no receipt";
        return usage(text, "have the receipt written by the run that finishes");
    }
    match request.scans.is_empty() {
        true => Ok(()),
        false => usage(
            "each shard would have all images scanned",
            "have them scanned by the run that finishes: before that no name is made",
        ),
    }
}
