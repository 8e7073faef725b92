//! [`Error`]: one clear message that names the thing, the end it happened on, and the way out.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use super::escape::Safe;

/// Most characters of a message, a finding or a hint. What others say is quoted in them, and a name
/// inside a document may have megabytes; the longest of our own sentences with five names of
/// images in it has half of that.
const MAX_TEXT: usize = 2_000;

/// `text`, cut where it is longer than anybody reads.
fn short(text: impl Into<String>) -> String {
    let mut text: String = text.into();
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What every fallible call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of a failure, as far as a script has to tell them apart. Each is one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Any failure that is none of the others.
    Other,
    /// The command line or a file that steers it is wrong.
    Usage,
    /// No signature, an unknown signer, or too few of them.
    Untrusted,
    /// Bytes differ from what was signed, or from their digest.
    Damaged,
    /// A blob, a file or an image is not there.
    Incomplete,
    /// The source or the destination refuses: credentials, permission, quota, an immutable tag.
    Refused,
    /// Expired, or older than what was already accepted.
    Stale,
    /// The disk or a quota has no room.
    NoRoom,
    /// Another sealift is writing there.
    Busy,
    /// The user stopped it.
    Interrupted,
}

/// Which end of a transfer failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Where bytes come from.
    Source,
    /// Where bytes go to.
    Destination,
}

/// A failure: its [`Class`], a message in lower case without a full stop, and, where there is
/// one, the way out.
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
pub struct Error(Box<Inner>);

/// What a failure is about, where a program has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum About {
    /// Parts of a document, which the other end does not have.
    Parts,
    /// Who asks: others may be let in.
    Access,
    /// The type of a document.
    Type,
    /// Bytes that a medium has and does not give, or that may not be read.
    Medium,
    /// What was to be sent: it cannot be read, or is not what it was to be.
    Content,
}

struct Inner {
    class: Class,
    message: String,
    hint: Option<String>,
    details: Vec<String>,
    transient: bool,
    about: Option<About>,
    retry_after: Option<std::time::Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The way out where a medium does not give what it has.
pub const UNREADABLE: &str = "see who may read it, and whether the medium is sound; nothing is known to \
    be wrong with what it holds";

/// The way out where a file system takes no file of a size.
pub const TOO_LARGE: &str = "the file system, or a limit of the user's (ulimit -f), takes no file of \
    that size; FAT takes less than 4 GiB: use exFAT or ext4, or write a folder instead of one file \
    (-o NAME without .tar; a slash behind docker-archive:DIR/)";

impl Error {
    /// A failure of `class` with its `message`.
    pub fn new(class: Class, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            class,
            message: short(message),
            hint: None,
            details: Vec::new(),
            transient: false,
            about: None,
            retry_after: None,
            source: None,
        }))
    }

    /// An I/O failure while doing `what` (`"cannot read /media/usb/index.json"`).
    ///
    /// A full disk becomes [`Class::NoRoom`], what nobody may do [`Class::Refused`]; an [`Error`] that travelled inside `error`
    /// (see [`Error::into_io`]) comes out again as itself, so that a fault of the source read
    /// through a destination's writer still names the source.
    pub fn io(what: impl Into<String>, error: io::Error) -> Error {
        match Error::from_io(error) {
            Ok(inner) => inner,
            Err(error) => {
                let class = match error.kind() {
                    io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge => Class::NoRoom,
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        Class::Refused
                    }
                    _ => Class::Other,
                };
                let is_too_large = error.kind() == io::ErrorKind::FileTooLarge;
                let fault = Error::new(class, what).source(error);
                match class {
                    Class::NoRoom if is_too_large => fault.hint(TOO_LARGE),
                    Class::NoRoom => fault.hint("free some room and run the same command again"),
                    Class::Refused => fault.hint("see who may read it, or write there"),
                    _ => fault,
                }
            }
        }
    }

    /// The [`Error`] that was put into `error` by [`Error::into_io`], or `error` itself.
    ///
    /// # Errors
    /// Gives `error` back when it holds none.
    pub fn from_io(error: io::Error) -> Result<Error, io::Error> {
        error.downcast::<Carried>().map(|carried| carried.0)
    }

    /// Packs this error so that it can pass through a [`std::io::Read`].
    #[must_use]
    pub fn into_io(self) -> io::Error {
        io::Error::other(Carried(self))
    }

    /// All `errors` as one: a single one as it is, several as findings of one that `summary` names
    /// by their number, with the way out of the first; other ways out stand behind what they are for.
    /// Nothing when there are none.
    pub fn all(
        mut errors: Vec<Error>,
        summary: impl FnOnce(usize) -> (Class, String),
    ) -> Option<Error> {
        if errors.len() < 2 {
            return errors.pop();
        }
        let (class, text) = summary(errors.len());
        let hint = errors.iter().find_map(|error| error.way_out().map(str::to_owned));
        let mut told: Vec<String> = hint.iter().cloned().collect();
        let mut all = Error::new(class, text);
        for error in errors {
            // The causes are part of what it says, which is escaped once more when it is shown.
            let other = error.way_out().filter(|other| !told.iter().any(|known| known == other));
            all.0.details.push(match other {
                Some(other) => format!("{} ({other})", error.spelled()),
                None => error.spelled(),
            });
            told.extend(other.map(str::to_owned));
            let findings = error.findings().iter().map(|finding| format!("  {finding}"));
            all.0.details.extend(findings);
        }
        Some(match hint {
            Some(hint) => all.hint(hint),
            None => all,
        })
    }

    /// The message and its causes, joined by colons, not yet escaped for a terminal.
    #[must_use]
    pub fn spelled(&self) -> String {
        let mut text = self.0.message.clone();
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            let more = error.to_string();
            if !self.0.message.contains(&more) {
                text = format!("{text}: {more}");
            }
            cause = error.source();
        }
        short(text)
    }

    /// Adds the way out: one sentence that a person can act on.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(short(hint));
        self
    }

    /// Adds one line a finding, for a failure that has several.
    #[must_use]
    pub fn details(mut self, details: impl IntoIterator<Item = String>) -> Error {
        self.0.details.extend(details.into_iter().map(short));
        self
    }

    /// The same without its findings, for one who has shown them.
    #[must_use]
    pub fn without_findings(mut self) -> Error {
        self.0.details.clear();
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// Puts `thing: ` in front of the message.
    #[must_use]
    pub fn context(mut self, thing: impl fmt::Display) -> Error {
        self.0.message = short(format!("{thing}: {}", self.0.message));
        self
    }

    /// The same failure once more, for another who has to know of it.
    #[must_use]
    pub fn again(&self) -> Error {
        let mut error = Error::new(self.0.class, self.0.message.clone());
        let cause = self.0.source.as_ref().map(ToString::to_string);
        if let Some(cause) = cause.filter(|cause| !self.0.message.contains(cause.as_str())) {
            error.0.message = format!("{}: {cause}", error.0.message);
        }
        error.0.hint.clone_from(&self.0.hint);
        error.0.details.clone_from(&self.0.details);
        error.0.about = self.0.about;
        error
    }

    /// Marks a failure that the same request may well survive a moment later.
    #[must_use]
    pub fn transient(mut self) -> Error {
        self.0.transient = true;
        self
    }

    /// Takes back [`transient`](Error::transient): it was tried again, often enough.
    #[must_use]
    pub fn settled(mut self) -> Error {
        self.0.transient = false;
        self
    }

    /// Notes what the failure is about.
    #[must_use]
    pub fn about(mut self, about: About) -> Error {
        self.0.about = Some(about);
        self
    }

    /// Notes how long the other end asks to be left alone.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<std::time::Duration>) -> Error {
        self.0.retry_after = wait;
        self
    }

    /// The class, and so the exit code.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class
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

    /// The single findings, not yet escaped for a terminal.
    #[must_use]
    pub fn findings(&self) -> &[String] {
        &self.0.details
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.transient
    }

    /// Whether the other end refused a document because it does not have all its parts.
    #[must_use]
    pub fn lacks_parts(&self) -> bool {
        self.0.about == Some(About::Parts)
    }

    /// Whether the other end turned away whoever asks.
    #[must_use]
    pub fn is_turned_away(&self) -> bool {
        self.0.about == Some(About::Access)
    }

    /// Whether the other end takes no documents of this type.
    #[must_use]
    pub fn is_of_type(&self) -> bool {
        self.0.about == Some(About::Type)
    }

    /// Whether a medium has what was to be read, and does not give it.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.0.about == Some(About::Medium)
    }

    /// Whether what was to be sent is at fault, and not where it was to go.
    #[must_use]
    pub fn is_about_content(&self) -> bool {
        matches!(self.0.about, Some(About::Content | About::Medium))
    }

    /// How long the other end asked to be left alone.
    #[must_use]
    pub fn wait(&self) -> Option<std::time::Duration> {
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

/// Carries an [`Error`] through `io::Error`.
#[derive(Debug)]
struct Carried(Error);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Carried {}

#[cfg(test)]
mod tests {
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

        let lines = [error.spelled(), error.way_out().unwrap().into(), error.findings()[0].clone()];
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
        let all = Error::all(vec![error("a").details(["x".into()]), error("b")], both).unwrap();
        assert_eq!(all.findings(), ["a", "  x", "b (mend b)"]);
        assert_eq!((all.class(), all.message()), (Class::Other, "2 faults"));
        assert_eq!(all.way_out(), Some("mend a"));
    }

    #[test]
    fn causes_follow_the_message_and_are_escaped() {
        let error = Error::new(Class::Other, "a\rb").source(io::Error::other("c\x1bd"));

        assert_eq!(error.to_string(), "a\\u{d}b: c\\u{1b}d");
    }
}
