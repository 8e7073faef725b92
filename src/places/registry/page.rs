//! Lists that come in pages (distribution-spec, "Listing Tags"; RFC 8288).

use serde::Deserialize;
use ureq::http::Method;

use super::http::Answer;
use super::session::{Session, Target};
use super::url::Url;
use crate::words::document::MAX_DOCUMENT;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Tag;

/// How many pages of one list are followed. With a thousand entries a page this is far beyond
/// every real repository; a registry that never ends its list ends here.
pub(super) const MAX_PAGES: usize = 1000;
/// How many tags of one repository are taken. The largest public ones have some ten thousand; a
/// registry that sends millions would fill memory.
const MAX_TAGS: usize = 200_000;
/// Entries asked for at once, the most that common registries give.
const PAGE: usize = 1000;

#[derive(Deserialize)]
struct Tags {
    // `null` for a repository without tags, from registries written in Go.
    tags: Option<Vec<String>>,
}

impl Session {
    /// All tags of the repository, in the registry's order.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is no such repository.
    pub(super) fn tags(&self) -> Result<Vec<Tag>> {
        let what = format!("tags of {}", self.repository);
        let mut call = self.read(Method::GET, format!("tags/list?n={PAGE}"), what);
        let mut tags = Vec::new();
        for _ in 0..MAX_PAGES {
            let mut answer = self.call(&call)?;
            if answer.status != 200 {
                return Err(self.end.refusal(&call.what, answer));
            }
            let bytes = self.read_document(&call.what, &mut answer)?;
            let page: Tags = serde_json::from_slice(&bytes)
                .map_err(|_| self.end.error(Class::Damaged, &call.what, "no list of tags"))?;
            for tag in page.tags.unwrap_or_default() {
                let bad = |e: Error| self.end.error(Class::Damaged, &call.what, e.message());
                tags.push(tag.parse().map_err(bad)?);
            }
            if tags.len() > MAX_TAGS {
                let why = format!("more than {MAX_TAGS} tags");
                return Err(self.end.error(Class::Damaged, &call.what, why));
            }
            match self.next_page(&answer, &call.what)? {
                Some(next) => call.target = Target::Url(next),
                None => return Ok(tags),
            }
        }
        Err(self.end.error(Class::Damaged, &call.what, format!("more than {MAX_PAGES} pages")))
    }

    /// A body of at most [`MAX_DOCUMENT`] bytes.
    ///
    /// # Errors
    /// [`Class::Damaged`] when it is larger.
    pub(super) fn read_document(&self, what: &str, answer: &mut Answer) -> Result<Vec<u8>> {
        let bytes = answer.read_all(MAX_DOCUMENT).map_err(|e| {
            Error::io(format!("{}: {what}: cannot read the answer", self.end), e).transient()
        })?;
        bytes.ok_or_else(|| self.end.error(Class::Damaged, what, "larger than 4 MiB"))
    }

    /// The page after `answer`, which has to be at the same place.
    pub(super) fn next_page(&self, answer: &Answer, what: &str) -> Result<Option<Url>> {
        let links = answer.headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
        let Some(next) = links.into_iter().find_map(next_link) else { return Ok(None) };
        match answer.url.join(next).filter(|url| url.same_origin(&answer.url)) {
            Some(url) => Ok(Some(url)),
            None => Err(self.end.error(Class::Damaged, what, "the next page is elsewhere")),
        }
    }
}

/// The target of the link with `rel="next"` in a `Link` header.
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, params) = after.split_once('>')?;
        // A comma inside of a target is behind us; one inside of a quoted value would only end
        // the parameters early.
        let end = params.find(",<").or_else(|| params.find(", <")).unwrap_or(params.len());
        let is_next = params[..end].split(';').any(|param| {
            let Some((name, value)) = param.split_once('=') else { return false };
            let mut kinds = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel") && kinds.any(|k| k.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target);
        }
        rest = &params[end..];
    }
    None
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
            ("</x", None),
            ("", None),
        ] {
            assert_eq!(next_link(header), next, "{header}");
        }
    }
}
