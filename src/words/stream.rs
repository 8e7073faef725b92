//! [`StreamName`]: what a sequence of bundles from one site to another is called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Class, Error, Result};

/// Longest name: it is a part of file names on either side, beside a number.
const MAX_NAME: usize = 64;

/// The name of a stream: at most 64 of `a-z`, `0-9`, `.`, `_` and `-`, with a letter or a digit at
/// both ends, so that it can be a file's name on every file system and be said over the phone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct StreamName(String);

impl StreamName {
    /// The name that stands in every bundle outside of any stream.
    #[must_use]
    pub fn none() -> StreamName {
        StreamName("default".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamName {
    type Err = Error;

    fn from_str(text: &str) -> Result<StreamName> {
        let is_inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c);
        let is_end = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        let is_name = bytes.len() <= MAX_NAME
            && bytes.iter().copied().all(is_inner)
            && is_end(bytes.first())
            && is_end(bytes.last());
        match is_name {
            true => Ok(StreamName(text.to_owned())),
            false => Err(Error::new(Class::Usage, format!("{text:?} is no name of a stream"))
                .hint("use at most 64 of a-z, 0-9, `.`, `_` and `-`, such as prod")),
        }
    }
}

impl TryFrom<String> for StreamName {
    type Error = Error;

    fn try_from(text: String) -> Result<StreamName> {
        text.parse()
    }
}

impl From<StreamName> for String {
    fn from(name: StreamName) -> String {
        name.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_on_every_file_system() {
        for good in ["prod", "a", "site-2.weekly_x", &"a".repeat(64)] {
            assert_eq!(good.parse::<StreamName>().unwrap().as_str(), good);
        }
        for bad in ["", "Prod", ".prod", "prod.", "-a", "a b", "a/b", "ä", &"a".repeat(65), "a\n"]
        {
            let error = bad.parse::<StreamName>().unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{bad:?}");
        }
    }
}
