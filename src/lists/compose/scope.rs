//! [`Scope`]: within what a service is looked for.

use std::path::PathBuf;
use std::sync::Arc;

use super::value::{Members, Resets};

/// Services that know one another.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) services: Members,
    pub(super) resets: Resets,
    pub(super) folder: PathBuf,
    /// The file that they stand in, as it is named.
    pub(super) title: Arc<str>,
}
