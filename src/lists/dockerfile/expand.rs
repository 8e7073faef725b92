//! [`expand`]: a word with its variables replaced, as BuildKit does it.

use std::collections::HashMap;

use crate::words::glob::fits;

/// Longest value; names of images have a few hundred characters, and arguments that double each other
/// would grow without end.
const MAX_LENGTH: usize = 4096;
/// Longest value that a pattern is tried on at each place.
const MAX_TRIED: usize = 128;
/// How deep `${A:-${B}}` nests at most.
const MAX_DEPTH: usize = 16;
/// What stands for text that nobody knows; no name has it.
const ANY: &str = "*";

/// What each build sets by itself, for the platform that it is on or for.
const OF_BUILDER: [&str; 11] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDOSVERSION",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETOSVERSION",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
];

/// A text, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    /// With nothing in place of what has no value.
    pub(super) text: String,
    /// With `*` there.
    pub(super) shape: String,
    /// The variables that have no value.
    pub(super) missing: Vec<String>,
}

impl Expanded {
    fn push(&mut self, c: char) {
        self.text.push(c);
        self.shape.push(c);
    }

    fn add(&mut self, other: Expanded) -> Result<(), String> {
        self.text.push_str(&other.text);
        self.shape.push_str(&other.shape);
        self.missing.extend(other.missing);
        self.missing.truncate(OF_BUILDER.len());
        match self.shape.len() > MAX_LENGTH {
            true => Err(format!("it is longer than {MAX_LENGTH} characters")),
            false => Ok(()),
        }
    }

    fn of(text: String) -> Expanded {
        Expanded { shape: text.clone(), text, missing: Vec::new() }
    }

    fn unknown(name: &str, text: &str) -> Expanded {
        Expanded { text: text.to_owned(), shape: ANY.to_owned(), missing: vec![name.to_owned()] }
    }
}

/// The arguments that are set.
#[derive(Debug, Default)]
pub(super) struct Args(HashMap<String, Expanded>);

impl Args {
    pub(super) fn set(&mut self, name: &str, value: Expanded) {
        self.0.insert(name.to_owned(), value);
    }

    /// Whether each build sets `name` by itself.
    pub(super) fn is_of_builder(name: &str) -> bool {
        OF_BUILDER.contains(&name)
    }

    fn get(&self, name: &str) -> Option<Expanded> {
        let set = self.0.get(name).cloned();
        set.or_else(|| Args::is_of_builder(name).then(|| Expanded::unknown(name, ANY)))
    }
}

/// `word` with its variables replaced by `args` and its quotes left out.
///
/// # Errors
/// Why it cannot be worked out.
pub(super) fn expand(word: &str, escape: char, args: &Args) -> Result<Expanded, String> {
    let mut chars = word.chars();
    Expansion { escape, args }.until(&mut chars, None, false, 0)
}

struct Expansion<'a> {
    escape: char,
    args: &'a Args,
}

type Rest<'a> = std::str::Chars<'a>;

fn peek(rest: &Rest<'_>) -> Option<char> {
    rest.clone().next()
}

impl Expansion<'_> {
    /// Up to `stop`, which is taken along, or to the end.
    fn until(
        &self,
        rest: &mut Rest<'_>,
        stop: Option<char>,
        keeps_escapes: bool,
        depth: usize,
    ) -> Result<Expanded, String> {
        let mut known = Expanded::default();
        if depth > MAX_DEPTH {
            return Err("its variables nest too deep".to_owned());
        }
        while let Some(c) = rest.next() {
            match c {
                _ if Some(c) == stop => return Ok(known),
                '\'' => loop {
                    match rest.next().ok_or("a single quote is not closed")? {
                        '\'' => break,
                        inner => known.push(inner),
                    }
                },
                '"' => known.add(self.quoted(rest, depth)?)?,
                '$' => known.add(self.variable(rest, depth)?)?,
                _ if c == self.escape => {
                    if keeps_escapes {
                        known.push(c);
                    }
                    if let Some(escaped) = rest.next() {
                        known.push(escaped);
                    }
                }
                _ => known.push(c),
            }
        }
        match stop {
            Some(stop) => Err(format!("{stop:?} is missing")),
            None => Ok(known),
        }
    }

    /// What is in double quotes, behind the first one.
    fn quoted(&self, rest: &mut Rest<'_>, depth: usize) -> Result<Expanded, String> {
        let mut known = Expanded::default();
        loop {
            match rest.next().ok_or("a double quote is not closed")? {
                '"' => return Ok(known),
                '$' => known.add(self.variable(rest, depth)?)?,
                c if c == self.escape => match rest.next() {
                    Some(escaped) if escaped == '"' || escaped == '$' || escaped == self.escape => {
                        known.push(escaped);
                    }
                    Some(other) => {
                        known.push(c);
                        known.push(other);
                    }
                    None => known.push(c),
                },
                c => known.push(c),
            }
        }
    }

    /// What is behind a dollar.
    fn variable(&self, rest: &mut Rest<'_>, depth: usize) -> Result<Expanded, String> {
        if peek(rest) != Some('{') {
            let name = name(rest);
            return Ok(match name.is_empty() {
                true => Expanded::of("$".to_owned()),
                false => self.args.get(&name).unwrap_or_else(|| Expanded::unknown(&name, "")),
            });
        }
        rest.next();
        let name = name(rest);
        if name.is_empty() {
            return Err("a variable has no name".to_owned());
        }
        let value = self.args.get(&name);
        let mut sign = rest.next().ok_or("'}' is missing")?;
        let or_empty = sign == ':';
        if or_empty {
            sign = rest.next().ok_or("'}' is missing")?;
        }
        let is_set = value.as_ref().is_some_and(|it| !or_empty || !it.text.is_empty());
        let all = |value: Option<Expanded>| value.unwrap_or_else(|| Expanded::unknown(&name, ""));
        match sign {
            '}' if !or_empty => Ok(all(value)),
            '-' | '+' | '?' => {
                let word = self.until(rest, Some('}'), false, depth + 1)?;
                match sign {
                    '-' if is_set => Ok(all(value)),
                    '-' => Ok(word),
                    '+' if is_set => Ok(word),
                    '+' => Ok(Expanded::default()),
                    _ if is_set => Ok(all(value)),
                    _ => Err(format!("{name} has to be set: {}", word.text)),
                }
            }
            '#' | '%' if !or_empty => {
                let pattern = self.until(rest, Some('}'), true, depth + 1)?;
                let (pattern, longest) = match pattern.text.strip_prefix(sign) {
                    Some(pattern) => (pattern.to_owned(), true),
                    None => (pattern.text, false),
                };
                changed(all(value), |text| cut(text, &pattern, sign == '#', longest))
            }
            '/' if !or_empty => {
                let all_of_them = peek(rest) == Some('/');
                if all_of_them {
                    rest.next();
                }
                let pattern = self.until(rest, Some('/'), true, depth + 1)?.text;
                let new = self.until(rest, Some('}'), true, depth + 1)?.text;
                changed(all(value), |text| replaced(text, &pattern, &new, all_of_them))
            }
            _ => Err(format!("${{{name}{sign}...}} is no form that is known")),
        }
    }
}

/// A variable's name, which may be none.
fn name(rest: &mut Rest<'_>) -> String {
    let mut name = String::new();
    let is_number = peek(rest).is_some_and(|c| c.is_ascii_digit());
    while let Some(c) = peek(rest) {
        let belongs = if is_number { c.is_ascii_digit() } else { c.is_alphanumeric() || c == '_' };
        if !belongs {
            break;
        }
        rest.next();
        name.push(c);
    }
    name
}

/// `value` changed by `change`, as far as it is known.
fn changed(
    value: Expanded,
    change: impl Fn(&str) -> Result<String, String>,
) -> Result<Expanded, String> {
    if value.missing.is_empty() {
        return change(&value.text).map(Expanded::of);
    }
    Ok(Expanded { shape: ANY.to_owned(), ..value })
}

/// `text` without the part at its start, or else at its end, that `pattern` fits.
fn cut(text: &str, pattern: &str, at_start: bool, longest: bool) -> Result<String, String> {
    if text.len().max(pattern.len()) > MAX_TRIED || pattern.contains('\\') {
        return Err("its pattern is too long, or has escapes".to_owned());
    }
    let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    places.push(text.len());
    // From the shortest part to the longest, or the other way round.
    if at_start == longest {
        places.reverse();
    }
    let part = |at: &usize| if at_start { &text[..*at] } else { &text[*at..] };
    let rest = |at: usize| if at_start { &text[at..] } else { &text[..at] };
    Ok(places.iter().find(|at| fits(pattern, part(at))).map_or(text, |at| rest(*at)).to_owned())
}

/// `text` with the first `pattern` in it replaced, or all of them; it has to be plain text.
fn replaced(text: &str, pattern: &str, new: &str, all: bool) -> Result<String, String> {
    match pattern.is_empty() || pattern.contains(['*', '?', '\\']) {
        true => Err("what it replaces is no plain text".to_owned()),
        false if all => Ok(text.replace(pattern, new)),
        false => Ok(text.replacen(pattern, new, 1)),
    }
}
