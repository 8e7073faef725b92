//! [`ListFormat`]: a kind of list, and how it is told from others.

use std::fmt::Debug;

use super::around::Around;
use super::list_text::ListText;
use super::lock_file::LockFile;
use super::plain::Plain;
use super::reading::Reading;
use crate::words::error::{Class, Error, Result};

/// A kind of list.
pub trait ListFormat: Debug + Send + Sync {
    /// What it is called on a command line, as in `compose`.
    fn name(&self) -> &'static str;

    /// What it is, as in `a Compose file`.
    fn title(&self) -> &'static str;

    /// Whether `list` is one, by what it says.
    fn is(&self, list: &ListText) -> bool;

    /// What `lists` ask for. It is one list, but where [`merges`](ListFormat::merges).
    fn read(&self, lists: &[ListText], around: &dyn Around) -> Reading;

    /// Whether lists in one folder belong together, each over those before it.
    fn merges(&self) -> bool {
        false
    }
}

/// All of them. The first that a list is one of decides; the last one is any.
pub const FORMATS: &[&dyn ListFormat] = &[&LockFile, &Plain];

/// The format that is called `name`.
///
/// # Errors
/// [`Class::Usage`] where none is.
pub fn named(name: &str) -> Result<&'static dyn ListFormat> {
    FORMATS.iter().copied().find(|format| format.name() == name).ok_or_else(|| {
        let all: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
        Error::new(Class::Usage, format!("{name:?} is no kind of list"))
            .hint(format!("it is one of {}", all.join(", ")))
    })
}

/// What kind of list this is, by what it says.
#[must_use]
pub fn format_of(list: &ListText) -> &'static dyn ListFormat {
    FORMATS.iter().copied().find(|format| format.is(list)).unwrap_or(&Plain)
}

/// What `lists` ask for, each of the kind `all` where one is given, else of its own; in their order.
#[must_use]
pub fn read(
    lists: &[ListText],
    all: Option<&'static dyn ListFormat>,
    around: &dyn Around,
) -> Reading {
    let mut groups: Vec<(&'static dyn ListFormat, Vec<ListText>)> = Vec::new();
    for list in lists {
        let format = all.unwrap_or_else(|| format_of(list));
        let folder =
            |list: &ListText| list.path().and_then(|path| path.parent().map(ToOwned::to_owned));
        let known = groups.iter_mut().find(|(other, lists)| {
            format.merges()
                && other.name() == format.name()
                && lists.first().map(folder) == Some(folder(list))
        });
        match known {
            Some((_, lists)) => lists.push(list.clone()),
            None => groups.push((format, vec![list.clone()])),
        }
    }
    let mut reading = Reading::default();
    for (format, lists) in groups {
        match lists
            .first()
            .filter(|_| all.is_none() && format.name() == Plain.name())
            .and_then(unknown)
        {
            Some((line, error)) => {
                let spot = lists[0].spot(line, "");
                reading.fault(spot, error);
            }
            None => reading.join(format.read(&lists, around)),
        }
    }
    reading
}

/// That `list` is no plain one either, though it is no other kind that is known: YAML of a kind that nobody
/// knows, or broken.
fn unknown(list: &ListText) -> Option<(usize, Error)> {
    let names_yaml = [".yaml", ".yml", ".json"].iter().any(|end| list.file_name().ends_with(end));
    let looks_so = || {
        list.text().lines().any(|line| {
            let key =
                line.split_once(':').filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
            line.starts_with(['{', '['])
                || line == "---"
                || key.is_some_and(|(key, _)| {
                    !key.is_empty() && !key.contains([' ', '#', '/', '.', '\t'])
                })
        })
    };
    match list.first_document() {
        Ok(Some(node)) if node.is_map() => {
            let text = "is YAML, and of no kind that names images";
            let error = Error::new(Class::Usage, text);
            Some((node.line(), error.hint("say which kind it is, if it is one that is known")))
        }
        Err(fault) if names_yaml || looks_so() => Some((fault.line, fault.clone().into_error())),
        _ => None,
    }
}
