//! Sizes as people write and read them: `50GB` as on the package, `50GiB` as in memory.

use std::fmt;

use super::error::{Class, Error, Result};

/// Units by name, in lower case. Without the `i` they are powers of 1000.
const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// Reads a size: a number, with a fraction if need be, and a unit: `50GB` is decimal, `50GiB`
/// binary, a bare number is bytes.
///
/// # Errors
/// [`Class::Usage`] for anything else, and for nothing at all.
pub fn parse_size(text: &str) -> Result<u64> {
    let bad = || {
        Error::new(Class::Usage, format!("{text:?} is not a size"))
            .hint("write a number and a unit, as in 4.7GB (decimal) or 4GiB (binary)")
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim().to_ascii_lowercase());
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // Nine digits of a fraction are exact in 128 bits, and finer than any byte.
    if whole.is_empty() || fraction.len() > 9 || fraction.contains('.') {
        return Err(bad());
    }
    let part = |digits: &str| match digits {
        "" => Ok(0),
        digits => digits.parse::<u128>().map_err(|_| bad()),
    };
    let scale = 10u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    let number = part(whole)?.checked_mul(scale).ok_or_else(bad)? + part(fraction)?;
    let bytes = number.checked_mul(u128::from(*unit)).ok_or_else(bad)? / scale;
    u64::try_from(bytes).ok().filter(|bytes| *bytes > 0).ok_or_else(bad)
}

/// Shows a size in binary units, and to the byte where those round it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let Some(power) = (1..=units.len()).rev().find(|power| self.0 >> (10 * power) > 0) else {
            return write!(f, "{} bytes", self.0);
        };
        // Exact enough for two places, which is all that is shown.
        let hundredths = (u128::from(self.0) * 100) >> (10 * power);
        let (whole, rest) = (hundredths / 100, hundredths % 100);
        write!(f, "{whole}.{rest:02} {} ({} bytes)", units[power - 1], self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_mean_what_the_package_says() {
        for (text, bytes) in [
            ("1", 1),
            ("512B", 512),
            ("50GB", 50_000_000_000),
            ("50 gb", 50_000_000_000),
            ("50GiB", 53_687_091_200),
            ("4.7GB", 4_700_000_000),
            ("0.5KiB", 512),
            ("1.5TiB", 1_649_267_441_664),
        ] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        for bad in ["", "GB", "0", "-1GB", "1.2.3GB", "1XB", "1G", "99999999999TB", ".5GB", "1e3"] {
            assert_eq!(parse_size(bad).unwrap_err().class(), Class::Usage, "{bad}");
        }
    }

    #[test]
    fn a_size_is_shown_to_the_byte() {
        assert_eq!(Size(999).to_string(), "999 bytes");
        assert_eq!(Size(50_000_000_000).to_string(), "46.56 GiB (50000000000 bytes)");
        assert_eq!(Size(u64::MAX).to_string(), "15.99 EiB (18446744073709551615 bytes)");
    }
}
