//! [`Bases`]: earlier bundles and layouts at hand, which have what a delta does not carry.

use std::collections::BTreeSet;

use super::blob_list::BlobList;
use super::contents::Contents;
use crate::medium::Medium;
use crate::places::at_hand::{AtHand, CandidateFile};
use crate::storage::raw::Raw;
use crate::storage::store::BlobSource;
use crate::tools::stretch::Stretch;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result, Subject};

/// Earlier bundles and layouts at hand. Nothing of them is believed but where their blobs lie: who
/// reads one does so by the digest that the delta was signed with, through
/// [`Verifying`](crate::storage::verifying::Verifying).
#[derive(Debug, Default)]
pub struct Bases(Vec<(Medium, AtHand)>);

impl Bases {
    /// Opens each of `media`, beside `bundle`: a bundle, as a folder or packed, a layout in a folder, an
    /// archive of one, or another folder whose files are called by their digests.
    ///
    /// # Errors
    /// For one that is not there, cannot be read, holds no blobs, or is the bundle itself.
    pub fn open(media: &[Medium], bundle: &Medium, cancel: &Cancel) -> Result<Bases> {
        let opened = media.iter().map(|medium| {
            let at_hand = look(medium, bundle, cancel).map_err(|error| {
                error.context("base").subject(Subject::Path(medium.path().to_owned()))
            })?;
            Ok((medium.clone(), at_hand))
        });
        opened.collect::<Result<_>>().map(Bases)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What `contents` carry beside these: what a base has counts as carried.
    #[must_use]
    pub fn beside(&self, contents: &Contents) -> BlobList {
        let lacking: BTreeSet<Digest> = contents.blobs.lacking().map(|blob| blob.digest).collect();
        let needed = contents.blobs.needed().to_vec();
        BlobList::carrying(needed, |blob| {
            !lacking.contains(&blob.digest) || self.having(blob).next().is_some()
        })
    }

    /// The files that may be `blob`: they have its name and size, and have not given wrong bytes.
    fn having<'b>(
        &'b self,
        blob: &'b Descriptor,
    ) -> impl Iterator<Item = (&'b Medium, &'b AtHand, CandidateFile<'b>)> {
        self.0.iter().flat_map(move |(medium, at_hand)| {
            at_hand.candidates(blob).map(move |file| (medium, at_hand, file))
        })
    }
}

fn look(medium: &Medium, bundle: &Medium, cancel: &Cancel) -> Result<AtHand> {
    if bundle.contains(medium.path()) {
        return Err(Error::new(Class::Usage, format!("{medium} is the bundle itself"))
            .hint("name the earlier bundles, which have what this one does not carry"));
    }
    let mut at_hand = AtHand::default();
    at_hand.add(medium, cancel)?;
    match at_hand.is_empty() {
        true => Err(Error::new(Class::Usage, format!("{medium} holds no blobs"))
            .hint("name a bundle, or a folder with an OCI layout in it")),
        false => Ok(at_hand),
    }
}

impl BlobSource for Bases {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        match self.having(blob).next() {
            Some((_, _, file)) => Ok(Raw::new(file.reader(offset)?)),
            None => {
                let text = format!("no base has blob {}", blob.digest);
                Err(Error::new(Class::Incomplete, text))
            }
        }
    }

    /// One that gave wrong bytes is not asked for them again, as long as another has the blob.
    fn distrust(&self, blob: &Descriptor) -> bool {
        let mut having = self.having(blob);
        let (Some((_, at_hand, file)), Some(_)) = (having.next(), having.next()) else {
            return false;
        };
        at_hand.distrust(&file, &blob.digest, &Error::new(Class::Damaged, "others"));
        true
    }

    fn stretch(&self, blob: &Descriptor) -> Result<Option<Stretch>> {
        match self.having(blob).next() {
            Some((_, _, file)) => Ok(file.reader(0)?.stretch()),
            None => Ok(None),
        }
    }

    fn whence(&self, blob: &Descriptor) -> Option<String> {
        self.having(blob).next().map(|(medium, ..)| format!("base {medium}"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::places::layout::blob_path;
    use crate::storage::reading::read_small;

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
        let bases = Bases::open(&media, &Medium::at(at("bundle")), &Cancel::default()).unwrap();
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

        let bases = Bases::open(&[medium], &Medium::at(at("bundle")), &Cancel::default()).unwrap();

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
            let error =
                Bases::open(&media, &Medium::at(at("bundle")), &Cancel::default()).unwrap_err();
            assert_eq!(error.class(), class, "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
