//! [`HeldLine`]: that a site holds all of a bundle, in a line that can be read over the phone.

use std::fmt;
use std::str::FromStr;

use super::position::StreamPosition;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::stream::StreamName;

/// What a check value is spelled with: letters and digits without those that are taken for each
/// other (0 and o, 1 and i and l). Their number is a prime, so that a weighted sum finds every
/// wrong character, and every two that changed places.
const ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
/// How many characters tell the statement: 44 bits. One more is the sum.
const TOLD: usize = 9;

/// A few characters that tell a bundle's statement from others, and show when they were misheard.
/// Written as `k4tq9-mzx3p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckValue([u8; TOLD]);

/// A bundle of which a site holds all: its place in its stream, and the check value of its statement.
///
/// ```
/// use sealift::bundle::line::{CheckValue, HeldLine};
/// use sealift::words::digest::Digest;
///
/// let statement = Digest::of(b"a statement");
/// let text = format!("prod 7 {}", CheckValue::of(&statement));
/// let line: HeldLine = text.parse()?;
/// assert_eq!(line.check, CheckValue::of(&statement));
/// assert_eq!(line.to_string(), text);
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldLine {
    /// Where the bundle stands.
    pub position: StreamPosition,
    /// Which statement it has.
    pub check: CheckValue,
}

impl CheckValue {
    /// That of a statement: the first 64 bits of its digest as a number, in the nine last digits
    /// that it has to the base 31.
    #[must_use]
    pub fn of(statement: &Digest) -> CheckValue {
        let base = ALPHABET.len() as u64;
        // Sixteen hex digits are a number.
        let mut rest = u64::from_str_radix(&statement.hex()[..16], 16).unwrap_or_default();
        let mut digits = [0; TOLD];
        for digit in digits.iter_mut().rev() {
            *digit = u8::try_from(rest % base).unwrap_or_default();
            rest /= base;
        }
        CheckValue(digits)
    }

    /// The digit behind the others: the sum of them all, the first once, the second twice.
    fn sum(&self) -> u8 {
        let digits = self.0.iter().zip(1u32..);
        let sum: u32 = digits.map(|(digit, weight)| u32::from(*digit) * weight).sum();
        u8::try_from(sum % ALPHABET.len() as u32).unwrap_or_default()
    }
}

impl fmt::Display for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.iter().copied().chain([self.sum()]);
        for (at, digit) in digits.enumerate() {
            if at == TOLD.div_ceil(2) {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(ALPHABET[usize::from(digit)]))?;
        }
        Ok(())
    }
}

impl FromStr for CheckValue {
    type Err = Error;

    fn from_str(text: &str) -> Result<CheckValue> {
        let bad = |why: String| {
            Error::new(Class::Usage, format!("the check value {text:?} {why}"))
                .hint("ask for the line once more, character by character")
        };
        let mut digits = Vec::new();
        for character in text.chars().filter(|c| *c != '-' && !c.is_whitespace()) {
            let lower = character.to_ascii_lowercase();
            let found = ALPHABET.iter().position(|known| char::from(*known) == lower);
            let digit = found.and_then(|found| u8::try_from(found).ok());
            digits.push(digit.ok_or_else(|| {
                bad(format!("has {character:?} in it, which none has (nor 0, 1, i, l, o)"))
            })?);
        }
        let count = digits.len();
        let (Some(sum), Ok(told)) = (digits.pop(), <[u8; TOLD]>::try_from(digits)) else {
            return Err(bad(format!("has {count} characters, and not {}", TOLD + 1)));
        };
        let value = CheckValue(told);
        match value.sum() == sum {
            true => Ok(value),
            false => Err(bad("was misheard: its characters do not go together".to_owned())),
        }
    }
}

impl HeldLine {
    /// The line for a bundle at `position` with this `statement`.
    #[must_use]
    pub fn of(position: StreamPosition, statement: &Digest) -> HeldLine {
        HeldLine { position, check: CheckValue::of(statement) }
    }

    /// Whether `text` is meant to be such a line, and no path: several words, the second a number.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let words: Vec<&str> = text.split_whitespace().collect();
        words.len() >= 3 && words[1].bytes().all(|c| c.is_ascii_digit())
    }

    /// Whether `text` may be such a line without its check value, or without its number: two words,
    /// of which the second is one of these. A path may be so, too.
    #[must_use]
    pub fn is_cut_short(text: &str) -> bool {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [stream, second] = words.as_slice() else { return false };
        let is_number = || second.bytes().all(|c| c.is_ascii_digit());
        stream.to_ascii_lowercase().parse::<StreamName>().is_ok()
            && (is_number() || second.parse::<CheckValue>().is_ok())
    }
}

impl fmt::Display for HeldLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.position, self.check)
    }
}

impl FromStr for HeldLine {
    type Err = Error;

    fn from_str(text: &str) -> Result<HeldLine> {
        let bad = || {
            Error::new(Class::Usage, format!("{text:?} is not a whole line of an inventory"))
                .hint("it has a stream, a number and a check value, as in 'prod 7 k4tq9-mzx3p'")
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (stream, number, rest) = match words.as_slice() {
            [stream, number, rest @ ..] => (stream, number, rest),
            _ => return Err(bad()),
        };
        let (epoch, value) = match rest {
            ["of", "epoch", epoch, value @ ..] => (epoch.parse().map_err(|_| bad())?, value),
            value => (0, value),
        };
        let stream: StreamName = stream.to_ascii_lowercase().parse()?;
        let sequence = number.parse().ok().filter(|number| *number > 0).ok_or_else(bad)?;
        if value.is_empty() {
            return Err(bad());
        }
        let check = value.concat().parse()?;
        Ok(HeldLine { position: StreamPosition { stream, epoch, sequence }, check })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misheard(text: &str) -> String {
        let error = text.parse::<CheckValue>().unwrap_err();
        assert_eq!(error.class(), Class::Usage, "{text}");
        error.message().to_owned()
    }

    #[test]
    fn a_value_is_that_of_its_statement_for_ever() {
        // Every site that once read one out has it written down.
        let value = CheckValue::of(&Digest::of(b"a statement"));

        assert_eq!(value.to_string(), VALUE);
        assert_eq!(VALUE.to_uppercase().replace('-', " ").parse::<CheckValue>().unwrap(), value);
        assert_ne!(CheckValue::of(&Digest::of(b"another")), value);
    }

    const VALUE: &str = "my329-vqnkb";

    #[test]
    fn every_character_that_was_misheard_and_every_two_that_changed_places_are_found() {
        for statement in 0..50u8 {
            let good = CheckValue::of(&Digest::of(&[statement])).to_string();
            let plain: Vec<char> = good.chars().filter(|c| *c != '-').collect();
            for at in 0..plain.len() {
                for other in ALPHABET.iter().map(|c| char::from(*c)) {
                    let mut bad = plain.clone();
                    bad[at] = other;
                    let fine = bad.iter().collect::<String>().parse::<CheckValue>().is_ok();
                    assert_eq!(fine, other == plain[at], "{good}: {bad:?}");
                }
                if at > 0 && plain[at] != plain[at - 1] {
                    let mut bad = plain.clone();
                    bad.swap(at - 1, at);
                    misheard(&bad.iter().collect::<String>());
                }
            }
        }
    }

    #[test]
    fn what_is_no_value_says_why() {
        let good = CheckValue::of(&Digest::of(b"")).to_string();

        assert!(misheard(&good[1..]).contains("has 9 characters"), "{}", misheard(&good[1..]));
        assert!(misheard(&format!("{good}2")).contains("has 11 characters"));
        for odd in ["0", "1", "i", "l", "o", "ä", "/"] {
            let said = misheard(&format!("{odd}{}", &good[1..]));
            assert!(said.contains(&format!("{:?}", odd.chars().next().unwrap())), "{said}");
        }
        assert!(misheard("").contains("has 0 characters"));
    }

    #[test]
    fn a_line_is_a_place_in_a_stream_and_a_value() {
        let statement = Digest::of(b"x");
        let at =
            |epoch, sequence| StreamPosition { stream: "prod".parse().unwrap(), epoch, sequence };
        let value = CheckValue::of(&statement).to_string();
        for position in [at(0, 7), at(3, 12)] {
            let line = HeldLine::of(position.clone(), &statement);
            let text = line.to_string();
            assert_eq!(text, format!("{position} {value}"));
            for spelled in [
                text.clone(),
                text.to_uppercase().replace(" OF EPOCH ", " of epoch "),
                text.replace('-', " "),
            ] {
                assert!(HeldLine::is_meant(&spelled), "{spelled}");
                assert_eq!(spelled.parse::<HeldLine>().unwrap(), line, "{spelled}");
            }
        }
        for bad in [
            "",
            "prod",
            "prod 7",
            "prod x k4tq9",
            "prod 0 k",
            "prod 7 of epoch",
            "Prod! 7 k4tq9-mzx3p",
            "prod -7 k4tq9-mzx3p",
        ] {
            assert_eq!(bad.parse::<HeldLine>().unwrap_err().class(), Class::Usage, "{bad}");
        }
        for path in ["june.tar", "a folder", "a folder with words", "7 x y", "prod 7"] {
            assert!(!HeldLine::is_meant(path), "{path}");
        }
    }
}
