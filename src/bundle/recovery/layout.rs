//! [`SetLayout`]: into how many slices a bundle is cut, and how many are added.

use std::fmt;
use std::str::FromStr;

use super::sources::ProtectedFiles;
use crate::tools::par2::MAX_SLICES;
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};

/// How many slices a bundle is cut into, and one more for each of its files: of more the recovery data
/// takes longer to make, of fewer less damage uses it up. `par2` has the same number.
const SLICES: usize = 2_000;
/// What the size of slices is a multiple of, as media are read: less never goes bad by itself.
const SECTOR: u64 = 4_096;
/// Most recovery slices: the sums of as many take 128 MiB.
const MAX_RECOVERY: usize = 16_384;

/// How much recovery data is made, in hundredths of what it protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redundancy(u8);

impl Redundancy {
    /// `percent`, of 1 to 100.
    ///
    /// # Errors
    /// [`Class::Usage`] for another number.
    pub fn percent(percent: u8) -> Result<Redundancy> {
        match percent {
            1..=100 => Ok(Redundancy(percent)),
            _ => Err(Error::new(Class::Usage, "a redundancy is 1% to 100%")),
        }
    }
}

impl Default for Redundancy {
    fn default() -> Redundancy {
        Redundancy(5)
    }
}

impl FromStr for Redundancy {
    type Err = Error;

    /// Reads `5%`, or `5`.
    fn from_str(text: &str) -> Result<Redundancy> {
        let number = text.strip_suffix('%').unwrap_or(text);
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        Redundancy::percent(number.parse().ok().filter(|_| is_number).unwrap_or(0))
    }
}

impl fmt::Display for Redundancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// Into how many slices a bundle is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetLayout {
    /// How many bytes a slice has.
    pub slice_size: u64,
    /// How many there are.
    pub slices: usize,
    /// How many recovery slices are made.
    pub recovery: u16,
}

impl SetLayout {
    /// That of `sources`, with so much `redundancy`.
    pub(super) fn of(sources: &ProtectedFiles, redundancy: Redundancy) -> Result<SetLayout> {
        let sizes: Vec<u64> = sources.names().iter().map(|(_, size)| *size).collect();
        let too_many =
            |what: String, hint: &'static str| Err(Error::new(Class::Usage, what).hint(hint));
        if sizes.len() > MAX_SLICES {
            let text = format!("{}, and PAR2 protects {MAX_SLICES}", count(sizes.len(), "file"));
            return too_many(text, "protect the bundle as one packed file");
        }
        let most = (SLICES + sizes.len()).min(MAX_SLICES) as u64;
        let slices =
            |slice_size: u64| -> u64 { sizes.iter().map(|it| it.div_ceil(slice_size)).sum() };
        // The smallest that does: as many as fit by the sum of sizes are too many by one a file at most.
        let (mut low, mut high) =
            (1, sizes.iter().max().copied().unwrap_or(1).div_ceil(SECTOR).max(1));
        while low < high {
            let middle = low + (high - low) / 2;
            match slices(middle * SECTOR) <= most {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        let slice_size = low * SECTOR;
        let slices = usize::try_from(slices(slice_size)).unwrap_or(MAX_SLICES);
        let recovery = (slices * usize::from(redundancy.0)).div_ceil(100).max(1);
        match u16::try_from(recovery).ok().filter(|_| recovery <= MAX_RECOVERY) {
            Some(recovery) => Ok(SetLayout { slice_size, slices, recovery }),
            None => {
                let text =
                    format!("{redundancy} are {recovery} slices, and {MAX_RECOVERY} can be made");
                too_many(text, "ask for less, or protect the bundle as one packed file")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redundancy_is_a_whole_number_of_hundredths() {
        for (text, percent) in [("5%", 5), ("1", 1), ("100%", 100)] {
            assert_eq!(text.parse::<Redundancy>().unwrap(), Redundancy(percent));
        }
        for text in ["", "%", "0", "101", "-1", "+5", "5.5", "5 %", "5%%", "300"] {
            assert!(text.parse::<Redundancy>().is_err(), "{text:?}");
        }
    }
}
