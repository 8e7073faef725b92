//! [`variables`]: what an `.env` file sets.
//!
//! As the Compose Specification has it (`env_file`, ".env file syntax"), and otherwise as its reference
//! implementation reads it.

use std::collections::BTreeMap;

use super::template::{Unfilled, fill};

/// What an environment file sets, by name.
pub(super) type Variables = BTreeMap<String, String>;

/// Most bytes of all values together: those of one that is written out in another are counted twice.
const MAX_VALUES: usize = 16 * 1024 * 1024;

/// What is wrong with an environment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misset {
    /// The line, from 1 on.
    pub(super) line: usize,
    pub(super) why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    Text(String),
    Unfilled(Unfilled),
}

/// Adds to `known` what `text` sets, over what is there. Values may name variables: those that `around`
/// knows go before those of the file.
///
/// # Errors
/// The first fault; what stands above it was added.
pub(super) fn variables(
    text: &str,
    known: &mut Variables,
    around: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Misset> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Lines { text, at: 0, line: 1 };
    let mut size = 0;
    while lines.skip_to_statement() {
        let line = lines.line;
        let wrong = |text: String| Misset { line, why: Why::Text(text) };
        let (name, is_inherited) = lines.name().map_err(wrong)?;
        if name.contains(' ') {
            return Err(wrong(format!("{name:?} is no name of a variable: it has a space in it")));
        }
        if is_inherited {
            if let Some(value) = around(name).or_else(|| known.get(name).cloned()) {
                known.insert(name.to_owned(), value);
            }
            continue;
        }
        let (value, expands) = lines.value().map_err(wrong)?;
        let value = match expands {
            false => value,
            true => {
                let look = |name: &str| around(name).or_else(|| known.get(name).cloned());
                let filled = fill(&value, &look);
                filled.map_err(|why| Misset { line, why: Why::Unfilled(why) })?.text
            }
        };
        size += value.len();
        if size > MAX_VALUES {
            return Err(wrong(format!("its values have more than {MAX_VALUES} bytes")));
        }
        known.insert(name.to_owned(), value);
    }
    Ok(())
}

struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn go(&mut self, by: usize) {
        let passed = &self.text[self.at..self.at + by];
        self.line += passed.matches('\n').count();
        self.at += by;
    }

    /// Goes behind white space and comments; whether there is more.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let rest = self.rest();
            self.go(rest.len() - rest.trim_start().len());
            match self.rest().starts_with('#') {
                true => self.go(self.rest().find('\n').unwrap_or(self.rest().len())),
                false => return !self.rest().is_empty(),
            }
        }
    }

    /// The name of a variable, and whether that is all there is; the value is next.
    fn name(&mut self) -> Result<(&'a str, bool), String> {
        if let Some(rest) = self.rest().strip_prefix("export").filter(|it| it.starts_with(is_space))
        {
            self.go(self.rest().len() - rest.trim_start_matches(is_space).len());
        }
        let rest = self.rest();
        let mut found = ("", 0, false);
        for (at, c) in rest.char_indices() {
            match c {
                '=' | ':' | '\n' => {
                    found = (&rest[..at], at + 1, c == '\n');
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                c if is_space(c) || c.is_alphanumeric() => {}
                c => {
                    let line = rest.lines().next().unwrap_or_default();
                    return Err(format!("{c:?} is in the name of a variable: {line:?}"));
                }
            }
        }
        let (name, behind, is_inherited) = found;
        self.go(behind);
        let rest = self.rest();
        self.go(rest.len() - rest.trim_start_matches(is_space).len());
        Ok((name.trim_end(), is_inherited))
    }

    /// A value, and whether variables in it are written out.
    fn value(&mut self) -> Result<(String, bool), String> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            let line = rest.split('\n').next().unwrap_or_default();
            self.go((line.len() + 1).min(rest.len()));
            let value = line.split_once(" #").map_or(line, |(before, _)| before);
            return Ok((value.trim_end().to_owned(), true));
        };
        let mut value = String::new();
        let mut is_escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                c if c == quote && !is_escaped => {
                    self.go(at + 1);
                    return Ok(match quote {
                        '"' => (unescaped(&value), true),
                        _ => (value, false),
                    });
                }
                '\\' if !is_escaped => {
                    is_escaped = true;
                    continue;
                }
                c if is_escaped && c != quote => value.push('\\'),
                _ => {}
            }
            is_escaped = false;
            value.push(c);
        }
        let line = rest.split('\n').next().unwrap_or_default();
        Err(format!("the quote of {line:?} is not closed"))
    }
}

/// White space but the end of a line.
fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// `text` with the escapes of a shell written out; `\$` is left to whoever writes out variables, as `$$`.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = behind.chars();
        let c = chars.next();
        rest = chars.as_str();
        match c {
            Some('$') => out.push_str("$$"),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some(c @ ('"' | '\\')) => out.push(c),
            Some('0') => {
                let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
                let code = u32::from_str_radix(&rest[..digits], 8).ok().filter(|_| digits == 3);
                match code.filter(|code| *code < 256).and_then(char::from_u32) {
                    Some(c) => out.push(c),
                    None => out.extend(["\\", &rest[..digits]]),
                }
                rest = &rest[digits..];
            }
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Variables, Misset> {
        let mut known = Variables::new();
        let around = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        variables(text, &mut known, &around).map(|()| known)
    }

    #[test]
    fn values_are_read_as_the_specification_says() {
        for (text, expected) in [
            ("A=1", "1"),
            ("A = 1 ", "1"),
            ("export A=1\n", "1"),
            ("export\tA: 1\n", "1"),
            ("A=a#b # c", "a#b"),
            ("A='a # $HOME' # c", "a # $HOME"),
            ("A=\"a # $HOME\" # c", "a # /root"),
            ("A=\"a\\n\\\"b\\\"\\\\\"", "a\n\"b\"\\"),
            ("A='it\\'s \\n'", "it's \\n"),
            ("A=\"\\$HOME $$HOME\"", "$HOME $HOME"),
            ("A=\"\\0101\\01\\q\"", "A\\1\\q"),
            ("A=\"two\nlines\"", "two\nlines"),
            ("B=1\nA=$B-${C:-2}", "1-2"),
            ("A=$HOME\n", "/root"),
            ("HOME=/x\nA=$HOME\n", "/root"),
            ("# A=2\n\n  A=1\n", "1"),
            ("A=1\nA=2\n", "2"),
            ("\u{feff}A=1", "1"),
            ("A=", ""),
            ("A=\nB=2", ""),
        ] {
            assert_eq!(read(text).unwrap().get("A").map(String::as_str), Some(expected), "{text}");
        }
        assert_eq!(
            read("HOME\nNONE\n").unwrap(),
            Variables::from([("HOME".into(), "/root".into())])
        );
    }

    #[test]
    fn faults_have_their_line() {
        for (text, line) in [
            ("A=1\n\nB C=2\n", 3),
            ("A=\"1\n2\"\nB!=3", 3),
            ("A=1\nB='x\ny", 2),
            ("A=1\nB=${\n", 2),
            ("A=${B:?no}", 1),
        ] {
            assert_eq!(read(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn values_that_grow_are_bounded() {
        let mut text = "A0=xxxxxxxxxxxxxxxx\n".to_owned();
        for n in 1..100 {
            text.push_str(&format!("A{n}=$A{0}$A{0}\n", n - 1));
        }
        assert_eq!(read(&text).unwrap_err().why, Why::Unfilled(Unfilled::Endless));
    }
}
