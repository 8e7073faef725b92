//! [`Trail`]: what was read of a list in pages, so that every list ends.

use std::collections::BTreeSet;

use crate::places::registry::http::url::Url;
use crate::words::digest::Digest;

/// How many pages of one list are followed. With a thousand entries a page this is far beyond
/// every real repository; a registry that never ends its list ends here.
pub(crate) const MAX_PAGES: usize = 1000;
/// How many pages without any entry are followed in a row. A registry that looks through a page
/// before it gives it out may leave some empty.
const MAX_EMPTY: usize = 20;

/// The pages of one list that were read.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// Their addresses, and what stood in those that had entries.
    addresses: BTreeSet<Digest>,
    contents: BTreeSet<Digest>,
    empty: usize,
}

impl Trail {
    /// Notes that the page at `from` was read, `bytes` with so many `entries`, and names `next` as
    /// the one after it.
    ///
    /// # Errors
    /// Why that one is not to be asked for, for people.
    pub(crate) fn goes_on(
        &mut self,
        from: &Url,
        bytes: &[u8],
        entries: usize,
        next: &Url,
    ) -> Result<(), String> {
        let address = |url: &Url| Digest::of(url.to_string().as_bytes());
        self.addresses.insert(address(from));
        self.empty = if entries == 0 { self.empty + 1 } else { 0 };
        let again = entries > 0 && !self.contents.insert(Digest::of(bytes));
        let why = match self.addresses.len() {
            _ if *from == *next => "a page names itself as the next one".to_owned(),
            _ if again || self.addresses.contains(&address(next)) => {
                "its pages lead round in a circle".to_owned()
            }
            _ if self.empty > MAX_EMPTY => {
                format!("more than {MAX_EMPTY} pages in a row have nothing in them")
            }
            MAX_PAGES.. => format!("more than {MAX_PAGES} pages"),
            _ => return Ok(()),
        };
        Err(format!("the list does not end: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Page = fn(usize) -> (usize, String, usize);

    /// How many pages are read of a list whose page N is `page(N)`: its address, what stands in
    /// it, and how many entries that is.
    fn read(page: Page) -> (usize, String) {
        let url = |n: usize| Url::parse(&format!("https://h/v2/a/tags/list?last={n}")).unwrap();
        let mut trail = Trail::default();
        for n in 0.. {
            let (at, bytes, entries) = page(n);
            let next = url(page(n + 1).0);
            if let Err(why) = trail.goes_on(&url(at), bytes.as_bytes(), entries, &next) {
                return (n + 1, why);
            }
        }
        unreachable!()
    }

    #[test]
    fn every_list_ends() {
        for (page, pages, why) in [
            ((|n| (0, n.to_string(), 1)) as Page, 1, "itself"),
            (|n| (n % 3, n.to_string(), 1), 3, "circle"),
            (|n| (if n < 5 { n } else { 3 + (n + 1) % 2 }, n.to_string(), 1), 5, "circle"),
            (|n| (n, (n % 4).to_string(), 1), 5, "circle"),
            (|n| (n, "same".to_owned(), 1), 2, "circle"),
            (|n| (n, String::new(), 0), 21, "nothing in them"),
            (|n| (n, n.to_string(), n % 20), 1000, "more than 1000 pages"),
        ] {
            let (read, said) = read(page);
            assert_eq!(read, pages, "{said}");
            assert!(said.contains(why) && said.contains("does not end"), "{said}");
        }
    }
}
