//! Where an image is really fetched from: mirrors first, then the registry, as podman's
//! `registries.conf` or containerd's `hosts.toml` say. Nothing here is used to push.
//!
//! Which mirror answers changes no byte: all content is checked against its digest. A tag is what
//! its mirror says it is, which is why a mirror can be limited to digests.

mod conf;
mod hosts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::access::Access;
use super::session::Session;
use super::{Client, RegistryRepository};
use crate::storage::raw::Raw;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result, Side};
use crate::words::progress::Event;
use crate::words::reference::{Registry, Repository};

/// Largest configuration file that is read. Real ones have a few KiB.
const MAX_FILE: u64 = 1 << 20;

/// Files that say where images are fetched from.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct MirrorFiles {
    /// `registries.conf` files, each with its folders of further ones, in the manner of
    /// containers-registries.conf(5). The first file that is there counts; where none is, the
    /// folders of all.
    pub registries_conf: Vec<(PathBuf, Vec<PathBuf>)>,
    /// Whether the first of those files has to be there.
    pub required: bool,
    /// Folders in the manner of `/etc/containerd/certs.d`: each may hold `HOST/hosts.toml`. Read
    /// only where there is no `registries.conf` at all.
    pub hosts: Vec<PathBuf>,
}

/// What those files say.
#[derive(Debug)]
pub(super) struct Mirrors {
    rules: Option<conf::Rules>,
    hosts: Vec<PathBuf>,
}

/// One place that may hold what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stop {
    registry: Registry,
    repository: Repository,
    access: Access,
    /// Whether it is asked what a tag means.
    tags: bool,
    /// Whether it is asked for content by digest.
    digests: bool,
}

impl Stop {
    /// The registry itself.
    fn direct(registry: &Registry, repository: &Repository) -> Stop {
        Stop {
            registry: registry.clone(),
            repository: repository.clone(),
            access: Access::default(),
            tags: true,
            digests: true,
        }
    }
}

/// All such places, in their order, with the registry itself apart.
#[derive(Debug, PartialEq, Eq)]
struct Route {
    mirrors: Vec<Stop>,
    primary: Stop,
}

impl Mirrors {
    /// Reads `files`.
    ///
    /// # Errors
    /// [`Class::Usage`] for a `registries.conf` that cannot be read or understood. Files of single
    /// hosts are read when the host is asked for.
    pub(super) fn read(files: &MirrorFiles) -> Result<Mirrors> {
        let rules = conf::read(files)?;
        Ok(Mirrors { rules, hosts: files.hosts.clone() })
    }

    fn route(&self, registry: &Registry, repository: &Repository) -> Result<Route> {
        match &self.rules {
            Some(rules) => rules.route(registry, repository),
            None => hosts::route(&self.hosts, registry, repository),
        }
    }
}

/// What else a repository may be read from, or why it may not be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    mirrors: Vec<Mirror>,
    refused: Option<Refusal>,
    /// Which mirrors gave bytes of a blob, by their place in the list.
    gave: Arc<Mutex<BTreeMap<Digest, BTreeSet<usize>>>>,
}

impl Sources {
    fn gave(&self) -> MutexGuard<'_, BTreeMap<Digest, BTreeSet<usize>>> {
        self.gave.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks no mirror again that gave bytes of `blob`, which were wrong; whether one had.
    pub(super) fn distrust(&self, blob: &Descriptor) -> bool {
        let Some(gave) = self.gave().remove(&blob.digest) else { return false };
        for session in gave.into_iter().map(|at| &self.mirrors[at].session) {
            let what = session.blob_name(blob);
            pass_by(session, &session.end.error(Class::Damaged, &what, "has other bytes"));
        }
        true
    }
}

#[derive(Debug, Clone)]
struct Mirror {
    session: Session,
    tags: bool,
    digests: bool,
}

/// An error that is told whenever the repository is used, as opening one cannot fail.
#[derive(Debug, Clone)]
struct Refusal {
    class: Class,
    message: String,
    hint: Option<String>,
}

/// What a mirror is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// What a tag means.
    Tag,
    /// A name with a digest.
    Digest,
    /// What such a name led to. Its digest is known, so that any mirror may have it: one that
    /// told what a tag means may be the only one that knows what the tag leads to.
    Content,
}

impl Client {
    /// `repository` as a source: the registry itself, where it really is, and its mirrors.
    pub(super) fn source(
        &self,
        registry: &Registry,
        repository: &Repository,
    ) -> RegistryRepository {
        let session = |stop: &Stop| {
            self.session(&stop.registry, &stop.repository, Side::Source, stop.access.clone())
        };
        let refused = |error: Error| Refusal {
            class: error.class(),
            message: error.to_string(),
            hint: error.way_out().map(str::to_owned),
        };
        let direct = || Stop::direct(registry, repository);
        match self.0.mirrors.route(registry, repository) {
            Ok(route) => {
                let mirrors = route.mirrors.iter().map(|stop| Mirror {
                    session: session(stop),
                    tags: stop.tags,
                    digests: stop.digests,
                });
                let sources = Sources { mirrors: mirrors.collect(), ..Sources::default() };
                RegistryRepository(session(&route.primary), sources)
            }
            Err(error) => {
                let sources = Sources { refused: Some(refused(error)), ..Sources::default() };
                RegistryRepository(session(&direct()), sources)
            }
        }
    }
}

impl RegistryRepository {
    /// The session with the registry itself.
    ///
    /// # Errors
    /// [`Class::Refused`] when the configuration forbids to read from it.
    pub(super) fn primary(&self) -> Result<&Session> {
        match &self.1.refused {
            None => Ok(&self.0),
            Some(Refusal { class, message, hint }) => {
                let error = Error::new(*class, message);
                Err(match hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
        }
    }

    /// What `ask` gets from the first mirror that has it, else from the registry itself, whose
    /// failure is the one that is told.
    pub(super) fn first<'a, T>(
        &'a self,
        want: Want,
        ask: impl Fn(&'a Session) -> Result<T>,
    ) -> Result<T> {
        let primary = self.primary()?;
        match self.mirrored(want, &ask)? {
            Some((_, found)) => Ok(found),
            None => ask(primary),
        }
    }

    /// The bytes of `blob` from the first place that has it. A mirror that gave them is noted,
    /// for the case that they prove wrong.
    pub(super) fn open_somewhere(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let primary = self.primary()?;
        match self.mirrored(Want::Content, &|place: &Session| place.open_blob(blob, offset))? {
            Some((at, body)) => {
                self.1.gave().entry(blob.digest).or_default().insert(at);
                Ok(body)
            }
            None => primary.open_blob(blob, offset),
        }
    }

    /// As [`first`](RegistryRepository::first), but the registry itself is asked before its
    /// mirrors: those may leave out what they do not know to belong to an image, and an empty
    /// list looks like any other.
    pub(super) fn original<'a, T>(&'a self, ask: impl Fn(&'a Session) -> Result<T>) -> Result<T> {
        let primary = self.primary()?;
        if self.1.mirrors.is_empty() || primary.host.is_given_up() {
            return self.first(Want::Content, ask);
        }
        let error = match ask(primary) {
            Err(error) if error.class() != Class::Interrupted => error,
            other => return other,
        };
        pass_by(primary, &error);
        match self.mirrored(Want::Content, &ask)? {
            Some((_, found)) => Ok(found),
            None => Err(error),
        }
    }

    fn mirrored<'a, T>(
        &'a self,
        want: Want,
        ask: &impl Fn(&'a Session) -> Result<T>,
    ) -> Result<Option<(usize, T)>> {
        for (at, mirror) in self.1.mirrors.iter().enumerate() {
            let asked = match want {
                Want::Tag => mirror.tags,
                Want::Digest => mirror.digests,
                Want::Content => true,
            };
            if !asked || mirror.session.host.is_given_up() {
                continue;
            }
            match ask(&mirror.session) {
                Ok(found) => return Ok(Some((at, found))),
                Err(error) if error.class() == Class::Interrupted => return Err(error),
                Err(error) => pass_by(&mirror.session, &error),
            }
        }
        Ok(None)
    }
}

/// Takes note that a host failed. One that does not have a thing may have the next; one that does
/// not answer, or wrongly, is not asked again in this run.
fn pass_by(session: &Session, error: &Error) {
    let fault = !matches!(error.class(), Class::Incomplete | Class::Refused);
    let news = match fault {
        true => session.host.give_up(),
        false => error.class() == Class::Refused && session.host.complain(),
    };
    if news {
        let text = format!("{error}; the next place is asked");
        session.shared.progress.event(Event::Note(text));
    }
}

/// The text of a configuration file; `None` when it is not there.
///
/// # Errors
/// [`Class::Usage`] when it cannot be read, is too large or no text.
fn read_text(path: &std::path::Path) -> Result<Option<String>> {
    use std::io::Read as _;
    let file = match std::fs::File::open(path) {
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound) => return Ok(None),
        other => other.map_err(|e| broken(path, &e.to_string()))?,
    };
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(|e| broken(path, &e.to_string()))?;
    match text.len() as u64 > MAX_FILE {
        true => Err(broken(path, "larger than 1 MiB")),
        false => Ok(Some(text)),
    }
}

fn broken(path: &std::path::Path, why: &str) -> Error {
    Error::new(Class::Usage, format!("{}: {why}", path.display()))
        .hint("repair the file; docs/registries.md says what is read of it")
}

/// A fault of the syntax, with its line. The text itself is not repeated: it may hold secrets.
fn syntax(path: &std::path::Path, text: &str, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.as_bytes()[..start].iter().filter(|c| **c == b'\n').count() + 1;
    broken(path, &format!("line {line}: {}", error.message()))
}
