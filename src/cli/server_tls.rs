//! [`opened`]: what a server here speaks TLS with.

use std::path::Path;
use std::sync::Arc;

use super::printer::Printer;
use super::secrets::open_to_others;
use crate::verbs::serve::Tls;
use crate::words::error::Result;

/// The certificate with its key, where both are named, and a note where others may read the key.
pub(super) fn opened(
    certificate: Option<&Path>,
    key: Option<&Path>,
    printer: &Printer,
) -> Result<Option<Arc<Tls>>> {
    let Some((certificate, key)) = certificate.zip(key) else { return Ok(None) };
    open_to_others(key).iter().for_each(|text| printer.note(text));
    Ok(Some(Arc::new(Tls::open(certificate, key)?)))
}
