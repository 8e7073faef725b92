//! [`Entry`]: one wish of a list.

use std::fmt;

use super::spot::Spot;
use super::tag_rule::TagRule;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked {
    /// A place as on the command line: an image's name, or `oci:DIR` and the like.
    Place(String),
    /// An image's name as engines take it, of a registry in any case: `oci:3` is an image with a tag.
    Image(String),
    /// Those tags of a repository that a rule means.
    Tags {
        /// The repository, as it is written.
        repository: String,
        /// Which of its tags.
        rule: TagRule,
    },
}

impl fmt::Display for Asked {
    /// As it is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Asked::Place(text) | Asked::Image(text) => f.write_str(text),
            Asked::Tags { repository, rule } => write!(f, "{repository}:{rule}"),
        }
    }
}

/// One wish of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// What is asked for.
    pub asked: Asked,
    /// Where.
    pub spot: Spot,
}

impl Entry {
    /// `asked` at `spot`.
    #[must_use]
    pub fn new(asked: Asked, spot: Spot) -> Entry {
        Entry { asked, spot }
    }

    /// The image called `name`, asked for at `spot`.
    #[must_use]
    pub fn image(name: impl Into<String>, spot: Spot) -> Entry {
        Entry::new(Asked::Image(name.into()), spot)
    }
}
