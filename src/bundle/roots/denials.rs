//! [`Denials`]: what is not taken, whoever signed it.

use serde::{Deserialize, Serialize};

use crate::words::digest::Digest;

/// What is not taken, whoever signed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Denials {
    /// Statements, images, and parts of images, by their digests; in order, each once.
    pub digests: Vec<DeniedDigest>,
    /// Repositories; in order, each once.
    pub repositories: Vec<DeniedRepository>,
}

/// A digest that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeniedDigest {
    /// Of a statement, a manifest, a config or a layer.
    pub digest: Digest,
    /// Why, for people.
    pub reason: String,
}

/// A repository of which nothing is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeniedRepository {
    /// `HOST/PATH`, or `HOST/PATH/*` for all below it.
    pub repository: String,
    /// Why, for people.
    pub reason: String,
}

impl DeniedRepository {
    /// Whether `repository` is such a name: lowercase, without a blank, at most 512 bytes.
    #[must_use]
    pub fn is_name(repository: &str) -> bool {
        let path = repository.strip_suffix("/*").unwrap_or(repository);
        let is_part = |part: &str| {
            let is_inner =
                |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-:".contains(&c);
            !part.is_empty() && part.bytes().all(is_inner)
        };
        let is_whole = repository.len() > path.len() || path.contains('/');
        repository.len() <= 512 && is_whole && path.split('/').all(is_part)
    }

    /// Whether it means the repository that is called `name`.
    #[must_use]
    pub fn is_of(&self, name: &str) -> bool {
        match self.repository.strip_suffix("/*") {
            Some(above) => name.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')),
            None => self.repository == name,
        }
    }
}
