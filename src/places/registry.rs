//! [`Client`]: registries that speak the OCI distribution protocol.
//!
//! A [`Client`] is shared by all threads of a run: connections, tokens and what was learnt about
//! each host belong to it. [`Client::repository`] gives one repository as one end of a transfer,
//! which implements all four traits of `storage`.
//!
//! Three promises hold for every request. Credentials go to the registry's own scheme, host and
//! port, and to a token server that the registry may name, nowhere else. What comes back is never
//! read into memory without a limit. A failure names the end, the thing, and the way out.
//!
//! ```text
//! registry, repository
//!          ─ blobs, manifests, upload, referrers, page,  what is asked
//!            trail, tagged, search, sparse, harbor
//!            pieces, sending, journal, meter, quota,     how much, in which form, how fast
//!            steady
//!            session ─ leading                           redirects and retries
//!            auth ─ challenge, realm, token,             who asks
//!           granted, credentials
//!            http ─ tls, proxy, reach, url, wire         how it travels, and how far
//! ```

mod access;
mod auth;
mod authorization;
mod blobs;
mod challenge;
mod codes;
mod credentials;
mod fault;
mod granted;
mod harbor;
mod helper;
mod host;
mod http;
mod journal;
mod leading;
mod login;
mod manifests;
mod meter;
mod mirrors;
mod page;
mod pieces;
mod proxy;
mod quota;
mod reach;
mod realm;
mod referrers;
mod repository;
mod search;
mod sending;
mod session;
mod settings;
mod sparse;
mod splice;
mod steady;
mod store;
mod tagged;
#[cfg(test)]
mod tests;
mod tls;
mod token;
mod trail;
mod upload;
mod url;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::access::Access;
use self::credentials::Credentials;
use self::fault::End;
pub use self::harbor::{Barrier, Findings, Project, Quota, Standing};
use self::host::Host;
use self::http::Http;
use self::journal::Journal;
pub use self::login::{Verdict, check_login};
pub use self::mirrors::MirrorFiles;
use self::mirrors::{Mirrors, Sources};
pub use self::proxy::Proxies;
pub use self::quota::Allowance;
pub use self::search::{Found, Hits, SearchBy};
use self::session::Session;
pub use self::settings::Settings;
pub use self::store::{CredentialFile, Kept};
use self::token::Tokens;
use crate::tools::rate::{Bucket, Monotonic};
use crate::words::error::{Result, Side};
use crate::words::progress::Progress;
use crate::words::reference::{Reference, Registry, Repository, Tag};

/// Access to registries, cheap to clone and shared between threads.
///
/// ```
/// use std::sync::Arc;
///
/// use sealift::places::registry::{Client, Settings};
/// use sealift::words::progress::Silent;
///
/// // Nothing is read from the environment: credentials and the like are named.
/// let mut settings = Settings::default();
/// settings.plain_http.push("registry.example:5000".parse()?);
/// let client = Client::new(settings, Arc::new(Silent))?;
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    settings: Settings,
    http: Http,
    credentials: Credentials,
    tokens: Tokens,
    mirrors: Mirrors,
    hosts: Mutex<HashMap<(Registry, Access), Arc<Host>>>,
    progress: Arc<dyn Progress>,
    bucket: Option<Bucket>,
    journal: Mutex<Option<Journal>>,
}

impl Shared {
    /// What is remembered of unfinished uploads, if anything is.
    fn journal(&self) -> MutexGuard<'_, Option<Journal>> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    /// [`Class::Usage`](crate::words::error::Class::Usage) when a credentials file or a file of mirrors is broken, or missing though
    /// required.
    pub fn new(settings: Settings, progress: Arc<dyn Progress>) -> Result<Client> {
        let credentials = Credentials::read(&settings.auth_files, settings.authfile_required)?;
        Client::with(settings, credentials, progress)
    }

    fn with(
        settings: Settings,
        credentials: Credentials,
        progress: Arc<dyn Progress>,
    ) -> Result<Client> {
        Ok(Client(Arc::new(Shared {
            http: Http::new(settings.jobs.most),
            mirrors: Mirrors::read(&settings.mirrors)?,
            bucket: settings.limit_rate.map(|rate| Bucket::new(rate, Box::<Monotonic>::default())),
            journal: Mutex::default(),
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
        match side {
            Side::Source => self.source(registry, repository),
            Side::Destination => {
                let session = self.session(registry, repository, side, Access::default());
                RegistryRepository(session, Sources::default())
            }
        }
    }

    fn session(
        &self,
        registry: &Registry,
        repository: &Repository,
        side: Side,
        access: Access,
    ) -> Session {
        let mut hosts = self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts
            .entry((registry.clone(), access))
            .or_insert_with_key(|(host, access)| {
                Arc::new(Host::new(host.clone(), access.clone(), &self.0.settings))
            })
            .clone();
        let end = End { side, registry: registry.clone() };
        let (shared, tagged) = (self.0.clone(), host.tagged(repository));
        Session { shared, host, end, repository: repository.clone(), tagged }
    }
}

/// One repository at a registry: a source and a sink of blobs and images. As a source it may be
/// read from mirrors. Displays as `host/path`.
#[derive(Debug, Clone)]
pub struct RegistryRepository(Session, Sources);

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
    /// [`Class::Incomplete`](crate::words::error::Class::Incomplete) when there is no such
    /// repository; [`Class::Refused`](crate::words::error::Class::Refused) when it may not be
    /// seen; [`Class::Damaged`](crate::words::error::Class::Damaged) when the list does not end.
    pub fn tags(&self) -> Result<Vec<Tag>> {
        self.primary()?.tags()
    }

    /// The Harbor project that the repository belongs to; `None` where the registry is no
    /// Harbor. The first call asks the registry what it is.
    ///
    /// # Errors
    /// When the registry cannot be reached; [`Class::Refused`](crate::words::error::Class::Refused) when the repository's name has no
    /// project.
    pub fn project(&self) -> Result<Option<Project>> {
        self.primary()?.project()
    }

    /// How many manifests the registry still gives out, where it says so, as Docker Hub does. A
    /// `HEAD` of the manifest under `name`, which does not count.
    ///
    /// # Errors
    /// When the registry does not answer or refuses.
    pub fn quota(&self, name: &Reference) -> Result<Option<Allowance>> {
        self.0.ask_quota(&repository::under(name)?)
    }
}
