//! [`Cancel`]: a stop that was asked for, of one job and no other.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::error::{Class, Error, Result};

/// The handle by which a job is stopped. Whoever asks for the job makes one, keeps a clone, and
/// hands the other over with the [`Progress`](super::progress::Progress) that the job tells; every
/// loop that moves bytes or waits looks at it. One that nobody keeps is never cancelled.
///
/// ```
/// use sealift::words::cancel::Cancel;
/// use sealift::words::error::Class;
/// use sealift::words::progress::{Cancellable, Progress, Silent};
///
/// let cancel = Cancel::default();
/// let progress: &dyn Progress = &Cancellable::new(Silent, cancel.clone());
/// assert!(progress.check().is_ok());
///
/// cancel.cancel();
///
/// assert_eq!(progress.check().unwrap_err().class(), Class::Interrupted);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Job>);

/// What all clones of a handle share.
#[derive(Debug, Default)]
struct Job {
    cancelled: AtomicBool,
    /// The process ids of the programs that run for it.
    programs: Mutex<BTreeSet<i32>>,
    /// What it may be waiting for.
    waits: Mutex<Vec<Weak<dyn Wait>>>,
}

/// What a job may wait for without looking at its [`Cancel`]: an answer that does not come.
pub(crate) trait Wait: std::fmt::Debug + Send + Sync {
    /// Ends all waiting at once. Whoever waits then looks whether the job was stopped.
    fn end(&self);
}

impl Cancel {
    /// Asks the job to stop, which it does between two pieces of data, and waits for no answer any
    /// more. Safe to call from a thread that handles signals.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let waits = std::mem::take(&mut *self.waits());
        waits.iter().filter_map(Weak::upgrade).for_each(|wait| wait.end());
    }

    /// Ends `wait` when the job is asked to stop.
    pub(crate) fn ends(&self, wait: Weak<dyn Wait>) {
        let mut waits = self.waits();
        waits.retain(|wait| wait.strong_count() > 0);
        waits.push(wait);
    }

    fn waits(&self) -> std::sync::MutexGuard<'_, Vec<Weak<dyn Wait>>> {
        self.0.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Fails once a stop was asked for.
    ///
    /// # Errors
    /// [`Class::Interrupted`].
    pub fn check(&self) -> Result<()> {
        match self.is_cancelled() {
            true => Err(Error::new(Class::Interrupted, "interrupted")
                .hint("run the same command again; it goes on where it stopped")),
            false => Ok(()),
        }
    }

    /// Takes notice that the program with the process id `id` runs for the job.
    pub(crate) fn started(&self, id: i32) {
        self.0.programs.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// Takes notice that it has ended.
    pub(crate) fn ended(&self, id: i32) {
        self.0.programs.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// The programs that run for the job now.
    pub(crate) fn programs(&self) -> BTreeSet<i32> {
        self.0.programs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Waited(AtomicBool);

    impl Wait for Waited {
        fn end(&self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_job_stops_when_its_handle_says_so_and_at_no_others() {
        let (one, other) = (Cancel::default(), Cancel::default());

        let (ours, theirs) = (Arc::new(Waited::default()), Arc::new(Waited::default()));
        one.ends(Arc::downgrade(&ours) as Weak<dyn Wait>);
        other.ends(Arc::downgrade(&theirs) as Weak<dyn Wait>);

        one.clone().cancel();

        let ended = |wait: &Waited| wait.0.load(Ordering::SeqCst);
        assert!(ended(&ours) && !ended(&theirs));
        assert_eq!(one.check().unwrap_err().class(), Class::Interrupted);
        assert!(other.check().is_ok() && !other.is_cancelled());
    }
}
