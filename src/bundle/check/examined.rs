//! [`Examined`]: a bundle whose signature was checked, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::files::Files;
use super::reading::read_whole;
use super::recalled::Recalled;
use super::signatures::{self, OtherSignature, Signatures};
use super::trust::Trust;
use super::{graph, ruled, touched};
use crate::bundle::contents::Contents;
use crate::bundle::head::{MAX_CONFIG, index_json};
use crate::bundle::inventory::{Inventory, MAX_SUMS, SUMS, is_outside, is_recovery};
use crate::bundle::keys::KeyId;
use crate::bundle::problem::{Problem, ProblemKind, failure};
use crate::bundle::roots::RootStanding;
use crate::bundle::statement::Statement;
use crate::medium::tree::Tree;
use crate::places::layout::{LAYOUT_MARK, blob_path};
use crate::tools::sound::Sound;
use crate::tools::uncached::ReadBack;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, MAX_DOCUMENT};
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::words::progress::Progress;

/// Most bytes of `index.json`: what any reader of layouts takes.
pub const MAX_INDEX: u64 = MAX_DOCUMENT;

/// A bundle whose signature was checked and whose files were compared with the signed list.
/// [`problems`](Examined::problems) says what is wrong so far; layers are not read yet.
#[derive(Debug)]
pub struct Examined<F = Tree> {
    pub(super) name: String,
    pub(super) tree: F,
    pub(super) statement: Statement,
    pub(super) signers: Vec<KeyId>,
    pub(super) standing: Option<RootStanding>,
    pub(super) claimed: Vec<String>,
    pub(super) others: Vec<OtherSignature>,
    pub(super) sums: Inventory,
    pub(super) contents: Contents,
    pub(super) problems: Vec<Problem>,
    /// Whose the tables are that are signed, by the numbers of their volumes.
    pub(super) proven_tables: BTreeMap<u32, KeyId>,
    /// What was found right is noted here, for one who goes on to serve it.
    pub(super) sound: Option<Arc<Sound>>,
}

/// Everything but the bytes of layers. Without `now` it does not matter when it expires.
pub(super) fn look<F: Files>(
    tree: F,
    name: String,
    trust: &Trust,
    now: Option<Moment>,
) -> Result<Examined<F>> {
    let Signatures { payload, mut signers, claimed, mut others, problems } =
        signatures::read(&tree, trust, &name)?;
    let statement = Statement::from_payload(&payload).map_err(|e| e.context(&name))?;
    let sums = signed_sums(&tree, &statement, &name);
    let standing = match trust {
        Trust::Roots(folder) => {
            let blobs = ruled::blobs(&statement, sums.as_ref().ok());
            let ruling = folder.root().judge(&statement, &signers, &blobs, now);
            let tally = ruling.accepted(&name, folder.root())?;
            others.extend(ruled::set_apart(&mut signers, &tally));
            Some(folder.standing(tally))
        }
        Trust::Keys(_) | Trust::UnsafeAnySigner => None,
    };
    if let Some(now) = now {
        statement.not_expired(now).map_err(|e| e.context(&name))?;
    }
    let sums = sums?;
    let mut examined = Examined {
        name,
        tree,
        statement,
        signers,
        standing,
        claimed,
        others,
        sums,
        contents: Contents::default(),
        problems,
        proven_tables: BTreeMap::new(),
        sound: None,
    };
    examined.check_tables(trust)?;
    examined.compare_files();
    examined.read_documents()?;
    examined.check_graph();
    examined.hash_configs();
    examined.name_images();
    examined.name_volumes();
    Ok(examined)
}

/// Step 6: the list of files, when it is the signed one.
pub(super) fn signed_sums(
    tree: &impl Files,
    statement: &Statement,
    name: &str,
) -> Result<Inventory> {
    let bytes = match tree.size(SUMS) {
        Some(_) => tree.read_shared(SUMS, MAX_SUMS)?,
        None => {
            let missing =
                Problem::new(ProblemKind::Missing, SUMS, "the list of files is not there");
            let mut problems = vec![missing];
            problems.extend(tree.faults().iter().map(Problem::of));
            return Err(failure(name, &problems));
        }
    };
    if Digest::of(&bytes) != statement.sums {
        let problem = Problem::new(ProblemKind::Damaged, SUMS, "is not the list that was signed");
        return Err(failure(name, &[problem]));
    }
    Inventory::from_bytes(&bytes).map_err(|e| e.context(name))
}

impl<F: Files> Examined<F> {
    /// Step 7: nothing missing, nothing extra, nothing but files.
    fn compare_files(&mut self) {
        let mut problems: Vec<Problem> = self.tree.faults().iter().map(Problem::of).collect();
        let odd: BTreeSet<&str> = self.tree.faults().iter().map(|f| f.path.as_str()).collect();
        // Of blobs that may be missing, the graph tells which are manifests and may not.
        let has_to_be = |path: &&String| self.tree.has_all() || !path.starts_with("blobs/");
        for path in self.sums.files().keys().filter(has_to_be) {
            let known = odd.contains(path.as_str()) || self.tree.hides(path);
            if self.tree.size(path).is_none() && !known {
                problems.push(Problem::new(ProblemKind::Missing, path, "is not there"));
            }
        }
        for path in self.tree.paths() {
            if !is_outside(path) && !self.sums.files().contains_key(path) {
                problems.push(Problem::extra(path));
            }
        }
        self.problems.extend(problems);
    }

    /// Hashes and reads the small files and every document that the images and referrers reach.
    fn read_documents(&mut self) -> Result<()> {
        self.contents.images = self.statement.predicate.images.clone();
        self.contents.referrers = self.statement.predicate.referrers.clone();
        let index = index_json(&self.contents);
        let untrusted =
            |text| Error::new(Class::Untrusted, format!("bundle {}: {text}", self.name));
        if Digest::of(&index) != self.statement.index {
            return Err(untrusted("the signed list of images is not the signed index.json"));
        }
        // It would be left behind in silence: what refers to an image lies where that does.
        let repositories: BTreeSet<String> =
            self.contents.images.iter().map(|image| image.name.name()).collect();
        if self.contents.referrers.iter().any(|it| !repositories.contains(&it.repository)) {
            return Err(untrusted("what refers to an image is not in the repository of any"));
        }
        let signed = |path, digest| self.sums.files().get(path) == Some(&digest);
        if !signed("index.json", self.statement.index)
            || !signed("oci-layout", Digest::of(LAYOUT_MARK.as_bytes()))
            || !graph::is_counted(&self.sums, &self.statement.predicate.inventory)
        {
            return Err(untrusted("the signed list of files is not that of such a layout"));
        }
        if index.len() as u64 > MAX_INDEX {
            // Refused with its size.
            self.tree.read_small("index.json", MAX_INDEX)?;
        }
        self.hash_small_files(index.len() as u64);
        let roots: Vec<Descriptor> = self
            .contents
            .images
            .iter()
            .map(|image| Descriptor::new(image.media_type.as_str(), image.digest, image.size))
            .chain(self.contents.referrers.iter().map(|referrer| {
                Descriptor::new(referrer.media_type.as_str(), referrer.digest, referrer.size)
            }))
            .collect();
        let (documents, problems) = graph::documents(&self.tree, roots);
        self.contents.documents = documents;
        self.problems.extend(problems);
        Ok(())
    }

    /// Hashes the files that are no blobs: `index.json` and its like. What is larger than it can
    /// be is not read: it may be a hole of any size.
    fn hash_small_files(&mut self, index: u64) {
        let silent = &crate::words::progress::Silent;
        let small = self.sums.files().iter().filter(|(path, _)| !path.starts_with("blobs/"));
        let found: Vec<Problem> = small
            .filter_map(|(path, digest)| {
                let size = self.tree.size(path)?;
                let most = if path == "index.json" { index } else { MAX_SUMS };
                if size > most {
                    let detail = format!("has {size} bytes, more than the {most} that it can have");
                    return Some(Problem::new(ProblemKind::Damaged, path, detail));
                }
                self.hash(path, &Descriptor::new("", *digest, size), silent)
            })
            .collect();
        self.problems.extend(found);
    }

    /// Everything that a document points at is in the list, or was left out on purpose.
    fn check_graph(&mut self) {
        let known: BTreeSet<String> = self.problems.iter().map(|p| p.path.clone()).collect();
        let base = self.statement.predicate.base.as_ref();
        let found = graph::check(&self.tree, &self.sums, &self.contents, base);
        let new = found.into_iter().filter(|(path, _)| !known.contains(path));
        self.problems.extend(new.map(|(_, problem)| problem));
        let (tree, sums) = (&self.tree, &self.sums);
        self.contents.list_blobs(|blob| {
            let path = blob_path(&blob.digest);
            let is_said = !tree.has_all() && sums.files().contains_key(&path);
            is_said || tree.size(&path).is_some()
        });
    }

    /// Hashes the configs, which are small and lie in the head of a packed bundle, so that an
    /// import reads them even when the destination has them.
    fn hash_configs(&mut self) {
        if !self.tree.has_all() {
            return;
        }
        let silent = &crate::words::progress::Silent;
        let configs = self.contents.configs();
        let blobs = self.contents.blobs.carried();
        let small = blobs.filter(|b| configs.contains(&b.digest) && b.size <= MAX_CONFIG);
        let found: Vec<Problem> =
            small.filter_map(|b| self.hash(&blob_path(&b.digest), b, silent)).collect();
        self.problems.extend(found);
    }

    /// Fills in which images each problem touches.
    pub(super) fn name_images(&mut self) {
        let mut problems = std::mem::take(&mut self.problems);
        self.name_images_of(&mut problems);
        self.problems = problems;
    }

    /// Fills in which images each of `problems` touches.
    pub(super) fn name_images_of(&self, problems: &mut [Problem]) {
        touched::name(problems, &self.contents, |path| {
            path.is_empty() || self.sums.files().contains_key(path)
        });
    }

    fn hash(&self, path: &str, blob: &Descriptor, progress: &dyn Progress) -> Option<Problem> {
        match self.tree.open(path) {
            Ok(reader) => read_whole(reader, path, blob, progress),
            Err(e) => Some(Problem::reading(path, &e)),
        }
    }
}

impl<F> Examined<F> {
    /// Goes on, when nothing was wrong.
    ///
    /// # Errors
    /// As [`into_trusted`](Examined::into_trusted).
    pub(in crate::bundle) fn flawless(self) -> Result<Examined<F>> {
        match self.problems.is_empty() {
            true => Ok(self),
            false => Err(failure(&self.name, &self.problems)),
        }
    }

    /// What it is called, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose signatures count.
    #[must_use]
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// By which root it was judged, and who of whom has signed, where a root was asked.
    #[must_use]
    pub fn standing(&self) -> Option<&RootStanding> {
        self.standing.as_ref()
    }

    /// Who claims to have signed: key ids as the envelopes have them, believed by nobody.
    #[must_use]
    pub fn claimed_signers(&self) -> &[String] {
        &self.claimed
    }

    /// What the signer says.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// What is in it.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        &self.contents
    }
}

impl Examined {
    /// The same, of which no more is wanted than what it says of itself.
    pub(super) fn recalled(self) -> Examined<Recalled> {
        let Examined { name, tree, statement, signers, standing, claimed, others, .. } = self;
        let Examined { sums, contents, problems, proven_tables, sound, .. } = self;
        let tree = Recalled(tree);
        Examined {
            name,
            tree,
            statement,
            signers,
            standing,
            claimed,
            others,
            sums,
            contents,
            problems,
            proven_tables,
            sound,
        }
    }

    /// What is wrong so far.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Signatures beside those that count, where somebody is trusted.
    #[must_use]
    pub fn other_signatures(&self) -> &[OtherSignature] {
        &self.others
    }

    /// How it is read back, where that is past what the system has of it in memory.
    #[must_use]
    pub fn read_back(&self) -> Option<ReadBack> {
        self.tree.read_back()
    }

    /// Recovery data beside the bundle, which nobody signed.
    pub fn recovery(&self) -> impl Iterator<Item = &str> {
        self.tree.files().map(|(path, _)| path).filter(|path| is_recovery(path))
    }
}
