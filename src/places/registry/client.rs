//! [`Client`]: access to registries, from which each repository is had.

use std::fmt;
use std::sync::Arc;

use super::auth::credentials::Credentials;
use super::fault::End;
use super::http::access::Access;
use super::mirrors::alternatives::{Alternatives, Mirror};
use super::mirrors::order::PullSite;
use super::push::journal::Journal;
use super::repository::RegistryRepository;
use super::session::Session;
use super::settings::Settings;
use super::shared::Shared;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::error::{Result, Side};
use crate::words::moment::Moment;
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Registry, Repository};

/// Access to registries, cheap to clone and shared between threads.
///
/// It is for one job. What it learnt holds as long as it lives, and no other client sees it: tokens,
/// a password that was refused, a mirror that failed, how a host takes blobs, the bytes a second that
/// all its transfers share. Two jobs in one process have a client each.
///
/// Files that [`Settings`] names are read when it is made or when a host is first asked, and not
/// again. Beside those it uses what the machine says: the system's certificate authorities (for
/// which `SSL_CERT_FILE` and `SSL_CERT_DIR` count, as for every program), the search path for
/// credential helpers, and the clock, with which the times in answers are compared.
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
pub struct Client(pub(super) Arc<Shared>);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that tells `progress` whenever it has to try again, and neither waits nor tries
    /// once that says stop. Connects to nothing yet.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::words::error::Class::Usage) when a credentials file or a file of mirrors is broken, or missing though
    /// required.
    pub fn new(settings: Settings, progress: Arc<dyn Progress>) -> Result<Client> {
        let credentials = Credentials::read(&settings.auth_files, settings.authfile_required)?;
        Client::with(settings, credentials, progress)
    }

    pub(super) fn with(
        settings: Settings,
        credentials: Credentials,
        progress: Arc<dyn Progress>,
    ) -> Result<Client> {
        Shared::new(settings, credentials, progress).map(|shared| Client(Arc::new(shared)))
    }

    /// Fails once the work that it is for was asked to stop.
    ///
    /// # Errors
    /// [`Class::Interrupted`](crate::words::error::Class::Interrupted).
    pub fn check(&self) -> Result<()> {
        self.0.progress.check()
    }

    /// The handle that stops the job of its progress.
    #[must_use]
    pub fn handle(&self) -> Cancel {
        self.0.progress.handle()
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
                RegistryRepository(session, Alternatives::default())
            }
        }
    }

    /// `repository` as `registry` itself has it, to be read, whatever mirrors there are: for whoever
    /// wants to know what is there.
    #[must_use]
    pub fn itself(&self, registry: &Registry, repository: &Repository) -> RegistryRepository {
        let session = self.session(registry, repository, Side::Source, Access::default());
        RegistryRepository(session, Alternatives::default())
    }

    /// Goes on with the uploads that an interrupted import of the bundle `statement` to
    /// `destination` left at their registries, and remembers those of this one, where
    /// [`Settings::uploads`](super::Settings::uploads) names a folder.
    ///
    /// One that goes on with the same import has its memory already, and keeps it. A client has the
    /// memory of one import at a time.
    ///
    /// Never fails: without its memory an import sends what is not there. It says so.
    pub fn resume_uploads(&self, destination: &str, statement: &Digest, now: Moment) {
        let Some(folder) = &self.0.settings.uploads else { return };
        if self.0.journal().as_ref().is_some_and(|it| it.is_of(destination, statement)) {
            return;
        }
        let remark = match Journal::open(folder, destination, statement, now) {
            Ok((journal, remark)) => {
                *self.0.journal() = Some(journal);
                remark
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(remark) = remark {
            let text =
                format!("unfinished uploads of an earlier run are not gone on with: {remark}");
            self.0.progress.event(Event::note(text));
        }
    }

    /// `repository` as a source: the registry itself, where it really is, and its mirrors.
    fn source(&self, registry: &Registry, repository: &Repository) -> RegistryRepository {
        let session = |site: &PullSite| {
            self.session(&site.registry, &site.repository, Side::Source, site.access.clone())
        };
        match self.0.mirrors.order(registry, repository) {
            Ok(order) => {
                let mirrors = order.mirrors.iter().map(|site| Mirror {
                    session: session(site),
                    tags: site.tags,
                    digests: site.digests,
                });
                let mirrors = Alternatives::among(mirrors.collect());
                RegistryRepository(session(&order.primary), mirrors)
            }
            Err(error) => {
                let direct = PullSite::direct(registry, repository);
                RegistryRepository(session(&direct), Alternatives::forbidden(error))
            }
        }
    }

    pub(super) fn session(
        &self,
        registry: &Registry,
        repository: &Repository,
        side: Side,
        access: Access,
    ) -> Session {
        let host = self.0.host(registry, access);
        let end = End { side, registry: registry.clone(), is_web: false };
        let (shared, tagged) = (self.0.clone(), host.tagged(repository));
        Session { shared, host, end, repository: repository.clone(), tagged, at_hand: None }
    }
}
