//! [`Waiting`]: connections that came while all seats were at work.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::seats::{Seat, Seats, household};

/// Those that wait, in the order in which they came.
#[derive(Debug)]
pub struct Waiting<T> {
    most: usize,
    line: VecDeque<(T, IpAddr)>,
}

impl<T> Waiting<T> {
    /// Room for `most`, half of it for one address.
    pub fn new(most: usize) -> Waiting<T> {
        Waiting { most, line: VecDeque::new() }
    }

    /// Lets `connection` from `peer` wait; closes it where its address has its share.
    pub fn join(&mut self, connection: T, peer: IpAddr) {
        let who = household(peer);
        let same = self.line.iter().filter(|(_, other)| household(*other) == who).count();
        if same < (self.most / 2).max(1) {
            self.line.push_back((connection, peer));
        }
    }

    /// Whether nobody else should be let in.
    pub fn is_full(&self) -> bool {
        self.line.len() >= self.most
    }

    /// Begins with all that get a seat now.
    pub fn admit(&mut self, seats: &Seats, mut begin: impl FnMut(T, Seat)) {
        for _ in 0..self.line.len() {
            let Some((connection, peer)) = self.line.pop_front() else { return };
            match seats.take(peer) {
                Some(seat) => begin(connection, seat),
                None => self.line.push_back((connection, peer)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_comes_in_turn_and_one_address_does_not_fill_the_line() {
        let (greedy, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let (seats, mut waiting, mut held) = (Seats::new(2), Waiting::new(4), Vec::new());
        let at_work = |number, seat: Seat, held: &mut Vec<(i32, Seat)>| {
            seat.pulse().asked();
            held.push((number, seat));
        };

        (1..=4).for_each(|number| waiting.join(number, greedy));
        waiting.join(5, other);
        assert!(!waiting.is_full(), "two of the one, and the other one");
        waiting.admit(&seats, |number, seat| at_work(number, seat, &mut held));
        assert_eq!(held.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 5]);

        drop(held.remove(0));
        waiting.admit(&seats, |number, seat| at_work(number, seat, &mut held));
        assert_eq!(held.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [5, 2]);
    }
}
