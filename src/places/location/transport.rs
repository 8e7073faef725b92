//! What both kinds of places have in common: transports with skopeo's names.

use std::path::Path;

use crate::places::engine::Engine;
use crate::words::error::{Class, Error, Result};

/// Whether `path`, of an archive, stands for a standard stream. A file of that name is `./-`.
#[must_use]
pub fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Transports of skopeo's that name a place sealift does not reach.
pub(super) const OTHER_TRANSPORTS: &[&str] = &["dir", "ostree", "sif"];

pub(super) fn unsupported(text: &str, what: &str) -> Error {
    let (transport, path) = text.split_once(':').unwrap_or((text, ""));
    let error = Error::new(Class::Usage, format!("{what} {transport}: is not supported"));
    match (what, transport) {
        ("source", "dir") => error.hint(format!(
            "write it anew with skopeo copy --all dir:{path} oci:NEW:TAG, and name oci:NEW"
        )),
        _ => error.hint("use docker://, oci: or oci-archive:; skopeo can convert others to oci:"),
    }
}

/// The engine that `text` begins with, and what comes behind it: `TRANSPORT:` and, in brackets, a
/// storage or a namespace.
pub(super) fn split_engine(text: &str) -> Result<Option<(Engine, &str)>> {
    let Some((transport, rest)) = text.split_once(':') else { return Ok(None) };
    let (brackets, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((brackets, rest)) => (Some(brackets), rest),
        None => (None, rest),
    };
    Ok(Engine::of(transport, brackets)?.map(|engine| (engine, rest)))
}
