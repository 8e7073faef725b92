//! [`Arrival`]: whether a bundle of a stream was taken, as far as what is remembered tells.

use std::collections::BTreeMap;

use serde::Serialize;

use super::remembered::Remembered;
use crate::bundle::position::StreamPosition;
use crate::bundle::statement::Previous;
use crate::words::digest::Digest;

/// Whether a bundle was taken that is said to have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Arrival {
    /// It was: it is the last one.
    Taken,
    /// It stands before the last one, and nothing that is remembered speaks against it.
    Before,
    /// Nothing is remembered that could tell.
    Unknown,
    /// It was not: it stands behind the last one, or was passed over, or another one of its number was
    /// taken.
    NotTaken,
}

/// A bundle of a stream, as far as it says which one it is and which one it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamLink {
    /// Where it stands.
    pub position: StreamPosition,
    /// The digest of its statement.
    pub statement: Digest,
    /// The bundle before it.
    pub previous: Option<Previous>,
}

impl StreamLink {
    /// The bundle at `position` with this `statement`, behind `previous`.
    #[must_use]
    pub fn new(
        position: StreamPosition,
        statement: Digest,
        previous: Option<Previous>,
    ) -> StreamLink {
        StreamLink { position, statement, previous }
    }

    fn number(&self) -> (u64, u64) {
        (self.position.epoch, self.position.sequence)
    }
}

impl Arrival {
    /// Whether each of `links`, all of the stream that is `remembered`, was taken. Each tells by what it
    /// names as the one before which of several with one number the others follow.
    #[must_use]
    pub fn of_each(links: &[StreamLink], remembered: &Remembered) -> Vec<Arrival> {
        let last = (remembered.epoch, remembered.sequence);
        let mut known = BTreeMap::from([(last, remembered.statement)]);
        let mut newest_first: Vec<usize> = (0..links.len()).collect();
        newest_first.sort_by_key(|at| std::cmp::Reverse(links[*at].number()));
        let mut arrivals = vec![Arrival::Unknown; links.len()];
        for at in newest_first {
            let link = &links[at];
            let number = link.number();
            let is_it = known.get(&number).map(|statement| *statement == link.statement);
            arrivals[at] = match is_it {
                _ if number > last || remembered.passed_over(number) => Arrival::NotTaken,
                Some(false) => Arrival::NotTaken,
                Some(true) if number == last => Arrival::Taken,
                _ => Arrival::Before,
            };
            if let (Some(true), Some(previous)) = (is_it, &link.previous)
                && arrivals[at] != Arrival::NotTaken
            {
                known.insert((number.0, previous.sequence), previous.statement);
            }
        }
        arrivals
    }
}

#[cfg(test)]
mod tests {
    use super::super::verdict::Verdict;
    use super::*;
    use crate::words::moment::moment;

    fn at(epoch: u64, sequence: u64) -> StreamPosition {
        StreamPosition { stream: "prod".parse().unwrap(), epoch, sequence }
    }

    fn statement(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// The bundle of this number, called `name`, behind the one called `before`.
    fn link(epoch: u64, sequence: u64, name: &str, before: Option<&str>) -> StreamLink {
        let previous =
            before.map(|it| Previous { sequence: sequence - 1, statement: statement(it) });
        StreamLink::new(at(epoch, sequence), statement(name), previous)
    }

    /// That the bundle called `name` was the last, and what was passed over before it.
    fn remembered(epoch: u64, sequence: u64, name: &str, passed: &[[(u64, u64); 2]]) -> Remembered {
        let now = moment("2026-11-26T12:00:00Z");
        let exception = |[before, taken]: &[(u64, u64); 2]| super::super::Exception {
            at: now,
            verdict: Verdict::Gap,
            reason: "lost".to_owned(),
            before: Some(at(before.0, before.1)),
            taken: at(taken.0, taken.1),
        };
        let exceptions: Vec<_> = passed.iter().map(exception).collect();
        Remembered::after(None, &at(epoch, sequence), statement(name), exceptions, now)
    }

    #[test]
    fn what_stands_behind_the_last_was_passed_over_or_is_another_was_not_taken() {
        use Arrival::{Before, NotTaken, Taken};
        let chain = [
            link(0, 1, "one", None),
            link(0, 2, "two", Some("one")),
            link(0, 2, "fork of two", Some("one")),
            link(0, 3, "three", Some("two")),
            link(0, 4, "four", Some("three")),
            link(1, 1, "anew", None),
        ];
        let told = |remembered| Arrival::of_each(&chain, &remembered);

        assert_eq!(
            told(remembered(0, 3, "three", &[])),
            [Before, Before, NotTaken, Taken, NotTaken, NotTaken]
        );
        assert_eq!(
            told(remembered(0, 4, "four", &[[(0, 2), (0, 4)]])),
            [Before, Before, Before, NotTaken, Taken, NotTaken],
            "which one of two was the second nobody can tell without the third"
        );
        assert_eq!(
            told(remembered(1, 1, "anew", &[[(0, 3), (1, 1)]])),
            [Before, Before, Before, Before, NotTaken, Taken]
        );
        assert_eq!(told(remembered(0, 3, "another", &[]))[3], NotTaken);
    }
}
