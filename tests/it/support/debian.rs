//! Layers of real files: what Debian's packages have installed on this machine.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use super::content::{Layer, digest};
use super::{command, text};

/// What slim images leave out of every package.
const LEFT_OUT: [&str; 4] =
    ["/usr/share/doc/", "/usr/share/info/", "/usr/share/man/", "/usr/share/i18n/"];

/// A layer with all that the installed `packages` have on this machine, and `mark` in a file of its
/// own: with another mark it is another layer, as it is after every update. Some megabytes, or all
/// there is with `SEALIFT_TEST_FULL=1`.
pub fn layer(packages: &[&str], mark: &str) -> Layer {
    let tar = tar(packages, mark);
    let media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    Layer { media_type, diff_id: digest(&tar), bytes: gzip(tar) }
}

/// Sorted, and with nothing in it that depends on the time.
fn tar(packages: &[&str], mark: &str) -> Vec<u8> {
    let full = std::env::var_os("SEALIFT_TEST_FULL").is_some();
    let listed = text(command("dpkg").arg("--listfiles").args(packages));
    let wanted = |path: &&str| full || !LEFT_OUT.iter().any(|out| path.starts_with(out));
    let paths: BTreeSet<&str> = listed.lines().filter(wanted).collect();
    let mut builder = tar::Builder::new(Vec::new());
    builder.follow_symlinks(false);
    builder.mode(tar::HeaderMode::Deterministic);
    for path in paths {
        let about = std::fs::symlink_metadata(path).ok();
        if about.is_some_and(|about| about.is_file() || about.is_symlink()) {
            let name = Path::new(path).strip_prefix("/").unwrap();
            builder.append_path_with_name(path, name).unwrap();
        }
    }
    let mut header = tar::Header::new_ustar();
    header.set_size(mark.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, "etc/image-release", mark.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

fn gzip(bytes: Vec<u8>) -> Vec<u8> {
    let mut gzip = command("gzip");
    gzip.args(["--no-name", "-1"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = gzip.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "gzip: {}", output.status);
    output.stdout
}
