//! [`Client`]: registries that speak the OCI distribution protocol.
//!
//! A [`Client`] is shared by all threads of a run: connections, tokens and what was learnt about
//! each host belong to it. [`Client::repository`] gives one repository as one end of a transfer,
//! which implements all four seams.
//!
//! Three promises hold for every request. Credentials go to the registry's own scheme, host and
//! port, and to a token server that the registry may name, nowhere else. What comes back is never
//! read into memory without a limit. A failure names the end, the thing, and the way out.
//!
//! ```text
//! registry ─ blobs, manifests, upload, referrers, page, search   what is asked
//!            session                                             redirects and retries
//!            auth ─ challenge, realm, token, credentials         who asks
//!            http ─ tls, proxy, url                              how it travels
//! ```

mod auth;
mod blobs;
mod challenge;
mod credentials;
mod fault;
mod helper;
mod host;
mod http;
mod manifests;
mod page;
mod proxy;
mod realm;
mod referrers;
mod search;
mod session;
mod steady;
#[cfg(test)]
mod tests;
mod tls;
mod token;
mod upload;
mod url;

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::credentials::Credentials;
use self::fault::End;
use self::host::Host;
use self::http::Http;
pub use self::proxy::Proxies;
pub use self::search::{Found, Hits, SearchBy};
use self::session::Session;
use self::token::Tokens;
use crate::seams::retry::Retry;
use crate::seams::store::{BlobSink, BlobSource, ImageSink, ImageSource, KeptList, Referrers};
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result, Side};
use crate::words::progress::Progress;
use crate::words::reference::{Reference, Registry, Repository, Tag};

/// How to reach registries. Nothing here is read from the environment; the caller does that.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Credentials files of docker and podman, of which an earlier one counts more.
    pub auth_files: Vec<PathBuf>,
    /// Whether a missing one of them is an error rather than left out.
    pub authfile_required: bool,
    /// Folders in the manner of `/etc/containers/certs.d`: each may hold a folder named
    /// `host` or `host:port` with `*.crt` authorities and a `*.cert` with its `*.key`.
    pub cert_dirs: Vec<PathBuf>,
    /// A folder with such files for every host.
    pub cert_dir: Option<PathBuf>,
    /// Registries that speak plain HTTP. Those on loopback need not be listed.
    pub plain_http: Vec<Registry>,
    /// Proxies, by scheme.
    pub proxies: Proxies,
    /// How many transfers run at once, and so how many connections a host are kept.
    pub jobs: usize,
    /// How often and how patiently a request is sent again.
    pub retry: Retry,
    /// How long a connection may stand still, or a body trickle, before it is given up. After an
    /// upload the registry may think ten times as long.
    pub timeout: Duration,
}

impl Default for Settings {
    /// No credentials, the system's authorities only, no proxy, four transfers, a minute's patience.
    fn default() -> Settings {
        Settings {
            auth_files: Vec::new(),
            authfile_required: false,
            cert_dirs: Vec::new(),
            cert_dir: None,
            plain_http: Vec::new(),
            proxies: Proxies::default(),
            jobs: 4,
            retry: Retry::default(),
            timeout: Duration::from_secs(60),
        }
    }
}

/// Access to registries, cheap to clone and shared between threads.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    settings: Settings,
    http: Http,
    credentials: Credentials,
    tokens: Tokens,
    hosts: Mutex<HashMap<Registry, Arc<Host>>>,
    progress: Arc<dyn Progress>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that tells `progress` whenever it has to try again. Connects to nothing yet.
    ///
    /// # Errors
    /// [`Class::Usage`] when a credentials file is broken, or
    /// missing though required.
    pub fn new(settings: Settings, progress: Arc<dyn Progress>) -> Result<Client> {
        let credentials = Credentials::read(&settings.auth_files, settings.authfile_required)?;
        Ok(Client(Arc::new(Shared {
            http: Http::new(settings.jobs),
            settings,
            credentials,
            tokens: Tokens::default(),
            hosts: Mutex::default(),
            progress,
        })))
    }

    /// `repository` at `registry`, as the end `side` of a transfer. Connects to nothing yet.
    #[must_use]
    pub fn repository(
        &self,
        registry: &Registry,
        repository: &Repository,
        side: Side,
    ) -> RegistryRepository {
        let mut hosts = self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts
            .entry(registry.clone())
            .or_insert_with(|| Arc::new(Host::new(registry.clone())))
            .clone();
        let end = End { side, registry: registry.clone() };
        let shared = self.0.clone();
        RegistryRepository(Session { shared, host, end, repository: repository.clone() })
    }
}

/// One repository at a registry: a source and a sink of blobs and images. Displays as
/// `host/path`.
#[derive(Debug, Clone)]
pub struct RegistryRepository(Session);

impl fmt::Display for RegistryRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.end.registry, self.0.repository)
    }
}

impl RegistryRepository {
    /// How messages name this end, as in `source registry harbor.example`.
    #[must_use]
    pub fn end(&self) -> String {
        self.0.end.to_string()
    }

    /// All tags, in the registry's order.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is no such
    /// repository; [`Class::Refused`] when it may not be
    /// seen; [`Class::Damaged`] when the list does not end.
    pub fn tags(&self) -> Result<Vec<Tag>> {
        self.0.tags()
    }
}

impl BlobSource for RegistryRepository {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        let body: Box<dyn Read + Send> = self.0.open_blob(blob, offset)?;
        Ok(body)
    }
}

impl ImageSource for RegistryRepository {
    fn resolve(&self, name: &Reference) -> Result<Document> {
        self.0.required(&under(name)?, name.digest)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document> {
        self.0.described(descriptor)
    }

    fn referrers(&self, subject: &Descriptor) -> Result<Referrers> {
        self.0.all_referrers(subject)
    }
}

impl BlobSink for RegistryRepository {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        self.0.has_blob(blob)
    }

    /// Tried once: where the error is transient, the caller begins again with a fresh reader.
    fn put(&self, blob: &Descriptor, content: &mut dyn Read) -> Result<()> {
        self.0.upload(blob, content)
    }

    fn mount(&self, blob: &Descriptor, from: &Repository) -> Result<bool> {
        self.0.mount_blob(blob, from)
    }
}

impl ImageSink for RegistryRepository {
    fn has_document(&self, descriptor: &Descriptor) -> Result<bool> {
        let found = self.0.head_manifest(&descriptor.digest.to_string())?;
        Ok(found.is_some_and(|found| {
            found.digest == descriptor.digest && found.size == descriptor.size
        }))
    }

    fn put_document(&self, document: &Document) -> Result<bool> {
        self.0.put_manifest(&document.descriptor().digest.to_string(), document)
    }

    /// Looks at the tag where the name has one, as that is what `publish` would replace.
    fn published(&self, name: &Reference) -> Result<Option<Descriptor>> {
        match &name.tag {
            Some(tag) => self.0.head_manifest(tag.as_str()),
            None => self.0.head_manifest(&under(name)?),
        }
    }

    /// A name without a tag needs nothing more than `put_document` did.
    fn publish(&self, name: &Reference, document: &Document) -> Result<()> {
        match &name.tag {
            Some(tag) => self.0.put_manifest(tag.as_str(), document).map(drop),
            None => Ok(()),
        }
    }

    fn referrers_list(&self, tag: &Tag) -> Result<Option<KeptList>> {
        self.0.kept_list(tag)
    }

    fn replace(
        &self,
        name: &Reference,
        version: Option<&str>,
        document: &Document,
    ) -> Result<bool> {
        match (&name.tag, version) {
            (Some(tag), Some(version)) => self.0.replace_list(tag, version, document),
            _ => self.publish(name, document).map(|()| true),
        }
    }
}

/// What a name says below `manifests/`: the digest, else the tag.
fn under(name: &Reference) -> Result<String> {
    let digest = name.digest.map(|digest| digest.to_string());
    let tag = || name.tag.as_ref().map(ToString::to_string);
    digest
        .or_else(tag)
        .ok_or_else(|| Error::new(Class::Usage, format!("{name} has neither tag nor digest")))
}

/// Whether `host` is this machine.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
