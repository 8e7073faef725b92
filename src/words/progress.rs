//! [`Progress`]: the only way in which work tells what it does, and asks whether to go on. The
//! library never prints.

use std::sync::{Arc, Mutex};

use super::cancel::Cancel;
use super::digest::Digest;
use super::error::Result;
use super::phrase::Phrase;

/// What is happening.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A phase begins, with its name for people (`fetching layers`) and the bytes and things it
    /// will deal with. Zero bytes means that they are not known.
    Phase {
        /// For people, as in `fetching layers`.
        name: &'static str,
        /// Bytes ahead.
        bytes: u64,
        /// Blobs, images or files ahead.
        items: u64,
    },
    /// A blob of `bytes` begins.
    Started {
        /// The blob.
        digest: Digest,
        /// Its size.
        bytes: u64,
        /// The image that needs it, one of them if there are several; empty where that is not known.
        of: String,
    },
    /// `bytes` more were moved or checked.
    Advanced {
        /// The blob, where it is known of which they are.
        digest: Option<Digest>,
        /// How many, since the last event.
        bytes: u64,
    },
    /// A blob is done.
    Finished {
        /// The blob.
        digest: Digest,
    },
    /// A blob has to begin again: `bytes` that were announced by [`Event::Advanced`] do not count.
    Rewound {
        /// The blob.
        digest: Digest,
        /// How many to take back.
        bytes: u64,
    },
    /// A request failed and will be tried again.
    Retrying {
        /// Why, for people.
        why: String,
        /// After how many milliseconds.
        wait_ms: u64,
    },
    /// The phase is over.
    Done,
    /// Somebody is asked for something and has the screen.
    Paused,
    /// They have answered.
    Resumed,
    /// Something a person should know, though the work goes on.
    Note(Phrase),
    /// A request was answered, as one line of a log.
    Answered(String),
}

impl Event {
    /// [`Event::Note`] of `text`.
    pub fn note(text: impl Into<Phrase>) -> Event {
        Event::Note(text.into())
    }
}

/// Receives [`Event`]s, from any thread.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use sealift::words::progress::{Event, Progress};
///
/// #[derive(Default)]
/// struct Meter(AtomicU64);
///
/// impl Progress for Meter {
///     fn event(&self, event: Event) {
///         match event {
///             Event::Advanced { bytes, .. } => self.0.fetch_add(bytes, Ordering::Relaxed),
///             Event::Rewound { bytes, .. } => self.0.fetch_sub(bytes, Ordering::Relaxed),
///             _ => 0,
///         };
///     }
/// }
/// ```
pub trait Progress: Send + Sync {
    /// Takes notice of `event`. Must be quick: it is called from the loops that move bytes.
    fn event(&self, event: Event);

    /// The handle that stops the work which tells of itself here; nothing where nobody stops it.
    /// Who passes events on passes this on too.
    fn stopped_by(&self) -> Option<&Cancel> {
        None
    }
}

impl dyn Progress + '_ {
    /// Fails once a stop was asked for.
    ///
    /// # Errors
    /// [`Class::Interrupted`](super::error::Class::Interrupted).
    pub fn check(&self) -> Result<()> {
        self.stopped_by().map_or(Ok(()), Cancel::check)
    }

    /// The handle that stops the work, for parts of it that tell nothing.
    #[must_use]
    pub fn handle(&self) -> Cancel {
        self.stopped_by().cloned().unwrap_or_default()
    }
}

impl<P: Progress + ?Sized> Progress for Arc<P> {
    fn event(&self, event: Event) {
        (**self).event(event);
    }

    fn stopped_by(&self) -> Option<&Cancel> {
        (**self).stopped_by()
    }
}

/// Work that a [`Cancel`] stops, and that tells of itself where it did without.
#[derive(Debug)]
pub struct Cancellable<P> {
    told: P,
    cancel: Cancel,
}

impl<P: Progress> Cancellable<P> {
    /// Tells `told`, until `cancel` says stop.
    pub fn new(told: P, cancel: Cancel) -> Cancellable<P> {
        Cancellable { told, cancel }
    }
}

impl<P: Progress> Progress for Cancellable<P> {
    fn event(&self, event: Event) {
        self.told.event(event);
    }

    fn stopped_by(&self) -> Option<&Cancel> {
        Some(&self.cancel)
    }
}

/// Ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _: Event) {}
}

/// Keeps everything, for tests.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    /// What was told so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().map(|events| events.clone()).unwrap_or_default()
    }
}

impl Progress for Recorder {
    fn event(&self, event: Event) {
        if let Ok(mut events) = self.0.lock() {
            events.push(event);
        }
    }
}
