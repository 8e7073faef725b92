//! [`Bucket`]: so many bytes a second over all transfers, and no more.

use std::fmt;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::retry::sleep;
use crate::words::cancel::Cancel;
use crate::words::error::{Error, Result};

/// Where a bucket gets the time from, and how it lets time pass.
pub trait Clock: Send + Sync {
    /// Time since some moment that does not change.
    fn now(&self) -> Duration;

    /// Lets `pause` pass.
    ///
    /// # Errors
    /// [`Class::Interrupted`](crate::words::error::Class::Interrupted).
    fn sleep(&self, pause: Duration) -> Result<()>;
}

/// The machine's own clock, by which one sleeps until a handle says stop.
#[derive(Debug)]
pub struct Monotonic(Instant, Cancel);

impl Monotonic {
    /// Begins now.
    #[must_use]
    pub fn new(cancel: Cancel) -> Monotonic {
        Monotonic(Instant::now(), cancel)
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, pause: Duration) -> Result<()> {
        sleep(pause, &self.1)
    }
}

/// How much of a rate may be used up at once after a time of silence, in fractions of a second:
/// enough that a thread which wakes a little late loses nothing, too little to be seen as a burst.
const BURST: Duration = Duration::from_millis(100);
/// How many slices a second's bytes are read in, so that a slow rate is a trickle and no hiccup.
const SLICES: u64 = 10;
/// The smallest slice: at any rate, reading by single bytes would be all overhead.
const LEAST_SLICE: u64 = 1 << 10;

/// A token bucket, shared by everything that moves bytes.
pub struct Bucket {
    rate: u64,
    /// When everything that was let through is paid for.
    paid: Mutex<Duration>,
    clock: Box<dyn Clock>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("rate", &self.rate).finish_non_exhaustive()
    }
}

impl Bucket {
    /// Lets `rate` bytes a second through, by `clock`.
    #[must_use]
    pub fn new(rate: u64, clock: Box<dyn Clock>) -> Bucket {
        Bucket { rate: rate.max(1), paid: Mutex::default(), clock }
    }

    /// How many bytes to ask for at a time.
    #[must_use]
    pub fn slice(&self) -> usize {
        usize::try_from((self.rate / SLICES).max(LEAST_SLICE)).unwrap_or(usize::MAX)
    }

    /// Waits until `bytes` more are due.
    ///
    /// # Errors
    /// [`Class::Interrupted`](crate::words::error::Class::Interrupted).
    pub fn take(&self, bytes: u64) -> Result<()> {
        match self.pause_for(bytes) {
            Duration::ZERO => Ok(()),
            pause => self.clock.sleep(pause),
        }
    }

    /// How long to wait after `bytes` more, for one who waits by other means.
    #[must_use]
    pub fn pause_for(&self, bytes: u64) -> Duration {
        let now = self.clock.now();
        let cost = Duration::from_secs_f64(bytes as f64 / self.rate as f64);
        let due = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            *paid = (*paid).max(now.saturating_sub(BURST)) + cost;
            *paid
        };
        due.saturating_sub(now)
    }
}

/// Reads once from `reader`, at the pace of `bucket` if there is one.
///
/// # Errors
/// Those of the reader, and a stop that was asked for.
pub fn read_limited(
    reader: &mut dyn Read,
    buffer: &mut [u8],
    bucket: Option<&Bucket>,
) -> io::Result<usize> {
    let Some(bucket) = bucket else { return reader.read(buffer) };
    let most = buffer.len().min(bucket.slice());
    let got = reader.read(&mut buffer[..most])?;
    bucket.take(got as u64).map_err(Error::into_io)?;
    Ok(got)
}

/// A clock for tests, here and in the places that are slowed down.
#[cfg(test)]
pub(crate) mod samples {
    use std::sync::Arc;

    use super::*;

    /// Time passes only by sleeping.
    #[derive(Default, Clone)]
    pub(crate) struct Still(Arc<Mutex<Duration>>);

    impl Clock for Still {
        fn now(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        fn sleep(&self, pause: Duration) -> Result<()> {
            *self.0.lock().unwrap() += pause;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::Still;
    use super::*;

    #[test]
    fn so_many_bytes_take_so_many_seconds_whoever_asks_for_them() {
        let clock = Still::default();
        let bucket = Bucket::new(1_000_000, Box::new(clock.clone()));

        for bytes in [1, 999_999, 4_000_000, 250_000].repeat(10) {
            bucket.take(bytes).unwrap();
        }

        assert_eq!(clock.now().as_secs_f64().round(), 53.0, "52.5 MB at 1 MB/s");
    }

    #[test]
    fn silence_is_not_saved_up() {
        let clock = Still::default();
        let bucket = Bucket::new(1_000, Box::new(clock.clone()));
        clock.sleep(Duration::from_secs(3600)).unwrap();
        let before = clock.now();

        bucket.take(10_000).unwrap();

        let took = clock.now() - before;
        assert!(took >= Duration::from_secs(10) - BURST, "{took:?}");
    }

    #[test]
    fn a_limited_reader_pays_for_every_byte() {
        let clock = Still::default();
        let bucket = Bucket::new(50_000, Box::new(clock.clone()));

        let (mut reader, mut buffer, mut read) = (&[7; 500_000][..], [0; 64 << 10], 0);
        while read < 500_000 {
            let got = read_limited(&mut reader, &mut buffer, Some(&bucket)).unwrap();
            assert!((1..=5000).contains(&got), "a trickle, no bursts");
            read += got;
        }

        assert!((9.8..10.1).contains(&clock.now().as_secs_f64()), "{:?}", clock.now());
    }
}
