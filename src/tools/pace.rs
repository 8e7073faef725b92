//! [`Gate`]: as many transfers at a time with one host as do it good.
//!
//! [`Controller`] decides and knows neither threads nor clocks; [`Gate`] makes threads wait.
//! What is counted are shares: a large transfer takes `SHARES` of them, a small one less, since
//! small ones are all round trips and cost neither memory nor much of the line.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shares of a large transfer, and so how many small ones go in its place.
const SHARES: usize = 6;
/// From which size on a transfer is a large one; a share stands for a sixth of it.
const LARGE: u64 = 6 << 20;
/// What a host gets at first: three large transfers, of which each hides the round trips of the
/// others, or eighteen small ones.
const START: usize = 3 * SHARES;
/// What a transfer counts beside its bytes. Small blobs are all round trips: without this their
/// number, which is what more threads raise, would not be seen.
const WORTH: u64 = 64 << 10;
/// How long is measured before the next decision. Shorter windows see noise.
const WINDOW: Duration = Duration::from_millis(200);
/// How much better a window has to be for more to be worth it.
const BETTER: f64 = 1.05;
/// How much better it has to be after growing to twice as much for doing so once more.
const MUCH_BETTER: f64 = 1.5;
/// How much is needed below the best for the last growth to count as harmful.
const WORSE: f64 = 0.7;
/// How long after trouble further trouble is taken for the same, and nothing grows.
const COOLING: Duration = Duration::from_secs(2);

/// How much may go on at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jobs {
    /// Most transfers and questions.
    pub most: usize,
    /// How many of them may be large.
    pub large: usize,
}

impl Jobs {
    /// At most `most`, large ones or not.
    #[must_use]
    pub fn up_to(most: usize) -> Jobs {
        let most = most.max(1);
        Jobs { most, large: most }
    }

    /// Most shares, of which each small transfer has one.
    fn shares(self) -> usize {
        self.large.max(1) * SHARES
    }
}

impl Default for Jobs {
    /// Six large ones fill every line there is, and their buffers few megabytes of memory; over
    /// 40 ms of round trip 32 small ones move 800 a second.
    fn default() -> Jobs {
        Jobs { most: 32, large: 6 }
    }
}

/// The shares of a transfer of `bytes`.
fn shares(bytes: u64) -> usize {
    let part = (LARGE / SHARES as u64).max(1);
    usize::try_from(bytes.div_ceil(part)).unwrap_or(SHARES).clamp(1, SHARES)
}

/// How many shares at a time, from what came of it so far. Pure: time is an argument.
#[derive(Debug, Clone)]
pub struct Controller {
    limit: usize,
    /// What it was before it last grew.
    before: usize,
    most: usize,
    /// Whether every growth has been worth it so far, so that the next one may be a big one.
    eager: bool,
    /// Work a second in the best window at each limit below this one.
    best: f64,
    quiet_until: Duration,
}

impl Controller {
    /// Starts with few, and never allows more than `most` shares.
    #[must_use]
    pub fn new(most: usize) -> Controller {
        let most = most.max(1);
        let limit = START.min(most);
        Controller {
            limit,
            before: limit,
            most,
            eager: true,
            best: 0.0,
            quiet_until: Duration::ZERO,
        }
    }

    /// How many shares may be taken.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Takes notice of a window in which all shares were taken: `work` in `took`, ended at `now`.
    /// More is allowed while that helps, twice as much at first and later one large transfer; what
    /// was allowed before when the last growth did harm.
    pub fn window(&mut self, work: u64, took: Duration, now: Duration) {
        let rate = work as f64 / took.as_secs_f64().max(0.001);
        if rate > self.best * BETTER {
            self.eager = self.eager && rate > self.best * MUCH_BETTER;
            self.best = rate;
            if now >= self.quiet_until {
                let by_one = (self.limit / SHARES + 1) * SHARES;
                let twice = if self.eager { self.limit * 2 } else { 0 };
                self.before = self.limit;
                self.limit = by_one.max(twice).min(self.most);
            }
            return;
        }
        self.eager = false;
        if rate < self.best * WORSE && self.limit > START {
            self.limit = self.before.min(self.limit.saturating_sub(SHARES)).max(START);
            self.before = self.limit;
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
        (self.best, self.eager) = (0.0, false);
        self.quiet_until = now + COOLING;
    }
}

#[derive(Debug)]
struct GateState {
    /// None: the most is allowed at once.
    controller: Option<Controller>,
    taken: usize,
    running: usize,
    /// Who waits is let through in the order of arrival: a large transfer would find no room
    /// among small ones that keep coming.
    arrived: u64,
    admitted: u64,
    /// Whether someone had to wait in this window: only then the limit is what holds things back.
    full: bool,
    work: u64,
    since: Duration,
}

/// Lets so many transfers through as its [`Controller`] says.
#[derive(Debug)]
pub struct Gate {
    jobs: Jobs,
    state: Mutex<GateState>,
    free: Condvar,
    begun: Instant,
}

impl Gate {
    /// At most `jobs` at a time, and as many of them as do good.
    #[must_use]
    pub fn new(jobs: Jobs) -> Gate {
        Gate::with(jobs, Some(Controller::new(jobs.shares())))
    }

    /// At most `jobs` at a time, always.
    #[must_use]
    pub fn steady(jobs: Jobs) -> Gate {
        Gate::with(jobs, None)
    }

    fn with(jobs: Jobs, controller: Option<Controller>) -> Gate {
        let state = GateState {
            controller,
            taken: 0,
            running: 0,
            arrived: 0,
            admitted: 0,
            full: false,
            work: 0,
            since: Duration::ZERO,
        };
        Gate { jobs, state: Mutex::new(state), free: Condvar::new(), begun: Instant::now() }
    }

    fn allowed(&self, state: &GateState) -> usize {
        state.controller.as_ref().map_or(self.jobs.shares(), Controller::limit)
    }

    /// Waits for a pass for a transfer of `bytes`, which is given back when the pass is dropped.
    /// A transfer that is too large for what is allowed goes alone.
    pub fn enter(&self, bytes: u64) -> Pass<'_> {
        let shares = shares(bytes);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = state.arrived;
        state.arrived += 1;
        loop {
            let fits = state.taken + shares <= self.allowed(&state) || state.running == 0;
            if state.admitted == turn && fits && state.running < self.jobs.most.max(1) {
                break;
            }
            state.full = true;
            state = self.free.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.running == 0 {
            (state.work, state.since, state.full) = (0, self.begun.elapsed(), false);
        }
        state.admitted += 1;
        state.running += 1;
        state.taken += shares;
        self.free.notify_all();
        Pass { gate: self, shares }
    }

    /// The host is overcharged, or slow to answer.
    pub fn trouble(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.begun.elapsed();
        state.controller.iter_mut().for_each(|controller| controller.trouble(now));
    }

    /// How many shares may be taken now.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.allowed(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, work: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.work += work;
        let now = self.begun.elapsed();
        let took = now.saturating_sub(state.since);
        if took < WINDOW {
            return;
        }
        let (full, work) = (state.full, state.work);
        if full && let Some(controller) = &mut state.controller {
            controller.window(work, took, now);
            self.free.notify_all();
        }
        (state.work, state.since) = (0, now);
        state.full = state.arrived > state.admitted;
    }
}

/// The right to move bytes.
#[derive(Debug)]
pub struct Pass<'a> {
    gate: &'a Gate,
    shares: usize,
}

impl Pass<'_> {
    /// Tells that `bytes` were moved.
    pub fn moved(&self, bytes: u64) {
        self.gate.count(bytes);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.count(WORTH);
        let mut state = self.gate.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running -= 1;
        state.taken -= self.shares;
        self.gate.free.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// Most shares of the tests.
    const MOST: usize = 16 * SHARES;

    /// Windows of a second each, on a line whose throughput is a function of the limit.
    fn settle(controller: &mut Controller, from: u64, rate: impl Fn(usize) -> u64) -> usize {
        for second in from..from + 50 {
            let work = rate(controller.limit());
            controller.window(work, SECOND, Duration::from_secs(second));
        }
        controller.limit()
    }

    fn scales(limit: usize) -> u64 {
        limit as u64 * 1_000_000
    }

    #[test]
    fn it_grows_while_more_transfers_move_more() {
        assert_eq!(settle(&mut Controller::new(MOST), 1, scales), MOST);
        assert_eq!(settle(&mut Controller::new(1), 1, scales), 1, "never beyond --jobs");

        let mut quick = Controller::new(6 * SHARES);
        (1..=3).for_each(|n| quick.window(scales(quick.limit()), SECOND, n * SECOND));
        assert_eq!(quick.limit(), 6 * SHARES, "and soon: a delivery of small blobs lasts seconds");
    }

    #[test]
    fn it_stays_where_more_transfers_move_no_more() {
        let full = 4 * SHARES;
        let limit = settle(&mut Controller::new(64 * SHARES), 1, |limit| scales(limit.min(full)));

        assert!((full..2 * full).contains(&limit), "{limit}");
    }

    #[test]
    fn it_takes_back_what_does_harm() {
        let most = 4 * SHARES;
        let thrashes = |limit: usize| if limit > most { 1_000_000 } else { scales(limit) };

        let limit = settle(&mut Controller::new(64 * SHARES), 1, thrashes);

        assert!((START..=most + SHARES).contains(&limit), "{limit}");
    }

    #[test]
    fn trouble_halves_it_once_and_it_comes_back_later() {
        let mut controller = Controller::new(MOST);
        settle(&mut controller, 1, scales);
        let now = Duration::from_secs(100);

        (0..16).for_each(|_| controller.trouble(now));
        assert_eq!(controller.limit(), MOST / 2, "many answers of one moment are one trouble");
        controller.window(8_000_000, SECOND, now + SECOND);
        assert_eq!(controller.limit(), MOST / 2, "not at once");
        for later in (110..200).step_by(10) {
            controller.trouble(Duration::from_secs(later));
        }
        assert_eq!(controller.limit(), 1, "one at a time is the least, whatever its size");
        assert_eq!(settle(&mut controller, 300, scales), MOST);
    }

    #[test]
    fn small_ones_go_in_the_place_of_large_ones() {
        for (bytes, expected) in
            [(0, 1), (1, 1), (1 << 20, 1), ((1 << 20) + 1, 2), (LARGE, SHARES), (u64::MAX, SHARES)]
        {
            assert_eq!(shares(bytes), expected, "{bytes}");
        }
        let gate = Gate::steady(Jobs { most: 8, large: 1 });
        let taken = || gate.state.lock().unwrap().taken;
        let small: Vec<_> = (0..SHARES).map(|_| gate.enter(1000)).collect();
        assert_eq!(taken(), SHARES);
        drop(small);
        let _large = gate.enter(u64::MAX);
        assert_eq!((taken(), gate.limit()), (SHARES, SHARES));
    }

    /// The most that ran at a time of `threads` that move `bytes` again and again.
    fn peak(gate: &Gate, threads: usize, bytes: u64) -> usize {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let (running, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let pass = gate.enter(bytes);
                        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                        peak.fetch_max(now, Ordering::SeqCst);
                        pass.moved(1);
                        running.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        peak.into_inner()
    }

    #[test]
    fn the_gate_lets_no_more_through_than_allowed() {
        let jobs = Jobs { most: 5, large: 3 };
        for gate in [Gate::new(jobs), Gate::steady(jobs)] {
            assert!((1..=3).contains(&peak(&gate, 8, LARGE)));
            assert!((1..=5).contains(&peak(&gate, 8, 1)));
        }
    }

    #[test]
    fn a_large_one_is_not_kept_waiting_by_small_ones_that_keep_coming() {
        let gate = Gate::steady(Jobs { most: 16, large: 1 });
        std::thread::scope(|scope| {
            let first = gate.enter(1);
            let large = scope.spawn(|| drop(gate.enter(LARGE)));
            while gate.state.lock().unwrap().arrived < 2 {
                std::thread::yield_now();
            }
            let small = scope.spawn(|| drop(gate.enter(1)));
            while gate.state.lock().unwrap().arrived < 3 {
                std::thread::yield_now();
            }
            assert_eq!(gate.state.lock().unwrap().admitted, 1, "the small one waits behind it");
            drop(first);
            large.join().unwrap();
            small.join().unwrap();
        });
    }
}
