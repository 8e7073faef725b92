//! [`Alternatives`]: a repository is read from its mirrors first, then from the registry itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::places::registry::session::Session;
use crate::storage::raw::Raw;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, ErrorKind, Result};
use crate::words::progress::Event;

/// What else a repository may be read from, or why it may not be read. The registry itself is the
/// `primary` that every method is given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alternatives {
    mirrors: Vec<Mirror>,
    /// Told whenever the repository is used, as opening one cannot fail.
    refused: Option<Error>,
    /// Which mirrors gave bytes of a blob, by their place in the list.
    gave: Arc<Mutex<BTreeMap<Digest, BTreeSet<usize>>>>,
}

/// A repository that may have the same content.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    pub(crate) session: Session,
    /// Whether it is asked what a tag means.
    pub(crate) tags: bool,
    /// Whether it is asked for content by digest.
    pub(crate) digests: bool,
}

/// What a mirror is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// What a tag means.
    Tag,
    /// A name with a digest.
    Digest,
    /// What such a name led to. Its digest is known, so that any mirror may have it: one that
    /// told what a tag means may be the only one that knows what the tag leads to.
    Content,
}

impl Alternatives {
    /// `mirrors`, in the order in which they are asked.
    pub(crate) fn among(mirrors: Vec<Mirror>) -> Alternatives {
        Alternatives { mirrors, ..Alternatives::default() }
    }

    /// None, as the configuration forbids, in the words of `error`, that anything is read.
    pub(crate) fn forbidden(error: Error) -> Alternatives {
        Alternatives { refused: Some(error), ..Alternatives::default() }
    }

    /// The sessions with all mirrors.
    pub(crate) fn sessions(&mut self) -> impl Iterator<Item = &mut Session> {
        self.mirrors.iter_mut().map(|mirror| &mut mirror.session)
    }

    fn gave(&self) -> MutexGuard<'_, BTreeMap<Digest, BTreeSet<usize>>> {
        self.gave.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks no mirror again that gave bytes of `blob`, which were wrong; whether one had.
    pub(crate) fn distrust(&self, blob: &Descriptor) -> bool {
        let Some(gave) = self.gave().remove(&blob.digest) else { return false };
        for session in gave.into_iter().map(|at| &self.mirrors[at].session) {
            let what = session.blob_name(blob);
            pass_by(session, &session.end.error(Class::Damaged, &what, "has other bytes"));
        }
        true
    }

    /// # Errors
    /// [`Class::Refused`] when the configuration forbids to read from the registry.
    pub(crate) fn permit(&self) -> Result<()> {
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// What `ask` gets from the first mirror that has it, else from the registry itself, whose
    /// failure is the one that is told.
    pub(crate) fn first<'a, T>(
        &'a self,
        primary: &'a Session,
        want: Want,
        ask: impl Fn(&'a Session) -> Result<T>,
    ) -> Result<T> {
        self.permit()?;
        match self.mirrored(want, &ask)? {
            Some((_, found)) => Ok(found),
            None => ask(primary),
        }
    }

    /// The bytes of `blob` from the first place that has it. A mirror that gave them is noted,
    /// for the case that they prove wrong.
    pub(crate) fn open<'a>(
        &'a self,
        primary: &'a Session,
        blob: &Descriptor,
        offset: u64,
    ) -> Result<Raw<'a>> {
        self.permit()?;
        match self.mirrored(Want::Content, &|place: &'a Session| place.open_blob(blob, offset))? {
            Some((at, body)) => {
                self.gave().entry(blob.digest).or_default().insert(at);
                Ok(body)
            }
            None => primary.open_blob(blob, offset),
        }
    }

    /// As [`first`](Alternatives::first), but the registry itself is asked before its mirrors:
    /// those may leave out what they do not know to belong to an image, and an empty list looks
    /// like any other.
    pub(crate) fn original<'a, T>(
        &'a self,
        primary: &'a Session,
        ask: impl Fn(&'a Session) -> Result<T>,
    ) -> Result<T> {
        self.permit()?;
        if self.mirrors.is_empty() || primary.host.is_given_up() {
            return self.first(primary, Want::Content, ask);
        }
        let error = match ask(primary) {
            Err(error) if error.class() != Class::Interrupted => error,
            other => return other,
        };
        pass_by(primary, &error);
        match self.mirrored(Want::Content, &ask)? {
            Some((_, found)) => Ok(found),
            None => Err(error),
        }
    }

    fn mirrored<'a, T>(
        &'a self,
        want: Want,
        ask: &impl Fn(&'a Session) -> Result<T>,
    ) -> Result<Option<(usize, T)>> {
        for (at, mirror) in self.mirrors.iter().enumerate() {
            let asked = match want {
                Want::Tag => mirror.tags,
                Want::Digest => mirror.digests,
                Want::Content => true,
            };
            if !asked || mirror.session.host.is_given_up() {
                continue;
            }
            match ask(&mirror.session) {
                Ok(found) => return Ok(Some((at, found))),
                Err(error) if error.class() == Class::Interrupted => return Err(error),
                Err(error) => pass_by(&mirror.session, &error),
            }
        }
        Ok(None)
    }
}

/// Takes note that a host failed. One that does not have a thing may have the next; one that does
/// not answer, or wrongly, is not asked again in this run.
fn pass_by(session: &Session, error: &Error) {
    let unusable = error.kind() == ErrorKind::AnswerUnusable;
    let fault = unusable || !matches!(error.class(), Class::Incomplete | Class::Refused);
    let news = match fault {
        true => session.host.give_up(),
        false => error.class() == Class::Refused && session.host.complain(),
    };
    if news {
        let text = format!("{error}; the next place is asked");
        session.shared.progress.event(Event::note(text));
    }
}
