//! How paths stand in results.

use std::path::{Path, PathBuf};

use serde::{Serialize as _, Serializer};

/// As text. Bytes that are none are replaced: a result is worth more than they are.
pub(super) fn one<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(to)
}

/// Several.
pub(super) fn several<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}
