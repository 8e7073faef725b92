//! [`Loopback`]: a bundle served to the engines of this machine, for as long as the value lives.

use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::answer::Desk;
use super::ledger::Ledger;
use super::peer::{can_tell, is_ours};
use super::receive::{receive_until, usable};
use super::shelf::Shelf;
use super::terms::Terms;
use crate::bundle::contents::Contents;
use crate::places::engine::Address;
use crate::storage::store::BlobSource;
use crate::tools::sound::Sound;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Reference, Registry};

/// A server on a free port of 127.0.0.1, with everything under a path that nobody can guess, for
/// the superuser's processes and our own user's: others could take all seats and let it wait. What
/// it gives out is hashed on the way, parts of blobs as well: the last bytes of what is wrong are
/// withheld.
pub struct Loopback {
    address: Address,
    hosts: Vec<Registry>,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loopback").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

impl Loopback {
    /// Serves `images`, each a name and the digest of its root, over `contents`, whose bytes come
    /// from `bytes`. What `sound` holds was read before, and need not be read again. Answers break off
    /// once `cancel` says stop.
    ///
    /// # Errors
    /// Without a port or a thread, where nobody can tell who connects, and for a name that is too
    /// long with the path before it.
    pub fn open(
        images: &[(Reference, Digest)],
        contents: &Contents,
        bytes: Arc<dyn BlobSource>,
        sound: Arc<Sound>,
        cancel: Cancel,
    ) -> Result<Loopback> {
        let fault = |e| Error::io("cannot serve the bundle to the engine", e);
        if !can_tell() {
            let text = "cannot serve the bundle to the engine: /proc/net/tcp is not readable, which \
                        tells whose process connects";
            return Err(
                Error::new(Class::Other, text).hint("mount /proc, or import into a registry")
            );
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(fault)?;
        let port = listener.local_addr().map_err(fault)?.port();
        let address = Address::new(port)?;
        let mut hosts: Vec<Registry> =
            images.iter().map(|(name, _)| &name.registry).cloned().collect();
        hosts.sort();
        hosts.dedup();
        let mut loopback =
            Loopback { address, hosts, ledger: Arc::default(), stop: Arc::default(), thread: None };

        let mut names = Vec::with_capacity(images.len());
        for (name, digest) in images {
            let path = format!("{}/{}", loopback.path(&name.registry), name.repository);
            let long = |e: Error| e.context(format!("{name} cannot be served to an engine"));
            let repository = path.parse().map_err(long)?;
            names.push((Reference { repository, ..name.clone() }, *digest));
        }
        let documents = contents.documents.values().cloned().collect();
        let blobs = contents.blobs.carried().cloned().collect();
        let shelf = Shelf::new(names, documents, blobs, bytes, sound);
        let desk = Desk::private(shelf, Arc::clone(&loopback.ledger), cancel);
        let (runtime, listener) = usable(listener)?;
        let stop = Arc::clone(&loopback.stop);
        // What fails here is seen by the engine, which then cannot pull, and says so.
        let serve = move || {
            let (welcome, stop) = (|peer| is_ours(peer, port), || stop.load(Ordering::Relaxed));
            drop(receive_until(runtime, listener, (desk, Terms::default()), welcome, stop));
        };
        let thread = std::thread::Builder::new().name("loopback".to_owned()).spawn(serve);
        loopback.thread = Some(thread.map_err(fault)?);
        Ok(loopback)
    }

    /// Where the repositories of `host` are: `127.0.0.1:PORT` and a path, below which they have
    /// their own.
    #[must_use]
    pub fn address(&self, host: &Registry) -> Address {
        self.address.below(self.number(host))
    }

    /// What was given out so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn path(&self, host: &Registry) -> String {
        self.address(host).path().to_owned()
    }

    /// Hosts go by numbers: one with a port is no legal part of a repository's name.
    fn number(&self, host: &Registry) -> usize {
        self.hosts.binary_search(host).unwrap_or(self.hosts.len())
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to say that the ledger does not.
            let _ = thread.join();
        }
    }
}
