//! [`Tagged`]: which tags made from digests a repository has. Fallback lists of referrers and
//! cosign's signatures are found by such tags, four for each manifest. One list of all tags
//! answers for all of them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ureq::http::Method;

use super::page::Tags;
use super::session::{Session, Target};
use super::url::Url;
use crate::words::error::{Class, Result};
use crate::words::reference::Tag;

/// How many pages of a list are read. Ten thousand tags are more than all but a few repositories
/// have; of those that have a hundred thousand, the tags of some images are asked for one by one.
const MAX_PAGES: usize = 10;
/// Entries asked for at once, the most that common registries give.
const PAGE: usize = 1000;
/// What all tags made from digests begin with.
const MADE: &str = "sha256-";

/// How one repository is asked what refers to its manifests.
#[derive(Debug, Default)]
pub(super) struct Tagged {
    /// How many requests have been saved by the list so far, or would be.
    worth: AtomicUsize,
    list: Mutex<List>,
    no_referrers: AtomicBool,
    neighbours: Arc<Neighbours>,
}

/// The same of all repositories whose names begin with the same word: proxies send requests to one
/// registry or another by the beginning of the path.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    no_route: AtomicBool,
    asked: AtomicBool,
    asking: Mutex<()>,
}

impl Neighbours {
    /// Notes that their registry knows no referrers API at all.
    pub(super) fn set_lack_referrers(&self) {
        self.no_route.store(true, Ordering::Relaxed);
    }

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

    /// Whether the repository is known to have no referrers API.
    pub(super) fn lacks_referrers(&self) -> bool {
        self.no_referrers.load(Ordering::Relaxed)
            || self.neighbours.no_route.load(Ordering::Relaxed)
    }

    /// Notes that it has none.
    pub(super) fn set_lacks_referrers(&self) {
        self.no_referrers.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct List {
    state: State,
    pages: usize,
    /// Those made from digests.
    made: BTreeSet<String>,
    /// Whether there was any other tag, and which are known to be there and were not in it.
    others: bool,
    lacking: BTreeSet<String>,
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
    /// only knows what it has.
    fn is_whole(&self) -> bool {
        let empty = self.made.is_empty() && !self.others;
        matches!(self.state, State::Read) && !empty && self.lacking.is_empty()
    }

    fn take(&mut self, tags: Vec<String>) {
        for tag in tags {
            self.lacking.remove(&tag);
            match tag.starts_with(MADE) {
                true => drop(self.made.insert(tag)),
                false => self.others = true,
            }
        }
    }
}

impl Session {
    /// Takes note that `tag` is there.
    pub(super) fn saw_tag(&self, tag: &str) {
        let mut list = self.tagged.list.lock().unwrap_or_else(PoisonError::into_inner);
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
        self.tagged.worth.fetch_add(tags.len(), Ordering::Relaxed);
        let mut list = self.tagged.list.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// Reads one page more. What keeps it from being read is no failure: the tags can be asked
    /// for one by one, and then what is really wrong is told.
    fn read_page(&self, list: &mut List) -> Result<()> {
        let what = format!("tags of {}", self.repository);
        let mut call = self.read(Method::GET, format!("tags/list?n={PAGE}"), what);
        if let State::Begun(next) = std::mem::take(&mut list.state) {
            call.target = Target::Url(next);
        }
        list.pages += 1;
        list.state = match self.page_of_tags(&call) {
            Ok(Some((tags, next))) => {
                list.take(tags);
                next.map_or(State::Read, State::Begun)
            }
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Ok(None) | Err(_) => State::Useless,
        };
        Ok(())
    }

    fn page_of_tags(
        &self,
        call: &super::session::Call<'_>,
    ) -> Result<Option<(Vec<String>, Option<Url>)>> {
        let mut answer = self.call(call)?;
        if answer.status != 200 {
            answer.discard();
            return Ok(None);
        }
        let bytes = self.read_document(&call.what, &mut answer)?;
        let Ok(page) = serde_json::from_slice::<Tags>(&bytes) else { return Ok(None) };
        let next = self.next_page(&answer, &call.what)?;
        Ok(Some((page.texts().collect(), next)))
    }
}
