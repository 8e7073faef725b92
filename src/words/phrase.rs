//! [`Phrase`]: text for people, in which what could be done is no text.

use std::ops::Deref;

use serde::{Serialize, Serializer};

use super::remedy::Remedy;

/// Text for people, not yet escaped for a terminal. Where it says what could be done it holds a
/// [`Remedy`], which reads as the name that the library has for it; whoever has other names has them
/// [put in](Phrase::told).
///
/// ```
/// use sealift::words::phrase::Phrase;
/// use sealift::words::remedy::Remedy;
///
/// let hint = Phrase::from("choose one with ").and(Remedy::Platform).and(", or take all");
/// assert_eq!(hint, "choose one with platform, or take all");
/// assert_eq!(hint.told(|_| "the menu"), "choose one with the menu, or take all");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phrase {
    text: String,
    /// Where in the text there is the name of which.
    remedies: Vec<(usize, Remedy)>,
}

/// A [`Phrase`] of these parts, one behind the other.
macro_rules! phrase {
    ($($part:expr),+ $(,)?) => {
        $crate::words::phrase::Phrase::default()$(.and($part))+
    };
}
pub(crate) use phrase;

impl Phrase {
    /// This one with `more` behind it.
    #[must_use]
    pub fn and(mut self, more: impl Into<Phrase>) -> Phrase {
        let (more, before) = (more.into(), self.text.len());
        self.text += &more.text;
        self.remedies.extend(more.remedies.into_iter().map(|(at, remedy)| (before + at, remedy)));
        self
    }

    /// All of `phrases`, with `between` each two of them.
    pub fn join(phrases: impl IntoIterator<Item = Phrase>, between: &str) -> Phrase {
        let mut phrases = phrases.into_iter();
        let first = phrases.next().unwrap_or_default();
        phrases.fold(first, |all, one| all.and(between).and(one))
    }

    /// Its text with the names that `name` has for what could be done.
    pub fn told(&self, name: impl Fn(Remedy) -> &'static str) -> String {
        let (mut out, mut rest) = (String::with_capacity(self.text.len()), 0);
        for (at, remedy) in &self.remedies {
            out += self.text.get(rest..*at).unwrap_or_default();
            out += name(*remedy);
            rest = at + remedy.name().len();
        }
        out + self.text.get(rest..).unwrap_or_default()
    }

    /// Whether it names `remedy`.
    #[must_use]
    pub fn offers(&self, remedy: Remedy) -> bool {
        self.remedies.iter().any(|(_, one)| *one == remedy)
    }

    /// It without the spaces in front.
    #[must_use]
    pub fn trimmed(&self) -> Phrase {
        let text = self.text.trim_start();
        let gone = self.text.len() - text.len();
        let remedies = self.remedies.iter().map(|(at, remedy)| (at - gone, *remedy)).collect();
        Phrase { text: text.to_owned(), remedies }
    }

    /// At most `most` characters of it.
    #[must_use]
    pub fn cut(mut self, most: usize) -> Phrase {
        if let Some((end, _)) = self.text.char_indices().nth(most) {
            self.text.truncate(end);
            self.text.push('…');
            self.remedies.retain(|(at, remedy)| at + remedy.name().len() <= end);
        }
        self
    }
}

impl From<&str> for Phrase {
    fn from(text: &str) -> Phrase {
        Phrase::from(text.to_owned())
    }
}

impl From<String> for Phrase {
    fn from(text: String) -> Phrase {
        Phrase { text, remedies: Vec::new() }
    }
}

impl From<&Phrase> for Phrase {
    fn from(phrase: &Phrase) -> Phrase {
        phrase.clone()
    }
}

impl From<Remedy> for Phrase {
    fn from(remedy: Remedy) -> Phrase {
        Phrase { text: remedy.name().to_owned(), remedies: vec![(0, remedy)] }
    }
}

impl Deref for Phrase {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl PartialEq<str> for Phrase {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl PartialEq<&str> for Phrase {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

impl PartialEq<String> for Phrase {
    fn eq(&self, other: &String) -> bool {
        self.text == *other
    }
}

impl Serialize for Phrase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_done_is_named_as_whoever_tells_of_it_does() {
        let one = phrase!["with ", Remedy::ToOci, " or ", Remedy::Rules];
        let both = Phrase::join([one.clone(), phrase![Remedy::Login, " x"]], "; ");

        assert_eq!(one, "with to_oci or rules");
        assert_eq!(both, "with to_oci or rules; login x");
        let flag = |remedy| if remedy == Remedy::ToOci { "--to-oci" } else { "?" };
        assert_eq!(both.told(flag), "with --to-oci or ?; ? x");
        assert!(one.offers(Remedy::Rules) && !one.offers(Remedy::Login));
    }

    #[test]
    fn a_name_that_is_cut_is_none_any_more() {
        let phrase = phrase!["ä ", Remedy::ToOci, " b ", Remedy::Rules, " c"];

        assert_eq!(phrase.clone().cut(13).told(|_| "X"), "ä X b ru…");
        assert_eq!(phrase.clone().cut(100), phrase);
    }

    #[test]
    fn text_that_reads_like_a_name_is_text() {
        assert_eq!(phrase!["rules ", Remedy::Rules].told(|_| "--map"), "rules --map");
    }
}
