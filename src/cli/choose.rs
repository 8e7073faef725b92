//! The options that choose among a bundle's images.

use std::path::PathBuf;

use clap::Args;

use super::lists::{gather, parse};
use crate::words::error::{Class, Error, Result};
use crate::work::choice::{Choice, Pattern};

/// Which images of a bundle.
#[derive(Debug, Args)]
pub(super) struct Choose {
    /// Take these images alone, with what refers to them (can be repeated)
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Leave these images behind (can be repeated)
    #[arg(long, value_name = "PATTERN")]
    except: Vec<String>,
    /// File with one --only a line, # for comments (can be repeated)
    #[arg(short, long, value_name = "LIST")]
    file: Vec<PathBuf>,
}

impl Choose {
    /// What is meant; patterns that are none are told with those that mean nothing.
    ///
    /// # Errors
    /// [`Class::Usage`] when a list names nothing: that is not all images.
    pub(super) fn choice(self) -> Result<Choice> {
        let (listed, only) = (!self.file.is_empty(), gather(self.only, &self.file)?);
        if listed && only.is_empty() {
            return Err(Error::new(Class::Usage, "the list names no image"));
        }
        let mut wrong = Vec::new();
        let mut patterns = |names| -> Vec<Pattern> {
            let (parsed, none) = parse(names, Pattern::parse);
            wrong.extend(none);
            let placed = parsed.into_iter().map(|(pattern, place)| match place {
                Some(place) => pattern.at(place),
                None => pattern,
            });
            placed.collect()
        };
        let (only, except) = (patterns(only), patterns(gather(self.except, &[])?));
        Ok(Choice { only, except, wrong: wrong.into() })
    }
}
