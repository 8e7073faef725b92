//! [`fill`]: variables in a value, as in `$TAG` and `${TAG:-3.20}`.
//!
//! As the Compose Specification has it ("Interpolation"), and where that leaves something open, as its
//! reference implementation reads it: braces nest, a `$` before anything else stands for itself.

use crate::words::error::{Class, Error};

/// Longest value: names, paths and mounts are below 4,096, and variables that hold one another grow fast.
const MAX_FILLED: usize = 65_536;
/// How deep defaults of defaults go.
const MAX_NESTED: usize = 50;

/// A value with its variables written out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Filled {
    pub(super) text: String,
    /// The variables that are not set, and for which nothing else is given.
    pub(super) unset: Vec<String>,
}

/// Why a value cannot be written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// What begins as a variable is none.
    Malformed(String),
    /// A variable that has to be set is not.
    Missing { name: String, reason: String },
    /// It gets too long, or is nested too deep.
    Endless,
}

impl Unfilled {
    /// As an error that does not say where.
    pub(super) fn into_error(self) -> Error {
        let (text, out) = match self {
            Unfilled::Malformed(text) => (
                format!("{text:?} is no variable"),
                "write $NAME or ${NAME}, and $$ for the sign itself".to_owned(),
            ),
            Unfilled::Missing { name, reason } if reason.is_empty() => (
                format!("{name} has to be set, and is not"),
                format!("set {name} in the environment, or in .env beside the file"),
            ),
            Unfilled::Missing { name, reason } => (
                format!("{name} has to be set, and is not: {reason}"),
                format!("set {name} in the environment, or in .env beside the file"),
            ),
            Unfilled::Endless => (
                format!("its variables make more than {MAX_FILLED} bytes, or are nested too deep"),
                "see what they hold".to_owned(),
            ),
        };
        Error::new(Class::Usage, text).hint(out)
    }
}

/// `text` with its variables written out, which `known` knows.
///
/// # Errors
/// See [`Unfilled`].
pub(super) fn fill(text: &str, known: &dyn Fn(&str) -> Option<String>) -> Result<Filled, Unfilled> {
    let mut filled = Filled::default();
    Filling { known, filled: &mut filled }.fill(text, 0)?;
    Ok(filled)
}

struct Filling<'a> {
    known: &'a dyn Fn(&str) -> Option<String>,
    filled: &'a mut Filled,
}

impl Filling<'_> {
    fn fill(&mut self, text: &str, nested: usize) -> Result<(), Unfilled> {
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            self.push(&rest[..at])?;
            let after = &rest[at + 1..];
            rest = match after.bytes().next() {
                Some(b'$') => {
                    self.push("$")?;
                    &after[1..]
                }
                Some(b'{') => self.braced(&after[1..], nested)?,
                _ => {
                    let (name, behind) = split_name(after);
                    match name {
                        "" => self.push("$")?,
                        name => self.value(name)?,
                    }
                    behind
                }
            };
        }
        self.push(rest)
    }

    /// Writes out what follows `${`; gives back what is behind it.
    fn braced<'t>(&mut self, inside: &'t str, nested: usize) -> Result<&'t str, Unfilled> {
        let malformed = || {
            let shown: String = inside.chars().take(40).collect();
            Unfilled::Malformed(format!("${{{shown}"))
        };
        let (name, behind) = split_name(inside);
        if name.is_empty() {
            return Err(malformed());
        }
        if let Some(rest) = behind.strip_prefix('}') {
            self.value(name)?;
            return Ok(rest);
        }
        let (counts_empty, sign) = match behind.strip_prefix(':') {
            Some(sign) => (false, sign),
            None => (true, behind),
        };
        let sign_is = sign.chars().next().filter(|c| "-+?".contains(*c)).ok_or_else(malformed)?;
        let end = closing(&sign[1..]).ok_or_else(malformed)?;
        let (word, rest) = (&sign[1..=end], &sign[end + 2..]);
        let value = (self.known)(name);
        let is_there = value.as_ref().is_some_and(|value| counts_empty || !value.is_empty());
        match sign_is {
            '-' | '?' if is_there => self.push(&value.unwrap_or_default())?,
            '-' => self.nested(word, nested)?,
            '+' if is_there => self.nested(word, nested)?,
            '+' => self.push(&value.unwrap_or_default())?,
            _ => {
                let mut reason = Filled::default();
                let mut filling = Filling { known: self.known, filled: &mut reason };
                filling.nested(word, nested)?;
                return Err(Unfilled::Missing { name: name.to_owned(), reason: reason.text });
            }
        }
        Ok(rest)
    }

    fn nested(&mut self, word: &str, nested: usize) -> Result<(), Unfilled> {
        match nested < MAX_NESTED {
            true => self.fill(word, nested + 1),
            false => Err(Unfilled::Endless),
        }
    }

    fn value(&mut self, name: &str) -> Result<(), Unfilled> {
        match (self.known)(name) {
            Some(value) => self.push(&value),
            None => {
                if !self.filled.unset.iter().any(|known| known == name) {
                    self.filled.unset.push(name.to_owned());
                }
                Ok(())
            }
        }
    }

    fn push(&mut self, text: &str) -> Result<(), Unfilled> {
        if self.filled.text.len() + text.len() > MAX_FILLED {
            return Err(Unfilled::Endless);
        }
        self.filled.text.push_str(text);
        Ok(())
    }
}

/// The name that `text` begins with, and what is behind it.
fn split_name(text: &str) -> (&str, &str) {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.split_at(if starts { end } else { 0 })
}

/// Where the brace is that closes one before `text`, on its first line.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut open, mut at, mut last) = (1_usize, 0, None);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' => break,
            b'}' => {
                open -= 1;
                last = Some(at);
                if open == 0 {
                    return last;
                }
            }
            b'{' => {
                open += 1;
                // What is behind a brace that opens is never one that closes it.
                at += 1;
                if bytes.get(at) == Some(&b'}') {
                    last = Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Option<String> {
        match name {
            "SET" => Some("set".to_owned()),
            "EMPTY" => Some(String::new()),
            "SIGN" => Some("$SET".to_owned()),
            _ => None,
        }
    }

    fn filled(text: &str) -> String {
        fill(text, &known).unwrap().text
    }

    #[test]
    fn variables_are_written_out_as_the_specification_says() {
        for (text, expected) in [
            ("a:$SET", "a:set"),
            ("a:${SET}b", "a:setb"),
            ("$SET/$SET", "set/set"),
            ("${NONE:-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${NONE-d}", "d"),
            ("${SET:+r}", "r"),
            ("${EMPTY:+r}", ""),
            ("${EMPTY+r}", "r"),
            ("${NONE+r}", ""),
            ("${SET:?no}", "set"),
            ("${EMPTY?no}", ""),
            ("$$SET", "$SET"),
            ("$$$SET", "$set"),
            ("${NONE:-${ALSO:-${SET}}}:1", "set:1"),
            ("${NONE:-a}${NONE:-b}-}", "ab-}"),
            ("${NONE:-a:-b?c}", "a:-b?c"),
            ("${NONE:-{}}", "{}"),
            ("$SIGN", "$SET"),
            ("$1 $ $.", "$1 $ $."),
            ("${NONE:-$$}", "$"),
            ("no sign", "no sign"),
        ] {
            assert_eq!(filled(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_set_is_named() {
        let both = fill("$NONE:${ALSO}:${NONE}:${X:-${Y}}:${Z:-d}", &known).unwrap();
        assert_eq!(
            (both.text.as_str(), both.unset.join(" ").as_str()),
            (":::::d".get(1..).unwrap(), "NONE ALSO Y")
        );
    }

    #[test]
    fn what_is_no_variable_or_has_to_be_set_is_refused() {
        for text in ["${", "${}", "${1}", "${SET", "${SET.x}", "${SET:-d", "${SET:=d}", "${A:-x\n}"]
        {
            assert!(matches!(fill(text, &known), Err(Unfilled::Malformed(_))), "{text}");
        }
        let missing = |text: &str| match fill(text, &known) {
            Err(Unfilled::Missing { name, reason }) => format!("{name}|{reason}"),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(missing("${NONE?}"), "NONE|");
        assert_eq!(missing("${EMPTY:?say ${SET}}"), "EMPTY|say set");
        assert_eq!(missing("${NONE:-${ALSO:?why}}"), "ALSO|why");
    }

    #[test]
    fn bounds_hold() {
        let deep = format!("{}x{}", "${A:-".repeat(60), "}".repeat(60));
        assert_eq!(fill(&deep, &known), Err(Unfilled::Endless));
        let long = |_: &str| Some("x".repeat(1000));
        assert_eq!(fill(&"$A".repeat(100), &long), Err(Unfilled::Endless));
        assert!(fill(&"${A:-".repeat(50_000), &known).is_err());
        assert_eq!(fill(&"${A:-}".repeat(200_000), &known).unwrap().text, "");
    }
}
