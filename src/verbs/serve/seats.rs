//! [`Seats`]: who holds the seats for connections, and who has to give one up for another.
//!
//! A seat is taken by connecting, which costs nothing. So nobody keeps one against others by
//! saying nothing, or by taking hardly anything: where all are taken, or one address has its
//! share, the newcomer gets the seat of the connection that has been of no use for longest.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::tools::mutex::lock;

use tokio::sync::Notify;

/// How long an answer may stand still, or trickle, where others wait for its seat.
const PRESSED: Duration = Duration::from_secs(2);

/// The seats. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Seats {
    most: usize,
    /// As many as one address may have.
    share: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    by: HashMap<u64, (IpAddr, Arc<Pulse>)>,
}

/// One seat, free again once the value is dropped.
#[derive(Debug)]
pub struct Seat {
    number: u64,
    pulse: Arc<Pulse>,
    taken: Arc<Mutex<Taken>>,
}

/// What a connection is doing, as those see it who would like to have its seat.
#[derive(Debug)]
pub struct Pulse {
    /// Whether an answer is under way, and whether all of it was handed to the connection.
    answering: AtomicBool,
    handed: AtomicBool,
    /// When it last did anything worth a seat: came, asked, or took enough of an answer.
    useful: Mutex<Instant>,
    dismissed: AtomicBool,
    dismissal: Notify,
}

impl Seats {
    /// `most` seats, half of them for one address.
    pub fn new(most: usize) -> Seats {
        Seats { most, share: (most / 2).max(1), taken: Arc::default() }
    }

    /// A seat for a connection from `peer`; where there is none, that of another one, which is
    /// told to go. Nothing where nobody can be asked to.
    pub fn take(&self, peer: IpAddr) -> Option<Seat> {
        let mut taken = lock(&self.taken);
        let who = household(peer);
        if let Some(most) = self.crowd(&taken, who) {
            let leaving = victim(&taken, most, Instant::now())?;
            let (_, pulse) = taken.by.remove(&leaving)?;
            pulse.dismiss();
        }
        let number = taken.next;
        taken.next += 1;
        let pulse = Arc::new(Pulse::new());
        taken.by.insert(number, (who, Arc::clone(&pulse)));
        drop(taken);
        Some(Seat { number, pulse, taken: Arc::clone(&self.taken) })
    }

    /// How many are taken.
    #[cfg(test)]
    fn taken(&self) -> usize {
        lock(&self.taken).by.len()
    }

    /// Who has to give up a seat before `who` gets one: itself, if it has its share; where all
    /// are taken, whoever has most of them.
    fn crowd(&self, taken: &Taken, who: IpAddr) -> Option<IpAddr> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for (holder, _) in taken.by.values() {
            *counts.entry(*holder).or_default() += 1;
        }
        if counts.get(&who).is_some_and(|count| *count >= self.share) {
            return Some(who);
        }
        let full = taken.by.len() >= self.most;
        full.then(|| counts.into_iter().max_by_key(|(_, count)| *count))?.map(|(holder, _)| holder)
    }
}

/// The connection of `crowd` that has been silent for longest; without a silent one, the one whose
/// answer has stood still for longest, and for long enough.
fn victim(taken: &Taken, crowd: IpAddr, now: Instant) -> Option<u64> {
    let of_crowd = taken.by.iter().filter(|(_, (holder, _))| *holder == crowd);
    let (number, answering, useful) = of_crowd
        .map(|(number, (_, pulse))| (*number, pulse.is_answering(), pulse.useful()))
        .min_by_key(|(number, answering, useful)| (*answering, *useful, *number))?;
    let can_go = !answering || now.saturating_duration_since(useful) >= PRESSED;
    can_go.then_some(number)
}

/// Those who count as one: an address; of IPv6 the network that one customer gets.
pub fn household(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Seat {
    /// What its connection is doing.
    pub fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }

    /// Waits until another one needs the seat.
    pub async fn dismissed(&self) {
        while !self.pulse.dismissed.load(Ordering::Acquire) {
            self.pulse.dismissal.notified().await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.taken).by.remove(&self.number);
    }
}

impl Pulse {
    /// Of a connection that came now and said nothing yet.
    pub fn new() -> Pulse {
        Pulse {
            answering: AtomicBool::new(false),
            handed: AtomicBool::new(false),
            useful: Mutex::new(Instant::now()),
            dismissed: AtomicBool::new(false),
            dismissal: Notify::new(),
        }
    }

    /// A request came.
    pub fn asked(&self) {
        self.handed.store(false, Ordering::Relaxed);
        self.answering.store(true, Ordering::Relaxed);
        self.used();
    }

    /// The client took as much as makes a seat worth while.
    pub fn used(&self) {
        *lock(&self.useful) = Instant::now();
    }

    /// The last of the answer is with the connection.
    pub fn handed(&self) {
        self.handed.store(true, Ordering::Relaxed);
    }

    /// All that the connection had was written. Whether an answer has ended so.
    pub fn flushed(&self) -> bool {
        let ended = self.handed.swap(false, Ordering::Relaxed);
        if ended {
            self.answering.store(false, Ordering::Relaxed);
            self.used();
        }
        ended
    }

    fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed)
    }

    fn useful(&self) -> Instant {
        *lock(&self.useful)
    }

    fn dismiss(&self) {
        self.dismissed.store(true, Ordering::Release);
        self.dismissal.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_dismissed(seat: &Seat) -> bool {
        seat.pulse.dismissed.load(Ordering::Relaxed)
    }

    fn still_since(seat: &Seat, past: Duration) {
        *lock(&seat.pulse.useful) = Instant::now().checked_sub(past).unwrap();
    }

    #[test]
    fn the_longest_silent_one_of_an_address_makes_room_for_its_next() {
        let seats = Seats::new(6);
        let held: Vec<Seat> = (0..3).map(|_| seats.take(ip("10.0.0.1")).unwrap()).collect();
        held[0].pulse.asked();

        let other = seats.take(ip("10.0.0.2")).unwrap();
        assert!(!held.iter().any(is_dismissed), "there is room for another address");
        let fourth = seats.take(ip("::ffff:10.0.0.1")).unwrap();

        assert!(is_dismissed(&held[1]), "the first that says nothing");
        assert!(![&held[0], &held[2], &other, &fourth].into_iter().any(is_dismissed));
        assert_eq!(seats.taken(), 4);
        drop(held);
        assert_eq!(seats.taken(), 2);
    }

    #[test]
    fn an_answer_goes_on_unless_it_stands_still() {
        let seats = Seats::new(4);
        let held: Vec<Seat> = (0..2).map(|_| seats.take(ip("10.0.0.1")).unwrap()).collect();
        held.iter().for_each(|seat| seat.pulse.asked());

        assert!(seats.take(ip("10.0.0.1")).is_none(), "both are at work");
        still_since(&held[1], PRESSED);
        let third = seats.take(ip("10.0.0.1")).unwrap();
        assert!(is_dismissed(&held[1]) && !is_dismissed(&held[0]));

        third.pulse.asked();
        third.pulse.flushed();
        assert!(seats.take(ip("10.0.0.1")).is_none(), "more of the answer is to come");
        third.pulse.handed();
        third.pulse.flushed();
        assert!(seats.take(ip("10.0.0.1")).is_some(), "an answer that has ended");
    }

    #[test]
    fn where_all_is_taken_whoever_has_most_makes_room() {
        let seats = Seats::new(4);
        let few = [seats.take(ip("10.0.0.1")).unwrap(), seats.take(ip("10.0.0.2")).unwrap()];
        let many = [seats.take(ip("fd00::1")).unwrap(), seats.take(ip("fd00::2:2")).unwrap()];

        let new = seats.take(ip("10.0.0.3")).unwrap();

        assert!(is_dismissed(&many[0]) && !is_dismissed(&many[1]) && !is_dismissed(&new));
        assert!(!few.iter().any(is_dismissed));
        assert_eq!(seats.taken(), 4);
    }
}
