//! [`SetLayout`]: into how many slices a bundle is cut, and how many are added.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::sources::ProtectedFiles;
use crate::tools::par2::{MAX_SLICES, RECOVERY_HEAD};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};

/// How many slices a bundle is cut into, and one more for each of its files: of more the recovery data
/// takes longer to make, of fewer less damage uses it up. `par2` has the same number.
const SLICES: usize = 2_000;
/// What the size of slices is a multiple of, as media are read: less never goes bad by itself.
const SECTOR: u64 = 4_096;
/// Most recovery slices: the sums of as many take 128 MiB.
const MAX_RECOVERY: usize = 16_384;

/// Largest file of recovery slices, if one of them is not larger: FAT takes it, and so does a CD.
const FILE: u64 = 512 << 20;
/// Most bytes of what the packets say that tell of one file, however it is called.
const HEAD: u64 = 1_024 + 20 * (SLICES as u64 + 1);

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

    /// How many bytes the recovery data has at most of one file of at most `size` bytes. Never less for a
    /// larger one.
    #[must_use]
    pub fn most(self, size: u64) -> u64 {
        let percent = u64::from(self.0);
        // As many slices as there can be, each as large as it can be, and one begun by rounding.
        let slice = size / (SLICES as u64) + 2 * SECTOR;
        let slices = (SLICES as u64 + 1) * percent / 100 + 2;
        let sums = (size.saturating_add(slice) / 100).saturating_mul(percent) + 100 + slice;
        let bytes = sums.saturating_add(slices * RECOVERY_HEAD);
        let files = bytes / (FILE / 2) + 1;
        bytes.saturating_add((2 * files + 1) * HEAD)
    }

    /// The most bytes of a file that fits into `size` bytes together with its recovery data.
    #[must_use]
    pub fn leaves(self, size: u64) -> u64 {
        let (mut low, mut high) = (0, size);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match middle.saturating_add(self.most(middle)) <= size {
                true => low = middle,
                false => high = middle - 1,
            }
        }
        low
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

/// Into how many slices a bundle is cut, or a volume of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetLayout {
    /// How many bytes a slice has: as many are lost, and repaired, together.
    #[serde(rename = "sliceBytes")]
    pub slice_size: u64,
    /// How many there are.
    pub slices: usize,
    /// How many recovery slices are made: as many others can be lost, whichever they are.
    #[serde(rename = "recoverySlices")]
    pub recovery: u16,
}

/// So many recovery slices, in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecoveryFile {
    pub(super) first: u16,
    pub(super) count: u16,
    pub(super) len: u64,
}

impl SetLayout {
    /// That of `sources`, with so much `redundancy`.
    pub(super) fn of(sources: &ProtectedFiles, redundancy: Redundancy) -> Result<SetLayout> {
        let sizes: Vec<u64> = sources.names().iter().map(|(_, size)| *size).collect();
        SetLayout::of_sizes(&sizes, redundancy)
    }

    /// That of files of these `sizes`.
    fn of_sizes(sizes: &[u64], redundancy: Redundancy) -> Result<SetLayout> {
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

    /// The files with its recovery slices, each of which has `head` bytes at both ends that say what the
    /// protected files are.
    pub(super) fn files(self, head: u64) -> Vec<RecoveryFile> {
        let slice = self.slice_size + RECOVERY_HEAD;
        let most = u16::try_from((FILE / slice).max(1)).unwrap_or(u16::MAX);
        let firsts = (0..self.recovery).step_by(most.into());
        let file = |first: u16| {
            let count = most.min(self.recovery - first);
            RecoveryFile { first, count, len: 2 * head + u64::from(count) * slice }
        };
        firsts.map(file).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::par2::{FileSums, RecoverySet, SliceSum, critical};

    /// How many bytes the recovery data of one file has, as it is made.
    fn made(size: u64, redundancy: Redundancy) -> u64 {
        let layout = SetLayout::of_sizes(&[size], redundancy).unwrap();
        let slices = vec![SliceSum { md5: [0; 16], crc: 0 }; layout.slices];
        let (name, md5) = ("n".repeat(255), [0; 16]);
        let sums = FileSums { name, len: size, md5, start: md5, slices };
        let head = critical(&RecoverySet::new(layout.slice_size, vec![sums]), "sealift 10.10.10");
        let head = head.len() as u64;
        layout.files(head).iter().fold(head, |sum, file| sum + file.len)
    }

    #[test]
    fn a_volume_leaves_room_for_its_recovery_data_and_no_more_than_needs_be() {
        for percent in [1, 5, 33, 100] {
            let redundancy = Redundancy::percent(percent).unwrap();
            let mut before = 0;
            for size in [
                1,
                4_096,
                1_000_000,
                2_000_000,
                8_192_000,
                8_196_097,
                8_200_192,
                16_400_000,
                700 << 20,
                4_690_000_000,
                24_000_000_000,
                50 << 30,
                2 << 40,
            ] {
                let (made, most) = (made(size, redundancy), redundancy.most(size));
                assert!(made <= most, "{size} {percent}: {made} of {most}");
                assert!(before <= most, "{size} {percent}");
                before = most;

                let volume = redundancy.leaves(size);
                assert!(volume + redundancy.most(volume) <= size || volume == 0);
                let wasted = size.saturating_sub(volume + self::made(volume.max(1), redundancy));
                let few = size / 100 + (8 << 10) * u64::from(percent) + 200_000;
                assert!(wasted <= few || volume == 0, "{size} {percent}: {wasted}");
            }
        }
    }

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
