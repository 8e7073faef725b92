//! [`Visitor`]: a connection as those see it who count and note what is asked and answered.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::header::USER_AGENT;
use hyper::http::request::Parts;

use super::counts::Counts;
use super::terms::{Terms, Visit};
use crate::tools::mutex::lock;

/// As much of a target or an agent as is noted: no request that finds anything has a longer one.
const NOTED: usize = 1024;

/// One connection. An answer ends when the last of it was written, or with the connection: only then
/// it is known how much of it was sent.
pub struct Visitor {
    peer: IpAddr,
    counts: Arc<Counts>,
    terms: Arc<Terms>,
    /// Bytes that the socket took since the last request.
    sent: AtomicU64,
    open: Mutex<Option<Open>>,
}

/// An answer under way.
struct Open {
    visit: Visit,
    /// How long its body is.
    length: u64,
    since: Instant,
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Visitor {
    /// A connection from `peer` that came now.
    pub fn new(peer: IpAddr, counts: Arc<Counts>, terms: Arc<Terms>) -> Visitor {
        counts.came();
        let (sent, open) = (AtomicU64::new(0), Mutex::new(None));
        Visitor { peer: peer.to_canonical(), counts, terms, sent, open }
    }

    /// The answer to `request`, asked `since` then, begins: with `status`, and a body of `length` bytes.
    pub fn answered(
        &self,
        request: &Parts,
        user: Option<String>,
        since: Instant,
        (status, length): (u16, u64),
    ) {
        self.end();
        let agent = request.headers.get(USER_AGENT).map(|agent| agent.as_bytes());
        let target = request.uri.path_and_query().map_or("", |target| target.as_str());
        let visit = Visit {
            peer: self.peer,
            user,
            method: cut(request.method.as_str()),
            target: cut(target),
            version: format!("{:?}", request.version),
            agent: cut(&String::from_utf8_lossy(agent.unwrap_or_default())),
            status,
            bytes: 0,
            took: since.elapsed(),
        };
        self.counts.begun();
        self.sent.store(0, Ordering::Relaxed);
        *lock(&self.open) = Some(Open { visit, length, since });
    }

    /// What came was no request, and was answered with `status` by itself.
    pub fn unreadable(&self, status: u16) {
        self.end();
        self.counts.begun();
        self.sent.store(0, Ordering::Relaxed);
        let visit = Visit {
            peer: self.peer,
            user: None,
            method: String::new(),
            target: String::new(),
            version: String::new(),
            agent: String::new(),
            status,
            bytes: 0,
            took: Duration::ZERO,
        };
        *lock(&self.open) = Some(Open { visit, length: 0, since: Instant::now() });
        self.end();
    }

    /// The socket took `bytes`.
    pub fn took(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        self.counts.sent(bytes);
    }

    /// The answer under way has ended, if there is one: all of it was written, or no more will be.
    pub fn end(&self) {
        let Some(Open { mut visit, length, since }) = lock(&self.open).take() else { return };
        // What was sent beyond it is its head.
        visit.bytes = self.sent.load(Ordering::Relaxed).min(length);
        visit.took = since.elapsed();
        self.counts.ended(visit.status);
        if let Some(told) = &self.terms.visits {
            told(&visit);
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.end();
        self.counts.left();
    }
}

fn cut(text: &str) -> String {
    text.chars().take(NOTED).collect()
}
