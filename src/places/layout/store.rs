//! [`LayoutStore`]: an OCI image layout in a folder, to write to.

pub(super) mod removal;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::FileType;
use serde_json::{Value, json};

use super::blobs::Blobs;
use super::index;
use super::spec::{CONTAINERD_NAME, LAYOUT_MARK, REF_NAME};
use crate::medium::kind;
use crate::storage::checked::{Checked, DocumentBytes};
use crate::storage::holdings::{BlobHoldings, Holdings, KeptList};
use crate::storage::reading::digest_of;
use crate::storage::store::{BlobSink, ImageSink};
use crate::tools::file::{TEMP_PREFIX, write_whole};
use crate::tools::folder::{Folder, SHARED};
use crate::tools::lock::lock_folder;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, MAX_DOCUMENT};
use crate::words::error::{Class, Error, Result};
use crate::words::media::OCI_INDEX;
use crate::words::reference::{Reference, Tag};

/// The list of images.
const INDEX: &str = "index.json";

/// A layout folder that grows. Blobs appear one by one, each whole; the list of images is
/// replaced once, by [`finish`](ImageSink::finish).
#[derive(Debug)]
pub struct LayoutStore {
    root: PathBuf,
    listed: Mutex<Listed>,
    /// Blobs that were read or written whole and are what their digests say.
    sound: Mutex<BTreeSet<Digest>>,
    /// The folder, and that of its blobs, as far as they were there.
    found: Option<(Folder, Option<Blobs>)>,
    held: Mutex<Option<LockedFolders>>,
    cancel: Cancel,
}

/// The folders of a layout that nobody else writes into.
#[derive(Debug, Clone)]
struct LockedFolders {
    root: Folder,
    blobs: Blobs,
}

impl LayoutStore {
    /// Opens the layout at `root`. Creates nothing yet; a folder that holds anything but a layout
    /// is refused.
    ///
    /// # Errors
    /// [`Class::Usage`] for such a folder, [`Class::Refused`] for a layout of another version,
    /// [`Class::Damaged`] for a broken `oci-layout` or `index.json`.
    pub fn open(root: &Path) -> Result<LayoutStore> {
        let fault = |e| Error::io(format!("destination layout {}", root.display()), e);
        let (mut listed, mut found) = (Listed::default(), None);
        match Folder::open(root) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(fault(e)),
            Ok(folder) => {
                match is_marked(&folder).map_err(fault)? {
                    true => {
                        check_version(&folder)?;
                        listed = read_index(&folder)?;
                    }
                    false => refuse_other(&folder, root)?,
                }
                let blobs = find_blobs(&folder).map_err(fault)?;
                found = Some((folder, blobs));
            }
        }
        Ok(LayoutStore {
            root: root.to_owned(),
            listed: Mutex::new(listed),
            sound: Mutex::default(),
            found,
            held: Mutex::new(None),
            cancel: Cancel::default(),
        })
    }

    /// The same, which reads no further once `cancel` says stop.
    #[must_use]
    pub fn until(self, cancel: Cancel) -> LayoutStore {
        LayoutStore { cancel, ..self }
    }

    fn sound(&self) -> Result<std::sync::MutexGuard<'_, BTreeSet<Digest>>> {
        self.sound.lock().map_err(|_| Error::new(Class::Other, "another thread failed"))
    }

    fn listed(&self) -> Result<std::sync::MutexGuard<'_, Listed>> {
        self.listed.lock().map_err(|_| Error::new(Class::Other, "another thread failed"))
    }

    /// Makes the folders and the mark of a layout, and keeps other writers out, on the first
    /// call. What a killed run left half-written is removed.
    ///
    /// # Errors
    /// [`Class::Busy`] when another program writes there, and any fault of the disk.
    pub fn prepare(&self) -> Result<()> {
        self.hold().map(drop)
    }

    fn hold(&self) -> Result<LockedFolders> {
        let mut held =
            self.held.lock().map_err(|_| Error::new(Class::Other, "another thread failed"))?;
        if let Some(held) = &*held {
            return Ok(held.clone());
        }
        let fault = |e| Error::io(format!("cannot write {}", self.root.display()), e);
        let root = match &self.found {
            Some((folder, _)) => folder.clone(),
            None => Folder::make(&self.root, SHARED).map_err(fault)?,
        };
        lock_folder(&root)?;
        // What another one listed since this was opened has to stay listed.
        let now = read_index(&root)?;
        if now != *self.listed()? {
            let text = format!("{} was written by another program just now", self.root.display());
            return Err(Error::new(Class::Other, text).hint("run the same command again"));
        }
        if !is_marked(&root).map_err(fault)? {
            write_whole(&root, kind::LAYOUT, 0o644, LAYOUT_MARK.as_bytes())?;
        }
        let blobs = root.make_below("blobs", SHARED).map_err(fault)?;
        let blobs = blobs.make_below("sha256", SHARED).map_err(fault)?;
        for folder in [&root, &blobs] {
            for name in folder.names().map_err(fault)? {
                if name.to_string_lossy().starts_with(TEMP_PREFIX) {
                    folder.remove(name).map_err(fault)?;
                }
            }
        }
        Ok(held.insert(LockedFolders { root, blobs: Blobs::new(blobs) }).clone())
    }

    /// The blobs, where there are any.
    fn blobs(&self) -> Result<Option<Blobs>> {
        let held =
            self.held.lock().map_err(|_| Error::new(Class::Other, "another thread failed"))?;
        let found = || self.found.as_ref().and_then(|(_, blobs)| blobs.clone());
        Ok(held.as_ref().map(|held| held.blobs.clone()).or_else(found))
    }

    /// Lists `document`, under `name` or without one, instead of what had the name.
    fn list(&self, document: &Document, name: Option<&Reference>) -> Result<()> {
        let about = document.descriptor();
        let mut entry = json!({
            "mediaType": about.media_type, "digest": about.digest, "size": about.size,
        });
        if let Some(name) = name {
            let name = name.to_string();
            entry["annotations"] = json!({REF_NAME: name, CONTAINERD_NAME: name});
        } else if let Some(artifact_type) = document.artifact_type() {
            entry["artifactType"] = json!(artifact_type);
        }
        self.prepare()?;
        self.listed()?.put(entry);
        Ok(())
    }
}

/// The entries of an `index.json`, found by what they stand under.
#[derive(Debug, Default, PartialEq, Eq)]
struct Listed {
    /// In their order; nothing where an entry was replaced.
    entries: Vec<Option<Value>>,
    positions: BTreeMap<String, Vec<usize>>,
    /// What else the list says of itself. It is not ours to drop.
    members: serde_json::Map<String, Value>,
}

impl Listed {
    fn from(entries: Vec<Value>) -> Listed {
        let mut listed = Listed::default();
        entries.into_iter().for_each(|entry| listed.push(entry));
        listed
    }

    /// The name of an entry, or its digest where it has none.
    fn key(entry: &Value) -> String {
        let name = entry["annotations"][REF_NAME].as_str();
        name.or(entry["digest"].as_str()).unwrap_or_default().to_owned()
    }

    fn push(&mut self, entry: Value) {
        self.positions.entry(Listed::key(&entry)).or_default().push(self.entries.len());
        self.entries.push(Some(entry));
    }

    /// Adds `entry` instead of all that have its name.
    fn put(&mut self, entry: Value) {
        self.unlist(&Listed::key(&entry));
        self.push(entry);
    }

    /// Lets go of all that stand under `key`.
    fn unlist(&mut self, key: &str) {
        for position in self.positions.remove(key).into_iter().flatten() {
            self.entries[position] = None;
        }
    }

    fn named(&self, name: &str) -> Option<&Value> {
        self.entries[*self.positions.get(name)?.first()?].as_ref()
    }

    fn all(&self) -> Vec<&Value> {
        self.entries.iter().flatten().collect()
    }
}

/// Whether `folder` says that it is a layout.
fn is_marked(folder: &Folder) -> io::Result<bool> {
    Ok(folder.look(kind::LAYOUT)?.is_some_and(|about| about.kind == FileType::RegularFile))
}

/// Refuses a folder in which there is more than what a killed run left.
fn refuse_other(folder: &Folder, root: &Path) -> Result<()> {
    let names = folder
        .names()
        .map_err(|e| Error::io(format!("destination layout {}", root.display()), e))?;
    match names.iter().all(|name| name.to_string_lossy().starts_with(TEMP_PREFIX)) {
        true => Ok(()),
        false => {
            let text =
                format!("destination {} is neither empty nor an OCI image layout", root.display());
            Err(Error::new(Class::Usage, text).hint("name a new folder"))
        }
    }
}

/// The blobs in the layout `root`, where it has any.
fn find_blobs(root: &Folder) -> io::Result<Option<Blobs>> {
    let blobs = root.below("blobs").and_then(|blobs| blobs.below("sha256"));
    match blobs {
        Ok(blobs) => Ok(Some(Blobs::new(blobs))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Fails unless `root` is a layout which this program can write.
fn check_version(root: &Folder) -> Result<()> {
    let path = root.at(kind::LAYOUT);
    let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
    let mut raw = Vec::new();
    let file = root.file(kind::LAYOUT).map_err(fault)?;
    file.take(MAX_DOCUMENT + 1).read_to_end(&mut raw).map_err(fault)?;
    index::check_version(&raw).map_err(|e| {
        e.context(format!("destination {}", root.path().display())).hint("name a new folder")
    })
}

/// The images listed so far; none when a killed run got no further than the blobs.
fn read_index(root: &Folder) -> Result<Listed> {
    let path = root.at(INDEX);
    let fault = |e| Error::io(format!("cannot read {} at the destination", path.display()), e);
    let mut raw = Vec::new();
    let file = match root.file(INDEX) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Listed::default()),
        other => other.map_err(fault)?,
    };
    file.take(MAX_DOCUMENT + 1).read_to_end(&mut raw).map_err(fault)?;
    let (members, entries) =
        index::list(&raw).map_err(|e| e.context(format!("destination {}", path.display())))?;
    Ok(Listed { members, ..Listed::from(entries) })
}

impl BlobHoldings for LayoutStore {
    /// A file of the right name and size may hold other bytes, after a disk that was full or by
    /// somebody's hand: it counts once it was read.
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        let Some(blobs) = self.blobs()? else { return Ok(false) };
        let there = blobs.has(blob)?;
        if !there || self.sound()?.contains(&blob.digest) {
            return Ok(there);
        }
        let is_sound = hash(&blobs, blob, &self.cancel)? == blob.digest;
        if is_sound {
            self.sound()?.insert(blob.digest);
        }
        Ok(is_sound)
    }
}

impl BlobSink for LayoutStore {
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        self.hold()?.blobs.put(content)?;
        self.sound()?.insert(content.blob().digest);
        Ok(())
    }
}

/// The digest of the bytes that are there for `blob`.
fn hash(blobs: &Blobs, blob: &Descriptor, cancel: &Cancel) -> Result<Digest> {
    let path = blobs.folder().at(blob.digest.hex());
    let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
    blobs.open(blob, 0).and_then(|mut file| digest_of(&mut file, cancel)).map_err(fault)
}

impl Holdings for LayoutStore {
    fn has_document(&self, descriptor: &Descriptor) -> Result<bool> {
        self.has(descriptor)
    }

    fn published(&self, name: &Reference) -> Result<Option<Descriptor>> {
        let name = name.to_string();
        let listed = self.listed()?;
        listed
            .named(&name)
            .map(Descriptor::from_value)
            .transpose()
            .map_err(|e| e.context(format!("destination {}: index.json", self.root.display())))
    }

    fn referrers_list(&self, _: &Tag) -> Result<Option<KeptList>> {
        Ok(None)
    }
}

impl ImageSink for LayoutStore {
    fn put_document(&self, document: &Document) -> Result<bool> {
        self.put(&mut DocumentBytes::of(document))?;
        if document.subject().is_some() {
            self.list(document, None)?;
        }
        Ok(true)
    }

    fn publish(&self, name: &Reference, document: &Document) -> Result<()> {
        self.list(document, Some(name))
    }

    /// Writes the list of images, and so makes everything published findable.
    fn finish(&self) -> Result<()> {
        let held = self.hold()?;
        let listed = self.listed()?;
        let mut members = listed.members.clone();
        members.insert("schemaVersion".to_owned(), json!(2));
        members.insert("mediaType".to_owned(), json!(OCI_INDEX));
        members.insert("manifests".to_owned(), json!(listed.all()));
        let index = Value::Object(members).to_string();
        if index.len() as u64 > MAX_DOCUMENT {
            let text = format!(
                "the index.json of {} would be larger than any reader takes",
                self.root.display()
            );
            return Err(Error::new(Class::NoRoom, text).hint("import into another folder"));
        }
        // An earlier run may have been ended before a name that is listed now was durable.
        held.blobs.sync()?;
        write_whole(&held.root, INDEX, 0o644, index.as_bytes())?;
        held.root.is_found()
    }
}
