//! [`Bytes`]: how much, as people read it.

use std::fmt;

/// Shows a size in binary units, and to the byte where those round it; with `{:#}` in units alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let Some(power) = (1..=units.len()).rev().find(|power| self.0 >> (10 * power) > 0) else {
            return write!(f, "{} bytes", self.0);
        };
        // Exact enough for two places, which is all that is shown.
        let hundredths = (u128::from(self.0) * 100) >> (10 * power);
        let (whole, rest) = (hundredths / 100, hundredths % 100);
        write!(f, "{whole}.{rest:02} {}", units[power - 1])?;
        if f.alternate() { Ok(()) } else { write!(f, " ({} bytes)", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_to_the_byte() {
        assert_eq!(Bytes(999).to_string(), "999 bytes");
        assert_eq!(Bytes(50_000_000_000).to_string(), "46.56 GiB (50000000000 bytes)");
        assert_eq!(format!("{:#}", Bytes(50_000_000_000)), "46.56 GiB");
        assert_eq!(Bytes(u64::MAX).to_string(), "15.99 EiB (18446744073709551615 bytes)");
    }
}
