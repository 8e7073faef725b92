//! [`Spot`]: where a list asks for something.

use std::fmt;
use std::sync::Arc;

/// A place in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Spot {
    /// The list, as whoever named it calls it.
    pub file: Arc<str>,
    /// The line, from 1 on.
    pub line: usize,
    /// What asks for it there, in the words of its format, as in `services.web`; empty where the line says
    /// it all.
    pub what: String,
}

impl Spot {
    /// The `line` of `file`, where `what` asks.
    #[must_use]
    pub fn new(file: &Arc<str>, line: usize, what: impl Into<String>) -> Spot {
        Spot { file: Arc::clone(file), line, what: what.into() }
    }
}

impl Spot {
    /// The spot and what asks there, as in `compose.yaml: line 4 (services.web)`.
    #[must_use]
    pub fn told(&self) -> String {
        match self.what.is_empty() {
            true => self.to_string(),
            false => format!("{self} ({})", self.what),
        }
    }
}

impl fmt::Display for Spot {
    /// As in `images.txt: line 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: line {}", self.file, self.line)
    }
}
