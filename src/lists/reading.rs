//! [`Reading`]: what a list says.

use super::entry::Entry;
use super::list_text::ListText;
use super::spot::Spot;
use super::yaml::{self, Node};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error};

/// Most wishes of one list, and most faults and notes that are kept of it: a hundred thousand names are
/// carried at most.
pub(super) const MAX_ENTRIES: usize = 200_000;

/// What a list says.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Reading {
    /// What it asks for, in its order.
    pub entries: Vec<Entry>,
    /// What is worth knowing and keeps nothing from going on, as in a service that is only built.
    pub notes: Vec<(Spot, String)>,
    /// What is wrong: nothing moves then.
    pub faults: Vec<(Spot, Error)>,
    /// The digests of the files that are locks: whatever is made of them says so.
    pub locks: Vec<Digest>,
    is_full: bool,
}

impl Reading {
    /// Asks for the image called `name`.
    pub fn image(&mut self, name: impl Into<String>, spot: Spot) {
        self.add(Entry::image(name, spot));
    }

    /// Adds a wish.
    pub fn add(&mut self, entry: Entry) {
        match self.entries.len() < MAX_ENTRIES {
            true => self.entries.push(entry),
            // Said once, not of each that is too many.
            false if self.is_full => {}
            false => {
                self.is_full = true;
                let text = format!("asks for more than {MAX_ENTRIES} images");
                self.fault(entry.spot, Error::new(Class::Usage, text).hint("make several lists"));
            }
        }
    }

    /// Notes something about `spot`.
    pub fn note(&mut self, spot: Spot, text: impl Into<String>) {
        if self.notes.len() < MAX_ENTRIES {
            self.notes.push((spot, text.into()));
        }
    }

    /// Says what is wrong at `spot`.
    pub fn fault(&mut self, spot: Spot, error: Error) {
        if self.faults.len() < MAX_ENTRIES {
            self.faults.push((spot, error));
        }
    }

    /// Says that `text` is wrong at `spot`, with the way `out`.
    pub fn wrong(&mut self, spot: Spot, text: impl Into<String>, out: impl Into<String>) {
        self.fault(spot, Error::new(Class::Usage, text.into()).hint(out.into()));
    }

    /// Asks for the image that `node` of `list` names, or says there that it names none.
    pub(super) fn image_at(&mut self, list: &ListText, node: &Node, what: impl Into<String>) {
        self.image_named(node.text(), list.spot(node.line(), what));
    }

    /// Asks for the image called `name` at `spot`, or says there that it is none.
    pub(super) fn image_named(&mut self, name: Option<&str>, spot: Spot) {
        match name.map(str::trim) {
            Some(name) if name.contains("{{") => {
                let out = "render it first, or name the image in a plain list";
                self.wrong(spot, format!("{name} is a template"), out);
            }
            Some(name) if !name.is_empty() => self.image(name, spot),
            _ => self.wrong(spot, "names no image", "write one, or leave it out"),
        }
    }

    /// The documents of `list` that say anything, up to what is no YAML, which is a fault.
    pub(super) fn documents(&mut self, list: &ListText) -> Vec<Node> {
        let mut documents = Vec::new();
        for document in yaml::documents(list.text()) {
            match document {
                Ok(document) if document.is_null() => {}
                Ok(document) => documents.push(document),
                Err(fault) => self.fault(list.spot(fault.line, ""), fault.into_error()),
            }
        }
        documents
    }

    /// The document of `list`, where there is one that says anything; that it is read alone is noted.
    pub(super) fn only_document(&mut self, list: &ListText) -> Option<Node> {
        let mut documents =
            yaml::documents(list.text()).filter(|it| !matches!(it, Ok(node) if node.is_null()));
        let first = documents.next()?;
        match (&first, documents.next()) {
            (Ok(_), Some(Ok(second))) => {
                let text = "is not read: of such a file the first document counts";
                self.note(list.spot(second.line(), ""), text);
            }
            (Ok(_), Some(Err(fault))) => self.fault(list.spot(fault.line, ""), fault.into_error()),
            _ => {}
        }
        first.map_err(|fault| self.fault(list.spot(fault.line, ""), fault.into_error())).ok()
    }

    /// Adds all of `other`.
    pub fn join(&mut self, other: Reading) {
        other.entries.into_iter().for_each(|entry| self.add(entry));
        self.notes.extend(other.notes);
        self.faults.extend(other.faults);
        self.locks.extend(other.locks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_list_is_too_long_is_said_once() {
        let list = ListText::new("l.txt", None, "");
        let mut reading = Reading::default();

        (1..MAX_ENTRIES + 9).for_each(|line| reading.image("a", list.spot(line, "")));

        assert_eq!((reading.entries.len(), reading.faults.len()), (MAX_ENTRIES, 1));
        assert_eq!(reading.faults[0].0.line, MAX_ENTRIES + 1);
    }
}
