//! [`Shelf`]: what is served, under which names.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Bytes;

use super::given::GivenFiles;
use super::page;
use super::route::{ManifestName, NamedRepository};
use crate::storage::store::BlobSource;
use crate::tools::sound::Sound;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::reference::{Reference, Registry, Repository, Tag};

/// The images of a verified bundle, arranged as a registry shows them. Made once, then only read.
///
/// # Names
/// An image `docker.io/library/alpine:3.20` stands in two repositories:
///
/// - `library/alpine`, the host dropped, as a mirror's client asks for it. With `?ns=HOST`
///   (containerd) only images of that host are there. Without it, images of several hosts with
///   the same path share the repository: a tag that two of them have is docker.io's, else that of
///   the image that comes first in the bundle; the other one answers to `ns`, to its digest and to
///   its full name.
/// - `docker.io/library/alpine`, the full name, whatever `ns` says. A host with a port
///   (`localhost:5000/x`) or an IPv6 address is no legal part of a repository's name
///   (distribution-spec, "Pulling manifests"), so such an image has its first name only.
///
/// # Contents
/// A repository holds what its images reach: children down to config and layers, and every
/// document of the bundle whose `subject` is among them, with its own children. A digest that only
/// another repository holds is not found in it.
pub struct Shelf {
    /// By name, best match first.
    names: HashMap<String, Vec<RepositoryAlias>>,
    /// One name a repository: the full one where it is legal.
    catalog: Vec<String>,
    stock: Stock,
    bytes: Arc<dyn BlobSource>,
    sound: Arc<Sound>,
    /// Bytes that the kernel sent.
    by_kernel: Arc<AtomicU64>,
    /// The page at `/`, where there is one, and those that it leads to.
    front: Vec<Bytes>,
    /// What each bundle is called, and how many images it has.
    bundles: Vec<(String, usize)>,
    /// Those that are given as files as well.
    files: GivenFiles,
}

/// Why something is not on the shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// There is no such repository.
    Name,
    /// The repository does not hold it.
    Content,
}

/// A repository under one of its names.
struct RepositoryAlias {
    /// Whether the name says the host.
    full: bool,
    shelved: Arc<Shelved>,
}

/// The images of one repository at one host.
struct Shelved {
    host: Registry,
    path: Repository,
    tags: BTreeMap<Tag, Digest>,
    documents: HashSet<Digest>,
    blobs: HashSet<Digest>,
}

/// Everything in the bundle by its digest.
struct Stock {
    documents: HashMap<Digest, Arc<Document>>,
    /// Documents are among them: an artifact may carry a manifest as a layer.
    blobs: HashMap<Digest, Arc<Descriptor>>,
    /// By subject, in the order of the bundle.
    referrers: HashMap<Digest, Vec<Digest>>,
}

impl Shelf {
    /// Arranges `images`, each a name and the digest of its root, over the bundle's `documents`
    /// and `blobs`, whose bytes come from `bytes`. What `sound` holds need not be read again.
    ///
    /// An image whose root is not among the documents is left out, and so is a child that is
    /// nowhere in the bundle (a foreign layer, a platform not carried): the bundle was verified
    /// before, so that neither is news.
    pub fn new(
        images: Vec<(Reference, Digest)>,
        documents: Vec<Document>,
        blobs: Vec<Descriptor>,
        bytes: Arc<dyn BlobSource>,
        sound: Arc<Sound>,
    ) -> Shelf {
        let stock = Stock::new(documents, blobs);
        let mut shelved = arrange(images, &stock);
        // A stable sort: docker.io first, the others stay in the order of the bundle.
        shelved.sort_by_key(|shelved| shelved.host.as_str() != "docker.io");
        let shelved: Vec<Arc<Shelved>> = shelved.into_iter().map(Arc::new).collect();
        let mut names: HashMap<String, Vec<RepositoryAlias>> = HashMap::new();
        let mut list = |name: String, full: bool, shelved: &Arc<Shelved>| {
            names
                .entry(name)
                .or_default()
                .push(RepositoryAlias { full, shelved: Arc::clone(shelved) });
        };
        for one in &shelved {
            if let Some(name) = one.full_name() {
                list(name, true, one);
            }
        }
        for one in &shelved {
            list(one.path.to_string(), false, one);
        }
        let (catalog, by_kernel) = (catalog(&shelved), Arc::default());
        let (front, bundles, files) = (Vec::new(), Vec::new(), GivenFiles::default());
        Shelf { names, catalog, stock, bytes, sound, by_kernel, front, bundles, files }
    }

    /// The same, with the first of `pages` at `/`, for a person with a browser, and the others at
    /// `/bundles/1` and on.
    #[must_use]
    pub fn with_front(self, pages: Vec<String>) -> Shelf {
        Shelf { front: pages.into_iter().map(Bytes::from).collect(), ..self }
    }

    /// The same, of these bundles, each with what it is called and how many images it has.
    pub(super) fn of_bundles(self, bundles: Vec<(String, usize)>) -> Shelf {
        Shelf { bundles, ..self }
    }

    /// The same, with these bundles given as files.
    pub(super) fn with_files(self, files: GivenFiles) -> Shelf {
        Shelf { files, ..self }
    }

    /// The bundles that are given as files.
    #[must_use]
    pub fn files(&self) -> &GivenFiles {
        &self.files
    }

    /// What each bundle is called, and how many images it has.
    pub(super) fn bundles(&self) -> &[(String, usize)] {
        &self.bundles
    }

    /// The page at `path`, where there is one.
    pub(super) fn front(&self, path: &str) -> Option<&Bytes> {
        let at = match path {
            "/" => 0,
            _ => path.strip_prefix("/bundles/")?.parse().ok().filter(|at| *at > 0)?,
        };
        self.front.get(at)
    }

    /// Where the bytes of blobs come from.
    pub(super) fn bytes(&self) -> &dyn BlobSource {
        &*self.bytes
    }

    /// Which blobs are known to be right.
    pub(super) fn sound(&self) -> &Sound {
        &self.sound
    }

    /// Notes that the kernel sent `bytes` that were never copied to it.
    pub(super) fn sent_by_kernel(&self, bytes: u64) {
        self.by_kernel.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many those are.
    #[cfg(test)]
    pub(super) fn by_kernel(&self) -> &Arc<AtomicU64> {
        &self.by_kernel
    }

    /// The manifest or index that `repository` holds under `name`.
    pub(super) fn manifest(
        &self,
        repository: &NamedRepository,
        name: &ManifestName,
    ) -> Result<&Arc<Document>, Missing> {
        let repositories = self.at(repository)?;
        let digest = match name {
            ManifestName::Tag(tag) => repositories.iter().find_map(|r| r.tags.get(tag)),
            ManifestName::Digest(digest) => {
                repositories.iter().find_map(|r| r.documents.get(digest))
            }
        };
        digest.and_then(|digest| self.stock.documents.get(digest)).ok_or(Missing::Content)
    }

    /// The blob that `repository` holds.
    pub(super) fn blob(
        &self,
        repository: &NamedRepository,
        digest: &Digest,
    ) -> Result<&Arc<Descriptor>, Missing> {
        let held = self.at(repository)?.iter().any(|r| r.blobs.contains(digest));
        held.then(|| self.stock.blobs.get(digest)).flatten().ok_or(Missing::Content)
    }

    /// The tags of `repository`, sorted by [`page::key`], each once.
    pub(super) fn tags(&self, repository: &NamedRepository) -> Result<Vec<&str>, Missing> {
        let repositories = self.at(repository)?;
        let mut tags: Vec<&str> =
            repositories.iter().flat_map(|r| r.tags.keys()).map(Tag::as_str).collect();
        tags.sort_by_cached_key(|tag| page::key(tag));
        tags.dedup();
        Ok(tags)
    }

    /// The documents in `repository` whose subject is `subject`.
    pub(super) fn referrers(
        &self,
        repository: &NamedRepository,
        subject: Option<&Digest>,
    ) -> Result<Vec<&Document>, Missing> {
        let repositories = self.at(repository)?;
        let all = subject.and_then(|subject| self.stock.referrers.get(subject));
        let held = all
            .into_iter()
            .flatten()
            .filter(|digest| repositories.iter().any(|r| r.documents.contains(digest)));
        Ok(held.filter_map(|digest| self.stock.documents.get(digest)).map(|d| &**d).collect())
    }

    /// Every repository once, sorted by [`page::key`].
    pub(super) fn catalog(&self) -> &[String] {
        &self.catalog
    }

    /// The repositories that answer to `repository`, best first. `ns` chooses among hosts; where it
    /// names none of them, a full name stands on its own: the host is in it already, and `ns` may
    /// then be that of a mirror which the client believes it talks to.
    fn at(&self, repository: &NamedRepository) -> Result<Vec<&Shelved>, Missing> {
        let listings = self.names.get(repository.name.as_str()).map_or(&[][..], Vec::as_slice);
        let pick = |wanted: &dyn Fn(&RepositoryAlias) -> bool| -> Vec<&Shelved> {
            listings.iter().filter(|l| wanted(l)).map(|l| &*l.shelved).collect()
        };
        let mut found = match &repository.host {
            Some(host) => pick(&|listing| listing.shelved.host == *host),
            None => pick(&|_| true),
        };
        if found.is_empty() {
            found = pick(&|listing| listing.full);
        }
        if found.is_empty() { Err(Missing::Name) } else { Ok(found) }
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("catalog", &self.catalog).finish_non_exhaustive()
    }
}

impl Shelved {
    /// `host/path`, where that is a legal name.
    fn full_name(&self) -> Option<String> {
        let name = format!("{}/{}", self.host, self.path);
        name.parse::<Repository>().is_ok().then_some(name)
    }

    /// Takes in `root`, all that it reaches, and all that refers to any of it.
    fn take(&mut self, root: Digest, stock: &Stock) {
        let mut ahead = vec![root];
        while let Some(digest) = ahead.pop() {
            let Some(document) = stock.documents.get(&digest) else { continue };
            if !self.documents.insert(digest) {
                continue;
            }
            let is_index = matches!(document.kind(), Kind::Index { .. });
            for child in document.children() {
                if is_index && stock.documents.contains_key(&child.digest) {
                    ahead.push(child.digest);
                } else if stock.blobs.contains_key(&child.digest) {
                    self.blobs.insert(child.digest);
                }
            }
            ahead.extend(stock.referrers.get(&digest).into_iter().flatten());
        }
    }
}

impl Stock {
    fn new(documents: Vec<Document>, blobs: Vec<Descriptor>) -> Stock {
        let mut stock = Stock {
            documents: HashMap::with_capacity(documents.len()),
            blobs: HashMap::with_capacity(blobs.len() + documents.len()),
            referrers: HashMap::new(),
        };
        for document in documents {
            let digest = document.descriptor().digest;
            stock.blobs.insert(digest, Arc::new(document.descriptor().clone()));
            let subject = document.subject().map(|subject| subject.digest);
            let known = stock.documents.insert(digest, Arc::new(document)).is_some();
            if let (Some(subject), false) = (subject, known) {
                stock.referrers.entry(subject).or_default().push(digest);
            }
        }
        for blob in blobs {
            stock.blobs.entry(blob.digest).or_insert_with(|| Arc::new(blob));
        }
        stock
    }
}

/// One [`Shelved`] a host and path, in the order of the images.
fn arrange(images: Vec<(Reference, Digest)>, stock: &Stock) -> Vec<Shelved> {
    let mut out: Vec<Shelved> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (name, root) in images {
        if !stock.documents.contains_key(&root) {
            continue;
        }
        let at = *known.entry(name.name()).or_insert(out.len());
        if at == out.len() {
            out.push(Shelved {
                host: name.registry,
                path: name.repository,
                tags: BTreeMap::new(),
                documents: HashSet::new(),
                blobs: HashSet::new(),
            });
        }
        if let Some(tag) = name.tag {
            out[at].tags.entry(tag).or_insert(root);
        }
        out[at].take(root, stock);
    }
    out
}

fn catalog(shelved: &[Arc<Shelved>]) -> Vec<String> {
    let name = |one: &Arc<Shelved>| one.full_name().unwrap_or_else(|| one.path.to_string());
    let mut names: Vec<String> = shelved.iter().map(name).collect();
    names.sort_by(|a, b| page::key(a).cmp(&page::key(b)));
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbs::serve::samples::{Bundle, image, index, referrer};

    fn repository(name: &str, host: Option<&str>) -> NamedRepository {
        NamedRepository { name: name.parse().unwrap(), host: host.map(|h| h.parse().unwrap()) }
    }

    fn tag(shelf: &Shelf, name: &str, host: Option<&str>, tag: &str) -> Result<Digest, Missing> {
        let name = (repository(name, host), ManifestName::Tag(tag.parse().unwrap()));
        shelf.manifest(&name.0, &name.1).map(|d| d.descriptor().digest)
    }

    #[test]
    fn an_image_answers_to_both_of_its_names() {
        let (docker, quay) = (image("docker"), image("quay"));
        let (docker_root, quay_root) = (docker.digest(), quay.digest());
        let shelf = Bundle::default()
            .with("quay.io/library/alpine:1", quay.clone())
            .with("quay.io/library/alpine:2", quay)
            .with("alpine:1", docker.clone())
            .with("localhost:5000/x:1", docker)
            .shelf();

        for (name, host, version, expected) in [
            ("library/alpine", None, "1", Ok(docker_root)),
            ("library/alpine", None, "2", Ok(quay_root)),
            ("library/alpine", Some("quay.io"), "1", Ok(quay_root)),
            ("library/alpine", Some("index.docker.io"), "1", Ok(docker_root)),
            ("library/alpine", Some("docker.io"), "2", Err(Missing::Content)),
            ("library/alpine", Some("ghcr.io"), "1", Err(Missing::Name)),
            ("docker.io/library/alpine", None, "1", Ok(docker_root)),
            ("quay.io/library/alpine", None, "1", Ok(quay_root)),
            ("quay.io/library/alpine", Some("mirror.example"), "1", Ok(quay_root)),
            ("alpine", None, "1", Err(Missing::Name)),
            ("x", None, "1", Ok(docker_root)),
            ("x", Some("localhost:5000"), "1", Ok(docker_root)),
            ("localhost/x", None, "1", Err(Missing::Name)),
        ] {
            assert_eq!(tag(&shelf, name, host, version), expected, "{name} {host:?} {version}");
        }
        assert_eq!(shelf.tags(&repository("library/alpine", None)), Ok(vec!["1", "2"]));
        let names = ["docker.io/library/alpine", "quay.io/library/alpine", "x"];
        assert_eq!(shelf.catalog(), names);
    }

    #[test]
    fn a_repository_holds_what_its_images_reach_and_no_more() {
        let (amd, arm, other) = (image("amd"), image("arm"), image("other"));
        let both = index(&[&amd, &arm]);
        let signature = referrer("a/signature", &arm);
        let (signed, blob) = (signature.digest(), other.blobs[0].0.digest);
        let (arm_root, arm_blob) = (arm.digest(), arm.blobs[0].0.digest);
        let shelf = Bundle::default()
            .with("a:1", both)
            .with("b:1", other)
            .carrying(amd)
            .carrying(arm)
            .carrying(signature)
            .shelf();
        let (a, b) = (repository("library/a", None), repository("library/b", None));
        let holds =
            |repository, digest| shelf.manifest(repository, &ManifestName::Digest(digest)).is_ok();

        assert!(holds(&a, arm_root) && !holds(&b, arm_root));
        assert!(holds(&a, signed) && !holds(&b, signed));
        assert!(shelf.blob(&a, &arm_blob).is_ok() && shelf.blob(&b, &blob).is_ok());
        assert_eq!(shelf.blob(&a, &blob), Err(Missing::Content));
        assert_eq!(shelf.blob(&a, &arm_root), Err(Missing::Content), "a manifest is no blob");
        assert_eq!(shelf.referrers(&a, Some(&arm_root)).unwrap().len(), 1);
        assert!(shelf.referrers(&b, Some(&arm_root)).unwrap().is_empty());
        assert!(shelf.referrers(&a, None).unwrap().is_empty());
        assert!(shelf.referrers(&repository("library/c", None), None).is_err());
    }
}
