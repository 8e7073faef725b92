//! [`Shard`]: one of several parts of an import, which run on their own.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::words::digest::Digest;
use crate::words::error::{Class, Error};

/// Most shards of one import. A thousand machines with some processes each are below it, and a bundle has
/// seldom more blobs: more shards would have nothing to do.
pub const MAX_SHARDS: u32 = 65_536;

/// The shard `number` of so many, `I/N` as text: which blobs are its own is told by their digests alone, so
/// that machines that know nothing of one another never send the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// The shard `number`, from 1 on, of so many.
    #[must_use]
    pub fn new(number: u32, of: u32) -> Option<Shard> {
        ((1..=of).contains(&number) && of <= MAX_SHARDS).then_some(Shard { number, of })
    }

    /// Its number, from 1 on, and how many there are.
    #[must_use]
    pub fn number_of(&self) -> (u64, u64) {
        (self.number.into(), self.of.into())
    }

    /// Whether what has this digest is its own. Of all shards of an import exactly one says so.
    #[must_use]
    pub fn takes(&self, digest: &Digest) -> bool {
        // Digests are evenly spread, and so are their beginnings.
        let hex = digest.hex();
        let beginning = hex.chars().take(16).filter_map(|digit| digit.to_digit(16));
        let number = beginning.fold(0u64, |sum, digit| (sum << 4) | u64::from(digit));
        number % u64::from(self.of) == u64::from(self.number - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl Serialize for Shard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Shard, Error> {
        // Digits alone: `+1` is what only Rust reads.
        let digits = |part: &str| -> Option<u32> {
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
        };
        let shard =
            text.split_once('/').and_then(|(number, of)| Shard::new(digits(number)?, digits(of)?));
        shard.ok_or_else(|| {
            let what =
                "is no shard: I/N, the number of this one, from 1 on, and how many there are";
            Error::new(Class::Usage, format!("{text:?} {what} (at most {MAX_SHARDS})"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_belongs_to_one_shard_and_none_gets_much_more_than_its_part() {
        let digests: Vec<Digest> = (0..1600u32).map(|n| Digest::of(&n.to_be_bytes())).collect();
        for of in [1, 2, 3, 16] {
            let shards: Vec<Shard> =
                (1..=of).map(|number| Shard::new(number, of).unwrap()).collect();
            let takers = |digest| shards.iter().filter(|shard| shard.takes(digest)).count();
            assert!(digests.iter().all(|digest| takers(digest) == 1), "{of}");
            for shard in &shards {
                let own = digests.iter().filter(|digest| shard.takes(digest)).count();
                let even = 1600 / of as usize;
                assert!((even / 2..=even * 2).contains(&own), "{shard} has {own}");
            }
        }
    }

    #[test]
    fn a_shard_is_a_number_of_so_many() {
        for text in ["1/1", "16/16", "65536/65536"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "1",
            "0/4",
            "5/4",
            "1/0",
            "-1/4",
            "+1/4",
            " 1/4",
            "1/4/4",
            "1/65537",
            "1/4294967297",
            "x/y",
        ] {
            assert_eq!(text.parse::<Shard>().unwrap_err().class(), Class::Usage, "{text}");
        }
    }
}
