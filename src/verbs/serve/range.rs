//! `Range: bytes=...` (RFC 9110 section 14; distribution-spec, "Pulling blobs", end-2).

/// Which bytes of a blob an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// All of them, as `200`.
    Whole,
    /// Those from `first` to `last`, both included, as `206`.
    Part {
        /// The first one.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// The header names bytes that do not exist, or makes no sense: `416`.
    Unsatisfiable,
}

/// Reads the value of a `Range` header for a blob of `size` bytes.
///
/// Another unit than bytes, and more than one range, count as no header at all, as the RFC allows:
/// no registry client asks for `multipart/byteranges`, and overlapping ranges are a known way to
/// make a server work for nothing.
pub fn span(header: Option<&str>, size: u64) -> ByteRange {
    let Some((unit, ranges)) = header.and_then(|header| header.split_once('=')) else {
        return if header.is_none() { ByteRange::Whole } else { ByteRange::Unsatisfiable };
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || ranges.contains(',') {
        return ByteRange::Whole;
    }
    single(ranges.trim(), size).unwrap_or(ByteRange::Unsatisfiable)
}

fn single(range: &str, size: u64) -> Option<ByteRange> {
    let (first, last) = range.split_once('-')?;
    let end = size.checked_sub(1)?;
    let (first, last) = match (first, last) {
        ("", count) => match number(count)? {
            0 => return None,
            count => (size.saturating_sub(count), end),
        },
        (first, "") => (number(first)?, end),
        (first, last) => (number(first)?, number(last)?),
    };
    (first <= last && first <= end).then(|| ByteRange::Part { first, last: last.min(end) })
}

/// Decimal digits and nothing else; more than fits is as good as the largest number.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_taken_and_nothing_else() {
        let part = |first, last| ByteRange::Part { first, last };
        for (header, size, expected) in [
            ("bytes=0-0", 10, part(0, 0)),
            ("bytes=2-5", 10, part(2, 5)),
            ("bytes=2-", 10, part(2, 9)),
            ("bytes=0-", 10, part(0, 9)),
            ("bytes=2-999", 10, part(2, 9)),
            ("bytes=9-99999999999999999999999999", 10, part(9, 9)),
            ("bytes=-3", 10, part(7, 9)),
            ("bytes=-30", 10, part(0, 9)),
            ("Bytes = 1-2", 10, part(1, 2)),
            ("bytes=0-1,4-5", 10, ByteRange::Whole),
            ("items=0-1", 10, ByteRange::Whole),
            ("bytes=10-", 10, ByteRange::Unsatisfiable),
            ("bytes=99999999999999999999999999-", 10, ByteRange::Unsatisfiable),
            ("bytes=5-2", 10, ByteRange::Unsatisfiable),
            ("bytes=-0", 10, ByteRange::Unsatisfiable),
            ("bytes=-", 10, ByteRange::Unsatisfiable),
            ("bytes=", 10, ByteRange::Unsatisfiable),
            ("bytes", 10, ByteRange::Unsatisfiable),
            ("bytes=+1-2", 10, ByteRange::Unsatisfiable),
            ("bytes=1-2-3", 10, ByteRange::Unsatisfiable),
            ("bytes=a-b", 10, ByteRange::Unsatisfiable),
            ("bytes=0-", 0, ByteRange::Unsatisfiable),
            ("bytes=-1", 0, ByteRange::Unsatisfiable),
        ] {
            assert_eq!(span(Some(header), size), expected, "{header} of {size}");
        }
        assert_eq!(span(None, 10), ByteRange::Whole);
    }
}
