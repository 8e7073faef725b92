//! Small images for the tests of this verb.

use std::collections::HashMap;
use std::sync::Arc;

use super::Shelf;
use crate::storage::raw::Raw;
use crate::storage::store::BlobSource;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::media::{OCI_INDEX, OCI_MANIFEST};
use crate::words::reference::Reference;

/// A document with the blobs that are its children.
#[derive(Clone)]
pub struct Sample {
    pub document: Document,
    pub blobs: Vec<(Descriptor, Vec<u8>)>,
}

impl Sample {
    pub fn digest(&self) -> Digest {
        self.document.descriptor().digest
    }
}

fn blob(media_type: &str, bytes: Vec<u8>) -> (Descriptor, Vec<u8>) {
    (Descriptor::of(media_type, &bytes), bytes)
}

fn manifest(extra: &str, blobs: Vec<(Descriptor, Vec<u8>)>) -> Sample {
    let json = |d: &Descriptor| serde_json::to_string(d).unwrap();
    let layers: Vec<String> = blobs[1..].iter().map(|(d, _)| json(d)).collect();
    let raw = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{},"layers":[{}]{extra}}}"#,
        json(&blobs[0].0),
        layers.join(",")
    );
    Sample { document: Document::parse(raw.into_bytes(), OCI_MANIFEST).unwrap(), blobs }
}

/// An image of a config and the layer `layer`.
pub fn image_of(name: &str, layer: Vec<u8>) -> Sample {
    let config = format!(r#"{{"architecture":"amd64","os":"linux","config":{{"User":"{name}"}}}}"#);
    manifest(
        "",
        vec![
            blob("application/vnd.oci.image.config.v1+json", config.into_bytes()),
            blob("application/vnd.oci.image.layer.v1.tar", layer),
        ],
    )
}

/// An image with a layer of a few bytes.
pub fn image(name: &str) -> Sample {
    image_of(name, format!("layer of {name}").into_bytes())
}

/// An index of `images`.
pub fn index(images: &[&Sample]) -> Sample {
    let entries: Vec<String> =
        images.iter().map(|i| serde_json::to_string(i.document.descriptor()).unwrap()).collect();
    let raw = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
    Sample { document: Document::parse(raw.into_bytes(), OCI_INDEX).unwrap(), blobs: Vec::new() }
}

/// An artifact of type `kind` whose subject is `subject`.
pub fn referrer(kind: &str, subject: &Sample) -> Sample {
    let subject = serde_json::to_string(subject.document.descriptor()).unwrap();
    let extra = format!(
        r#","artifactType":"{kind}","subject":{subject},"annotations":{{"who":"größe \u007f"}}"#
    );
    manifest(&extra, vec![blob("application/vnd.oci.empty.v1+json", b"{}".to_vec())])
}

/// Blobs in memory.
#[derive(Default)]
pub struct Memory(pub HashMap<Digest, Vec<u8>>);

impl BlobSource for Memory {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let bytes = self.0.get(&blob.digest);
        let bytes = bytes.ok_or_else(|| Error::new(Class::Incomplete, "no such blob"))?;
        Ok(Raw::new(&bytes[usize::try_from(offset).unwrap()..]))
    }
}

/// A bundle in the making.
#[derive(Default)]
pub struct Bundle {
    pub images: Vec<(Reference, Digest)>,
    pub documents: Vec<Document>,
    pub blobs: Vec<Descriptor>,
    pub bytes: Memory,
}

impl Bundle {
    pub fn with(mut self, name: &str, sample: Sample) -> Bundle {
        self.images.push((name.parse().unwrap(), sample.digest()));
        self.carrying(sample)
    }

    pub fn carrying(mut self, sample: Sample) -> Bundle {
        self.documents.push(sample.document);
        for (descriptor, bytes) in sample.blobs {
            self.bytes.0.insert(descriptor.digest, bytes);
            self.blobs.push(descriptor);
        }
        self
    }

    pub fn shelf(self) -> Shelf {
        Shelf::new(self.images, self.documents, self.blobs, Arc::new(self.bytes), Arc::default())
    }
}
