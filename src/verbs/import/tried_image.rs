//! [`TriedImage`]: an image in which a command was run.

use serde::Serialize;

use crate::words::reference::Reference;

/// An image in which a command was run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TriedImage {
    /// Its name at the destination.
    pub image: Reference,
    /// Why the command did not succeed; nothing where it did.
    pub reason: Option<String>,
}
