//! [`Step`]: a statement of a submit file, and the lines that it is made of.

use std::iter::Enumerate;

/// A statement of a submit file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `NAME = VALUE`, the name in lower case; `+NAME` is `my.NAME`.
    Set(String, String),
    /// `queue ARGUMENTS`.
    Queue(String),
    /// `include : WHAT`.
    Include(String),
    If(String),
    Elif(String),
    Else,
    EndIf,
    /// Anything else.
    Other,
}

impl Step {
    pub(super) fn of(text: &str) -> Step {
        let text = text.trim();
        let end = text.find(|c: char| c.is_whitespace() || "=:(".contains(c)).unwrap_or(text.len());
        let (word, rest) = (text[..end].to_ascii_lowercase(), text[end..].trim());
        let is_set = rest.starts_with('=') && !rest.starts_with("==") || rest.starts_with("@=");
        match word.as_str() {
            _ if is_set => match text.split_once('=') {
                Some((name, value)) => Step::set(name, value),
                None => Step::Other,
            },
            "queue" => Step::Queue(rest.to_owned()),
            "include" => Step::Include(rest.trim_start_matches(':').trim().to_owned()),
            "if" => Step::If(rest.to_owned()),
            "elif" => Step::Elif(rest.to_owned()),
            "else" => Step::Else,
            "endif" => Step::EndIf,
            _ => Step::Other,
        }
    }

    fn set(name: &str, value: &str) -> Step {
        let name = name.trim().trim_end_matches('@').trim_end().to_ascii_lowercase();
        let (bare, is_own) = match name.strip_prefix('+') {
            Some(bare) => (bare, true),
            None => (name.as_str(), false),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        match !bare.is_empty() && bare.chars().all(is_name) {
            true if is_own => Step::Set(format!("my.{bare}"), value.trim().to_owned()),
            true => Step::Set(bare.to_owned(), value.trim().to_owned()),
            false => Step::Other,
        }
    }
}

/// The lines of a submit file.
pub(super) struct SubmitLines<'a>(Enumerate<std::str::Lines<'a>>);

impl<'a> SubmitLines<'a> {
    pub(super) fn of(text: &'a str) -> SubmitLines<'a> {
        SubmitLines(text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate())
    }

    /// The next line that is neither empty nor a comment, with what it goes on with behind backslashes, and
    /// its number.
    pub(super) fn line(&mut self) -> Option<(usize, String)> {
        let (mut text, mut begun) = (String::new(), None);
        for (number, line) in self.0.by_ref() {
            let line = line.trim();
            if line.starts_with('#') || (line.is_empty() && begun.is_none()) {
                continue;
            }
            let first = *begun.get_or_insert(number + 1);
            match line.strip_suffix('\\') {
                Some(before) => text.push_str(before),
                None => {
                    text.push_str(line);
                    return Some((first, text));
                }
            }
        }
        begun.map(|line| (line, text))
    }

    /// The next statement, with the number of its line.
    pub(super) fn statement(&mut self) -> Option<(usize, Step)> {
        let (number, text) = self.line()?;
        let several = text.split_once("@=").filter(|(name, _)| !name.contains('='));
        match (Step::of(&text), several) {
            (Step::Set(name, _), Some((_, mark))) => {
                // A value of several lines, up to `@MARK`.
                let end = format!("@{}", mark.trim());
                let lines =
                    self.0.by_ref().map(|(_, line)| line.trim()).take_while(|it| *it != end);
                Some((number, Step::Set(name, lines.collect::<Vec<_>>().join("\n"))))
            }
            (statement, _) => Some((number, statement)),
        }
    }

    /// The lines up to one that begins with a closing parenthesis; nothing where there is none.
    pub(super) fn items(&mut self) -> Option<Vec<(usize, String)>> {
        let mut items = Vec::new();
        while let Some((number, text)) = self.line() {
            if text.starts_with(')') {
                return Some(items);
            }
            items.push((number, text));
        }
        None
    }
}
