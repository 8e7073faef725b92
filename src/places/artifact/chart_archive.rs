//! [`chart_files`]: files of a chart, out of its `.tgz`, within bounds.

use std::collections::BTreeMap;
use std::io::{self, Read};

use crate::tools::inflate::{Allowance, Inflate};
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};
use crate::words::packing::Packing;

/// How much a chart may unpack to. Helm takes no more.
const MAX_PLAIN: u64 = 100 << 20;
/// How much a file of it may have that is looked at. Helm takes no larger ones.
const MAX_FILE: u64 = 5 << 20;
/// How many files it may have: the largest known have a thousand.
const MAX_FILES: usize = 20_000;
/// What a chart may have.
const BOUNDS: Bounds = Bounds { plain: MAX_PLAIN, file: MAX_FILE, files: MAX_FILES };

/// How much a chart may unpack to, how much a file of it that is looked at, and how many it may have.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    plain: u64,
    file: u64,
    files: usize,
}

/// The files of the chart `tgz` that are `wanted` by their paths below its folder. Messages call it `what`.
///
/// # Errors
/// [`Class::Damaged`] for what is no such archive, unpacks to more than Helm takes, or has a wanted file
/// twice.
pub(super) fn chart_files(
    tgz: &[u8],
    what: &str,
    wanted: impl Fn(&str) -> bool,
    cancel: &Cancel,
) -> Result<BTreeMap<String, Vec<u8>>> {
    within(tgz, what, wanted, BOUNDS, cancel)
}

/// As [`chart_files`], within `bounds`.
fn within(
    tgz: &[u8],
    what: &str,
    wanted: impl Fn(&str) -> bool,
    bounds: Bounds,
    cancel: &Cancel,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let inflate = Inflate::new(Packing::Gzip, tgz, what, &Allowance::default());
    let mut left = inflate.map_err(|e| broken(what, e))?.take(bounds.plain + 1);
    let files = wanted_files(&mut left, what, wanted, bounds, cancel);
    // To its end, so that the checksum is compared; what went wrong before goes first.
    let rest = io::copy(&mut left, &mut io::sink());
    match left.limit() {
        0 => Err(bad(what, &format!("it unpacks to more than {}", size(bounds.plain)))),
        _ => files.and_then(|files| rest.map(|_| files).map_err(|e| broken(what, e))),
    }
}

/// So many bytes, as people say it.
fn size(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn bad(what: &str, why: &str) -> Error {
    Error::new(Class::Damaged, format!("{what} is no chart: {why}"))
}

fn broken(what: &str, e: io::Error) -> Error {
    Error::from_io(e).unwrap_or_else(|e| bad(what, &e.to_string()))
}

/// Those of the files in `plain`, a tar, that are `wanted`.
fn wanted_files(
    plain: &mut impl Read,
    what: &str,
    wanted: impl Fn(&str) -> bool,
    bounds: Bounds,
    cancel: &Cancel,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let (mut files, mut tar) = (BTreeMap::new(), tar::Archive::new(plain));
    // As they are: an extension that renames an entry may be of any size, and those that are wanted
    // have short names.
    let entries = tar.entries().map_err(|e| broken(what, e))?.raw(true);
    for (count, entry) in entries.enumerate() {
        cancel.check()?;
        if count >= bounds.files {
            return Err(bad(what, &format!("it has more than {} files", bounds.files)));
        }
        let mut entry = entry.map_err(|e| broken(what, e))?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some((_, below)) = path.trim_start_matches("./").split_once('/') else { continue };
        if !entry.header().entry_type().is_file() || !wanted(below) {
            continue;
        }
        let size = entry.size();
        if size > bounds.file {
            let most = self::size(bounds.file);
            return Err(bad(what, &format!("its {below} has more than {most}")));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|e| broken(what, e))?;
        if bytes.len() as u64 != size {
            return Err(bad(what, "it was cut off"));
        }
        if files.insert(below.to_owned(), bytes).is_some() {
            return Err(bad(what, &format!("it has two files {below}")));
        }
    }
    Ok(files)
}

#[cfg(test)]
pub(super) mod samples {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    /// `bytes` as one member of a gzip.
    pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    /// A `.tgz` of these files.
    pub(crate) fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, bytes) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, *bytes).unwrap();
        }
        packed(&tar.into_inner().unwrap())
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{packed, tgz};
    use super::*;

    fn read(tgz: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
        let small = Bounds { plain: 4 << 20, file: 1 << 20, files: 50 };
        within(tgz, "x", |path| path == "Chart.yaml", small, &Cancel::default())
    }

    #[test]
    fn the_chart_s_own_file_is_found_and_not_that_of_a_chart_in_it() {
        let found = read(&tgz(&[
            ("web/templates/a.yaml", b"x"),
            ("web/charts/db/Chart.yaml", b"db"),
            ("web/Chart.yaml", b"web"),
            ("Chart.yaml", b"top"),
        ]));
        assert_eq!(found.unwrap(), [("Chart.yaml".to_owned(), b"web".to_vec())].into());
    }

    #[test]
    fn bombs_cut_ones_and_doubled_ones_are_refused() {
        let zeros = vec![0; (1 << 20) + 1];
        let mut header = tar::Header::new_ustar();
        header.set_size(4 << 20);
        header.set_path("web/x").unwrap();
        header.set_cksum();
        let bomb = [packed(header.as_bytes()), packed(&zeros).repeat(4)].concat();
        let good = tgz(&[("web/Chart.yaml", b"web")]);
        for (bad, said) in [
            (bomb, "more than 4 MiB"),
            (tgz(&[("web/Chart.yaml", &zeros)]), "more than 1 MiB"),
            (tgz(&[("web/Chart.yaml", b"a"), ("web/Chart.yaml", b"b")]), "two files"),
            (good[..good.len() - 6].to_vec(), ""),
            (b"<html>".to_vec(), ""),
        ] {
            let error = read(&bad).unwrap_err();
            assert!(error.message().contains(said), "{error}");
        }
        let many: Vec<(&str, &[u8])> = vec![("web/a", b""); 51];
        assert!(read(&tgz(&many)).unwrap_err().message().contains("more than 50 files"));
    }
}
