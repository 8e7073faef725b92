//! [`Instruction`]: one of a Dockerfile, its lines put together.

use std::iter::Enumerate;
use std::str::Lines;

use super::heredoc::Heredoc;

/// Longest part of a word that a message shows.
const SHOWN: usize = 40;

/// A Dockerfile's text with what its directives say.
#[derive(Debug)]
pub(super) struct Script<'a> {
    text: &'a str,
    /// What escapes the end of a line, and a character.
    pub(super) escape: char,
    /// The frontend that it wants, and the line that says so.
    pub(super) syntax: Option<(usize, String)>,
}

impl<'a> Script<'a> {
    /// Directives (`# NAME=VALUE`) stand before everything else.
    pub(super) fn of(text: &'a str) -> Script<'a> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut script = Script { text, escape: '\\', syntax: None };
        for (number, line) in text.lines().enumerate() {
            let is_shebang = number == 0 && line.starts_with("#!");
            let pair = line.trim_start().strip_prefix('#').and_then(|it| it.split_once('='));
            match pair.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim())) {
                Some((name, value)) if name == "escape" => {
                    script.escape = if value == "`" { '`' } else { '\\' };
                }
                Some((name, value)) if name == "syntax" => {
                    let frontend = value.split(' ').next().unwrap_or(value).to_owned();
                    script.syntax = Some((number + 1, frontend));
                }
                Some((name, _)) if name == "check" => {}
                _ if is_shebang => {}
                _ => break,
            }
        }
        script
    }

    /// Its instructions in order, or the line and the reason where it ends in the middle of one.
    pub(super) fn instructions(&self) -> Instructions<'a> {
        Instructions { lines: self.text.lines().enumerate(), escape: self.escape }
    }
}

/// The instructions of a script.
pub(super) struct Instructions<'a> {
    lines: Enumerate<Lines<'a>>,
    escape: char,
}

impl Instructions<'_> {
    /// `line` without the escape at its end, if it goes on.
    fn continued<'l>(&self, line: &'l str) -> Option<&'l str> {
        let before = line.trim_end_matches([' ', '\t']).strip_suffix(self.escape)?;
        (!before.ends_with(self.escape)).then_some(before)
    }
}

impl Iterator for Instructions<'_> {
    type Item = Result<Instruction, (usize, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut text, mut pieces) = (String::new(), Vec::new());
        let mut goes_on = false;
        while text.is_empty() || goes_on {
            let Some((number, line)) = self.lines.next() else { break };
            let line = line.trim_end_matches('\r');
            let line = if text.is_empty() { line.trim_start() } else { line };
            if line.trim_start().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            pieces.push((text.len(), number + 1));
            let continued = self.continued(line);
            goes_on = continued.is_some();
            text.push_str(continued.unwrap_or(line));
        }
        if text.trim().is_empty() {
            return None;
        }
        let instruction = Instruction::of(&text, pieces, self.escape);
        for heredoc in instruction.heredocs(self.escape) {
            if !self.lines.by_ref().any(|(_, line)| heredoc.ends_with(line)) {
                return Some(Err((instruction.line(), "a heredoc (<<) never ends".to_owned())));
            }
        }
        Some(Ok(instruction))
    }
}

/// An instruction of a Dockerfile.
#[derive(Debug, Clone)]
pub(super) struct Instruction {
    /// In lower case.
    pub(super) keyword: String,
    /// Each with where it stands in the text.
    flags: Vec<(usize, String)>,
    /// What is behind the keyword and the flags.
    pub(super) rest: String,
    text: String,
    /// Where in the text each of its lines begins.
    pieces: Vec<(usize, usize)>,
}

impl Instruction {
    fn of(text: &str, pieces: Vec<(usize, usize)>, escape: char) -> Instruction {
        let text = text.trim_end();
        let (keyword, rest) = text.split_once(is_space).unwrap_or((text, ""));
        let (mut flags, rest) = flags(rest, escape);
        // They were counted from the end, which is the same for all parts.
        flags.iter_mut().for_each(|(at, _)| *at = text.len() - *at);
        Instruction {
            keyword: keyword.to_ascii_lowercase(),
            flags,
            rest: rest.trim().to_owned(),
            text: text.to_owned(),
            pieces,
        }
    }

    /// The line that it begins on.
    pub(super) fn line(&self) -> usize {
        self.pieces.first().map_or(1, |(_, line)| *line)
    }

    /// The line where `part` stands in it first.
    pub(super) fn line_of(&self, part: &str) -> usize {
        self.line_at(self.text.find(part).unwrap_or(0))
    }

    fn line_at(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(from, _)| *from <= at);
        self.pieces.get(piece.saturating_sub(1)).map_or(1, |(_, line)| *line)
    }

    /// Its keyword as it is spelled, cut where it is long.
    pub(super) fn shown(&self) -> String {
        let word = self.text.split_whitespace().next().unwrap_or_default();
        word.chars().take(SHOWN).collect()
    }

    /// Whether it is a FROM that says an image.
    pub(super) fn is_from(&self) -> bool {
        self.keyword == "from" && matches!(self.arguments().len(), 1 | 3)
    }

    /// The words behind the flags.
    pub(super) fn arguments(&self) -> Vec<&str> {
        self.rest.split(is_space).filter(|word| !word.is_empty()).collect()
    }

    /// The words behind the flags, where quotes keep one together; they are left in.
    pub(super) fn quoted_words(&self, escape: char) -> Vec<String> {
        let (mut words, mut word) = (Vec::new(), String::new());
        let mut quote = None;
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            if c == escape && quote != Some('\'') {
                word.push(c);
                word.extend(chars.next());
                continue;
            }
            match quote {
                None if c.is_whitespace() => {
                    words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                    continue;
                }
                None if matches!(c, '\'' | '"') => quote = Some(c),
                Some(open) if open == c => quote = None,
                _ => {}
            }
            word.push(c);
        }
        words.extend(Some(word).filter(|word| !word.is_empty()));
        words
    }

    /// The values of its flags called `name`, each with its line.
    pub(super) fn flags<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        self.flags.iter().filter_map(move |(at, flag)| {
            let (key, value) = flag.strip_prefix("--")?.split_once('=')?;
            (key == name).then(|| (self.line_at(*at), value))
        })
    }

    /// The value of its flag called `name`, where it has one that says anything, and its line.
    pub(super) fn flag<'a>(&'a self, name: &'a str) -> Option<(usize, &'a str)> {
        self.flags(name).find(|(_, value)| !value.is_empty())
    }

    /// The instruction within, where it is ONBUILD.
    pub(super) fn inner(&self, escape: char) -> Option<Instruction> {
        let at = self.text.find(self.rest.as_str()).filter(|_| !self.rest.is_empty())?;
        let pieces = self.pieces.iter().map(|(from, line)| (from.saturating_sub(at), *line));
        Some(Instruction::of(&self.rest, pieces.collect(), escape))
    }

    fn heredocs(&self, escape: char) -> Vec<Heredoc> {
        match self.keyword.as_str() {
            "onbuild" => match self.inner(escape) {
                Some(inner) if inner.keyword != "onbuild" => inner.heredocs(escape),
                _ => Vec::new(),
            },
            "run" | "copy" | "add" if !is_json(&self.rest) => Heredoc::in_line(&self.text),
            _ => Vec::new(),
        }
    }
}

/// Whether it is a list of words as JSON has it.
fn is_json(text: &str) -> bool {
    let within = text.strip_prefix('[').and_then(|it| it.trim_end().strip_suffix(']'));
    within.is_some_and(|it| it.trim_start().starts_with('"') || it.trim().is_empty())
}

fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// The flags (`--NAME=VALUE`) that `text` begins with, without their quotes, each with how far it is from the
/// end; and what is behind them.
fn flags(text: &str, escape: char) -> (Vec<(usize, String)>, &str) {
    let mut flags = Vec::new();
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        let (mut flag, mut quote, mut end) = (String::new(), None, rest.len());
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match quote {
                None if c.is_whitespace() => {
                    end = at;
                    break;
                }
                None if matches!(c, '\'' | '"') => quote = Some(c),
                Some(open) if open == c => quote = None,
                _ if c == escape => flag.extend(chars.next().map(|(_, c)| c)),
                _ => flag.push(c),
            }
        }
        let from_end = rest.len();
        rest = rest[end..].trim_start();
        if flag == "--" {
            break;
        }
        flags.push((from_end, flag));
    }
    (flags, rest)
}
