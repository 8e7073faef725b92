//! [`Moment`]: a second in UTC, as bundles are dated.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{Class, Error, Result};

/// What a moment looks like.
const FORM: &str = "YYYY-MM-DDTHH:MM:SSZ";
const DAY: i64 = 24 * 60 * 60;

/// A whole second in UTC, of the years 0 to 9999. It is read and written in one spelling of
/// RFC 3339 only, `YYYY-MM-DDTHH:MM:SSZ`, and compared as the time that it is.
///
/// ```
/// use sealift::words::moment::Moment;
///
/// let made: Moment = "2026-11-21T10:31:12Z".parse()?;
/// let expires = made.plus_days(30)?;
/// assert!(made < expires);
/// assert_eq!(expires.to_string(), "2026-12-21T10:31:12Z");
/// assert!("2026-11-21T11:31:12+01:00".parse::<Moment>().is_err());
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(DateTime);

impl Moment {
    /// The beginning of 1970, from which seconds are counted.
    pub const EPOCH: Moment = Moment(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));

    /// `seconds` since 1970.
    ///
    /// # Errors
    /// [`Class::Usage`] outside of the years that there are.
    pub fn from_unix(seconds: i64) -> Result<Moment> {
        let bad = || Error::new(Class::Usage, "the time is out of range");
        let time = Moment::EPOCH.0.checked_add(SignedDuration::from_secs(seconds));
        let time = time.map_err(|e| bad().source(e))?;
        if time.year() < 0 { Err(bad()) } else { Ok(Moment(time)) }
    }

    /// The second that `text` lies in, a time in any spelling of RFC 3339, as others write it.
    ///
    /// ```
    /// use sealift::words::moment::Moment;
    ///
    /// let made = Moment::of_rfc3339("2026-03-01T10:00:00.5+02:00");
    /// assert_eq!(made.map(|it| it.to_string()).as_deref(), Some("2026-03-01T08:00:00Z"));
    /// assert!(Moment::of_rfc3339("yesterday").is_none());
    /// ```
    #[must_use]
    pub fn of_rfc3339(text: &str) -> Option<Moment> {
        let time: Timestamp = text.parse().ok()?;
        Moment::from_unix(time.as_second()).ok()
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0.duration_since(Moment::EPOCH.0).as_secs()
    }

    /// The moment so many days later.
    ///
    /// # Errors
    /// As [`Moment::from_unix`].
    pub fn plus_days(self, days: u32) -> Result<Moment> {
        Moment::from_unix(self.unix() + i64::from(days) * DAY)
    }
}

impl TryFrom<SystemTime> for Moment {
    type Error = Error;

    /// The second that `time` lies in, as a caller has it who reads the clock.
    fn try_from(time: SystemTime) -> Result<Moment> {
        let bad = |e| Error::new(Class::Usage, "the clock shows a time before 1970").source(e);
        let since = time.duration_since(UNIX_EPOCH).map_err(bad)?;
        Moment::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

impl FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Moment> {
        let time = text.strip_suffix('Z').and_then(|time| time.parse::<DateTime>().ok());
        // Written out again it must be the same: there are many ways to spell a time.
        time.map(Moment).filter(|it| it.to_string() == text && text.len() == FORM.len()).ok_or_else(
            || Error::new(Class::Usage, format!("a time is in UTC with whole seconds, as {FORM}")),
        )
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Z", self.0)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A moment that a test names.
#[cfg(test)]
pub(crate) fn moment(text: &str) -> Moment {
    text.parse().unwrap()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_one_that_there_is_in_one_spelling() {
        for good in [
            "0000-01-01T00:00:00Z",
            "2026-02-28T23:59:59Z",
            "2024-02-29T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            let time = moment(good);
            assert_eq!(time.to_string(), good);
            assert_eq!(Moment::from_unix(time.unix()).unwrap(), time, "{good}");
        }
        for bad in [
            "9999-99-99T99:99:99Z",
            "2026-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01t00:00:00z",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00.5Z",
            "2026-01-01T00:00:00",
            "",
            "2026-01-01T00:00:00+00:00",
            "-002026-01-01T00:00:00Z",
            "2026-01-01Z",
        ] {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_compare_as_times_and_count_from_1970() {
        let first = moment("1969-12-31T23:59:59Z");
        assert_eq!(first.unix(), -1);
        assert_eq!(moment("1970-01-01T00:00:00Z").plus_days(1).unwrap().unix(), DAY);
        assert!(Moment::from_unix(999).unwrap() < Moment::from_unix(1_000).unwrap());
        for seconds in [i64::MIN, -62_167_219_201, 253_402_300_800, i64::MAX] {
            assert!(Moment::from_unix(seconds).is_err(), "{seconds}");
        }
        assert!(moment("9999-12-31T00:00:00Z").plus_days(1).is_err());
    }

    #[test]
    fn the_clock_gives_the_second_that_it_is_in() {
        let clock = UNIX_EPOCH + Duration::from_millis(1_999);
        assert_eq!(Moment::try_from(clock).unwrap().to_string(), "1970-01-01T00:00:01Z");
        assert!(Moment::try_from(UNIX_EPOCH - Duration::from_secs(1)).is_err());
    }
}
