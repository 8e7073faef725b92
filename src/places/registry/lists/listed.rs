//! Which tags made from digests are there, as far as a repository's list of tags tells.

use std::sync::atomic::Ordering;

use super::page::TagsPage;
use super::tag_list::{TagList, TagListState};
use super::trail::Trail;
use crate::places::registry::call::{Call, CallTarget};
use crate::places::registry::http::url::Url;
use crate::places::registry::session::Session;
use crate::tools::mutex::lock;
use crate::words::digest::Digest;
use crate::words::error::{Class, Result};
use crate::words::reference::Tag;

/// How many pages of a list are read. Ten thousand tags are more than all but a few repositories
/// have; of those that have a hundred thousand, the tags of some images are asked for one by one.
const MAX_PAGES: usize = 10;
/// How many repositories of one host make a run so small that its images are asked for their
/// signatures tag by tag, whatever the list says: some requests more, and no doubt.
const FEW: usize = 3;
/// Of how many images one is asked so in a larger run, while no list of the host ever showed a tag
/// made from a digest: one that never does may hide them.
const SAMPLE: usize = 8;

/// How far the list is not believed that tags are not there.
pub(crate) enum Doubt {
    /// It is believed.
    None,
    /// That of a signature is asked for all the same.
    Signature,
    /// All are asked for.
    All,
}

impl Doubt {
    /// Whether `tag` may be there though it is not listed.
    pub(crate) fn about(&self, tag: &Tag) -> bool {
        match self {
            Doubt::None => false,
            Doubt::Signature => tag.as_str().ends_with(".sig"),
            Doubt::All => true,
        }
    }
}

impl Session {
    /// Takes note that `tag` is there.
    pub(crate) fn saw_tag(&self, tag: &str) {
        lock(&self.tagged.list).saw(tag);
    }

    /// Takes note of all `tags` of the repository, which were read in so many `pages`: they need not be read
    /// again for those made from digests.
    pub(crate) fn saw_all_tags(&self, tags: &[Tag], pages: usize) {
        let mut list = lock(&self.tagged.list);
        list.take_all(tags, pages);
        if !list.made.is_empty() {
            self.host.set_shows_made_tags();
        }
    }

    /// Which of `tags`, made from one digest, the repository has; `None` where its list does not
    /// tell, so that each is to be asked for. The first call reads the list while all others
    /// wait. No more pages are read than requests are saved.
    ///
    /// # Errors
    /// [`Class::Interrupted`].
    pub(crate) fn listed_tags(&self, tags: &[Tag]) -> Result<Option<Vec<Tag>>> {
        if !self.shared.settings.tag_lists || self.host.hides_tags() {
            return Ok(None);
        }
        self.tagged.worth.fetch_add(tags.len(), Ordering::Relaxed);
        let mut list = lock(&self.tagged.list);
        while matches!(list.state, TagListState::Unread | TagListState::Begun(_)) {
            if list.pages >= MAX_PAGES {
                list.state = TagListState::Useless;
            } else if list.pages < self.tagged.worth.load(Ordering::Relaxed) {
                self.read_page(&mut list)?;
            } else {
                break;
            }
        }
        if let Some(last) = list.may_go_on()
            && list.pages < self.tagged.worth.load(Ordering::Relaxed)
        {
            list.is_last = Some(self.ends_with(&last, list.entries())?);
        }
        let there = |tag: &&Tag| list.made.contains(tag.as_str());
        Ok(list.is_whole().then(|| tags.iter().filter(there).cloned().collect()))
    }

    /// How far a list that shows `listed` of the tags for `subject` is not believed to show all.
    pub(crate) fn doubt(&self, subject: Digest, listed: Option<&[Tag]>) -> Doubt {
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
    fn read_page(&self, list: &mut TagList) -> Result<()> {
        let mut call = self.list_of_tags();
        if let TagListState::Begun(next) = std::mem::take(&mut list.state) {
            call.target = CallTarget::Url(next);
        }
        list.pages += 1;
        list.state = match self.page_of_tags(&call, &mut list.trail) {
            Ok(Some((tags, next))) => {
                list.take(tags);
                if !list.made.is_empty() {
                    self.host.set_shows_made_tags();
                }
                next.map_or(TagListState::Read, TagListState::Begun)
            }
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Ok(None) | Err(_) => TagListState::Useless,
        };
        Ok(())
    }

    /// Whether nothing comes behind `last`, with which a list of so many `entries` ended without a link to
    /// more of it. A registry that knows pages has none behind it; one that knows none gives the same
    /// list again. Any other answer says that there may be more.
    fn ends_with(&self, last: &Tag, entries: usize) -> Result<bool> {
        let call = self.list_of_tags_behind(last);
        match self.page_of_tags(&call, &mut Trail::default()) {
            Ok(Some((tags, None))) => {
                let is_same =
                    tags.len() == entries && tags.last().is_some_and(|tag| last.as_str() == tag);
                Ok(tags.is_empty() || is_same)
            }
            Err(error) if error.class() == Class::Interrupted => Err(error),
            Ok(_) | Err(_) => Ok(false),
        }
    }

    fn page_of_tags(
        &self,
        call: &Call<'_>,
        trail: &mut Trail,
    ) -> Result<Option<(Vec<String>, Option<Url>)>> {
        let mut answer = self.call(call)?;
        if answer.status != 200 || answer.is_remembered() {
            answer.discard();
            return Ok(None);
        }
        let bytes = self.read_document(&call.what, &mut answer)?;
        let Ok(page) = serde_json::from_slice::<TagsPage>(&bytes) else { return Ok(None) };
        let tags: Vec<String> = page.texts().collect();
        let next = self.next_page(&call.what, &answer, (&bytes, tags.len()), trail)?;
        Ok(Some((tags, next)))
    }
}
