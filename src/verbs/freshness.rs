//! Whether a bundle is fresh, as an import and a verification ask: what was taken before of its stream,
//! which stream it has to be of, and what is remembered once it was taken.

use std::path::PathBuf;

use serde::Serialize;

use crate::bundle::check::Examined;
use crate::bundle::memory::{Judged, Memory, Reasons, Verdict};
use crate::bundle::position::StreamPosition;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;
use crate::words::stream::StreamName;

/// What a bundle is held against.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Demands {
    /// The stream that it has to be of. Without one, a bundle outside of any is taken, too.
    pub stream: Option<StreamName>,
    /// Where it is remembered what was taken of each stream. A bundle of a stream is not taken
    /// without.
    pub state: Option<PathBuf>,
    /// Why it is to be taken though it is not the one that is expected.
    pub reasons: Reasons,
}

/// How a bundle stands to what was taken of its stream before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Freshness {
    /// How, in a word.
    pub verdict: Verdict,
    /// The last bundle that had been taken, if any.
    pub before: Option<StreamPosition>,
    /// Why it is taken, where it is not the one that was expected.
    pub reasons: Vec<String>,
    /// Whether it is remembered now as the last one that was taken.
    pub remembered: bool,
}

/// A bundle that may be taken.
#[derive(Debug)]
pub(super) struct Fresh {
    memory: Memory,
    standing: Judged,
    now: Moment,
}

impl Demands {
    /// What holds a bundle against `state`, where it is remembered what was taken.
    #[must_use]
    pub fn of(state: impl Into<PathBuf>) -> Demands {
        Demands { state: Some(state.into()), ..Demands::default() }
    }

    /// Whether the bundle that was `examined` may be taken at `now`. Nothing is remembered, and so
    /// nothing is asked, of one outside of any stream, nor of one of which nobody was asked who
    /// signed: it could make any later one look old. Whether it may be remembered is asked if
    /// `may_remember`.
    ///
    /// # Errors
    /// As [`Judged::judge`] and [`Memory::recall`]; [`Class::Untrusted`] for one that is not of the
    /// stream that it has to be of; [`Class::Refused`] where nothing could be remembered.
    pub(super) fn judge(
        &self,
        examined: &Examined,
        now: Moment,
        may_remember: bool,
    ) -> Result<Option<Fresh>> {
        self.reasons.check()?;
        let (name, statement) = (examined.name(), examined.statement());
        let position = statement.predicate.position();
        self.is_of_stream(name, position.as_ref())?;
        let Some(StreamPosition { stream, .. }) = position else { return Ok(None) };
        if examined.signers().is_empty() {
            return Ok(None);
        }
        let Some(state) = &self.state else {
            let text = format!(
                "bundle {name} is of stream {stream}, and there is no home to remember in what was taken"
            );
            return Err(Error::new(Class::Usage, text)
                .hint(phrase!["name a folder for that with ", Remedy::State]));
        };
        let memory = Memory::at(state);
        if may_remember {
            memory.check()?;
        }
        let remembered = memory.recall(&stream)?;
        let about = (name, &*memory.file(&stream), now);
        let standing = Judged::judge(remembered, statement, &self.reasons, about)?;
        Ok(standing.map(|standing| Fresh { memory, standing, now }))
    }

    fn is_of_stream(&self, name: &str, position: Option<&StreamPosition>) -> Result<()> {
        let (text, hint) = match (&self.stream, position) {
            (None, _) => return Ok(()),
            (Some(wanted), Some(at)) if at.stream == *wanted => return Ok(()),
            (Some(wanted), Some(at)) => (
                format!("bundle {name} is {at}, and not of stream {wanted}"),
                phrase![
                    "see whether it is the right bundle, and whether ",
                    Remedy::Stream,
                    format!(" {} was meant", at.stream)
                ],
            ),
            (Some(wanted), None) => (
                format!("bundle {name} belongs to no stream, and is to be of stream {wanted}"),
                phrase![
                    "ask the sender for a bundle of that stream, or leave out ",
                    Remedy::Stream
                ],
            ),
        };
        Err(Error::new(Class::Untrusted, text).subject(Subject::Path(name.into())).hint(hint))
    }
}

impl Fresh {
    /// How it stands, when nothing is remembered.
    pub(super) fn told(&self) -> Freshness {
        Freshness {
            verdict: self.standing.verdict,
            before: self.standing.remembered.as_ref().map(|last| last.position()),
            reasons: self.standing.reasons.iter().map(|(_, reason)| reason.clone()).collect(),
            remembered: false,
        }
    }

    /// Why it is taken, where it is not the one that was expected.
    pub(super) fn excepted(&self) -> &[(Verdict, String)] {
        &self.standing.reasons
    }

    /// Remembers that it was taken.
    ///
    /// # Errors
    /// As [`Memory::keep`].
    pub(super) fn remember(&self, cancel: &Cancel) -> Result<Freshness> {
        self.memory.keep(&self.standing.taken(self.now), cancel)?;
        Ok(Freshness { remembered: true, ..self.told() })
    }
}
