//! [`TagList`]: which of a repository's tags are made from digests, as its list of all tags says.

use std::collections::BTreeSet;

use super::trail::Trail;
use crate::places::registry::http::url::Url;
use crate::words::reference::Tag;

/// What all tags made from digests begin with.
const MADE: &str = "sha256-";
/// Most tags of a list that was read for another reason: as many as would be read for what is in it.
const MAX_KEPT: usize = 10_000;

/// What was read of the list of all tags of a repository.
#[derive(Debug, Default)]
pub(crate) struct TagList {
    pub(crate) state: TagListState,
    pub(crate) pages: usize,
    pub(crate) trail: Trail,
    /// Those made from digests.
    pub(crate) made: BTreeSet<String>,
    /// How many others there were, which are known to be there and were not in it, and whether one
    /// of those was in it.
    others: usize,
    lacking: BTreeSet<String>,
    pub(crate) is_proved: bool,
    /// The last one in it, and whether the registry says that nothing comes behind that.
    last: Option<String>,
    pub(crate) is_last: Option<bool>,
    /// All that is in it, where it was there before anybody asked for a tag.
    known: Option<BTreeSet<String>>,
}

/// How far it was read.
#[derive(Debug, Default)]
pub(crate) enum TagListState {
    #[default]
    Unread,
    /// Where it goes on.
    Begun(Url),
    Read,
    /// It is not to be had, or longer than it is worth.
    Useless,
}

impl TagList {
    /// Whether what is not in it is not there.
    ///
    /// A list that leaves out what is known to be there may leave out more: that of a cache that
    /// only knows what it has. One that fills a page may go on, though no link says so, until the registry
    /// was asked for more.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_witness() && (self.is_last == Some(true) || !self.fills_a_page())
    }

    /// Behind which entry it might go on: where it is a witness but for that, and nobody has asked.
    pub(crate) fn may_go_on(&self) -> Option<Tag> {
        let is_open = self.is_witness() && self.fills_a_page() && self.is_last.is_none();
        self.last.as_ref().filter(|_| is_open).and_then(|last| last.parse().ok())
    }

    /// How many tags are in it.
    pub(crate) fn entries(&self) -> usize {
        self.made.len() + self.others
    }

    fn is_witness(&self) -> bool {
        matches!(self.state, TagListState::Read) && self.entries() > 0 && self.lacking.is_empty()
    }

    fn fills_a_page(&self) -> bool {
        let entries = self.entries();
        self.pages == 1 && (entries.is_multiple_of(50) || matches!(entries, 10 | 20 | 25))
    }

    /// Takes note that `tag` is there.
    pub(crate) fn saw(&mut self, tag: &str) {
        match (&self.state, &self.known) {
            (TagListState::Read, Some(known)) if known.contains(tag) => self.is_proved = true,
            (TagListState::Unread, _) | (TagListState::Read, Some(_)) => {
                self.lacking.insert(tag.to_owned());
            }
            _ => {}
        }
    }

    /// Takes in `tags`, all of it, read in so many `pages`; nothing where it is read already.
    pub(crate) fn take_all(&mut self, tags: &[Tag], pages: usize) {
        if !matches!(self.state, TagListState::Unread) || tags.len() > MAX_KEPT {
            return;
        }
        let tags = || tags.iter().map(ToString::to_string);
        self.take(tags().collect());
        (self.state, self.pages, self.known) = (TagListState::Read, pages, Some(tags().collect()));
    }

    /// Takes in a page of it.
    pub(crate) fn take(&mut self, tags: Vec<String>) {
        self.last = tags.last().cloned();
        for tag in tags {
            self.is_proved |= self.lacking.remove(&tag);
            match tag.starts_with(MADE) {
                true => drop(self.made.insert(tag)),
                false => self.others += 1,
            }
        }
    }
}
