//! [`Macros`]: what names stand for in a submit file, and texts with them replaced.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crate::lists::around::Around;

/// Longest value; names of images have a few hundred characters, and names that double each other would
/// grow without end.
const MAX_LENGTH: usize = 4096;
/// How deep names lead to names at most.
const MAX_DEPTH: usize = 16;
/// Most names that one text leads to.
const MAX_STEPS: usize = 1_000;

/// What a job or its machine alone knows.
const LATER: [&str; 18] = [
    "cluster",
    "clusterid",
    "process",
    "procid",
    "step",
    "row",
    "itemindex",
    "node",
    "submit_file",
    "submit_time",
    "year",
    "month",
    "day",
    "arch",
    "opsys",
    "opsysver",
    "opsysandver",
    "opsysmajorver",
];

/// What names stand for, each with the line that says so; nothing where it is too long for an image's name.
#[derive(Debug, Default)]
pub(super) struct Macros(HashMap<String, (usize, Option<String>)>);

impl Macros {
    /// Sets `name`; what it stood for before takes its place in `value`.
    pub(super) fn set(&mut self, name: String, line: usize, value: String) {
        let own = format!("$({name})");
        let short = Some(value).filter(|it| it.len() <= MAX_LENGTH);
        let before = self.0.get(&name).map(|(_, value)| value.as_deref());
        let value = match short {
            Some(value) if value.to_ascii_lowercase().contains(&own) => match before {
                Some(None) => None,
                Some(Some(before)) => Some(replaced(&value, &own, before)),
                None => Some(replaced(&value, &own, "")),
            },
            other => other,
        };
        self.0.insert(name, (line, value.filter(|it| it.len() <= MAX_LENGTH)));
    }

    /// What `name` stands for, and its line.
    pub(super) fn get(&self, name: &str) -> Option<(usize, Option<&str>)> {
        self.0.get(name).map(|(line, value)| (*line, value.as_deref()))
    }
}

fn too_long() -> String {
    format!("it is longer than {MAX_LENGTH} characters")
}

/// `text` with `new` in place of `old`, in capitals or not.
fn replaced(text: &str, old: &str, new: &str) -> String {
    let (mut made, mut rest) = (String::new(), text);
    while let Some(at) = rest.to_ascii_lowercase().find(old) {
        if made.len() > MAX_LENGTH {
            break;
        }
        made.extend([&rest[..at], new]);
        rest = &rest[at + old.len()..];
    }
    made.push_str(rest);
    made
}

/// Texts with their names replaced.
pub(super) struct Expansion<'a> {
    pub(super) macros: &'a Macros,
    pub(super) around: &'a dyn Around,
    /// What an item sets, each with its value.
    pub(super) item: Vec<(&'a str, &'a str)>,
    steps: Cell<usize>,
    asked: RefCell<bool>,
}

impl<'a> Expansion<'a> {
    pub(super) fn new(
        macros: &'a Macros,
        around: &'a dyn Around,
        item: Vec<(&'a str, &'a str)>,
    ) -> Expansion<'a> {
        Expansion { macros, around, item, steps: Cell::new(0), asked: RefCell::new(false) }
    }

    /// Whether any text needed what an item sets.
    pub(super) fn has_asked_the_item(&self) -> bool {
        *self.asked.borrow()
    }

    /// `text` with its names replaced.
    ///
    /// # Errors
    /// Why it cannot be worked out.
    pub(super) fn of(&self, text: &str) -> Result<String, String> {
        self.steps.set(0);
        self.at(text, 0)
    }

    fn at(&self, text: &str, depth: usize) -> Result<String, String> {
        self.steps.set(self.steps.get() + 1);
        if depth > MAX_DEPTH || self.steps.get() > MAX_STEPS {
            return Err("its names lead to names without end".to_owned());
        }
        let (mut made, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('$') {
            made.push_str(&rest[..at]);
            let behind = &rest[at + 1..];
            let name_end = behind
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(behind.len());
            let (function, from) = behind.split_at(name_end);
            if let Some(inner) = behind.strip_prefix("$(") {
                let shown: String = inner.chars().take_while(|c| *c != ')').take(40).collect();
                return Err(format!("$$({shown}) is known on the machine of a job alone"));
            }
            let Some(body) = from.strip_prefix('(') else {
                made.push('$');
                rest = behind;
                continue;
            };
            let end = closing(body).ok_or("a parenthesis is not closed")?;
            rest = &body[end + 1..];
            let (name, default) = match body[..end].split_once(':') {
                Some((name, default)) => (name.trim(), Some(default)),
                None => (body[..end].trim(), None),
            };
            made.push_str(&match function {
                "" => self.name(name, default, depth)?,
                "ENV" => match (self.around.variable(name), default) {
                    (Some(value), _) => value,
                    (None, Some(default)) => self.at(default, depth + 1)?,
                    (None, None) => return Err(format!("the environment has no {name}")),
                },
                _ => return Err(format!("${function}(...) is not worked out here")),
            });
            if made.len() > MAX_LENGTH {
                return Err(too_long());
            }
        }
        made.push_str(rest);
        Ok(made)
    }

    fn name(&self, name: &str, default: Option<&str>, depth: usize) -> Result<String, String> {
        let known = name.to_ascii_lowercase();
        if let Some((_, value)) = self.item.iter().find(|(set, _)| *set == known) {
            *self.asked.borrow_mut() = true;
            return self.at(value, depth + 1);
        }
        match (self.macros.get(&known), default) {
            (Some((_, Some(value))), _) => self.at(value, depth + 1),
            (Some((_, None)), _) => Err(too_long()),
            _ if known == "dollar" => Ok("$".to_owned()),
            _ if LATER.contains(&known.as_str()) => {
                Err(format!("$({name}) is known when it is submitted alone"))
            }
            (None, Some(default)) => self.at(default, depth + 1),
            (None, None) => Err(format!("$({name}) has no value in this file")),
        }
    }
}

/// Where the parenthesis is closed that `body` stands in.
fn closing(body: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in body.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}
