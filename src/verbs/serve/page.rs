//! Lists in pages (distribution-spec, "Listing Tags", end-8b).

use super::route::Page;

/// The order of every list: without regard to case, as the spec's "lexical order" says, and
/// between names that differ in nothing else by their bytes, so that each has one place.
pub fn key(text: &str) -> (String, &str) {
    (text.to_ascii_lowercase(), text)
}

/// The part of `sorted` (by [`key`]) that `page` asks for, and whether more follows it. The last
/// entry of a page need not exist any more for the next page to begin after it; zero entries are
/// an empty page that nothing follows.
pub fn cut<'a, T: AsRef<str>>(sorted: &'a [T], page: &Page) -> (&'a [T], bool) {
    let start = match &page.last {
        Some(last) => sorted.partition_point(|entry| key(entry.as_ref()) <= key(last)),
        None => 0,
    };
    let rest = &sorted[start..];
    match page.n {
        Some(n) if n < rest.len() => (&rest[..n], n > 0),
        _ => (rest, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_the_whole_list() {
        let mut tags = vec!["3.20", "edge", "Edge", "latest", "3.9", "sha256-ab", "B"];
        tags.sort_by(|a, b| key(a).cmp(&key(b)));
        assert_eq!(tags, ["3.20", "3.9", "B", "Edge", "edge", "latest", "sha256-ab"]);

        for n in 1..=8 {
            let (mut page, mut all) = (Page { n: Some(n), last: None }, Vec::new());
            loop {
                let (part, more) = cut(&tags, &page);
                all.extend_from_slice(part);
                assert!(part.len() <= n);
                page.last = part.last().map(|tag| (*tag).to_owned());
                if !more {
                    break;
                }
            }
            assert_eq!(all, tags, "{n} at a time");
        }
    }

    #[test]
    fn ends_of_a_list_are_no_special_case() {
        let tags = ["a", "c"];
        let page = |n, last: &str| Page { n, last: Some(last.to_owned()) };
        for (page, expected, more) in [
            (page(None, "b"), &tags[1..], false),
            (page(None, "c"), &[], false),
            (page(Some(1), "0"), &tags[..1], true),
            (page(Some(0), "0"), &[], false),
            (Page::default(), &tags[..], false),
            (Page { n: Some(2), last: None }, &tags[..], false),
            (Page { n: Some(usize::MAX), last: None }, &tags[..], false),
        ] {
            assert_eq!(cut(&tags, &page), (expected, more), "{page:?}");
        }
    }
}
