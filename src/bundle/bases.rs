//! [`Bases`]: earlier bundles and layouts at hand, which have what a delta does not carry.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::blob_list::BlobList;
use super::contents::Contents;
use crate::medium::Medium;
use crate::medium::tree::Tree;
use crate::places::layout::blob_path;
use crate::storage::raw::Raw;
use crate::storage::store::BlobSource;
use crate::tools::stretch::Stretch;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result, Subject};

/// Earlier bundles and layouts at hand. Nothing of them is believed but where their blobs lie: who
/// reads one does so by the digest that the delta was signed with, through
/// [`Verifying`](crate::storage::verifying::Verifying).
#[derive(Debug, Default)]
pub struct Bases {
    places: Vec<Tree>,
    /// Blobs that proved wrong, with the places of those that had them.
    wrong: Mutex<BTreeSet<(Digest, usize)>>,
}

impl Bases {
    /// Opens each of `media`, beside `bundle`: a bundle, as a folder or packed, a layout in a folder, or
    /// an archive of one.
    ///
    /// # Errors
    /// For one that is not there, cannot be read, holds no blobs, or is the bundle itself.
    pub fn open(media: &[Medium], bundle: &Medium) -> Result<Bases> {
        let places = media.iter().map(|medium| {
            let named = |error: Error| {
                error.context("base").subject(Subject::Path(medium.path().to_owned()))
            };
            if bundle.contains(medium.path()) {
                let text = format!("{medium} is the bundle itself");
                return Err(named(
                    Error::new(Class::Usage, text)
                        .hint("name the earlier bundles, which have what this one does not carry"),
                ));
            }
            let tree = medium.open().map_err(named)?;
            let has_blobs = tree.files().any(|(path, _)| path.starts_with("blobs/sha256/"));
            match has_blobs {
                true => Ok(tree),
                false => Err(named(
                    Error::new(Class::Usage, format!("{medium} holds no blobs"))
                        .hint("name a bundle, or a folder with an OCI layout in it"),
                )),
            }
        });
        Ok(Bases { places: places.collect::<Result<_>>()?, wrong: Mutex::default() })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What `contents` carry beside these: what a base has counts as carried.
    #[must_use]
    pub fn beside(&self, contents: &Contents) -> BlobList {
        let lacking: BTreeSet<Digest> = contents.blobs.lacking().map(|blob| blob.digest).collect();
        let needed = contents.blobs.needed().to_vec();
        BlobList::carrying(needed, |blob| {
            !lacking.contains(&blob.digest) || self.place(blob).is_some()
        })
    }

    /// The first that has `blob`, with the right size, and has not given wrong bytes for it.
    fn place(&self, blob: &Descriptor) -> Option<(usize, &Tree)> {
        self.of(blob).next()
    }

    fn of(&self, blob: &Descriptor) -> impl Iterator<Item = (usize, &Tree)> {
        let path = blob_path(&blob.digest);
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let has = move |(at, tree): &(usize, &Tree)| {
            tree.size(&path) == Some(blob.size) && !wrong.contains(&(blob.digest, *at))
        };
        self.places.iter().enumerate().filter(has)
    }
}

impl BlobSource for Bases {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        match self.place(blob) {
            Some((_, tree)) => Ok(Raw::new(tree.open_file(&blob_path(&blob.digest), offset)?)),
            None => {
                let text = format!("no base has blob {}", blob.digest);
                Err(Error::new(Class::Incomplete, text))
            }
        }
    }

    /// One that gave wrong bytes is not asked for them again, as long as another has the blob.
    fn distrust(&self, blob: &Descriptor) -> bool {
        let having: Vec<usize> = self.of(blob).map(|(at, _)| at).collect();
        let [first, _, ..] = having[..] else { return false };
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).insert((blob.digest, first))
    }

    fn stretch(&self, blob: &Descriptor) -> Result<Option<Stretch>> {
        match self.place(blob) {
            Some((_, tree)) => Ok(tree.open_file(&blob_path(&blob.digest), 0)?.stretch()),
            None => Ok(None),
        }
    }

    fn whence(&self, blob: &Descriptor) -> Option<String> {
        self.place(blob).map(|(_, tree)| format!("base {}", tree.path().display()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::storage::reading::read_small;
    use crate::words::cancel::Cancel;

    fn layout(path: &Path, blobs: &[(&Descriptor, &str)]) -> Medium {
        fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        for (blob, text) in blobs {
            fs::write(path.join(blob_path(&blob.digest)), text).unwrap();
        }
        Medium::at(path)
    }

    fn scratch() -> (tempfile::TempDir, impl Fn(&str) -> PathBuf) {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().to_owned();
        (dir, move |name| path.join(name))
    }

    #[test]
    fn the_first_base_with_right_bytes_gives_them_and_the_last_one_is_named() {
        let (_dir, at) = scratch();
        let [a, b] = ["aaaa", "bbbb"].map(|text| Descriptor::of("x/y", text.as_bytes()));
        let media = [
            layout(&at("short"), &[(&a, "aaa"), (&b, "bbb")]),
            layout(&at("wrong"), &[(&a, "aaxa"), (&b, "bbxb")]),
            layout(&at("right"), &[(&a, "aaaa")]),
        ];
        let bases = Bases::open(&media, &Medium::at(at("bundle"))).unwrap();
        let read = |blob| read_small(&bases, blob, 10, "bundle", &Cancel::default());

        assert_eq!(read(&a).unwrap(), b"aaaa");
        assert_eq!(read(&a).unwrap(), b"aaaa", "and goes on doing so");
        let error = read(&b).unwrap_err();
        assert_eq!(error.class(), Class::Damaged);
        assert!(error.to_string().contains("wrong: blob"), "{error}");
        let none = Descriptor::of("x/y", b"none");
        assert_eq!(read(&none).unwrap_err().class(), Class::Incomplete);

        let lacks = BlobList::carrying(vec![a.clone(), none.clone()], |_| false);
        let contents = Contents { blobs: lacks, ..Contents::default() };
        assert!(bases.beside(&contents).carried().eq([&a]));
    }

    #[cfg(unix)]
    #[test]
    fn no_link_and_nothing_but_a_file_is_a_blob() {
        let (_dir, at) = scratch();
        let blob = Descriptor::of("x/y", b"secret");
        fs::write(at("secret"), "secret").unwrap();
        let medium = layout(&at("base"), &[(&Descriptor::of("x/y", b"else"), "else")]);
        std::os::unix::fs::symlink(at("secret"), at("base").join(blob_path(&blob.digest))).unwrap();

        let bases = Bases::open(&[medium], &Medium::at(at("bundle"))).unwrap();

        let mut bytes = Vec::new();
        assert!(bases.open(&blob, 0).map(|raw| raw.unchecked().read_to_end(&mut bytes)).is_err());
        assert!(bytes.is_empty() && bases.whence(&blob).is_none());
    }

    #[test]
    fn what_is_no_base_is_refused_by_name() {
        let (_dir, at) = scratch();
        fs::create_dir(at("empty")).unwrap();
        fs::create_dir(at("bundle")).unwrap();
        for (name, class) in
            [("empty", Class::Usage), ("bundle", Class::Usage), ("nowhere", Class::Incomplete)]
        {
            let media = [Medium::at(at(name))];
            let error = Bases::open(&media, &Medium::at(at("bundle"))).unwrap_err();
            assert_eq!(error.class(), class, "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
