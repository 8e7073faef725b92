//! Small images, and bundles of them, for the tests of this layer and of those above.

use crate::storage::checked::samples::Unchecked;
use crate::storage::raw::Raw;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::blob_list::BlobList;
use super::contents::{Contents, Image, Referrer};
use super::docker::Configs;
use super::draft::Draft;
use super::head::Head;
use super::keys::PrivateKey;
use super::statement::Predicate;
use crate::medium::Medium;
use crate::places::layout::LayoutStore;
use crate::storage::store::{BlobSink as _, BlobSource, ImageSink as _};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::media::{OCI_INDEX, OCI_MANIFEST};
use crate::words::moment::moment;
use crate::words::reference::Reference;

pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
pub const CREATED: &str = "2026-11-21T00:00:00Z";

/// The image `about` under `name`, taken as it was.
pub fn image(name: Reference, about: &Descriptor) -> Image {
    Image {
        name,
        digest: about.digest,
        media_type: about.media_type.to_string(),
        size: about.size,
        platforms: Vec::new(),
        source: "oci:here".to_owned(),
        left_out: Vec::new(),
        rewritten_from: None,
        made: false,
    }
}

/// Documents and blobs in memory.
#[derive(Debug, Clone, Default)]
pub struct Stock {
    pub documents: BTreeMap<Digest, Document>,
    pub blobs: BTreeMap<Digest, Vec<u8>>,
}

impl Stock {
    pub fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let blob = Descriptor::of(media_type, bytes);
        self.blobs.insert(blob.digest, bytes.to_vec());
        blob
    }

    fn document(&mut self, media_type: &str, value: &Value) -> Descriptor {
        let document = Document::parse(value.to_string().into_bytes(), media_type).unwrap();
        let about = document.descriptor().clone();
        self.documents.insert(about.digest, document);
        about
    }

    /// A manifest of `config` and `layers`, with `more` members.
    pub fn manifest(
        &mut self,
        config: &Descriptor,
        layers: &[Descriptor],
        more: Value,
    ) -> Descriptor {
        let mut value = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers,
        });
        for (name, member) in more.as_object().into_iter().flatten() {
            value[name] = member.clone();
        }
        self.document(OCI_MANIFEST, &value)
    }

    /// The config of an image of `layers` layers.
    pub fn config(&mut self, text: &str, platform: &str, layers: usize) -> Descriptor {
        let (os, architecture) = platform.split_once('/').unwrap();
        let diff_ids = vec![format!("sha256:{}", "a".repeat(64)); layers];
        let config = json!({
            "os": os, "architecture": architecture, "author": text,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        self.blob(CONFIG, config.to_string().as_bytes())
    }

    /// An image for `platform` with one layer, described as an index would.
    pub fn image(&mut self, text: &str, platform: &str) -> Descriptor {
        let config = self.config(text, platform, 1);
        let layer = self.blob(LAYER, format!("layer of {text}").as_bytes());
        let mut image = self.manifest(&config, &[layer], json!({}));
        image.platform = Some(Box::new(platform.parse().unwrap()));
        image
    }

    pub fn index(&mut self, entries: &[&Descriptor]) -> Descriptor {
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
        self.document(OCI_INDEX, &index)
    }

    /// An artifact of type `kind` that refers to `subject`.
    pub fn referrer(&mut self, kind: &str, subject: &Descriptor) -> Descriptor {
        let config = self.blob("application/vnd.oci.empty.v1+json", b"{}");
        let layer = self.blob("text/plain", format!("{kind} of {}", subject.digest).as_bytes());
        let subject = Descriptor::new(&subject.media_type, subject.digest, subject.size);
        let more = json!({
            "artifactType": kind, "subject": subject, "annotations": {"kind": kind},
        });
        self.manifest(&config, &[layer], more)
    }

    pub fn get(&self, about: &Descriptor) -> &Document {
        &self.documents[&about.digest]
    }

    /// A bundle of the named images, without anything that refers to them.
    pub fn contents(&self, images: &[(&str, &Descriptor)]) -> Contents {
        let images = images.iter().map(|(name, about)| image(name.parse().unwrap(), about));
        let mut contents = Contents { images: images.collect(), ..Contents::default() };
        self.complete(&mut contents);
        contents
    }

    /// Two images `x.example/r:a` and `:b`, what refers to each, and what refers to the first of
    /// those: with what it all is in, in the order of this sentence.
    pub fn family() -> (Stock, Contents, [Descriptor; 5]) {
        let mut stock = Stock::default();
        let [a, b] = ["a", "b"].map(|text| stock.image(text, "linux/amd64"));
        let (of_a, of_b) = (stock.referrer("x/sbom", &a), stock.referrer("x/sbom", &b));
        let of_that = stock.referrer("x/signature", &of_a);
        let mut contents = stock.contents(&[("x.example/r:a", &a), ("x.example/r:b", &b)]);
        for referrer in [&of_a, &of_b, &of_that] {
            stock.refer(&mut contents, "x.example/r", referrer);
        }
        (stock, contents, [a, b, of_a, of_b, of_that])
    }

    /// Adds a referrer, under its tag if `name` has one.
    pub fn refer(&self, contents: &mut Contents, name: &str, about: &Descriptor) {
        let name: Reference = name.parse().unwrap();
        let document = self.get(about);
        let named = name.tag.as_ref().and_then(|tag| {
            let (algorithm, rest) = tag.as_str().split_once('-')?;
            format!("{algorithm}:{}", rest.get(..64)?).parse::<Digest>().ok()
        });
        let subject = document.subject().map(|subject| subject.digest).or(named);
        contents.referrers.push(Referrer {
            repository: name.name(),
            tag: name.tag.filter(|tag| tag.as_str() != "latest"),
            digest: about.digest,
            media_type: about.media_type.to_string(),
            size: about.size,
            subject: subject.unwrap_or(about.digest),
            artifact_type: document.artifact_type().map(str::to_owned),
        });
        contents.referrers.sort();
        self.complete(contents);
    }

    /// Fills in the documents and blobs below the roots of `contents`, as far as they are here.
    pub fn complete(&self, contents: &mut Contents) {
        contents.documents = self.documents.clone();
        let reached: BTreeSet<Digest> =
            contents.roots().flat_map(|root| contents.closure(root)).collect();
        contents.documents.retain(|digest, _| reached.contains(digest));
        contents.blobs = BlobList::whole(contents.walk_blobs());
    }

    /// The bytes of every config in `contents`.
    pub fn configs(&self, contents: &Contents) -> Configs {
        let held = |digest: Digest| Some((digest, self.blobs.get(&digest)?.clone().into()));
        contents.configs().into_iter().filter_map(held).collect()
    }

    pub fn head(&self, contents: &Contents, predicate: &Predicate, key: &PrivateKey) -> Head {
        Head::make(contents, &self.configs(contents), predicate, key)
    }

    /// Writes everything into the layout `path`, with these names.
    pub fn layout(&self, path: &Path, images: &[(&str, &Descriptor)]) {
        let store = LayoutStore::open(path).unwrap();
        for bytes in self.blobs.values() {
            store.put(&mut Unchecked(&Descriptor::of("", bytes), &mut &bytes[..])).unwrap();
        }
        for document in self.documents.values() {
            store.put_document(document).unwrap();
        }
        for (name, about) in images {
            store.publish(&name.parse().unwrap(), self.get(about)).unwrap();
        }
        store.finish().unwrap();
    }

    /// Makes the bundle `path` of what `head` says, even if that is wrong.
    pub fn seal(&self, head: &Head, path: &Path) {
        let mut draft = Draft::open(&Medium::at(path)).unwrap();
        draft.begin(head).unwrap();
        for layer in &head.layers {
            draft.sink().put(&mut Unchecked(layer, &mut &self.blobs[&layer.digest][..])).unwrap();
        }
        draft.finish().unwrap();
        draft.name().unwrap();
    }
}

impl BlobSource for Stock {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let document = self.documents.get(&blob.digest).map(Document::raw);
        let bytes = document.or(self.blobs.get(&blob.digest).map(Vec::as_slice));
        let bytes = bytes.ok_or_else(|| Error::new(Class::Incomplete, "no such blob"))?;
        Ok(Raw::new(&bytes[usize::try_from(offset).unwrap()..]))
    }
}

/// A folder with a bundle of two images that share nothing, `a` with something that refers to it.
pub struct Sample {
    pub folder: tempfile::TempDir,
    pub key: PrivateKey,
    pub stock: Stock,
    pub contents: Contents,
    pub a: Descriptor,
    pub b: Descriptor,
}

impl Sample {
    /// The key once more, for one who drops it.
    pub fn same_key(&self) -> PrivateKey {
        PrivateKey::from_pem(&self.key.to_pem(None).unwrap(), None).unwrap()
    }

    pub fn new() -> Sample {
        let mut stock = Stock::default();
        let (a, b) = (stock.image("a", "linux/amd64"), stock.image("b", "linux/arm64"));
        let signature = stock.referrer("x/signature", &a);
        let mut contents = stock.contents(&[("x.example/a:1", &a), ("x.example/b:1", &b)]);
        stock.refer(&mut contents, "x.example/a", &signature);
        let key = PrivateKey::generate().unwrap();
        Sample { folder: tempfile::tempdir().unwrap(), key, stock, contents, a, b }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets go of one of the blobs, as if no image needed it.
    pub fn forget(&mut self, at: usize) -> Descriptor {
        let mut needed = self.contents.blobs.needed().to_vec();
        let forgotten = needed.remove(at);
        self.contents.blobs = BlobList::whole(needed);
        forgotten
    }

    pub fn predicate(&self) -> Predicate {
        Predicate::of(&self.contents, moment(CREATED), None)
    }

    pub fn head(&self) -> Head {
        self.stock.head(&self.contents, &self.predicate(), &self.key)
    }

    /// Seals the bundle under `name`.
    pub fn seal(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        self.stock.seal(&self.head(), &path);
        path
    }
}
