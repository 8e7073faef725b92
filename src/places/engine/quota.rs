//! What the user's quota leaves on a file system, as the `quota` program tells.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::driver::question_within;
use crate::tools::room::Disk;
use crate::words::cancel::Cancel;

/// Fields of a line behind the mount point: blocks, soft and hard limit, and grace; the same of
/// files.
const FIELDS: usize = 8;

/// How long it may take: a server of NFS that is down would hold it for minutes.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many bytes the user may still put onto the file system of `path`. Nothing where there is no
/// limit, or nobody to tell of it before `cancel` says stop.
#[must_use]
pub fn left(path: &Path, cancel: &Cancel) -> Option<u64> {
    let mut quota = Command::new("quota");
    // Blocks are of 1024 bytes and every field is filled in (quota(1), -p and -w).
    quota.args(["-u", "-g", "-w", "-p", "--show-mntpoint", "--hide-device"]);
    quota.env("LC_ALL", "C").stdin(Stdio::null());
    // It ends with 1 when a limit is exceeded, which the lines say as well.
    let said = question_within(quota, PATIENCE, cancel).ok()?.said;
    let device = |path: &Path| Disk::of(path).map(|disk| disk.number);
    let own = device(path)?;
    let lines = std::str::from_utf8(&said).ok()?.lines().filter_map(limit);
    lines.filter(|limit| device(Path::new(limit.mount)) == Some(own)).map(|l| l.left).min()
}

/// A limit on a file system.
#[derive(Debug, PartialEq)]
struct Limit<'a> {
    mount: &'a str,
    left: u64,
}

/// Reads a line, from its right end: a mount point may hold spaces. Nothing for headings, and
/// where there is no limit.
fn limit(line: &str) -> Option<Limit<'_>> {
    let (mut rest, mut fields) = (line.trim(), Vec::with_capacity(FIELDS));
    while fields.len() < FIELDS {
        let (before, field) = rest.rsplit_once(char::is_whitespace)?;
        // A star marks what exceeds its limit.
        fields.push(field.strip_suffix('*').unwrap_or(field).parse::<u64>().ok()?);
        rest = before.trim_end();
    }
    let (blocks, soft, hard) = (fields[7], fields[6], fields[5]);
    // Beyond the soft limit alone one may go for a while; only without a hard one it has to do.
    let most = if hard > 0 { hard } else { soft };
    (most > 0 && rest.starts_with('/'))
        .then(|| Limit { mount: rest, left: most.saturating_sub(blocks).saturating_mul(1024) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_lines_are_read_and_no_others() {
        let left = |mount, left| Some(Limit { mount, left });
        for (line, expected) in [
            ("Disk quotas for user me (uid 1000):", None),
            (
                "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace",
                None,
            ),
            ("/home   100  200  300  0  7  0  0  0", left("/home", 200 << 10)),
            ("  /my disk 100  200  0  0  7  0  0  0 ", left("/my disk", 100 << 10)),
            ("/home  301*  200  300  1760000000  7  0  0  0", left("/home", 0)),
            ("/home   100  0  0  0  7  0  0  0", None),
            ("/home   100  200  300   7  0  0  0", None),
            ("/home   100K  200  300  0  7  0  0  0", None),
            ("home   100  200  300  0  7  0  0  0", None),
            ("/home   100  200  -1  0  7  0  0  0", None),
        ] {
            assert_eq!(limit(line), expected, "{line}");
        }
    }
}
