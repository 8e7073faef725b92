//! [`walk`]: from names to everything that belongs to them.

mod asked;
mod fetch;
mod find;
mod left_out;
mod next;
mod referring;
mod rewrite;
mod select;
mod twice;
mod walker;
mod way_out;
mod weight;

use std::collections::BTreeMap;

pub use self::asked::{Origin, Selection, Wanted};
pub use self::find::{Resolved, find};
pub use self::left_out::{Lacking, none_lacks, note_left_out};
pub use self::rewrite::{Rewrite, rewrite};
use self::walker::Walker;
pub use self::way_out::without_attestation;
use crate::bundle::contents::Contents;
use crate::storage::store::{BlobSource, BlobSources};
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};

/// What the images consist of, and where each part can be had.
#[derive(Debug)]
pub struct Graph<'a> {
    /// What a bundle of it holds.
    pub contents: Contents,
    origins: &'a [Origin],
    of: BTreeMap<Digest, At<Origin>>,
}

impl BlobSources for Graph<'_> {
    fn source_of(&self, digest: &Digest) -> Result<(&dyn BlobSource, &str)> {
        let origin = self.of.get(digest).and_then(|at| at.get(self.origins));
        match origin {
            Some(origin) => Ok((&*origin.source as &dyn BlobSource, &origin.shown)),
            None => Err(Error::new(Class::Other, format!("{digest} belongs to no image"))),
        }
    }
}

/// Fetches every manifest below the `roots` that [`find`] found for `wanted`, level by level, each
/// once, on `jobs` threads. Layers and configs are only listed.
///
/// # Errors
/// [`Class::Incomplete`] when a platform or a manifest is not there; whatever the sources report.
pub fn walk<'a>(
    origins: &'a [Origin],
    wanted: &[Wanted],
    roots: Vec<Document>,
    select: &Selection,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Graph<'a>> {
    let mut walker = Walker::new(origins, select, jobs, progress.handle());
    let all = wanted.iter().zip(&roots);
    let twice = all.filter_map(|(wanted, root)| walker.add_image(wanted, root).err()).collect();
    let summary = |count| (Class::Usage, format!("{count} names would stand for several images"));
    Error::all(twice, summary).map_or(Ok(()), Err)?;
    let roots = wanted.iter().map(|w| w.origin).zip(roots).collect();
    walker.descend(roots)?;
    progress.event(Event::Done);
    let (contents, of) = walker.finish()?;
    Ok(Graph { contents, origins, of })
}

#[cfg(test)]
mod tests;
