//! [`Host`]: what was learnt about one registry, so that it is learnt once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::auth::scheme::Scheme;
use super::http::access::Access;
use super::http::url::Url;
use super::lists::tagged::{Neighbours, Tagged};
use super::pull_limit::PullLimit;
use super::push::sending::Sending;
use super::settings::Settings;
use crate::tools::pace::Gate;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Registry, Repository};

/// Of how many blobs that HEAD does not find a host is asked by GET, in case it finds none by HEAD
/// at all. Where there are manifests some of the first few are likely to be there.
const MAX_ASKED: usize = 8;

/// What a host's answers to HEAD are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadWorth {
    /// It never found anything by HEAD.
    Unknown,
    /// It found nothing by HEAD, and nothing by GET either.
    Believed,
    /// It finds what it has.
    Honest,
    /// It answers 404 to HEAD of what GET gives.
    Lies,
    /// The same, which came out after it was believed.
    Exposed,
}

/// What a host's answers to HEAD of blobs are worth, and what was done to find out.
#[derive(Debug, Default)]
struct BlobHead {
    /// Whether it finds by HEAD what it has, once that is known.
    honest: Option<bool>,
    /// How many blobs that HEAD did not find were asked for by GET.
    asked: usize,
}

/// What is known of its repositories: of each, and of those whose names begin with the same word.
#[derive(Debug, Default)]
struct KnownRepositories {
    tagged: HashMap<Repository, Arc<Tagged>>,
    neighbours: HashMap<String, Arc<Neighbours>>,
}

/// One registry.
#[derive(Debug)]
pub(super) struct Host {
    registry: Registry,
    access: Access,
    base: Mutex<Option<Url>>,
    scheme: Mutex<Option<Scheme>>,
    fell_back: AtomicBool,
    answered: AtomicBool,
    repositories: Mutex<KnownRepositories>,
    shows_made_tags: AtomicBool,
    hides_tags: AtomicBool,
    images: AtomicUsize,
    given_up: AtomicBool,
    complained: AtomicBool,
    harbor: Mutex<Option<bool>>,
    head: Mutex<HeadWorth>,
    weighing_head: Mutex<()>,
    has_manifests: AtomicBool,
    blob_head: Mutex<BlobHead>,
    sending: Mutex<Sending>,
    quota: Mutex<Option<PullLimit>>,
    /// How many blobs come in at a time, and how many go out. They are apart so that a copy from
    /// a host to itself cannot wait for its own place.
    pub(super) down: Gate,
    pub(super) up: Gate,
    /// How many requests wait for an answer, those of transfers among them.
    pub(super) questions: Gate,
}

impl Host {
    /// Nothing is known of `registry` yet but how it is reached, and what `settings` say of all.
    pub(super) fn new(registry: Registry, access: Access, settings: &Settings) -> Host {
        Host {
            registry,
            access,
            sending: Mutex::new(Sending::new(settings.chunk_size)),
            quota: Mutex::default(),
            down: Gate::new(settings.jobs),
            up: Gate::new(settings.jobs),
            questions: Gate::new(settings.jobs),
            base: Mutex::default(),
            scheme: Mutex::default(),
            fell_back: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            repositories: Mutex::default(),
            shows_made_tags: AtomicBool::new(false),
            hides_tags: AtomicBool::new(false),
            images: AtomicUsize::new(0),
            given_up: AtomicBool::new(false),
            complained: AtomicBool::new(false),
            harbor: Mutex::default(),
            head: Mutex::new(HeadWorth::Unknown),
            weighing_head: Mutex::default(),
            has_manifests: AtomicBool::new(false),
            blob_head: Mutex::default(),
        }
    }

    /// How the registry is reached.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// How the host of `url` is reached: what is configured for the registry holds for no other.
    pub(super) fn access_to(&self, url: &Url) -> Access {
        let own = Url::of(true, self.authority());
        match own.is_some_and(|own| own.host() == url.host()) {
            true => self.access.clone(),
            false => Access::default(),
        }
    }

    /// Where the registry is; its name in references may be another.
    fn authority(&self) -> &str {
        match self.registry.as_str() {
            "docker.io" => "registry-1.docker.io",
            other => other,
        }
    }

    /// The registry's address. `plain` says that it speaks plain HTTP; `probe`, for loopback and
    /// for hosts that are called insecure only, finds out whether it speaks TLS, once, while all
    /// others wait.
    pub(super) fn base(&self, plain: bool, probe: impl Fn(&Url) -> Result<bool>) -> Result<Url> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(base) = &*base {
            return Ok(base.clone());
        }
        let at = |https| {
            let text = format!("{} is no host that an address can have", self.registry);
            Url::of(https, self.authority()).ok_or_else(|| Error::new(Class::Usage, text))
        };
        let https = at(true)?;
        let probed = self.registry.is_loopback() || self.access.insecure;
        let speaks_tls = match self.access.plain {
            Some(plain) => !plain,
            None if plain => false,
            None if probed => {
                let speaks = probe(&https)?;
                self.fell_back.store(!speaks, Ordering::Relaxed);
                speaks
            }
            None => true,
        };
        let url = if speaks_tls { https } else { at(false)? };
        *base = Some(url.clone());
        Ok(url)
    }

    /// Whether it is asked by plain HTTP for the one reason that nobody spoke TLS there: whoever
    /// that is.
    pub(super) fn fell_back(&self) -> bool {
        self.fell_back.load(Ordering::Relaxed)
    }

    /// What the registry wanted to see last time.
    pub(super) fn scheme(&self) -> Option<Scheme> {
        self.scheme.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what the registry wants to see.
    pub(super) fn set_scheme(&self, scheme: Scheme) {
        *self.scheme.lock().unwrap_or_else(PoisonError::into_inner) = Some(scheme);
    }

    /// Whether the host ever answered.
    pub(super) fn answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Notes that it did.
    pub(super) fn set_answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// What its answers to HEAD are worth.
    pub(super) fn head(&self) -> HeadWorth {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes it; the first proof counts.
    pub(super) fn set_head(&self, worth: HeadWorth) {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        *head = match (*head, worth) {
            (HeadWorth::Believed, HeadWorth::Lies) => HeadWorth::Exposed,
            (HeadWorth::Unknown | HeadWorth::Believed, worth) => worth,
            (proven, _) => proven,
        };
    }

    /// Until it is known what its answers to HEAD are worth, as far as `open` says: the right to
    /// find out, for one at a time, because that answer saves all others the question.
    pub(super) fn weigh_head(&self, open: HeadWorth) -> Option<MutexGuard<'_, ()>> {
        if self.head() != open {
            return None;
        }
        let turn = self.weighing_head.lock().unwrap_or_else(PoisonError::into_inner);
        (self.head() == open).then_some(turn)
    }

    /// Notes that it gave out a manifest, and so has the blobs of that, too.
    pub(super) fn set_has_manifests(&self) {
        self.has_manifests.store(true, Ordering::Relaxed);
    }

    /// Whether it is known to answer 404 to HEAD of blobs that GET gives.
    pub(super) fn hides_blobs(&self) -> bool {
        self.blob_head().honest == Some(false)
    }

    /// Notes whether it finds by HEAD a blob that it has; the first proof counts.
    pub(super) fn set_shows_blobs(&self, shows: bool) {
        self.blob_head().honest.get_or_insert(shows);
    }

    /// Whether it has a blob that HEAD did not find. As long as it is known of neither answer, and
    /// there should be blobs, `ask` tells by GET, of one at a time.
    pub(super) fn has_after_all(&self, ask: impl FnOnce() -> Result<bool>) -> Result<bool> {
        let mut head = self.blob_head();
        let open = head.asked < MAX_ASKED && self.has_manifests.load(Ordering::Relaxed);
        match head.honest {
            Some(true) => return Ok(false),
            Some(false) => drop(head),
            None if !open => return Ok(false),
            None => {
                head.asked += 1;
                let found = ask()?;
                head.honest = found.then_some(false);
                return Ok(found);
            }
        }
        ask()
    }

    fn blob_head(&self) -> MutexGuard<'_, BlobHead> {
        self.blob_head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the host failed in this run, while another may have the same content.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Notes that it did; whether that is news.
    pub(super) fn give_up(&self) -> bool {
        !self.given_up.swap(true, Ordering::Relaxed)
    }

    /// Notes that it refused something; whether that is news.
    pub(super) fn complain(&self) -> bool {
        !self.complained.swap(true, Ordering::Relaxed)
    }

    /// Whether it is a Harbor; `ask` finds out, once, while all others wait.
    pub(super) fn is_harbor(&self, ask: impl FnOnce() -> Result<bool>) -> Result<bool> {
        let mut known = self.harbor.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = *known {
            return Ok(known);
        }
        let found = ask()?;
        *known = Some(found);
        Ok(found)
    }

    /// How it takes blobs.
    pub(super) fn sending(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is overcharged, or does not answer in time.
    pub(super) fn trouble(&self) {
        self.down.trouble();
        self.up.trouble();
        self.questions.trouble();
    }

    /// How many manifests it gives out, as it last said.
    pub(super) fn quota(&self) -> Option<PullLimit> {
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what it said.
    pub(super) fn set_quota(&self, quota: PullLimit) {
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner) = Some(quota);
    }

    /// What is known of how its repository of that name is asked for referrers.
    pub(super) fn tagged(&self, repository: &Repository) -> Arc<Tagged> {
        let mut known = self.repositories.lock().unwrap_or_else(PoisonError::into_inner);
        let first = repository.as_str().split('/').next().unwrap_or_default().to_owned();
        let neighbours = Arc::clone(known.neighbours.entry(first).or_default());
        let tagged = known
            .tagged
            .entry(repository.clone())
            .or_insert_with(|| Arc::new(Tagged::among(neighbours)));
        Arc::clone(tagged)
    }

    /// Of how many of its repositories something is known.
    pub(super) fn repositories(&self) -> usize {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner).tagged.len()
    }

    /// Whether a list of tags of this host ever showed one that was made from a digest.
    pub(super) fn shows_made_tags(&self) -> bool {
        self.shows_made_tags.load(Ordering::Relaxed)
    }

    /// Notes that one did.
    pub(super) fn set_shows_made_tags(&self) {
        self.shows_made_tags.store(true, Ordering::Relaxed);
    }

    /// Whether a list of tags of this host left one out that is there.
    pub(super) fn hides_tags(&self) -> bool {
        self.hides_tags.load(Ordering::Relaxed)
    }

    /// Notes that one did.
    pub(super) fn set_hides_tags(&self) {
        self.hides_tags.store(true, Ordering::Relaxed);
    }

    /// How many images were counted before this one.
    pub(super) fn count_image(&self) -> usize {
        self.images.fetch_add(1, Ordering::Relaxed)
    }
}
