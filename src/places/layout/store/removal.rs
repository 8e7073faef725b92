//! [`LayoutRemoval`]: a layout in a folder, to take images away from.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::Value;

use super::LayoutStore;
use crate::places::layout::names::subject_of;
use crate::places::layout::spec::REF_NAME;
use crate::storage::holdings::{Held, Holdings as _};
use crate::storage::removal::ImageRemoval;
use crate::storage::store::ImageSink as _;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, MAX_DOCUMENT, guess_type};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// A layout that images are taken away from: their names from its list, then the files that nothing
/// needs that is listed.
#[derive(Debug)]
pub struct LayoutRemoval {
    store: LayoutStore,
    /// What refers to what, of all that is listed.
    referring: BTreeMap<Digest, Vec<Digest>>,
}

impl LayoutRemoval {
    /// Opens the layout at `root`, which is read no further once `cancel` says stop.
    ///
    /// # Errors
    /// As [`LayoutStore::open`], and [`Class::Incomplete`] where there is none;
    /// [`Class::Damaged`] when a document that it lists is.
    pub fn open(root: &Path, cancel: Cancel) -> Result<LayoutRemoval> {
        let store = LayoutStore::open(root)?.until(cancel);
        if store.found.is_none() {
            let text = format!("there is no layout at {}", root.display());
            return Err(Error::new(Class::Incomplete, text).hint("name the folder of one"));
        }
        let mut removal = LayoutRemoval { store, referring: BTreeMap::new() };
        let listed: BTreeSet<Digest> = removal.all()?.into_iter().map(|(_, it)| it).collect();
        for digest in listed {
            removal.store.cancel.check()?;
            let document = removal.look_into(&digest)?;
            if let Some(subject) = document.as_ref().and_then(Document::subject) {
                removal.referring.entry(subject.digest).or_default().push(digest);
            }
        }
        for (name, digest) in removal.all()? {
            let tag = name.and_then(|name| name.tag);
            if let Some((subject, ending)) = tag.as_ref().and_then(subject_of)
                && !ending.is_empty()
            {
                removal.referring.entry(subject).or_default().push(digest);
            }
        }
        Ok(removal)
    }

    /// Everything that is listed, with its full name where it is the only one of that name.
    fn all(&self) -> Result<Vec<(Option<Reference>, Digest)>> {
        let listed = self.store.listed()?;
        let mut all = Vec::new();
        for entry in listed.all() {
            let digest = entry["digest"].as_str().and_then(|text| text.parse().ok());
            let Some(digest) = digest else { return Err(self.odd()) };
            let text = entry["annotations"][REF_NAME].as_str().unwrap_or_default();
            let name = text.parse::<Reference>().ok().filter(|name| name.to_string() == text);
            let is_one = listed.positions.get(text).is_some_and(|it| it.len() == 1);
            all.push((name.filter(|_| is_one), digest));
        }
        Ok(all)
    }

    /// A list whose entries cannot all be told: what they need is not known.
    fn odd(&self) -> Error {
        let root = self.store.root.display();
        let text = format!("{root}: index.json lists what has no digest of SHA-256");
        Error::new(Class::Refused, text).hint("nothing is removed where not all can be read")
    }

    /// The bytes of `digest`, where they are there and not too many for a document.
    fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let Some(blobs) = self.store.blobs()? else { return Ok(None) };
        let path = blobs.folder().at(digest.hex());
        let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
        let file = match blobs.folder().file(digest.hex()) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(fault)?,
        };
        let mut raw = Vec::new();
        file.take(MAX_DOCUMENT + 1).read_to_end(&mut raw).map_err(fault)?;
        if raw.len() as u64 > MAX_DOCUMENT {
            return Ok(None);
        }
        match Digest::of(&raw) == *digest {
            true => Ok(Some(raw)),
            false => {
                let text = format!("{} does not match its digest", path.display());
                Err(Error::new(Class::Damaged, text)
                    .hint("nothing is removed where it is not known what is needed"))
            }
        }
    }
}

impl ImageRemoval for LayoutRemoval {
    fn names(&self) -> Result<Vec<Reference>> {
        Ok(self.all()?.into_iter().filter_map(|(name, _)| name).collect())
    }

    fn stands_for(&self, name: &Reference) -> Result<Held> {
        self.store.held(name)
    }

    fn unnamed(&self) -> Result<Vec<Digest>> {
        let all = self.all()?.into_iter();
        Ok(all.filter(|(name, _)| name.is_none()).map(|(_, digest)| digest).collect())
    }

    /// What is no document is one of its own kind, and needs nothing.
    fn look_into(&self, digest: &Digest) -> Result<Option<Document>> {
        let Some(raw) = self.read(digest)? else { return Ok(None) };
        match guess_type(&raw) {
            Some(media_type) => Document::parse(raw, &media_type).map(Some),
            None => Ok(None),
        }
    }

    fn is_there(&self, about: &Descriptor) -> Result<bool> {
        let Some(blobs) = self.store.blobs()? else { return Ok(false) };
        let name = about.digest.hex();
        let path = blobs.folder().at(&name);
        let found = blobs.folder().look(&name);
        let found =
            found.map_err(|e| Error::io(format!("cannot look at {}", path.display()), e))?;
        Ok(found.is_some())
    }

    fn referring(&self, subject: &Descriptor) -> Result<Vec<Digest>> {
        Ok(self.referring.get(&subject.digest).cloned().unwrap_or_default())
    }

    fn parts_names(&self) -> Result<bool> {
        Ok(true)
    }

    fn removes_blobs(&self) -> bool {
        true
    }

    fn unname(&self, name: &Reference) -> Result<()> {
        // Before the list differs from that on the disk.
        self.store.prepare()?;
        self.store.listed()?.unlist(&name.to_string());
        Ok(())
    }

    /// Writes the list in one step: until then nothing is gone, from then on nothing is listed that
    /// may be.
    fn settle(&self, without: &[Descriptor]) -> Result<()> {
        self.store.prepare()?;
        let mut listed = self.store.listed()?;
        for about in without {
            let key = about.digest.to_string();
            let is_unnamed = |it: &Value| it["annotations"][REF_NAME].is_null();
            if listed.named(&key).is_some_and(is_unnamed) {
                listed.unlist(&key);
            }
        }
        drop(listed);
        self.store.finish()
    }

    fn remove(&self, about: &Descriptor) -> Result<()> {
        let held = self.store.hold()?;
        let name = about.digest.hex();
        match held.blobs.folder().remove(&name) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                let path = held.blobs.folder().at(&name);
                Err(Error::io(format!("cannot remove {}", path.display()), e))
            }
            _ => Ok(()),
        }
    }
}
