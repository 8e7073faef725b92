//! [`Filing`]: how archives are written.

use std::fs::File;
use std::sync::Arc;

use crate::work::template::Template;

/// How archives are written.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filing {
    /// How the files are called, where each image has one; the standard template if none.
    pub template: Option<Template>,
    /// Whether they are compressed.
    pub gzip: bool,
    /// Standard output, where the path is `-`.
    pub stdout: Option<Arc<File>>,
}
