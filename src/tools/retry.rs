//! [`Retry`]: how often, and after which pause, a transient failure is tried again.

use std::time::{Duration, Instant};

use crate::words::cancel::Cancel;
use crate::words::error::{Error, Result};
use crate::words::progress::{Event, Progress};

/// A policy of bounded attempts with exponential, jittered pauses.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Attempts in all, the first among them.
    pub attempts: u32,
    /// The first pause; each further one doubles.
    pub first: Duration,
    /// Longest pause that the policy chooses by itself.
    pub longest: Duration,
}

/// Longest pause that a server can impose with `Retry-After`. A registry that asks for more is
/// better reported to the user than waited for in silence.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

impl Default for Retry {
    /// Six attempts within about half a minute, as skopeo and docker do.
    fn default() -> Retry {
        Retry { attempts: 6, first: Duration::from_millis(500), longest: Duration::from_secs(15) }
    }
}

impl Retry {
    /// Calls `work` until it succeeds, fails for good, or the attempts are used up. Each pause is
    /// reported and ends at once when the work is cancelled.
    ///
    /// # Errors
    /// The last failure of `work`.
    pub fn run<T>(
        &self,
        progress: &dyn Progress,
        mut work: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            progress.check()?;
            let error = match work() {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            // Whatever became of work that was stopped, it was that.
            progress.check()?;
            if !error.is_transient() || attempt >= self.attempts {
                // Whoever retries around this one must not start over.
                return Err(error.settled());
            }
            self.wait(attempt, &error, progress)?;
            attempt += 1;
        }
    }

    /// Reports `error`, the `attempt`th failure, and pauses before the next attempt.
    ///
    /// # Errors
    /// [`Class::Interrupted`](crate::words::error::Class::Interrupted).
    pub fn wait(&self, attempt: u32, error: &Error, progress: &dyn Progress) -> Result<()> {
        // Whoever stopped the work need not be told that it goes on.
        progress.check()?;
        let pause = self.pause(attempt, error);
        progress.event(Event::Retrying {
            why: error.to_string(),
            wait_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
        });
        sleep(pause, &progress.handle())
    }

    /// The pause after the `attempt`th failure: what the server asked for, else exponential,
    /// between half and all of its full length so that many clients do not come back together.
    fn pause(&self, attempt: u32, error: &Error) -> Duration {
        if let Some(asked) = error.wait() {
            return asked.min(LONGEST_ASKED);
        }
        let full = self.first.saturating_mul(1 << (attempt - 1).min(16)).min(self.longest);
        let half = full / 2;
        half + half.mul_f64(random_fraction())
    }
}

/// A number in `0.0..1.0`; 0.5 where the system has no randomness, since jitter is no security.
fn random_fraction() -> f64 {
    getrandom::u32().map_or(0.5, |r| f64::from(r) / f64::from(u32::MAX))
}

/// Pauses for `least`, and up to half as long again, so that two who wait for each other part.
///
/// # Errors
/// [`Class::Interrupted`](crate::words::error::Class::Interrupted).
pub fn settle(least: Duration, cancel: &Cancel) -> Result<()> {
    sleep(least + (least / 2).mul_f64(random_fraction()), cancel)
}

/// Sleeps for `pause` unless `cancel` says stop.
///
/// # Errors
/// [`Class::Interrupted`](crate::words::error::Class::Interrupted).
pub fn sleep(pause: Duration, cancel: &Cancel) -> Result<()> {
    let until = Instant::now() + pause;
    loop {
        cancel.check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::error::Class;
    use crate::words::progress::Recorder;

    const QUICK: Retry =
        Retry { attempts: 3, first: Duration::from_millis(1), longest: Duration::from_millis(2) };

    #[test]
    fn a_transient_failure_is_tried_again_and_reported() {
        let progress = Recorder::default();
        let mut calls = 0;

        let value = QUICK.run(&progress, || {
            calls += 1;
            match calls {
                1 | 2 => Err(Error::new(Class::Other, "reset").transient()),
                n => Ok(n),
            }
        });

        assert_eq!(value.unwrap(), 3);
        assert_eq!(progress.events().len(), 2);
    }

    #[test]
    fn attempts_within_attempts_do_not_multiply() {
        let mut calls = 0;

        let silent = &crate::words::progress::Silent;
        let result: Result<()> = QUICK.run(silent, || {
            QUICK.run(silent, || {
                calls += 1;
                Err(Error::new(Class::Other, "reset").transient())
            })
        });

        result.unwrap_err();
        assert_eq!(calls, 3);
    }

    #[test]
    fn a_final_failure_is_not_repeated() {
        let mut calls = 0;

        let result: Result<()> = QUICK.run(&crate::words::progress::Silent, || {
            calls += 1;
            Err(Error::new(Class::NoRoom, "disk is full"))
        });

        assert_eq!(result.unwrap_err().class(), Class::NoRoom);
        assert_eq!(calls, 1);
    }

    #[test]
    fn the_servers_wish_counts_up_to_a_limit() {
        let error = |s| Error::new(Class::Other, "").retry_after(Some(Duration::from_secs(s)));

        assert_eq!(QUICK.pause(1, &error(7)), Duration::from_secs(7));
        assert_eq!(QUICK.pause(1, &error(9999)), LONGEST_ASKED);
        assert!(QUICK.pause(9, &Error::new(Class::Other, "")) <= QUICK.longest);
    }
}
