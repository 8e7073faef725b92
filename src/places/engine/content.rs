//! [`ContentStore`]: what containerd holds, as a source of images. It keeps manifests and blobs as
//! a registry gave them, so that nothing has to be made.

use std::fmt;
use std::io::{self, Read};

use super::driver::Driver;
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSource, ImageSource, Referrers};
use crate::tools::process::{Ended, PipeReading};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, MAX_DOCUMENT};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// Images and blobs in a namespace of containerd's, read through `ctr`.
#[derive(Debug)]
pub struct ContentStore {
    engine: Driver,
}

/// An image as containerd lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ListedImage {
    media_type: String,
    digest: Digest,
}

impl ContentStore {
    /// The store that `engine`, a containerd, keeps. Nothing is asked yet.
    #[must_use]
    pub fn new(engine: Driver) -> ContentStore {
        ContentStore { engine }
    }

    /// All that images are called, whether it is a name or not, each with the digest of its manifest or
    /// index.
    ///
    /// # Errors
    /// When containerd cannot be asked.
    pub fn all(&self) -> Result<Vec<(String, Digest)>> {
        let mut command = self.engine.command();
        command.args(["images", "ls"]);
        let table = self.engine.answer(command, &format!("cannot ask {self} for its images"))?;
        let listed = rows(&String::from_utf8_lossy(&table));
        Ok(listed.into_iter().map(|(name, listed)| (name, listed.digest)).collect())
    }

    /// The names of all images; those that are no names of images are left out.
    ///
    /// # Errors
    /// When containerd cannot be asked.
    pub fn names(&self) -> Result<Vec<Reference>> {
        Ok(self.all()?.into_iter().filter_map(|(name, _)| name.parse().ok()).collect())
    }

    /// The image under `name`, or, where that has a digest, any image of that digest.
    fn listed(&self, name: &Reference) -> Result<ListedImage> {
        let text = name.kept().to_string();
        let filter = match name.digest {
            Some(digest) => format!("target.digest=={digest}"),
            None => format!("name=={text}"),
        };
        let mut command = self.engine.command();
        command.args(["images", "ls", &filter]);
        let table = self.engine.answer(command, &format!("cannot ask {self} for its images"))?;
        let listed = rows(&String::from_utf8_lossy(&table));
        let is_it = |(found, listed): &(String, ListedImage)| match name.digest {
            Some(digest) => listed.digest == digest,
            None => *found == text,
        };
        let found = listed.into_iter().find(is_it).map(|(_, listed)| listed);
        found.ok_or_else(|| self.lacks(name))
    }

    fn lacks(&self, name: &Reference) -> Error {
        let hint = match name.registry.as_str() {
            "k8s.io" | "moby" => format!(
                "a namespace is written in brackets: containerd:[{}]NAME",
                name.registry.as_str()
            ),
            _ => "see `ctr images ls`; another namespace is written in brackets, as in \
                  containerd:[k8s.io]NAME"
                .to_owned(),
        };
        Error::new(Class::Incomplete, format!("{} has no image {name}", self.engine)).hint(hint)
    }

    fn read(&self, digest: &Digest) -> Result<PipeReading> {
        let mut command = self.engine.command();
        command.args(["content", "get", &digest.to_string()]);
        PipeReading::start(command, self.engine.cancel(), explain).map_err(|e| e.context(self))
    }

    /// The bytes of a manifest or index. Their number is known only by reading them.
    fn raw(&self, digest: &Digest) -> Result<Vec<u8>> {
        let mut raw = Vec::new();
        let read = self.read(digest)?.take(MAX_DOCUMENT + 1).read_to_end(&mut raw);
        read.map_err(|e| Error::io("cannot read a manifest", e).context(self))?;
        let damaged =
            |why| Err(Error::new(Class::Damaged, format!("{self}: manifest {digest} {why}")));
        match () {
            () if raw.len() as u64 > MAX_DOCUMENT => damaged("is too large to be one"),
            () if Digest::of(&raw) != *digest => damaged("does not match its digest"),
            () => Ok(raw),
        }
    }
}

/// Why a blob cannot be read.
fn explain(ended: &Ended) -> Error {
    let error = ended.failure("cannot read content");
    match error.class() {
        Class::Incomplete => error.hint(
            "containerd has what it pulled: choose its platform with --platform, and leave \
             attestations that it did not pull with --no-referrers",
        ),
        _ => error,
    }
}

/// The images in the table that `ctr images ls` prints: REF TYPE DIGEST and more.
fn rows(table: &str) -> Vec<(String, ListedImage)> {
    let row = |line: &str| {
        let mut columns = line.split_whitespace();
        let (name, media_type, digest) = (columns.next()?, columns.next()?, columns.next()?);
        let listed =
            ListedImage { media_type: media_type.to_owned(), digest: digest.parse().ok()? };
        Some((name.to_owned(), listed))
    };
    table.lines().skip(1).filter_map(row).collect()
}

impl fmt::Display for ContentStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.engine.fmt(f)
    }
}

impl BlobSource for ContentStore {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let mut running = self.read(&blob.digest)?;
        io::copy(&mut running.by_ref().take(offset), &mut io::sink())
            .map_err(|e| Error::io("cannot read a blob", e).context(self))?;
        Ok(Raw::new(running))
    }
}

impl ImageSource for ContentStore {
    fn resolve(&self, name: &Reference) -> Result<Document> {
        let listed = self.listed(name)?;
        Document::parse(self.raw(&listed.digest)?, &listed.media_type).map_err(|e| e.context(self))
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document> {
        let raw = self.raw(&descriptor.digest)?;
        Document::parse(raw, &descriptor.media_type).map_err(|e| e.context(self))
    }

    fn referrers(&self, _: &Descriptor) -> Result<Referrers> {
        Ok(Referrers::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_images_is_read_by_its_columns() {
        let digest = Digest::of(b"x");
        let table = format!(
            "REF TYPE DIGEST SIZE PLATFORMS LABELS\n\
             docker.io/library/a:1 m/t {digest} 3.2 KiB linux/amd64,linux/arm64 -\n\
             docker.io/library/b:1 m/t sha256:broken 1 B linux/amd64 -\n"
        );

        let listed = ListedImage { media_type: "m/t".to_owned(), digest };
        assert_eq!(rows(&table), [("docker.io/library/a:1".to_owned(), listed)]);
        assert_eq!(rows(""), []);
    }
}
