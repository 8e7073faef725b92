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
    if matches!(request.existing, OnExisting::KeepDigest | OnExisting::DigestTag) {
        let text = phrase![
            format!("{place} has no images beside names: "),
            Remedy::Existing,
            " keep-digest"
        ];
        return Err(Error::new(Class::Usage, text).hint(phrase![
            "leave such images behind with skip, or give them other tags with ",
            Remedy::Rules
        ]));
    }
    Ok(())
}
