//! What is asked for: images, where they come from, and which parts of them are taken.

use std::sync::Arc;

use crate::storage::store::ImageSource;
use crate::words::at::At;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// A repository that images come from.
#[non_exhaustive]
pub struct Origin {
    /// Gives its content.
    pub source: Arc<dyn ImageSource>,
    /// `host/path`, for the names of what is found beside the images.
    pub repository: String,
    /// What errors call it: the repository, and the archive or engine that it is in.
    pub shown: String,
}

impl Origin {
    /// The repository `host/path`, of which `source` gives the content.
    #[must_use]
    pub fn new(source: Arc<dyn ImageSource>, repository: impl Into<String>) -> Origin {
        let repository = repository.into();
        Origin { source, shown: repository.clone(), repository }
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Origin({})", self.repository)
    }
}

/// One image that is asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Wanted {
    /// Its place in the list of origins.
    pub origin: At<Origin>,
    /// Its name there.
    pub name: Reference,
    /// The place as the user named it, for the statement.
    pub text: String,
    /// The list and the line that ask for it, where it is from one.
    pub place: Option<String>,
    /// Whether it is one of all that a place holds, and was not asked for by its name.
    pub is_one_of_all: bool,
}

impl Wanted {
    /// The image `name` of an origin, asked for by that name. The fields say otherwise.
    #[must_use]
    pub fn new(origin: At<Origin>, name: Reference) -> Wanted {
        let text = format!("docker://{name}");
        Wanted { origin, name, text, place: None, is_one_of_all: false }
    }
}

/// Which parts of the images are taken.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Selection {
    /// These platforms only; all when empty.
    pub platforms: Vec<Platform>,
    /// Whether an index that lost entries is written anew, under another digest.
    pub rewrite_index: bool,
    /// Whether referrers and cosign's tags are left behind.
    pub no_referrers: bool,
}
