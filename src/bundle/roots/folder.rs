//! [`TrustFolder`]: the roots of trust that a site has taken, one after the other.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::document::Root;
use super::faults;
use super::role::RoleTally;
use super::signed::{MAX_ROOT, SignedRoot};
use super::standing::RootStanding;
use crate::tools::file::write_whole;
use crate::tools::folder::{FileInfo, Folder, OPEN_FOLDER};
use crate::tools::lock::lock_patiently;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};

/// The root that counts, in a trust folder.
pub const CURRENT: &str = "root.json";
/// The policy of a site, in its trust folder.
pub const POLICY: &str = "policy.toml";
/// Permissions: who may sign is no secret.
const MODE: u32 = 0o644;
/// How long another one is waited for that writes: it takes a moment.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most roots that are taken at once: a new one each week for twenty years.
const MAX_STEPS: usize = 1_024;

/// The file `name` that a site keeps in the trust folder `path` beside its roots, if there is one: its bytes,
/// of which at most one more than `limit` is read. There need be no root.
///
/// # Errors
/// [`Class::Untrusted`] for a folder or a file that is a link or that others may write, and for a `name` that
/// leads elsewhere; when it cannot be read.
pub fn beside_root(path: &Path, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    if name.contains('/') || name == ".." {
        let text = format!("{name:?} is no file in {} itself", path.display());
        return Err(Error::new(Class::Untrusted, text));
    }
    match path.join(name).symlink_metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => small_file(&opened(path)?, name, limit),
    }
}

/// The file of the root of that version, in a trust folder and in a bundle that carries it.
#[must_use]
pub fn root_file(version: u64) -> String {
    format!("root.{version}.json")
}

/// Whether a file of a bundle, which is called `name`, is a root that it carries.
#[must_use]
pub fn is_root_file(name: &str) -> bool {
    let version = name.strip_prefix("root.").and_then(|rest| rest.strip_suffix(".json"));
    version.and_then(|it| it.parse().ok()).is_some_and(|version| root_file(version) == name)
}

/// A folder with the roots of trust that a site has taken: `root.json` is the one that counts,
/// `root.N.json` are all of them.
#[derive(Debug, Clone)]
pub struct TrustFolder {
    path: PathBuf,
    current: Arc<SignedRoot>,
    /// The roots that were taken meanwhile, from elsewhere than this folder.
    brought: Vec<u64>,
    kept: bool,
    /// Whether a root that cannot be written may count all the same, for who only looks.
    only_looks: bool,
}

impl TrustFolder {
    /// The folder `path`. Roots that follow the one that counts, which a run has left that was killed, count.
    ///
    /// # Errors
    /// [`Class::Usage`] where there is none;
    /// [`Class::Untrusted`] for a folder or a file that is a link or that others may
    /// write, and for what is no root, or none that is signed by enough; when the disk refuses.
    pub fn open(path: impl Into<PathBuf>) -> Result<TrustFolder> {
        let path = path.into();
        let folder = opened(&path)?;
        let Some(current) = read(&folder, CURRENT)? else { return Err(faults::none(&path)) };
        current.check_own().map_err(|e| e.context(folder.at(CURRENT).display()))?;
        let found = steps(&current, |version| file(&folder, &root_file(version)))?;
        let current = Arc::new(found.into_iter().next_back().unwrap_or(current));
        Ok(TrustFolder { path, current, brought: Vec::new(), kept: true, only_looks: false })
    }

    /// Takes `first` as the first root, whose fingerprint somebody has compared, into the folder `path`,
    /// which is made where it is missing.
    ///
    /// # Errors
    /// [`Class::Usage`] where there is one already;
    /// [`Class::Untrusted`] where it is not signed by enough; when the disk refuses.
    pub fn begin(path: impl Into<PathBuf>, first: SignedRoot) -> Result<TrustFolder> {
        let path = path.into();
        first.check_own()?;
        let fault = |e| Error::io(format!("cannot make {}", path.display()), e);
        Folder::make(&path, OPEN_FOLDER).map_err(fault)?;
        let folder = opened(&path)?;
        lock_patiently(&folder, &path, PATIENCE, &Cancel::default())?;
        if let Some(there) = read(&folder, CURRENT)? {
            return Err(faults::taken(&path, there.root().version));
        }
        write(&folder, &first).map_err(|e| faults::unwritable(&path, e))?;
        let current = Arc::new(first);
        Ok(TrustFolder { path, current, brought: Vec::new(), kept: true, only_looks: false })
    }

    /// The same for who only looks: a root that follows counts though the folder cannot be written.
    #[must_use]
    pub fn only_looking(self) -> TrustFolder {
        TrustFolder { only_looks: true, ..self }
    }

    /// Takes those roots that follow the one that counts, as far as `source` has them by their versions.
    /// They are in the folder before any of them counts.
    ///
    /// # Errors
    /// [`Class::Untrusted`] for one that is not signed as it has to be,
    /// [`Class::Stale`] where `source` has another one of a version that was taken; as `source`; when
    /// the folder cannot be written, but for who only looks.
    pub fn brought_up(
        &self,
        source: impl Fn(u64) -> Result<Option<Vec<u8>>>,
    ) -> Result<TrustFolder> {
        let own = self.current.root();
        if let Some(bytes) = source(own.version)? {
            let other = SignedRoot::from_bytes(&bytes)?;
            if other.root() != own {
                return Err(faults::forked(own, other.root()));
            }
        }
        let found = steps(&self.current, source)?;
        let Some(last) = found.last().cloned() else { return Ok(self.clone()) };
        let brought = found.iter().map(|signed| signed.root().version).collect();
        let kept = match self.keep(&found) {
            Ok(()) => true,
            Err(e) if e.class() == Class::Stale || !self.only_looks => {
                return Err(faults::unwritable(&self.path, e));
            }
            Err(_) => false,
        };
        Ok(TrustFolder { current: Arc::new(last), brought, kept, ..self.clone() })
    }

    /// Writes `roots`, which follow the one that counts, unless another one has done so meanwhile.
    fn keep(&self, roots: &[SignedRoot]) -> Result<()> {
        let folder = opened(&self.path)?;
        lock_patiently(&folder, &self.path, PATIENCE, &Cancel::default())?;
        for next in roots {
            let there = read(&folder, &root_file(next.root().version))?;
            if let Some(there) = there.filter(|there| there.root() != next.root()) {
                return Err(faults::forked(there.root(), next.root()));
            }
            let current = read(&folder, CURRENT)?.map_or(0, |current| current.root().version);
            if current < next.root().version {
                write(&folder, next)?;
            }
        }
        Ok(())
    }

    /// The root that counts.
    #[must_use]
    pub fn root(&self) -> &Root {
        self.current.root()
    }

    /// The same with its signatures.
    #[must_use]
    pub fn signed(&self) -> &SignedRoot {
        &self.current
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The roots that were taken from elsewhere, and whether they are in the folder now.
    #[must_use]
    pub fn brought(&self) -> (&[u64], bool) {
        (&self.brought, self.kept)
    }

    /// All roots of the folder up to the one that counts, the oldest first, as they are in their files. A
    /// site that began later does not have the first ones.
    ///
    /// # Errors
    /// As [`open`](TrustFolder::open), and for one that does not follow the one before it.
    pub fn chain(&self) -> Result<Vec<SignedRoot>> {
        let folder = opened(&self.path)?;
        let mut chain: Vec<SignedRoot> = vec![self.signed().clone()];
        while let Some(version) = chain.last().map(|it| it.root().version).filter(|it| *it > 1) {
            let Some(one) = read(&folder, &root_file(version - 1))? else { break };
            chain.push(one);
        }
        chain.reverse();
        for (one, next) in chain.iter().zip(chain.iter().skip(1)) {
            let path = folder.at(root_file(next.root().version));
            one.root().check_next(next).map_err(|e| e.context(path.display()))?;
        }
        Ok(chain)
    }

    /// That a bundle was judged by it, which was signed as `tally` says.
    #[must_use]
    pub fn standing(&self, tally: RoleTally) -> RootStanding {
        let root = self.root();
        RootStanding {
            folder: self.path.display().to_string(),
            version: root.version,
            fingerprint: Digest::of(&root.to_bytes()),
            expires_at: root.expires_at,
            brought: self.brought.clone(),
            kept: self.kept,
            tally,
        }
    }
}

/// The roots that follow `current`, one after the other, as far as `source` has them.
fn steps(
    current: &SignedRoot,
    source: impl Fn(u64) -> Result<Option<Vec<u8>>>,
) -> Result<Vec<SignedRoot>> {
    let mut found: Vec<SignedRoot> = Vec::new();
    while found.len() < MAX_STEPS {
        let last = found.last().unwrap_or(current).root();
        let Some(version) = last.version.checked_add(1) else { break };
        let Some(bytes) = source(version)? else { break };
        let next = SignedRoot::from_bytes(&bytes)
            .and_then(|next| last.check_next(&next).map(|()| next))
            .map_err(|e| e.context(root_file(version)))?;
        found.push(next);
    }
    Ok(found)
}

/// The folder `path`, if it is one that only its owner may write and no link.
fn opened(path: &Path) -> Result<Folder> {
    let folder = match path.file_name() {
        Some(_) => Folder::holding(path)
            .map_err(|e| e.subject(Subject::Path(path.to_owned())))
            .and_then(|(above, name)| {
                above.below(&name).map_err(|e| match e.kind() {
                    io::ErrorKind::NotFound => faults::none(path),
                    io::ErrorKind::NotADirectory => faults::a_link(path, "folder"),
                    _ => faults::unreadable(path, e),
                })
            })?,
        None => Folder::open(path).map_err(|e| faults::unreadable(path, e))?,
    };
    let about = FileInfo::of(folder.handle()).map_err(|e| faults::unreadable(path, e))?;
    match about.why_open() {
        Some(why) => Err(faults::open_to_others(path, why)),
        None => Ok(folder),
    }
}

/// The root `name` in it, if there is one.
fn file(folder: &Folder, name: &str) -> Result<Option<Vec<u8>>> {
    small_file(folder, name, MAX_ROOT)
}

/// The file `name` in it, if there is one, of which at most one byte more than `limit` is read.
fn small_file(folder: &Folder, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    let path = folder.at(name);
    let file = match folder.file(name) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => {
            return Err(faults::a_link(&path, "file"));
        }
        other => other.map_err(|e| faults::unreadable(&path, e))?,
    };
    let about = FileInfo::of(&file).map_err(|e| faults::unreadable(&path, e))?;
    if let Some(why) = about.why_open() {
        return Err(faults::open_to_others(&path, why));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| faults::unreadable(&path, e))?;
    Ok(Some(bytes))
}

fn read(folder: &Folder, name: &str) -> Result<Option<SignedRoot>> {
    let Some(bytes) = file(folder, name)? else { return Ok(None) };
    let path = folder.at(name);
    SignedRoot::from_bytes(&bytes).map(Some).map_err(|e| e.context(path.display()))
}

/// Writes `root` beside the others, and makes it the one that counts.
fn write(folder: &Folder, root: &SignedRoot) -> Result<()> {
    let bytes = root.to_bytes();
    write_whole(folder, &root_file(root.root().version), MODE, &bytes)?;
    write_whole(folder, CURRENT, MODE, &bytes)
}
