//! [`Shared`]: what all requests of one client have in common.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::auth::credentials::Credentials;
use super::auth::token::Tokens;
use super::host::Host;
use super::http::Http;
use super::http::access::Access;
use super::mirrors::Mirrors;
use super::push::journal::Journal;
use super::settings::Settings;
use crate::tools::rate::{Bucket, Monotonic};
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::words::reference::Registry;

/// Connections, tokens and what was learnt about each host, shared by all threads of a run.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) http: Http,
    pub(super) credentials: Credentials,
    pub(super) tokens: Tokens,
    pub(super) mirrors: Mirrors,
    hosts: Mutex<HashMap<(Registry, Access), Arc<Host>>>,
    pub(super) progress: Arc<dyn Progress>,
    pub(super) bucket: Option<Bucket>,
    journal: Mutex<Option<Journal>>,
    /// Held while a large manifest is read and looked at, which takes five times its size.
    pub(super) large_document: Mutex<()>,
}

impl Shared {
    /// What requests with `settings` need, which show `credentials`.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::words::error::Class::Usage) when a file of mirrors is broken.
    pub(super) fn new(
        settings: Settings,
        credentials: Credentials,
        progress: Arc<dyn Progress>,
    ) -> Result<Shared> {
        Ok(Shared {
            http: Http::new(settings.jobs.most, &progress.handle()),
            mirrors: Mirrors::read(&settings.mirrors)?,
            bucket: settings
                .limit_rate
                .map(|rate| Bucket::new(rate, Box::new(Monotonic::new(progress.handle())))),
            journal: Mutex::default(),
            large_document: Mutex::default(),
            settings,
            credentials,
            tokens: Tokens::default(),
            hosts: Mutex::default(),
            progress,
        })
    }

    /// What is known of `registry`, reached as `access` says.
    pub(super) fn host(&self, registry: &Registry, access: Access) -> Arc<Host> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts.entry((registry.clone(), access)).or_insert_with_key(|(host, access)| {
            Arc::new(Host::new(host.clone(), access.clone(), &self.settings))
        });
        Arc::clone(host)
    }

    /// What is remembered of unfinished uploads, if anything is.
    pub(super) fn journal(&self) -> MutexGuard<'_, Option<Journal>> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
