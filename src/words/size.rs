//! Sizes as people write them on packages: `10MB` is decimal, `10MiB` binary.

use super::error::{Class, Error, Result};

/// Units, longest first so that `MiB` is not read as `B`.
const UNITS: [(&str, u64); 13] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("k", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("b", 1),
];

/// Bytes in `text`: a number, with a fraction if need be, and a unit. Without a unit it counts
/// bytes; upper and lower case are the same.
///
/// # Errors
/// [`Class::Usage`] when it is no size, is zero, or is beyond all disks.
pub fn parse_size(text: &str) -> Result<u64> {
    let bad = || {
        Error::new(Class::Usage, format!("{text:?} is no size"))
            .hint("write it as on packages: 500kB, 10MB (decimal), 10MiB (binary)")
    };
    let lower = text.trim().to_ascii_lowercase();
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((&lower, 1));
    let (whole, fraction) = number.trim_end().split_once('.').unwrap_or((number.trim_end(), ""));
    let digits = |part: &str| part.len() <= 18 && part.bytes().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || fraction.len() > 9 || !digits(fraction) {
        return Err(bad());
    }
    let mut bytes = whole.parse::<u128>().map_err(|_| bad())? * u128::from(factor);
    if !fraction.is_empty() {
        let part = fraction.parse::<u128>().map_err(|_| bad())?;
        bytes += part * u128::from(factor) / 10u128.pow(u32::try_from(fraction.len()).unwrap_or(9));
    }
    u64::try_from(bytes).ok().filter(|bytes| (1..=i64::MAX as u64).contains(bytes)).ok_or_else(bad)
}

/// Bytes a second in `text`: a size, with or without `/s`.
///
/// # Errors
/// As [`parse_size`].
pub fn parse_rate(text: &str) -> Result<u64> {
    let text = text.trim();
    parse_size(text.strip_suffix("/s").unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_on_packages() {
        for (text, bytes) in [
            ("10MB", 10_000_000),
            ("10MiB", 10 << 20),
            ("4.7GB", 4_700_000_000),
            ("1.5 MiB", 3 << 19),
            ("512", 512),
            ("512b", 512),
            ("8m", 8_000_000),
            ("2tib", 2 << 40),
        ] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        assert_eq!(parse_rate("300kB/s").unwrap(), 300_000);
        for bad in ["", "MB", "-1MB", "0", "1e9", "1.2.3MB", "1,5MB", "99999999TB", "10 apples"] {
            assert_eq!(parse_size(bad).unwrap_err().class(), Class::Usage, "{bad}");
        }
    }
}
