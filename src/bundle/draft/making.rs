//! [`Making`]: what making a bundle takes in each form, and [`Maker`], which begins it. A further
//! form has both in a file of its own.

use std::fmt::Debug;
use std::io;
use std::path::Path;

use super::site::Site;
use crate::bundle::head::Head;
use crate::bundle::keys::PrivateKey;
use crate::medium::Medium;
use crate::medium::tree::Tree;
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::buffer::{BUFFER, copy};
use crate::tools::named_file::NamedFile;
use crate::tools::uncached::ReadBack;
use crate::words::document::Descriptor;
use crate::words::error::Result;
use crate::words::progress::Progress;

/// A bundle in the making. As a source it gives what an interrupted export left behind.
pub(in crate::bundle) trait Making: BlobSource + Debug {
    /// Lays down the small files. From now on it takes the blobs of `head.layers`.
    fn begin(&mut self, head: &Head) -> Result<()>;

    /// Takes the key that signed the bundle, for what can be signed at last alone.
    fn keep_key(&mut self, _key: PrivateKey) {}

    /// Whether the bytes of `blob` are there, whole and right. Reads them.
    fn holds(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool>;

    /// Whether `blob` could be taken whole from what another export left behind.
    fn take_over(&self, _blob: &Descriptor, _progress: &dyn Progress) -> Result<bool> {
        Ok(false)
    }

    /// Takes the bytes of `file` for those of `blob` without copying them, where it and the file
    /// system can; whether they did. Nobody has hashed them. The file `passes` when its own name
    /// goes soon.
    fn share(&self, _blob: &Descriptor, _file: &NamedFile, _passes: bool) -> Result<bool> {
        Ok(false)
    }

    /// In which order it takes blobs.
    fn order(&self) -> BlobOrder {
        BlobOrder::Any
    }

    /// Whether what it says of itself stands on media already, and cannot be said otherwise any more.
    fn is_bound(&self) -> bool {
        false
    }

    /// Whether an interrupted export left something that cannot be gone on with.
    fn begins_anew(&self) -> bool {
        false
    }

    /// Where the blobs go.
    fn sink(&self) -> &dyn BlobSink;

    /// How many bytes of the disk `missing` take beyond those that are there already.
    fn needs(&self, missing: &[Descriptor]) -> u64;

    /// Where it is being written.
    fn path(&self) -> &Path;

    /// Writes what is left and makes it durable.
    fn finish(&self) -> Result<()>;

    /// What is there, to be checked as a bundle.
    fn tree(&self) -> Result<Tree>;

    /// Whether it is to hold all of the bundle, and not a part of it alone.
    fn is_whole(&self) -> bool {
        true
    }

    /// How it was read back from its media, where that was done while it was made.
    fn read_back(&self) -> Option<Option<ReadBack>> {
        None
    }

    /// Gives it its name.
    fn name(&self) -> Result<()>;
}

/// In which order a bundle in the making takes blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobOrder {
    /// In any, and several at a time.
    Any,
    /// One after the other as the head has them, which may have them as their sources do.
    OfSources,
    /// One after the other as the head has them.
    OfHead,
}

/// What begins a bundle of one form.
pub(in crate::bundle) struct Maker {
    /// Starts or continues the one at a site.
    pub open: fn(Site) -> Result<Box<dyn Making>>,
    /// Fails where the bundle that is at a site cannot be brought up to date in place, as far as can be
    /// known.
    pub may_update: fn(&Site) -> Result<()>,
    /// Starts or continues the one that comes in its place.
    pub update: fn(Site) -> Result<Box<dyn Making>>,
    /// How many bytes an interrupted export left there, without touching them.
    pub left: fn(&Site) -> Result<u64>,
    /// Fails where the bundle of a head cannot be made so.
    pub check: fn(&Medium, &Head) -> Result<()>,
    /// How large the largest of its files gets.
    pub largest: fn(&Medium, &Head) -> u64,
    /// How many bytes all have together.
    pub size: fn(&Medium, &Head) -> u64,
    /// Whether the largest is the only one.
    pub is_one_file: bool,
    /// Whether it takes blobs before anything is signed, and [`begin`](Making::begin) finds them there.
    pub takes_ahead: bool,
}

/// Whether `source` has exactly the bytes of `blob`.
pub(in crate::bundle) fn hash(
    source: &dyn BlobSource,
    blob: &Descriptor,
    progress: &dyn Progress,
) -> Result<bool> {
    let Ok(reader) = source.open(blob, 0) else { return Ok(false) };
    let mut reader = reader.verified(blob, "unfinished export", progress);
    match copy(&mut reader, &mut io::sink(), &mut vec![0; BUFFER]) {
        Ok(_) => Ok(true),
        Err(_) => progress.check().map(|()| false),
    }
}
