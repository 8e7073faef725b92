//! The small files of a bundle byte for byte, for who keeps them, or makes the same bundle in another
//! form.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::examined::Examined;
use super::files::Files;
use super::ruled;
use crate::bundle::docker::DOCKER_INDEX;
use crate::bundle::envelope::{Envelope, MAX_ENVELOPE};
use crate::bundle::head::{Head, MAX_CONFIG, small_configs};
use crate::bundle::inventory::{MAX_SUMS, SUMS};
use crate::bundle::roots::is_root_file;
use crate::places::layout::blob_path;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};

impl<F: Files> Examined<F> {
    /// The paths of everything that is no blob, with the bytes.
    ///
    /// # Errors
    /// When they cannot be read, or are not any more what was found right.
    pub(in crate::bundle) fn small_files(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let own = self.sums.files().keys().filter(|path| !path.starts_with("blobs/"));
        let own = own.map(|path| (path.as_str(), MAX_SUMS)).chain([(SUMS, MAX_SUMS)]);
        let paths = self.tree.paths();
        let signatures = paths.iter().filter(|path| path.starts_with("sig/"));
        own.chain(signatures.map(|path| (*path, MAX_ENVELOPE)))
            .map(|(path, most)| {
                let bytes = self.tree.read_small(path, most)?;
                match self.is_as_signed(path, &bytes) {
                    true => Ok((path.to_owned(), bytes)),
                    false => Err(self.changed(path)),
                }
            })
            .collect()
    }

    /// What a root of trust is asked about: all blobs that its images consist of.
    #[must_use]
    pub fn all_blobs(&self) -> BTreeSet<Digest> {
        ruled::blobs(&self.statement, Some(&self.sums))
    }

    /// The signatures that it bears, each with its file, in the order of these.
    ///
    /// # Errors
    /// When they cannot be read, or are not any more what was found right.
    pub fn envelopes(&self) -> Result<Vec<(String, Envelope)>> {
        let paths = self.tree.paths();
        let signatures = paths.iter().filter(|path| path.starts_with("sig/"));
        let read = |path: &&str| {
            let bytes = self.tree.read_small(path, MAX_ENVELOPE)?;
            match self.is_as_signed(path, &bytes) {
                true => Ok(((*path).to_owned(), Envelope::from_bytes(&bytes)?)),
                false => Err(self.changed(path)),
            }
        };
        signatures.map(read).collect()
    }

    fn is_as_signed(&self, path: &str, bytes: &[u8]) -> bool {
        match self.sums.files().get(path) {
            Some(digest) => Digest::of(bytes) == *digest,
            None if path == SUMS => Digest::of(bytes) == self.statement.sums,
            None => Envelope::from_bytes(bytes)
                .is_ok_and(|it| Digest::of(it.payload()) == self.statement.digest),
        }
    }

    /// The head of a bundle that nothing is wrong with, as it is: what is made of it in any form is the
    /// same bundle, signatures and all.
    ///
    /// # Errors
    /// When it cannot be read, or is not any more what was found right.
    pub fn head(&self) -> Result<Head> {
        let mut small = self.small_files()?;
        small.sort_by(|(one, _), (other, _)| (place(one), one).cmp(&(place(other), other)));
        let mut files: Vec<(String, Arc<[u8]>)> =
            small.into_iter().map(|(path, bytes)| (path, bytes.into())).collect();
        let documents = self.contents.documents.clone();
        let each = documents.values();
        files.extend(each.map(|it| (blob_path(&it.descriptor().digest), it.shared())));
        let configs = small_configs(&self.contents).into_iter();
        let configs: BTreeSet<Digest> = configs.map(|config| config.digest).collect();
        let carried = self.contents.blobs.carried();
        let (configs, layers): (Vec<_>, Vec<_>) =
            carried.partition(|blob| configs.contains(&blob.digest));
        for config in configs {
            let path = blob_path(&config.digest);
            let bytes = self.tree.read_shared(&path, MAX_CONFIG)?;
            if Digest::of(&bytes) != config.digest {
                return Err(self.changed(&path));
            }
            files.push((path, bytes));
        }
        let layers = layers.into_iter().cloned().collect();
        Ok(Head { files, documents, layers, statement: self.statement.digest })
    }

    fn changed(&self, path: &str) -> Error {
        let text = format!("{}: {path} has just been changed", self.name);
        Error::new(Class::Damaged, text)
    }
}

/// Where the small file `path` stands in a packed bundle: a reader of it from its beginning meets what
/// it needs to judge the rest first.
fn place(path: &str) -> usize {
    match path {
        "oci-layout" => 0,
        "index.json" => 1,
        SUMS => 2,
        DOCKER_INDEX => 5,
        _ if path.starts_with("sig/") => 3,
        _ if is_root_file(path) => 4,
        _ => 6,
    }
}
