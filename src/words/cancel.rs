//! [`Cancel`]: a stop that was asked for, of one job and no other.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
}

impl Cancel {
    /// Asks the job to stop, which it does between two pieces of data. Safe to call from a thread
    /// that handles signals.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
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

    #[test]
    fn a_job_stops_when_its_handle_says_so_and_at_no_others() {
        let (one, other) = (Cancel::default(), Cancel::default());

        one.clone().cancel();

        assert_eq!(one.check().unwrap_err().class(), Class::Interrupted);
        assert!(other.check().is_ok() && !other.is_cancelled());
    }
}
