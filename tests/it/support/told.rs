//! What a receipt tells, read without the product: by its lines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use serde_json::Value;

/// What a receipt tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub statement: Value,
    /// Digests as `sha256:HEX`, with sizes.
    pub manifests: BTreeMap<String, u64>,
    pub blobs: BTreeMap<String, u64>,
    /// Each name with its digest.
    pub names: BTreeMap<String, String>,
    /// The words of each image of an import's.
    pub images: Vec<Vec<String>>,
}

impl Told {
    /// Reads the receipt at `path`.
    pub fn at(path: &Path) -> Told {
        let text = std::fs::read_to_string(path).unwrap();
        let (first, lists) = text.split_once('\n').unwrap();
        let mut told = Told { statement: statement(first), ..Told::default() };
        let (lists, images) = lists.split_once("\nimages\n").unwrap_or((lists, ""));
        let words = |line: &str| line.split(' ').map(str::to_owned).collect();
        told.images = images.lines().map(words).collect();
        let (mut prefix, mut in_blobs) = ("", false);
        for line in lists.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["manifests"] => {}
                ["manifests", common] => prefix = common,
                ["blobs"] => in_blobs = true,
                [hex, size, names @ ..] => {
                    let (digest, size) = (format!("sha256:{hex}"), size.parse().unwrap());
                    for name in names {
                        told.names.insert(format!("{prefix}{name}"), digest.clone());
                    }
                    let list = if in_blobs { &mut told.blobs } else { &mut told.manifests };
                    list.insert(digest, size);
                }
                _ => panic!("{line:?}"),
            }
        }
        told
    }

    /// The predicate of its statement.
    pub fn about(&self) -> &Value {
        &self.statement["predicate"]
    }

    /// All digests that it tells of.
    pub fn digests(&self) -> BTreeSet<String> {
        self.manifests.keys().chain(self.blobs.keys()).cloned().collect()
    }
}

/// The statement in a first line, signed or not.
pub fn statement(first: &str) -> Value {
    let value: Value = serde_json::from_str(first).unwrap();
    match value["payload"].as_str() {
        Some(payload) => {
            let payload = base64::prelude::BASE64_STANDARD.decode(payload).unwrap();
            serde_json::from_slice(&payload).unwrap()
        }
        None => value,
    }
}
