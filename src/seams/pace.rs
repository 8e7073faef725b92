//! [`Gate`]: as many transfers at a time with one host as do it good.
//!
//! [`Controller`] decides and knows neither threads nor clocks; [`Gate`] makes threads wait.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many transfers a host gets at first: the second one hides the round trips of the first.
const START: usize = 2;
/// What a transfer counts beside its bytes. Small blobs are all round trips: without this their
/// number, which is what more threads raise, would not be seen.
const WORTH: u64 = 64 << 10;
/// How long is measured before the next decision. Shorter windows see noise.
const WINDOW: Duration = Duration::from_millis(200);
/// How much better a window has to be for one more transfer to be worth it.
const BETTER: f64 = 1.05;
/// How much is needed below the best for the last growth to count as harmful.
const WORSE: f64 = 0.7;
/// How long after trouble further trouble is taken for the same, and nothing grows.
const COOLING: Duration = Duration::from_secs(2);

/// How many transfers at a time, from what came of it so far. Pure: time is an argument.
#[derive(Debug, Clone)]
pub struct Controller {
    limit: usize,
    most: usize,
    /// Work a second in the best window at each limit below this one.
    best: f64,
    quiet_until: Duration,
}

impl Controller {
    /// Starts with few, and never allows more than `most`.
    #[must_use]
    pub fn new(most: usize) -> Controller {
        let most = most.max(1);
        Controller { limit: START.min(most), most, best: 0.0, quiet_until: Duration::ZERO }
    }

    /// How many transfers may run.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Takes notice of a window in which all allowed transfers ran: `work` in `took`, ended at
    /// `now`. One more is allowed while that helps; one fewer when the last one did harm.
    pub fn window(&mut self, work: u64, took: Duration, now: Duration) {
        let rate = work as f64 / took.as_secs_f64().max(0.001);
        if rate > self.best * BETTER {
            self.best = rate;
            if now >= self.quiet_until {
                self.limit = (self.limit + 1).min(self.most);
            }
        } else if rate < self.best * WORSE && self.limit > START {
            self.limit -= 1;
            // What was best may not come back: the line changes over hours.
            self.best = rate;
        }
    }

    /// The host is overcharged (429, 503) or does not answer in time: half as many.
    pub fn trouble(&mut self, now: Duration) {
        if now < self.quiet_until {
            return;
        }
        self.limit = (self.limit / 2).max(1);
        self.best = 0.0;
        self.quiet_until = now + COOLING;
    }
}

#[derive(Debug)]
struct State {
    controller: Controller,
    running: usize,
    /// Whether someone had to wait in this window: only then the limit is what holds things back.
    full: bool,
    work: u64,
    since: Duration,
}

/// Lets so many transfers through as its [`Controller`] says.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    free: Condvar,
    begun: Instant,
}

impl Gate {
    /// At most `most` transfers at a time.
    #[must_use]
    pub fn new(most: usize) -> Gate {
        let state = State {
            controller: Controller::new(most),
            running: 0,
            full: false,
            work: 0,
            since: Duration::ZERO,
        };
        Gate { state: Mutex::new(state), free: Condvar::new(), begun: Instant::now() }
    }

    /// Waits for a place, which is given back when the pass is dropped.
    pub fn enter(&self) -> Pass<'_> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.running >= state.controller.limit() {
            state.full = true;
            state = self.free.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.running == 0 {
            (state.work, state.since, state.full) = (0, self.begun.elapsed(), false);
        }
        state.running += 1;
        Pass(self)
    }

    /// The host is overcharged, or slow to answer.
    pub fn trouble(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.controller.trouble(self.begun.elapsed());
    }

    /// How many transfers may run now.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).controller.limit()
    }

    fn count(&self, work: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.work += work;
        let now = self.begun.elapsed();
        let took = now.saturating_sub(state.since);
        if took < WINDOW {
            return;
        }
        if state.full {
            let work = state.work;
            state.controller.window(work, took, now);
            self.free.notify_all();
        }
        (state.work, state.since) = (0, now);
        state.full = state.running >= state.controller.limit();
    }
}

/// The right to move bytes.
#[derive(Debug)]
pub struct Pass<'a>(&'a Gate);

impl Pass<'_> {
    /// Tells that `bytes` were moved.
    pub fn moved(&self, bytes: u64) {
        self.0.count(bytes);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.count(WORTH);
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running -= 1;
        self.0.free.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Windows of a second each, on a line whose throughput is a function of the limit.
    fn settle(controller: &mut Controller, from: u64, rate: impl Fn(usize) -> u64) -> usize {
        for second in from..from + 50 {
            let work = rate(controller.limit());
            controller.window(work, SECOND, Duration::from_secs(second));
        }
        controller.limit()
    }

    #[test]
    fn it_grows_while_more_transfers_move_more() {
        let scales = |limit: usize| limit as u64 * 1_000_000;

        assert_eq!(settle(&mut Controller::new(16), 1, scales), 16);
        assert_eq!(settle(&mut Controller::new(1), 1, scales), 1, "never beyond --jobs");
    }

    #[test]
    fn it_stays_where_more_transfers_move_no_more() {
        let full_at_four = |limit: usize| limit.min(4) as u64 * 1_000_000;

        assert_eq!(settle(&mut Controller::new(64), 1, full_at_four), 5);
    }

    #[test]
    fn it_takes_back_what_does_harm() {
        let thrashes = |limit: usize| if limit > 4 { 1_000_000 } else { limit as u64 * 1_000_000 };

        let limit = settle(&mut Controller::new(64), 1, thrashes);

        assert!((2..=5).contains(&limit), "{limit}");
    }

    #[test]
    fn trouble_halves_it_once_and_it_comes_back_later() {
        let scales = |limit: usize| limit as u64 * 1_000_000;
        let mut controller = Controller::new(16);
        settle(&mut controller, 1, scales);
        let now = Duration::from_secs(100);

        (0..16).for_each(|_| controller.trouble(now));
        assert_eq!(controller.limit(), 8, "many answers of one moment are one trouble");
        controller.window(8_000_000, SECOND, now + SECOND);
        assert_eq!(controller.limit(), 8, "not at once");
        for later in (110..150).step_by(10) {
            controller.trouble(Duration::from_secs(later));
        }
        assert_eq!(controller.limit(), 1, "one at a time is the least");
        assert_eq!(settle(&mut controller, 200, scales), 16);
    }

    #[test]
    fn the_gate_lets_no_more_through_than_allowed() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let (gate, running, peak) = (Gate::new(3), AtomicUsize::new(0), AtomicUsize::new(0));

        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let pass = gate.enter();
                        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                        peak.fetch_max(now, Ordering::SeqCst);
                        assert!(now <= 3, "{now} at a time");
                        pass.moved(1);
                        running.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });

        assert!(peak.load(Ordering::SeqCst) > 0);
    }
}
