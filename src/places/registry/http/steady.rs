//! [`Steady`] and [`TakenBody`]: bodies that have to come in, and to be taken, at a walking pace at
//! least.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Bytes a second below which a body counts as standing still. A satellite telephone with six
/// transfers at once is faster; a server that sends a byte now and then to keep a connection
/// (and this machine) busy is not.
const LEAST: u64 = 64;

/// Reads from `inner`, and fails when less than a trickle came in while it was waited for. Time
/// that the caller takes between two reads does not count.
pub(crate) struct Steady<R> {
    inner: R,
    patience: Duration,
    waited: Duration,
    got: u64,
}

impl<R: Read> Steady<R> {
    /// Judges `inner` whenever `patience` was spent on it.
    pub(crate) fn new(inner: R, patience: Duration) -> Steady<R> {
        Steady { inner, patience, waited: Duration::ZERO, got: 0 }
    }
}

impl<R: Read> Read for Steady<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let begun = Instant::now();
        let got = self.inner.read(buffer)?;
        self.waited += begun.elapsed();
        self.got += got as u64;
        if got > 0 && self.waited >= self.patience {
            if self.got < LEAST * self.patience.as_secs().max(1) {
                let why = format!("{} bytes in {:.0?}", self.got, self.waited);
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            (self.waited, self.got) = (Duration::ZERO, 0);
        }
        Ok(got)
    }
}

/// Hands out `inner`, and fails when less than a trickle of it was taken while that was waited for:
/// whoever reads sends it before it reads again. Time that `inner` takes does not count.
pub(crate) struct TakenBody<'a> {
    inner: &'a mut dyn Read,
    patience: Duration,
    waited: Duration,
    given: u64,
    last: Option<Instant>,
}

impl<'a> TakenBody<'a> {
    /// Judges the reader of `inner` whenever `patience` was spent on it.
    pub(crate) fn new(inner: &'a mut dyn Read, patience: Duration) -> TakenBody<'a> {
        TakenBody { inner, patience, waited: Duration::ZERO, given: 0, last: None }
    }
}

impl Read for TakenBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.waited += self.last.map_or(Duration::ZERO, |last| last.elapsed());
        if self.waited >= self.patience {
            if self.given < LEAST * self.waited.as_secs().max(1) {
                let why = format!("{} bytes were taken in {:.0?}", self.given, self.waited);
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            (self.waited, self.given) = (Duration::ZERO, 0);
        }
        let got = self.inner.read(buffer)?;
        self.given += got as u64;
        self.last = Some(Instant::now());
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `size` bytes a read, each after a pause.
    struct Slow(usize, Duration);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(self.1);
            Ok(self.0.min(buffer.len()))
        }
    }

    #[test]
    fn a_trickle_is_a_stall_and_a_slow_line_is_not() {
        let pause = Duration::from_millis(2);
        let read = |size, patience| {
            let mut reader = Steady::new(Slow(size, pause), Duration::from_millis(patience));
            (0..20).try_for_each(|_| reader.read(&mut [0; 512]).map(drop))
        };

        assert_eq!(read(1, 10).unwrap_err().kind(), io::ErrorKind::TimedOut);
        read(512, 10).unwrap();
        read(1, 60_000).unwrap();
    }

    #[test]
    fn whoever_takes_next_to_nothing_is_given_up() {
        let take = |size: usize, patience| {
            let mut content = io::repeat(1);
            let mut body = TakenBody::new(&mut content, Duration::from_millis(patience));
            (0..20).try_for_each(|_| {
                let read = body.read(&mut vec![0; size]).map(drop);
                std::thread::sleep(Duration::from_millis(2));
                read
            })
        };

        assert_eq!(take(1, 10).unwrap_err().kind(), io::ErrorKind::TimedOut);
        take(512, 10).unwrap();
        take(1, 60_000).unwrap();
    }
}
