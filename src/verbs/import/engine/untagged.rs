//! Images without names, which no engine keeps.

use std::fmt;

use super::super::request::Request;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;
use crate::work::plan::OnExisting;

/// Fails where `request` brings images without names, of which `place` keeps none.
///
/// # Errors
/// [`Class::Usage`].
pub(super) fn refuse(place: impl fmt::Display, request: &Request) -> Result<()> {
    let asked = match request.existing {
        OnExisting::KeepDigest => " keep-digest",
        OnExisting::DigestTag => " digest-tag",
        OnExisting::Error | OnExisting::Overwrite | OnExisting::Skip => return Ok(()),
    };
    let text =
        phrase![format!("{place} has no images beside their own names: "), Remedy::Existing, asked];
    Err(Error::new(Class::Usage, text).hint(phrase![
        "leave such images behind with skip, or give them other tags with ",
        Remedy::Rules
    ]))
}
