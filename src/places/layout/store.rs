//! [`LayoutStore`]: an OCI image layout in a folder, to write to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{CONTAINERD_NAME, LAYOUT_MARK, REF_NAME, blob_path};
use crate::places::tree::kind;
use crate::seams::content::Content;
use crate::seams::file::{AtomicFile, TEMP_PREFIX, lock, write_whole};
use crate::seams::interrupt;
use crate::seams::store::{BlobSink, ImageSink, KeptList};
use crate::seams::stream::BUFFER;
use crate::words::digest::{Digest, Hasher};
use crate::words::document::{Descriptor, Document, MAX_DOCUMENT, OCI_INDEX};
use crate::words::error::{Class, Error, Result};
use crate::words::json::parse_strict;
use crate::words::reference::{Reference, Tag};

/// A layout folder that grows. Blobs appear one by one, each whole; the list of images is
/// replaced once, by [`finish`](ImageSink::finish).
#[derive(Debug)]
pub struct LayoutStore {
    root: PathBuf,
    listed: Mutex<Listed>,
    /// Blobs that were read or written whole and are what their digests say.
    sound: Mutex<BTreeSet<Digest>>,
    lock: Mutex<Option<File>>,
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
        let listed = match fs::read_dir(root) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Listed::default(),
            Err(e) => return Err(fault(e)),
            Ok(_) if root.join(kind::LAYOUT).is_file() => {
                check_version(&root.join(kind::LAYOUT))?;
                read_index(&root.join("index.json"))?
            }
            Ok(entries) => {
                for entry in entries {
                    let name = entry.map_err(fault)?.file_name();
                    if !name.to_string_lossy().starts_with(TEMP_PREFIX) {
                        return Err(not_a_layout(root));
                    }
                }
                Listed::default()
            }
        };
        Ok(LayoutStore {
            root: root.to_owned(),
            listed: Mutex::new(listed),
            sound: Mutex::default(),
            lock: Mutex::new(None),
        })
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
    /// [`Class::Usage`] when another program writes there, and any fault of the disk.
    pub fn prepare(&self) -> Result<()> {
        let mut held =
            self.lock.lock().map_err(|_| Error::new(Class::Other, "another thread failed"))?;
        if held.is_some() {
            return Ok(());
        }
        let blobs = self.root.join("blobs/sha256");
        let fault = |e| Error::io(format!("cannot write {}", self.root.display()), e);
        fs::create_dir_all(&self.root).map_err(fault)?;
        let folder = File::open(&self.root).map_err(fault)?;
        lock(&folder, &self.root)?;
        // What another one listed since this was opened has to stay listed.
        let now = read_index(&self.root.join("index.json"))?;
        if now != *self.listed()? {
            let text = format!("{} was written by another program just now", self.root.display());
            return Err(Error::new(Class::Other, text).hint("run the same command again"));
        }
        let mark = self.root.join("oci-layout");
        if !mark.is_file() {
            write_whole(&mark, 0o644, LAYOUT_MARK.as_bytes())?;
        }
        fs::create_dir_all(&blobs).map_err(fault)?;
        for folder in [&self.root, &blobs] {
            for entry in fs::read_dir(folder).map_err(fault)? {
                let entry = entry.map_err(fault)?;
                if entry.file_name().to_string_lossy().starts_with(TEMP_PREFIX) {
                    fs::remove_file(entry.path()).map_err(fault)?;
                }
            }
        }
        *held = Some(folder);
        Ok(())
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
    places: BTreeMap<String, Vec<usize>>,
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
        self.places.entry(Listed::key(&entry)).or_default().push(self.entries.len());
        self.entries.push(Some(entry));
    }

    /// Adds `entry` instead of all that have its name.
    fn put(&mut self, entry: Value) {
        for place in self.places.remove(&Listed::key(&entry)).into_iter().flatten() {
            self.entries[place] = None;
        }
        self.push(entry);
    }

    fn named(&self, name: &str) -> Option<&Value> {
        self.entries[*self.places.get(name)?.first()?].as_ref()
    }

    fn all(&self) -> Vec<&Value> {
        self.entries.iter().flatten().collect()
    }
}

fn not_a_layout(root: &Path) -> Error {
    let text = format!("destination {} is neither empty nor an OCI image layout", root.display());
    Error::new(Class::Usage, text).hint("name a new folder")
}

/// Fails unless the `oci-layout` at `path` is that of a layout which this program can write.
fn check_version(path: &Path) -> Result<()> {
    let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
    let mut raw = Vec::new();
    let file = File::open(path).map_err(fault)?;
    file.take(MAX_DOCUMENT + 1).read_to_end(&mut raw).map_err(fault)?;
    super::check_version(&raw).map_err(|e| {
        let folder = path.parent().unwrap_or(path).display();
        e.context(format!("destination {folder}")).hint("name a new folder")
    })
}

/// The images listed so far; none when a killed run got no further than the blobs.
fn read_index(path: &Path) -> Result<Listed> {
    let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
    let mut raw = Vec::new();
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Listed::default()),
        other => other.map_err(fault)?,
    };
    file.take(MAX_DOCUMENT + 1).read_to_end(&mut raw).map_err(fault)?;
    Document::parse(raw.clone(), OCI_INDEX).map_err(|e| e.context(path.display()))?;
    let Value::Object(mut members) = parse_strict(&raw)? else { return Ok(Listed::default()) };
    // Go writes an empty list as null.
    let entries = match members.remove("manifests") {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    Ok(Listed { members, ..Listed::from(entries) })
}

impl BlobSink for LayoutStore {
    /// A file of the right name and size may hold other bytes, after a disk that was full or by
    /// somebody's hand: it counts once it was read.
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        let path = self.root.join(blob_path(&blob.digest));
        let there = match fs::symlink_metadata(&path) {
            Ok(about) => about.is_file() && about.len() == blob.size,
            Err(e) if e.kind() == io::ErrorKind::NotFound => false,
            Err(e) => return Err(Error::io(format!("cannot look at {}", path.display()), e)),
        };
        if !there || self.sound()?.contains(&blob.digest) {
            return Ok(there);
        }
        let is_sound = hash(&path)? == blob.digest;
        if is_sound {
            self.sound()?.insert(blob.digest);
        }
        Ok(is_sound)
    }

    fn put(&self, blob: &Descriptor, content: &mut dyn Content) -> Result<()> {
        self.prepare()?;
        let path = self.root.join(blob_path(&blob.digest));
        let mut file = AtomicFile::create(&path, 0o644)?;
        let mut buffer = vec![0; BUFFER];
        copy(content, &mut file, &mut buffer)
            .map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
        file.commit()?;
        self.sound()?.insert(blob.digest);
        Ok(())
    }
}

/// The digest of what the file `path` holds.
fn hash(path: &Path) -> Result<Digest> {
    let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
    let mut file = File::open(path).map_err(fault)?;
    let (mut hasher, mut buffer) = (Hasher::new(), vec![0; BUFFER]);
    loop {
        interrupt::check()?;
        match file.read(&mut buffer).map_err(fault)? {
            0 => return Ok(hasher.finish()),
            got => hasher.update(&buffer[..got]),
        }
    }
}

/// `io::copy` with a buffer of our size.
pub(super) fn copy(
    from: &mut dyn io::Read,
    to: &mut dyn io::Write,
    buffer: &mut [u8],
) -> io::Result<u64> {
    let mut count = 0;
    loop {
        let got = from.read(buffer)?;
        if got == 0 {
            return Ok(count);
        }
        to.write_all(&buffer[..got])?;
        count += got as u64;
    }
}

impl ImageSink for LayoutStore {
    fn has_document(&self, descriptor: &Descriptor) -> Result<bool> {
        self.has(descriptor)
    }

    fn put_document(&self, document: &Document) -> Result<bool> {
        self.put(document.descriptor(), &mut document.raw())?;
        if document.subject().is_some() {
            self.list(document, None)?;
        }
        Ok(true)
    }

    fn published(&self, name: &Reference) -> Result<Option<Descriptor>> {
        let name = name.to_string();
        let listed = self.listed()?;
        listed
            .named(&name)
            .map(|entry| Descriptor::from_value(entry.clone()))
            .transpose()
            .map_err(|e| e.context(format!("destination {}: index.json", self.root.display())))
    }

    fn publish(&self, name: &Reference, document: &Document) -> Result<()> {
        self.list(document, Some(name))
    }

    /// Writes the list of images, and so makes everything published findable.
    fn finish(&self) -> Result<()> {
        self.prepare()?;
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
        write_whole(&self.root.join("index.json"), 0o644, index.as_bytes())
    }

    fn referrers_list(&self, _: &Tag) -> Result<Option<KeptList>> {
        Ok(None)
    }
}
