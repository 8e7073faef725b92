//! Both ends of a transfer in memory, for the tests of this layer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::graph::{self, Graph, Origin, Selection, Wanted};
use super::plan::{Delivery, Sibling};
use crate::bundle::contents::Contents;
use crate::bundle::samples::Stock;
use crate::storage::checked::Checked;
use crate::storage::holdings::{BlobHoldings, Holdings, KeptList};
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSink, BlobSource, ImageSink, ImageSource, Referrers};
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Silent;
use crate::words::reference::{Reference, Repository, Tag};

/// A repository to export from.
#[derive(Default)]
pub struct Outside {
    pub stock: Stock,
    pub names: BTreeMap<Reference, Digest>,
    pub referrers: BTreeMap<Digest, Referrers>,
    /// Every document that was asked for by its digest.
    pub asked: Mutex<Vec<Digest>>,
    /// Every subject whose referrers were asked for.
    pub subjects: Mutex<Vec<Digest>>,
    /// Where its blobs lie; at the beginning if they are not listed.
    pub positions: BTreeMap<Digest, u64>,
    /// What it made itself.
    pub made: BTreeSet<Digest>,
}

impl Outside {
    pub fn name(&mut self, name: &str, about: &Descriptor) {
        self.names.insert(name.parse().unwrap(), about.digest);
    }

    /// An artifact of `kind` that the referrers API lists for `subject`.
    pub fn refer(&mut self, kind: &str, subject: &Descriptor) -> Descriptor {
        let referrer = self.stock.referrer(kind, subject);
        self.referrers.entry(subject.digest).or_default().manifests.push(referrer.clone());
        referrer
    }

    /// An image under a tag made from the digest of `subject`, as cosign does it.
    pub fn tag(&mut self, ending: &str, subject: &Descriptor) -> Descriptor {
        let about = self.stock.image(ending, "linux/amd64");
        let tag = format!("sha256-{}.{ending}", subject.digest.hex()).parse().unwrap();
        let document = self.stock.get(&about).clone();
        self.referrers.entry(subject.digest).or_default().tags.push((tag, document));
        about
    }

    pub fn origins(self) -> Vec<Origin> {
        vec![Origin {
            source: Arc::new(self),
            repository: "x.example/a".to_owned(),
            shown: "x.example/a".to_owned(),
        }]
    }
}

pub fn wanted(name: &str) -> Wanted {
    let text = format!("docker://{name}");
    Wanted {
        origin: At::nth(0),
        name: name.parse().unwrap(),
        text,
        place: None,
        is_one_of_all: false,
    }
}

/// The graph below `wanted`, which are all there or the first fault is the failure.
pub fn whole<'a>(
    origins: &'a [Origin],
    wanted: &[Wanted],
    select: &Selection,
    jobs: usize,
) -> Result<Graph<'a>> {
    let mut found = graph::find(origins, wanted, jobs, &Silent)?;
    if !found.faults.is_empty() {
        return Err(found.faults.remove(0).1);
    }
    let roots = found.roots.into_iter().flatten().collect();
    graph::walk(origins, wanted, roots, select, jobs, &Silent)
}

impl BlobSource for Outside {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        self.stock.open(blob, offset)
    }

    fn position(&self, blob: &Descriptor) -> u64 {
        self.positions.get(&blob.digest).copied().unwrap_or(0)
    }
}

impl ImageSource for Outside {
    fn resolve(&self, name: &Reference) -> Result<Document> {
        let digest = name.digest.or(self.names.get(name).copied());
        let document = digest.and_then(|digest| self.stock.documents.get(&digest));
        document.cloned().ok_or_else(|| Error::new(Class::Incomplete, format!("no {name}")))
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document> {
        self.asked.lock().unwrap().push(descriptor.digest);
        let document = self.stock.documents.get(&descriptor.digest);
        document.cloned().ok_or_else(|| Error::new(Class::Incomplete, "no such manifest"))
    }

    fn referrers(&self, subject: &Descriptor) -> Result<Referrers> {
        self.subjects.lock().unwrap().push(subject.digest);
        Ok(self.referrers.get(&subject.digest).cloned().unwrap_or_default())
    }

    fn is_made(&self, digest: &Digest) -> bool {
        self.made.contains(digest)
    }
}

/// What a repository was made to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    Put(Digest),
    Mounted(Digest, String),
    Document(Digest),
    Published(String, Digest),
    Finished,
}

/// A repository to import into. Like a registry, it takes no document before what is below it.
#[derive(Clone, Default)]
pub struct Inside {
    pub state: Arc<Mutex<State>>,
    /// Whether it lists referrers itself.
    pub lists: bool,
    /// Whether it gives blobs to siblings.
    pub mounts: bool,
    /// What can be read of its siblings.
    pub beside: Option<Stock>,
    /// Whether names keep standing for what they stood for.
    pub stubborn: bool,
    /// Whether the first upload breaks off.
    pub shaky: bool,
    /// How often it is looked at a name that was published before it stands for what it was given.
    pub slow: u32,
}

#[derive(Default)]
pub struct State {
    pub blobs: BTreeSet<Digest>,
    pub documents: BTreeMap<Digest, Document>,
    pub names: BTreeMap<String, Descriptor>,
    pub done: Vec<Done>,
    /// Names that do not stand for it yet, and how often they are looked at until then.
    pub coming: BTreeMap<String, (Descriptor, u32)>,
    /// Whether documents vouch for their blobs.
    pub vouches: bool,
}

impl Inside {
    pub fn done(&self) -> Vec<Done> {
        self.state.lock().unwrap().done.clone()
    }

    /// Lets `name` stand for `document`.
    pub fn set(&self, name: &str, document: &Document) {
        let mut state = self.state.lock().unwrap();
        let about = document.descriptor().clone();
        state.documents.insert(about.digest, document.clone());
        state.names.insert(name.to_owned(), about);
    }

    /// Forgets what was done, and keeps what is there.
    pub fn again(&self) {
        self.state.lock().unwrap().done.clear();
    }

    pub fn uploads(&self) -> Vec<Digest> {
        let done = self.done().into_iter();
        done.filter_map(|done| if let Done::Put(digest) = done { Some(digest) } else { None })
            .collect()
    }

    pub fn named(&self, name: &str) -> Option<Digest> {
        self.state.lock().unwrap().names.get(name).map(|about| about.digest)
    }

    /// Everything of `contents` into this repository, under the names it has.
    pub fn delivery(&self, name: &str, contents: &Contents) -> Delivery {
        let images = At::each(&contents.images);
        let referrers = At::each(&contents.referrers);
        let new = |old: &Reference| {
            let tag = old.tag.clone().unwrap();
            format!("{name}:{tag}").parse::<Reference>().unwrap()
        };
        let (registry, repository) = name.split_once('/').unwrap();
        let sibling = Sibling {
            registry: registry.parse().unwrap(),
            repository: repository.parse().unwrap(),
        };
        Delivery {
            sibling: Some(sibling),
            images: images.map(|(index, image)| (index, new(&image.name))).collect(),
            referrers: referrers
                .map(|(index, referrer)| (index, referrer.name().map(|name| new(&name))))
                .collect(),
            ..Delivery::to(Box::new(self.clone()), name)
        }
    }
}

impl BlobHoldings for Inside {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        Ok(self.state.lock().unwrap().blobs.contains(&blob.digest))
    }
}

impl BlobSink for Inside {
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        let blob = content.blob().clone();
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|e| Error::io("upload", e))?;
        let mut state = self.state.lock().unwrap();
        state.done.push(Done::Put(blob.digest));
        if self.shaky && state.done.len() == 1 {
            let error = Error::new(Class::Other, "the connection was reset").transient();
            return Err(error.retry_after(Some(std::time::Duration::ZERO)));
        }
        state.blobs.insert(blob.digest);
        Ok(())
    }

    fn mount(&self, blob: &Descriptor, from: &Repository) -> Result<bool> {
        let mut state = self.state.lock().unwrap();
        if self.mounts {
            state.done.push(Done::Mounted(blob.digest, from.to_string()));
            state.blobs.insert(blob.digest);
        }
        Ok(self.mounts)
    }

    fn sibling(&self, _: &Repository) -> Option<Box<dyn BlobSource>> {
        self.beside.clone().map(|stock| Box::new(stock) as _)
    }
}

impl Holdings for Inside {
    fn vouches(&self) -> bool {
        self.state.lock().unwrap().vouches
    }

    fn has_document(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.state.lock().unwrap().documents.contains_key(&descriptor.digest))
    }

    fn published(&self, name: &Reference) -> Result<Option<Descriptor>> {
        let (mut state, name) = (self.state.lock().unwrap(), name.to_string());
        let there = state.names.get(&name).cloned();
        if let Some((about, looks)) = state.coming.remove(&name) {
            match looks {
                1 => drop(state.names.insert(name, about)),
                _ => drop(state.coming.insert(name, (about, looks - 1))),
            }
        }
        Ok(there)
    }

    fn unlisted(&self, _: &Digest, _: &[Digest]) -> Result<Option<Vec<Digest>>> {
        Ok(self.lists.then(Vec::new))
    }

    fn referrers_list(&self, tag: &Tag) -> Result<Option<KeptList>> {
        let state = self.state.lock().unwrap();
        let listed = state.names.iter().find(|(name, _)| name.ends_with(&format!(":{tag}")));
        let document = listed.and_then(|(_, about)| state.documents.get(&about.digest)).cloned();
        Ok(document.map(|document| KeptList { document, version: None }))
    }
}

impl ImageSink for Inside {
    fn put_document(&self, document: &Document) -> Result<bool> {
        let mut state = self.state.lock().unwrap();
        let digest = document.descriptor().digest;
        for child in document.children().into_iter().filter(|child| !child.is_foreign()) {
            let there = match child.is_document() {
                true => state.documents.contains_key(&child.digest),
                false => state.blobs.contains(&child.digest),
            };
            if !there {
                return Err(Error::new(Class::Refused, format!("{} is unknown", child.digest)));
            }
        }
        state.documents.insert(digest, document.clone());
        state.done.push(Done::Document(digest));
        Ok(self.lists)
    }

    fn publish(&self, name: &Reference, document: &Document) -> Result<()> {
        let mut state = self.state.lock().unwrap();
        let about = document.descriptor();
        if !state.documents.contains_key(&about.digest) {
            return Err(Error::new(Class::Refused, format!("{} is unknown", about.digest)));
        }
        state.done.push(Done::Published(name.to_string(), about.digest));
        if self.slow > 0 {
            state.coming.insert(name.to_string(), (about.clone(), self.slow));
        } else if !self.stubborn {
            state.names.insert(name.to_string(), about.clone());
        }
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        self.state.lock().unwrap().done.push(Done::Finished);
        Ok(())
    }
}
