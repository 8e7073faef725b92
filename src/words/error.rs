//! [`Error`]: one clear message that names the thing, the end it happened on, and the way out.

mod advice;
mod carried;
mod class;
mod digest;
mod kind;
mod medium_fault;
mod refusal;
mod subject;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::advice::{MEDIUM_FAULT, READ_ONLY, UNREADABLE, too_large};
pub use self::class::{Class, Side};
pub use self::kind::ErrorKind;
pub use self::medium_fault::medium_fails;
pub use self::refusal::RuleRefusal;
pub use self::subject::Subject;
use super::escape::Safe;
use super::phrase::{Phrase, phrase};

/// Most characters of a message, a finding or a hint. What others say is quoted in them, and a name
/// inside a document may have megabytes; the longest of our own sentences with five names of
/// images in it has half of that.
const MAX_TEXT: usize = 2_000;

/// `text`, cut where it is longer than anybody reads.
fn short(text: impl Into<Phrase>) -> Phrase {
    text.into().cut(MAX_TEXT)
}

/// What every fallible call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure: its [`Class`] and [`ErrorKind`], a message in lower case without a full stop, what it
/// is about, and, where there is one, the way out. A clone costs nothing.
///
/// The message may hold text from outside; [`Display`](fmt::Display) escapes it for a terminal.
///
/// ```
/// use sealift::words::error::Class;
/// use sealift::words::reference::Reference;
///
/// let error = "No Such Name".parse::<Reference>().unwrap_err();
/// assert_eq!(error.class(), Class::Usage);
/// eprintln!("{error}; {}", error.way_out().unwrap_or("there is no hint"));
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    class: Class,
    kind: ErrorKind,
    side: Option<Side>,
    subjects: Vec<Subject>,
    refusals: Vec<RuleRefusal>,
    message: Phrase,
    hint: Option<Phrase>,
    details: Vec<Phrase>,
    transient: bool,
    /// Whether it was tried again, often enough.
    settled: bool,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure of `class` with its `message`.
    pub fn new(class: Class, message: impl Into<Phrase>) -> Error {
        Error(Arc::new(Inner {
            class,
            kind: ErrorKind::Other,
            side: None,
            subjects: Vec::new(),
            refusals: Vec::new(),
            message: short(message),
            hint: None,
            details: Vec::new(),
            transient: false,
            settled: false,
            retry_after: None,
            source: None,
        }))
    }

    /// The same with what `change` makes of it. Others that have it keep it as it was.
    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Error {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// All `errors` as one: a single one as it is, several as findings of one that `summary` names
    /// by their number, with the way out of the first; other ways out stand behind what they are for.
    /// It is about all that they are about; its kind and side are theirs where they agree, and
    /// it is passing if they all are. Nothing when there are none.
    pub fn all(
        mut errors: Vec<Error>,
        summary: impl FnOnce(usize) -> (Class, String),
    ) -> Option<Error> {
        if errors.len() < 2 {
            return errors.pop();
        }
        let (class, text) = summary(errors.len());
        let hint = errors.iter().find_map(|error| error.advice().cloned());
        let mut told: Vec<&Phrase> = hint.iter().collect();
        let mut details = Vec::new();
        for error in &errors {
            // The causes are part of what it says, which is escaped once more when it is shown.
            let other = error.advice().filter(|other| !told.contains(other));
            details.push(match other {
                Some(other) => phrase![error.words(), " (", other, ")"],
                None => error.words(),
            });
            told.extend(other);
            details.extend(error.findings().iter().map(|finding| phrase!["  ", finding]));
        }
        let all = Error::new(class, text).like(&errors);
        Some(all.with(|inner| (inner.hint, inner.details) = (hint, details)))
    }

    /// About all that `errors` are about, and of their kind and side where they agree.
    #[must_use]
    pub fn like(self, errors: &[Error]) -> Error {
        let Some(first) = errors.first() else { return self };
        let same_kind = errors.iter().all(|error| error.kind() == first.kind());
        let same_side = errors.iter().all(|error| error.side() == first.side());
        let all = self.about(errors.iter().flat_map(Error::subjects).cloned());
        let all = all.refusing(errors.iter().flat_map(Error::refusals).cloned());
        let passing = errors.iter().all(Error::is_passing);
        all.with(|inner| {
            (inner.transient, inner.settled) = (passing, passing);
            inner.kind = if same_kind { first.kind() } else { inner.kind };
            inner.side = first.side().filter(|_| same_side);
        })
    }

    /// As [`words`](Error::words), as plain text.
    #[must_use]
    pub fn spelled(&self) -> String {
        self.words().to_string()
    }

    /// The message and its causes, joined by colons, not yet escaped for a terminal.
    #[must_use]
    pub fn words(&self) -> Phrase {
        let mut text = self.0.message.clone();
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            let more = error.to_string();
            if !self.0.message.contains(&more) {
                text = phrase![text, ": ", more];
            }
            cause = error.source();
        }
        short(text)
    }

    /// Adds the way out: one sentence that a person can act on.
    #[must_use]
    pub fn hint(self, hint: impl Into<Phrase>) -> Error {
        self.with(|inner| inner.hint = Some(short(hint)))
    }

    /// Adds another way out, which stands behind the one that it has, with `between` them.
    #[must_use]
    pub fn hint_too(self, between: &str, hint: impl Into<Phrase>) -> Error {
        match self.advice().cloned() {
            Some(own) => self.hint(own.and(between).and(hint)),
            None => self.hint(hint),
        }
    }

    /// Adds one line a finding, for a failure that has several.
    #[must_use]
    pub fn details<T: Into<Phrase>>(self, details: impl IntoIterator<Item = T>) -> Error {
        self.with(|inner| inner.details.extend(details.into_iter().map(short)))
    }

    /// The same without its findings, for one who has shown them.
    #[must_use]
    pub fn without_findings(self) -> Error {
        self.with(|inner| inner.details.clear())
    }

    /// Adds the cause.
    #[must_use]
    pub fn source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.with(|inner| inner.source = Some(Arc::from(source.into())))
    }

    /// Puts `thing: ` in front of the message.
    #[must_use]
    pub fn context(self, thing: impl fmt::Display) -> Error {
        self.within(thing.to_string())
    }

    /// As [`context`](Error::context), for what is named by a [`Phrase`].
    #[must_use]
    pub fn within(self, thing: impl Into<Phrase>) -> Error {
        self.with(|inner| inner.message = short(phrase![thing, ": ", &inner.message]))
    }

    /// Notes what it is, for code that decides by it.
    #[must_use]
    pub fn of_kind(self, kind: ErrorKind) -> Error {
        self.with(|inner| inner.kind = kind)
    }

    /// Notes the end of a transfer that it happened on.
    #[must_use]
    pub fn on(self, side: Side) -> Error {
        self.with(|inner| inner.side = Some(side))
    }

    /// Notes the end of a transfer that it happened on, where nobody has and it is that of one.
    #[must_use]
    pub fn on_unless_noted(self, side: Side) -> Error {
        match self.side().is_some() || self.class() == Class::Interrupted {
            true => self,
            false => self.on(side),
        }
    }

    /// Notes a thing that it is about.
    #[must_use]
    pub fn subject(self, subject: Subject) -> Error {
        self.about([subject])
    }

    /// Notes things that it is about, each once.
    #[must_use]
    pub fn about(self, subjects: impl IntoIterator<Item = Subject>) -> Error {
        self.with(|inner| {
            for subject in subjects {
                if !inner.subjects.contains(&subject) {
                    inner.subjects.push(subject);
                }
            }
        })
    }

    /// Notes what was not let in.
    #[must_use]
    pub fn refusing(self, refusals: impl IntoIterator<Item = RuleRefusal>) -> Error {
        self.with(|inner| inner.refusals.extend(refusals))
    }

    /// Marks a failure that the same request may well survive a moment later.
    #[must_use]
    pub fn transient(self) -> Error {
        self.with(|inner| (inner.transient, inner.settled) = (true, false))
    }

    /// Notes that it was tried again, often enough: whoever retries around it must not start over.
    #[must_use]
    pub fn settled(self) -> Error {
        self.with(|inner| inner.settled = true)
    }

    /// Notes how long the other end asks to be left alone.
    #[must_use]
    pub fn retry_after(self, wait: Option<Duration>) -> Error {
        self.with(|inner| inner.retry_after = wait)
    }

    /// The class, and so the exit code.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// Whether its message, with the causes, names `thing` already, so that nobody has to say it once
    /// more. It is for the words alone: what a failure is about is in its
    /// [`subjects`](Error::subjects).
    #[must_use]
    pub fn names(&self, thing: &str) -> bool {
        self.spelled().contains(thing)
    }

    /// What it is, for code that decides by it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The end of a transfer that it happened on, where it is that of one.
    #[must_use]
    pub fn side(&self) -> Option<Side> {
        self.0.side
    }

    /// The things that it is about, as far as they are known.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.0.subjects
    }

    /// What was not let in, where that is what it says.
    #[must_use]
    pub fn refusals(&self) -> &[RuleRefusal] {
        &self.0.refusals
    }

    /// The message alone, not yet escaped for a terminal.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The way out, where one is known.
    #[must_use]
    pub fn way_out(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The way out, with what could be done as what it is.
    #[must_use]
    pub fn advice(&self) -> Option<&Phrase> {
        self.0.hint.as_ref()
    }

    /// The single findings, not yet escaped for a terminal.
    #[must_use]
    pub fn findings(&self) -> &[Phrase] {
        &self.0.details
    }

    /// Whether to try again at once: it is [`passing`](Error::is_passing), and not
    /// [`settled`](Error::settled).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.transient && !self.0.settled
    }

    /// Whether the same may well succeed a moment later, however often it was tried.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.0.transient
    }

    /// Whether what was to be sent is at fault, and not where it was to go.
    #[must_use]
    pub fn is_about_content(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ContentAtFault | ErrorKind::Unreadable)
    }

    /// How long the other end asked to be left alone.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    /// The message and its causes, joined by colons, escaped for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Safe(&self.spelled()))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.class)?;
        match &self.0.hint {
            Some(hint) => write!(f, " (hint: {})", Safe(hint)),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_survives_its_way_through_a_reader() {
        let error = Error::new(Class::Damaged, "layer is bad").hint("copy it again");

        let back = Error::io("cannot write", error.into_io());

        assert_eq!(back.class(), Class::Damaged);
        assert_eq!(back.to_string(), "layer is bad");
        assert_eq!(back.way_out(), Some("copy it again"));
    }

    #[test]
    fn no_line_is_longer_than_anybody_reads() {
        let long = "\u{202e}x".repeat(1 << 20);

        let error = Error::new(Class::Other, long.clone())
            .source(io::Error::other(long.clone()))
            .hint(long.clone())
            .details([long.clone()])
            .context(&long);

        let lines =
            [error.spelled(), error.way_out().unwrap().into(), error.findings()[0].to_string()];
        for line in lines.iter().chain([&error.message().to_owned()]) {
            assert!(line.chars().count() <= MAX_TEXT + 1, "{}", line.len());
        }
        assert!(error.to_string().len() < 10 * MAX_TEXT);
    }

    #[test]
    fn a_full_disk_is_called_that() {
        let error = Error::io("cannot write x", io::Error::from(io::ErrorKind::StorageFull));

        assert_eq!(error.class(), Class::NoRoom);
    }

    #[test]
    fn several_are_told_as_one_and_one_as_itself() {
        let error = |text: &str| Error::new(Class::Usage, text).hint(format!("mend {text}"));
        let both = |count| (Class::Other, format!("{count} faults"));

        assert!(Error::all(Vec::new(), both).is_none());
        assert_eq!(Error::all(vec![error("a")], both).unwrap().message(), "a");
        let all = Error::all(vec![error("a").details(["x"]), error("b")], both).unwrap();
        assert_eq!(all.findings(), ["a", "  x", "b (mend b)"]);
        assert_eq!((all.class(), all.message()), (Class::Other, "2 faults"));
        assert_eq!(all.way_out(), Some("mend a"));
    }

    #[test]
    fn a_clone_keeps_all_and_is_not_changed_with_its_original() {
        let first = Error::new(Class::Refused, "no")
            .source(io::Error::other("why"))
            .of_kind(ErrorKind::AccessDenied)
            .on(Side::Source)
            .subject(Subject::Host("x.example".into()))
            .transient();
        let other = first.clone().context("y").subject(Subject::Key("k".into())).settled();

        assert_eq!((first.to_string(), other.to_string()), ("no: why".into(), "y: no: why".into()));
        assert_eq!(other.kind(), ErrorKind::AccessDenied);
        assert_eq!(other.side(), Some(Side::Source));
        assert_eq!((first.subjects().len(), other.subjects().len()), (1, 2));
        assert!(first.is_transient() && !other.is_transient());
        assert!(first.is_passing() && other.is_passing());
    }

    #[test]
    fn several_are_about_all_and_of_a_kind_where_they_agree() {
        let error = |kind, host: &str| {
            let error = Error::new(Class::Refused, "no").of_kind(kind).on(Side::Destination);
            error.subject(Subject::Host(host.into()))
        };
        let all = |errors| Error::all(errors, |_| (Class::Refused, "two".into())).unwrap();

        let same = all(vec![error(ErrorKind::NoSpace, "a"), error(ErrorKind::NoSpace, "a")]);
        assert_eq!((same.kind(), same.side()), (ErrorKind::NoSpace, Some(Side::Destination)));
        assert_eq!(same.subjects(), [Subject::Host("a".into())]);
        let other = all(vec![error(ErrorKind::NoSpace, "a"), error(ErrorKind::Unreadable, "b")]);
        assert_eq!((other.kind(), other.subjects().len()), (ErrorKind::Other, 2));
    }

    #[test]
    fn causes_follow_the_message_and_are_escaped() {
        let error = Error::new(Class::Other, "a\rb").source(io::Error::other("c\x1bd"));

        assert_eq!(error.to_string(), "a\\u{d}b: c\\u{1b}d");
    }
}
