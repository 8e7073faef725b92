//! [`Subject`]: the thing that a failure is about.

use std::path::PathBuf;

use crate::words::digest::Digest;

/// One thing that a failure is about. Text in it may come from outside, and is not escaped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A blob or a document.
    Digest(Digest),
    /// An image, by the name that it has where the failure is told.
    Image(String),
    /// A file or a folder.
    Path(PathBuf),
    /// A key, by its id.
    Key(String),
    /// A registry or another host, with its port where it has one.
    Host(String),
}
