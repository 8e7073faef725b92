//! [`Tagged`]: which tags made from digests a repository has. Fallback lists of referrers and
//! cosign's signatures are found by such tags, four for each manifest. One list of all tags
//! answers for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ureq::http::HeaderMap;

use super::tag_list::TagList;
use crate::tools::mutex::lock;
use crate::words::digest::Digest;

/// How one repository is asked what refers to its manifests.
#[derive(Debug, Default)]
pub(crate) struct Tagged {
    /// How many requests have been saved by the list so far, or would be.
    pub(crate) worth: AtomicUsize,
    pub(crate) list: Mutex<TagList>,
    no_referrers: AtomicBool,
    /// The images that were asked for, and whether by a tag.
    pub(crate) wanted: Mutex<BTreeMap<Digest, bool>>,
    /// What the answers of its registry look like.
    look: OnceLock<String>,
    neighbours: Arc<Neighbours>,
}

/// The same of all repositories whose names begin with the same word: proxies send requests to one
/// registry or another by the beginning of the path.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    /// What the answers of registries look like that know no referrers API at all.
    no_route: Mutex<BTreeSet<String>>,
    asked: AtomicBool,
    asking: Mutex<()>,
}

impl Neighbours {
    /// Until the first answer to a question for referrers: the right to ask, for one at a time,
    /// because that answer may save all others the question.
    pub(crate) fn first_to_ask(&self) -> Option<MutexGuard<'_, ()>> {
        let asked = || self.asked.load(Ordering::Relaxed);
        if asked() {
            return None;
        }
        let turn = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        (!asked()).then_some(turn)
    }

    /// Notes that there was such an answer.
    pub(crate) fn set_asked(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }
}

impl Tagged {
    /// Of a repository among such `neighbours`.
    pub(crate) fn among(neighbours: Arc<Neighbours>) -> Tagged {
        Tagged { neighbours, ..Tagged::default() }
    }

    /// What is known of all that are like it.
    pub(crate) fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    /// Takes note of what a manifest came with, for the first time.
    pub(crate) fn saw(&self, headers: &HeaderMap) {
        self.look.get_or_init(|| look(headers));
    }

    /// Takes note that the image `digest` was asked for, `by_tag` or by its digest.
    pub(crate) fn want(&self, digest: Digest, by_tag: bool) {
        *lock(&self.wanted).entry(digest).or_default() |= by_tag;
    }

    /// Whether the repository is known to have no referrers API.
    pub(crate) fn lacks_referrers(&self) -> bool {
        let alike = |look: &String| lock(&self.neighbours.no_route).contains(look);
        self.no_referrers.load(Ordering::Relaxed) || self.look.get().is_some_and(alike)
    }

    /// Notes that it has none.
    pub(crate) fn set_lacks_referrers(&self) {
        self.no_referrers.store(true, Ordering::Relaxed);
    }

    /// Notes that its registry has none for any repository: for those of its neighbours to which
    /// one answers that looks the same.
    pub(crate) fn set_like_lack_referrers(&self) {
        self.set_lacks_referrers();
        if let Some(look) = self.look.get() {
            lock(&self.neighbours.no_route).insert(look.clone());
        }
    }
}

/// What the registry that answers with `headers` looks like: which headers it has, and what it
/// calls itself. Programs differ in that, and what lies between them and here adds its own.
fn look(headers: &HeaderMap) -> String {
    /// Their values are names.
    const NAMES: [&str; 4] = ["docker-distribution-api-version", "server", "via", "x-powered-by"];
    /// They come and go.
    const PASSING: [&str; 5] =
        ["age", "connection", "keep-alive", "set-cookie", "transfer-encoding"];
    let mut look = BTreeSet::new();
    for (name, value) in headers.iter().filter(|(name, _)| !PASSING.contains(&name.as_str())) {
        let told = NAMES.contains(&name.as_str()).then(|| value.as_bytes().escape_ascii());
        look.insert(told.map_or(name.to_string(), |value| format!("{name}: {value}")));
    }
    look.into_iter().collect::<Vec<_>>().join("\n")
}
