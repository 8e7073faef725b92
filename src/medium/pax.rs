//! pax records (POSIX.1-2001, pax, "Extended Header"): what an extension header says about the
//! entries behind it.
//!
//! Most of them change nothing here: times, owners, extended attributes (a Mac's tar writes those
//! with every file), comments of git. Those that give an entry another name or other contents are
//! refused, because not every reader knows them. `size` is the one that has to be believed: Go,
//! Python and GNU tar give it where a file has more than 8 GiB, with a header that says 0 or the
//! same.

/// Whether a record of this name gives an entry another name, kind or contents: links and sparse
/// files (GNU's, star's, Solaris's), and parts of files in several volumes.
fn changes(key: &str) -> bool {
    matches!(
        key,
        "path"
            | "linkpath"
            | "SCHILY.realsize"
            | "SCHILY.offset"
            | "SCHILY.filetype"
            | "SUN.holesdata"
    ) || ["GNU.sparse.", "GNU.volume."].iter().any(|family| key.starts_with(family))
}

/// The size that the records in `bytes` give to the next entry, if they do. In a header for all
/// that follow (`is_global`) none may.
///
/// # Errors
/// What is wrong with the header, for people.
pub(super) fn size(bytes: &[u8], is_global: bool) -> Result<Option<u64>, String> {
    let mut size = None;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (key, value, more) =
            record(rest).ok_or("is an extension header that cannot be read")?;
        rest = more;
        match key {
            "size" if size.is_none() && !is_global => {
                let text = std::str::from_utf8(value).ok().filter(|text| is_number(text));
                let bytes = text.and_then(|text| text.parse().ok());
                size = Some(bytes.ok_or("is an extension header whose record size is no number")?);
            }
            "size" => return Err("is an extension header whose record size is for several".into()),
            key if changes(key) => {
                let what = "which gives what follows another name or content";
                return Err(format!("is an extension header with the record {key}, {what}"));
            }
            _ => {}
        }
    }
    Ok(size)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit())
}

/// The first record, `LENGTH KEY=VALUE\n`, and what is behind it. The value may hold anything,
/// line ends among it.
fn record(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = std::str::from_utf8(&bytes[..space]).ok().filter(|text| is_number(text))?;
    let length: usize = length.parse().ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let text = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let key = std::str::from_utf8(&text[..equals]).ok().filter(|key| !key.is_empty())?;
    Some((key, &text[equals + 1..], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of `text`, which is `KEY=VALUE`.
    fn record(text: &[u8]) -> Vec<u8> {
        let digits = if text.len() < 97 { 2 } else { 3 };
        let mut bytes = format!("{} ", text.len() + digits + 2).into_bytes();
        bytes.extend(text);
        bytes.push(b'\n');
        bytes
    }

    #[test]
    fn records_that_change_nothing_are_passed_over() {
        for text in [
            &b"mtime=1350244992.023960108"[..],
            b"SCHILY.xattr.com.apple.provenance=\x01\n\0=\nsize=1\n",
            b"LIBARCHIVE.xattr.com.apple.provenance=AQIAAA",
            b"SCHILY.fflags=nodump",
            b"RHT.security.selinux=unconfined_u:object_r:user_home_t:s0",
            b"comment=0123456789012345678901234567890123456789",
            b"path.x=another name",
            b"uname=",
        ] {
            let twice = record(text).repeat(2);

            assert_eq!(size(&twice, false), Ok(None), "{}", text.escape_ascii());
            assert_eq!(size(&twice, true), Ok(None), "{}", text.escape_ascii());
        }
        assert_eq!(size(b"", false), Ok(None));
    }

    #[test]
    fn a_size_is_for_the_next_entry_alone() {
        assert_eq!(size(b"19 size=9000000000\n11 mtime=1\n", false), Ok(Some(9_000_000_000)));
        for bad in [
            &b"19 size=9000000000\n19 size=9000000000\n"[..],
            b"8 size=\n",
            b"10 size=-1\n",
            b"10 size=+1\n",
            b"29 size=99999999999999999999\n",
        ] {
            assert!(size(bad, false).is_err(), "{}", bad.escape_ascii());
        }
        assert!(size(b"9 size=1\n", true).is_err());
    }

    #[test]
    fn records_that_change_what_follows_are_named() {
        for key in ["path", "linkpath", "GNU.sparse.major", "GNU.volume.size", "SUN.holesdata"] {
            let error = size(&record(format!("{key}=1").as_bytes()), false).unwrap_err();

            assert!(error.contains(&format!("the record {key},")), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_read_one_way_only_is_refused() {
        for bad in [
            &b"x"[..],
            b"\n",
            b"11 mtime=1",
            b"11 mtime=1\n\n13 path=evil\n",
            b"11 mtime=1\n\0",
            b"12 mtime=1\n",
            b"10 mtime=1\n",
            b" 11 mtime=1\n",
            b"+11 mtime=1\n",
            b"7 =none\n",
            b"5 \xff=\n",
            b"99999999999999999999 x=1\n",
        ] {
            assert!(size(bad, false).is_err(), "{}", bad.escape_ascii());
        }
    }
}
