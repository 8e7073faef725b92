//! [`Tagged`]: which tags made from digests a repository has. Fallback lists of referrers and
//! cosign's signatures are found by such tags, four for each manifest. One list of all tags
//! answers for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ureq::http::{HeaderMap, Method};

use super::page::Tags;
use super::session::{Call, Session, Target};
use super::trail::Trail;
use super::url::Url;
use crate::words::digest::Digest;
use crate::words::error::{Class, Result};
use crate::words::reference::Tag;

/// How many pages of a list are read. Ten thousand tags are more than all but a few repositories
/// have; of those that have a hundred thousand, the tags of some images are asked for one by one.
const MAX_PAGES: usize = 10;
/// Entries asked for at once, the most that common registries give.
const PAGE: usize = 1000;
/// What all tags made from digests begin with.
const MADE: &str = "sha256-";

/// How many repositories of one host make a run so small that its images are asked for their
/// signatures tag by tag, whatever the list says: some requests more, and no doubt.
const FEW: usize = 3;
/// Of how many images one is asked so in a larger run, while no list of the host ever showed a tag
/// made from a digest: one that never does may hide them.
const SAMPLE: usize = 8;

/// How one repository is asked what refers to its manifests.
#[derive(Debug, Default)]
pub(super) struct Tagged {
    /// How many requests have been saved by the list so far, or would be.
    worth: AtomicUsize,
    list: Mutex<List>,
    no_referrers: AtomicBool,
    /// The images that were asked for, and whether by a tag.
    wanted: Mutex<BTreeMap<Digest, bool>>,
    /// What the answers of its registry look like.
    look: OnceLock<String>,
    neighbours: Arc<Neighbours>,
}

/// The same of all repositories whose names begin with the same word: proxies send requests to one
/// registry or another by the beginning of the path.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    /// What the answers of registries look like that know no referrers API at all.
    no_route: Mutex<BTreeSet<String>>,
    asked: AtomicBool,
    asking: Mutex<()>,
}

impl Neighbours {
    /// Until the first answer to a question for referrers: the right to ask, for one at a time,
    /// because that answer may save all others the question.
    pub(super) fn first_to_ask(&self) -> Option<MutexGuard<'_, ()>> {
        let asked = || self.asked.load(Ordering::Relaxed);
        if asked() {
            return None;
        }
        let turn = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        (!asked()).then_some(turn)
    }

    /// Notes that there was such an answer.
    pub(super) fn set_asked(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }
}

impl Tagged {
    /// Of a repository among such `neighbours`.
    pub(super) fn among(neighbours: Arc<Neighbours>) -> Tagged {
        Tagged { neighbours, ..Tagged::default() }
    }

    /// What is known of all that are like it.
    pub(super) fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    /// Takes note of what a manifest came with, for the first time.
    pub(super) fn saw(&self, headers: &HeaderMap) {
        self.look.get_or_init(|| look(headers));
    }

    /// Takes note that the image `digest` was asked for, `by_tag` or by its digest.
    pub(super) fn want(&self, digest: Digest, by_tag: bool) {
        *lock(&self.wanted).entry(digest).or_default() |= by_tag;
    }

    /// Whether the repository is known to have no referrers API.
    pub(super) fn lacks_referrers(&self) -> bool {
        let alike = |look: &String| lock(&self.neighbours.no_route).contains(look);
        self.no_referrers.load(Ordering::Relaxed) || self.look.get().is_some_and(alike)
    }

    /// Notes that it has none.
    pub(super) fn set_lacks_referrers(&self) {
        self.no_referrers.store(true, Ordering::Relaxed);
    }

    /// Notes that its registry has none for any repository: for those of its neighbours to which
    /// one answers that looks the same.
    pub(super) fn set_like_lack_referrers(&self) {
        self.set_lacks_referrers();
        if let Some(look) = self.look.get() {
            lock(&self.neighbours.no_route).insert(look.clone());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

/// How far the list is not believed that tags are not there.
pub(super) enum Doubt {
    /// It is believed.
    None,
    /// That of a signature is asked for all the same.
    Signature,
    /// All are asked for.
    All,
}

impl Doubt {
    /// Whether `tag` may be there though it is not listed.
    pub(super) fn about(&self, tag: &Tag) -> bool {
        match self {
            Doubt::None => false,
            Doubt::Signature => tag.as_str().ends_with(".sig"),
            Doubt::All => true,
        }
    }
}

#[derive(Debug, Default)]
struct List {
    state: State,
    pages: usize,
    trail: Trail,
    /// Those made from digests.
    made: BTreeSet<String>,
    /// How many others there were, which are known to be there and were not in it, and whether one
    /// of those was in it.
    others: usize,
    lacking: BTreeSet<String>,
    is_proved: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unread,
    /// Where it goes on.
    Begun(Url),
    Read,
    /// It is not to be had, or longer than it is worth.
    Useless,
}

impl List {
    /// A list that leaves out what is known to be there may leave out more: that of a cache that
    /// only knows what it has. One that fills a page may go on, though no link says so.
    fn is_whole(&self) -> bool {
        let entries = self.made.len() + self.others;
        let cut =
            self.pages == 1 && (entries.is_multiple_of(50) || matches!(entries, 10 | 20 | 25));
        matches!(self.state, State::Read) && entries > 0 && !cut && self.lacking.is_empty()
    }

    fn take(&mut self, tags: Vec<String>) {
        for tag in tags {
            self.is_proved |= self.lacking.remove(&tag);
            match tag.starts_with(MADE) {
                true => drop(self.made.insert(tag)),
                false => self.others += 1,
            }
        }
    }
}

impl Session {
    /// Takes note that `tag` is there.
    pub(super) fn saw_tag(&self, tag: &str) {
        let mut list = lock(&self.tagged.list);
        if matches!(list.state, State::Unread) {
            list.lacking.insert(tag.to_owned());
        }
    }

    /// Which of `tags`, made from one digest, the repository has; `None` where its list does not
    /// tell, so that each is to be asked for. The first call reads the list while all others
    /// wait. No more pages are read than requests are saved.
    ///
    /// # Errors
    /// [`Class::Interrupted`].
    pub(super) fn listed_tags(&self, tags: &[Tag]) -> Result<Option<Vec<Tag>>> {
        if !self.shared.settings.tag_lists || self.host.hides_tags() {
            return Ok(None);
        }
        self.tagged.worth.fetch_add(tags.len(), Ordering::Relaxed);
        let mut list = lock(&self.tagged.list);
        while matches!(list.state, State::Unread | State::Begun(_)) {
            if list.pages >= MAX_PAGES {
                list.state = State::Useless;
            } else if list.pages < self.tagged.worth.load(Ordering::Relaxed) {
                self.read_page(&mut list)?;
            } else {
                break;
            }
        }
        let there = |tag: &&Tag| list.made.contains(tag.as_str());
        Ok(list.is_whole().then(|| tags.iter().filter(there).cloned().collect()))
    }

    /// How far a list that shows `listed` of the tags for `subject` is not believed to show all.
    pub(super) fn doubt(&self, subject: Digest, listed: Option<&[Tag]>) -> Doubt {
        let by_tag = lock(&self.tagged.wanted).get(&subject).copied();
        let (Some(_), false) = (listed, self.host.hides_tags()) else { return Doubt::All };
        let list = lock(&self.tagged.list);
        match by_tag {
            None => Doubt::None,
            // Nothing is known that the list would have to show.
            Some(false) if !list.is_proved => Doubt::All,
            Some(_) if self.host.repositories() <= FEW => Doubt::All,
            Some(_)
                if !self.host.shows_made_tags()
                    && self.host.count_image().is_multiple_of(SAMPLE) =>
            {
                Doubt::Signature
            }
            Some(_) => Doubt::None,
        }
    }

    /// Reads one page more. What keeps it from being read is no failure: the tags can be asked
    /// for one by one, and then what is really wrong is told.
    fn read_page(&self, list: &mut List) -> Result<()> {
        let what = format!("tags of {}", self.repository);
        let mut call = self.read(Method::GET, format!("tags/list?n={PAGE}"), what);
        // What a cache between here and there remembers may be older than a signature.
        call.headers.push(("cache-control", "no-cache".to_owned()));
        if let State::Begun(next) = std::mem::take(&mut list.state) {
            call.target = Target::Url(next);
        }
        list.pages += 1;
        list.state = match self.page_of_tags(&call, &mut list.trail) {
            Ok(Some((tags, next))) => {
                list.take(tags);
                if !list.made.is_empty() {
                    self.host.set_shows_made_tags();
                }
                next.map_or(State::Read, State::Begun)
            }
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Ok(None) | Err(_) => State::Useless,
        };
        Ok(())
    }

    fn page_of_tags(
        &self,
        call: &Call<'_>,
        trail: &mut Trail,
    ) -> Result<Option<(Vec<String>, Option<Url>)>> {
        let mut answer = self.call(call)?;
        let is_remembered = answer.header("age").is_some_and(|age| age.trim() != "0");
        if answer.status != 200 || is_remembered {
            answer.discard();
            return Ok(None);
        }
        let bytes = self.read_document(&call.what, &mut answer)?;
        let Ok(page) = serde_json::from_slice::<Tags>(&bytes) else { return Ok(None) };
        let tags: Vec<String> = page.texts().collect();
        let next = self.next_page(&call.what, &answer, (&bytes, tags.len()), trail)?;
        Ok(Some((tags, next)))
    }
}
