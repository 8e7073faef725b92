//! Lists that come in pages (distribution-spec, "Listing Tags"; RFC 8288).

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use ureq::http::Method;

use super::trail::Trail;
use crate::places::registry::call::{Call, CallTarget};
use crate::places::registry::fault::unusable::is_page;
use crate::places::registry::http::answer::Answer;
use crate::places::registry::http::url::Url;
use crate::places::registry::session::Session;
use crate::words::count::are;
use crate::words::document::MAX_DOCUMENT;
use crate::words::error::{Class, Result, Side};
use crate::words::progress::Event;
use crate::words::reference::Tag;

/// How many tags of one repository are taken. The largest public ones have some ten thousand; a
/// registry that sends millions would fill memory.
const MAX_TAGS: usize = 200_000;
/// Entries asked for at once, the most that common registries give.
const PAGE: usize = 1000;

/// Largest page of a list of tags. Some registries know no pages, and send all tags at once: as
/// many as are taken, each as long as a tag may be.
const MAX_LIST: u64 = 32 << 20;
/// How many of the entries that are no tags are shown, and how much of each.
const SHOWN: usize = 3;
const MAX_SHOWN: usize = 80;

/// Tags in the pages of a list that were read.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct TagPages {
    /// The tags, in the registry's order.
    pub tags: Vec<Tag>,
    /// Whether there are more pages.
    pub more: bool,
}

/// A page of a list of tags.
#[derive(Deserialize)]
pub(crate) struct TagsPage {
    // `null` for a repository without tags, from registries written in Go.
    tags: Option<TagEntries>,
}

impl TagsPage {
    /// The entries that are text, as they stand there.
    pub(crate) fn texts(self) -> impl Iterator<Item = String> {
        self.entries().flatten()
    }

    fn entries(self) -> impl Iterator<Item = Option<String>> {
        self.tags.into_iter().flat_map(|entries| entries.0)
    }
}

/// The entries; `None` stands for one that is no text. One more than are taken ends the list, so
/// that nobody fills memory with them.
struct TagEntries(Vec<Option<String>>);

impl<'de> Deserialize<'de> for TagEntries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TagEntries, D::Error> {
        struct TagsVisitor;
        impl<'de> Visitor<'de> for TagsVisitor {
            type Value = TagEntries;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tags")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TagEntries, A::Error> {
                let mut out = Vec::new();
                while let Some(TagEntry(entry)) = list.next_element()? {
                    if out.len() <= MAX_TAGS {
                        out.push(entry);
                    }
                }
                Ok(TagEntries(out))
            }
        }
        deserializer.deserialize_seq(TagsVisitor)
    }
}

struct TagEntry(Option<String>);

impl<'de> Deserialize<'de> for TagEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TagEntry, D::Error> {
        struct AnyVisitor;
        impl<'de> Visitor<'de> for AnyVisitor {
            type Value = TagEntry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_str<E>(self, text: &str) -> Result<TagEntry, E> {
                Ok(TagEntry(Some(text.to_owned())))
            }
            fn visit_bool<E>(self, _: bool) -> Result<TagEntry, E> {
                Ok(TagEntry(None))
            }
            fn visit_i64<E>(self, _: i64) -> Result<TagEntry, E> {
                Ok(TagEntry(None))
            }
            fn visit_u64<E>(self, _: u64) -> Result<TagEntry, E> {
                Ok(TagEntry(None))
            }
            fn visit_f64<E>(self, _: f64) -> Result<TagEntry, E> {
                Ok(TagEntry(None))
            }
            fn visit_unit<E>(self) -> Result<TagEntry, E> {
                Ok(TagEntry(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TagEntry, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(TagEntry(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TagEntry, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(TagEntry(None))
            }
        }
        deserializer.deserialize_any(AnyVisitor)
    }
}

impl Session {
    /// All tags of the repository, in the registry's order. Entries that are none, such as the
    /// digests of images without a tag, are told of and left out.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is no such source; a destination that is not there has none.
    pub(crate) fn tags(&self) -> Result<Vec<Tag>> {
        self.first_tags(usize::MAX, &mut || Ok(())).map(|read| read.tags)
    }

    /// Those of the first `most` pages, before each of which but the first `ask` is asked.
    ///
    /// # Errors
    /// As for [`tags`](Session::tags), and those of `ask`.
    pub(crate) fn first_tags(
        &self,
        most: usize,
        ask: &mut dyn FnMut() -> Result<()>,
    ) -> Result<TagPages> {
        let mut call = self.list_of_tags();
        let (mut tags, mut odd, mut trail) = (Vec::new(), Vec::new(), Trail::default());
        let (mut pages, mut is_fresh) = (1, true);
        loop {
            let mut answer = self.call(&call)?;
            is_fresh &= !answer.is_remembered();
            if answer.status == 404 && self.end.side == Side::Destination {
                answer.discard();
                return Ok(TagPages { tags, more: false });
            }
            if answer.status != 200 {
                return Err(self.end.refusal(&call.what, answer));
            }
            let bytes = self.read_body(&call.what, &mut answer, MAX_LIST)?;
            let page: TagsPage = serde_json::from_slice(&bytes).map_err(|_| {
                self.end.unusable(&call.what, "a list of tags", is_page(&bytes), "it has none")
            })?;
            let before = tags.len() + odd.len();
            for entry in page.entries() {
                match entry.as_deref().map(str::parse) {
                    Some(Ok(tag)) => tags.push(tag),
                    _ => odd.push(entry),
                }
            }
            if tags.len() + odd.len() > MAX_TAGS {
                let why = format!("more than {MAX_TAGS} tags");
                return Err(self.end.error(Class::Damaged, &call.what, why));
            }
            let entries = tags.len() + odd.len() - before;
            match self.next_page(&call.what, &answer, (&bytes, entries), &mut trail)? {
                Some(next) if pages < most => {
                    ask()?;
                    pages += 1;
                    call.target = CallTarget::Url(next);
                }
                next => {
                    self.tell_of_odd(&call.what, &odd);
                    if next.is_none() && odd.is_empty() && is_fresh && self.end.side == Side::Source
                    {
                        self.saw_all_tags(&tags, pages);
                    }
                    return Ok(TagPages { tags, more: next.is_some() });
                }
            }
        }
    }

    /// The question for the first page of the tags.
    pub(crate) fn list_of_tags(&self) -> Call<'static> {
        self.question_for_tags(&format!("n={PAGE}"))
    }

    /// The question for one tag behind `last`.
    pub(crate) fn list_of_tags_behind(&self, last: &Tag) -> Call<'static> {
        self.question_for_tags(&format!("n=1&last={last}"))
    }

    fn question_for_tags(&self, query: &str) -> Call<'static> {
        let what = format!("tags of {}", self.repository);
        let mut call = self.read(Method::GET, format!("tags/list?{query}"), what);
        // What a cache between here and there remembers may be older than a signature.
        call.headers.push(("cache-control", "no-cache".to_owned()));
        call
    }

    fn tell_of_odd(&self, what: &str, odd: &[Option<String>]) {
        if odd.is_empty() {
            return;
        }
        let shown = odd.iter().take(SHOWN).map(|entry| match entry {
            Some(text) => format!("{:?}", text.chars().take(MAX_SHOWN).collect::<String>()),
            None => "one that is no text".to_owned(),
        });
        let text = format!(
            "{}: {what}: {} that {} no tag and {} left out: {}{}",
            self.end,
            match odd.len() {
                1 => "1 entry".to_owned(),
                more => format!("{more} entries"),
            },
            are(odd.len()),
            are(odd.len()),
            shown.collect::<Vec<_>>().join(", "),
            if odd.len() > SHOWN { ", ..." } else { "" }
        );
        self.shared.progress.event(Event::note(text));
    }

    /// A body of at most [`MAX_DOCUMENT`] bytes.
    ///
    /// # Errors
    /// [`Class::Refused`] when it is larger.
    pub(crate) fn read_document(&self, what: &str, answer: &mut Answer) -> Result<Vec<u8>> {
        self.read_body(what, answer, MAX_DOCUMENT)
    }

    fn read_body(&self, what: &str, answer: &mut Answer, most: u64) -> Result<Vec<u8>> {
        let bytes = answer.read_all(most).map_err(|e| self.end.broken_off(what, e))?;
        let bytes = bytes.ok_or_else(|| self.end.too_much(what, most))?;
        // What has no length ends well where a stop closed the connection.
        self.shared.progress.check()?;
        match answer.encoding() {
            // What begins as JSON does is not compressed, whatever is said of it.
            Some(encoding) if !matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) => {
                Err(self.end.compressed(what, encoding))
            }
            _ => Ok(bytes),
        }
    }

    /// The page after `answer`, which had these bytes and so many entries in them. Registries behind proxies do not know what they are called: the
    /// link of some leads to an inner host or to http, and Artifactory's lacks the part of the path
    /// that its proxy adds. So it is followed where the answer came from, and only its query counts
    /// where it goes on with the same list.
    ///
    /// # Errors
    /// [`Class::Damaged`] where it has no address, or the list does not end.
    pub(crate) fn next_page(
        &self,
        what: &str,
        answer: &Answer,
        (bytes, entries): (&[u8], usize),
        trail: &mut Trail,
    ) -> Result<Option<Url>> {
        let links = answer.headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
        let Some(next) = links.into_iter().find_map(next_link) else { return Ok(None) };
        let next = next.replace(' ', "%20");
        let next = answer.url.join(&next).and_then(|url| answer.url.with_page(&url));
        let no_address = || "the next page has no address".to_owned();
        next.ok_or_else(no_address)
            .and_then(|url| trail.goes_on(&answer.url, bytes, entries, &url).map(|()| Some(url)))
            .map_err(|why| {
                self.end
                    .error(Class::Damaged, what, why)
                    .hint("nothing is taken of such a list; ask whoever runs the registry")
            })
    }
}

/// The target of the link with `rel="next"` in a `Link` header.
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    if !header.contains('<') {
        // Without the brackets, as a few write it.
        let (target, params) = header.split_once(';')?;
        return is_next(params).then_some(target.trim());
    }
    while let Some((_, after)) = rest.split_once('<') {
        let (target, params) = after.split_once('>')?;
        // A comma inside of a target is behind us; one inside of a quoted value would only end
        // the parameters early.
        let end = params.find(",<").or_else(|| params.find(", <")).unwrap_or(params.len());
        if is_next(&params[..end]) {
            return Some(target);
        }
        rest = &params[end..];
    }
    None
}

/// Whether the parameters of a link say that it leads to the next page.
fn is_next(params: &str) -> bool {
    params.split(';').any(|param| {
        let Some((name, value)) = param.split_once('=') else { return false };
        let mut kinds = value.trim().trim_matches('"').split_ascii_whitespace();
        name.trim().eq_ignore_ascii_case("rel") && kinds.any(|k| k.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_a_link() {
        for (header, next) in [
            (r#"</v2/a/tags/list?last=b&n=2>; rel="next""#, Some("/v2/a/tags/list?last=b&n=2")),
            ("<https://h/x>;REL=next", Some("https://h/x")),
            (r#"</p>; rel="prev", </n,1>; title="a"; rel="next""#, Some("/n,1")),
            (r#"</p>; rel="prev""#, None),
            (r#"/v2/a/tags/list?last=b; rel="next""#, Some("/v2/a/tags/list?last=b")),
            ("/v2/a/tags/list?last=b", None),
            ("</x", None),
            ("", None),
        ] {
            assert_eq!(next_link(header), next, "{header}");
        }
    }
}
