//! The Debian package tried out: made twice, the same both times, installed in a fresh Debian root
//! and used there for a crossing.

use crate::dist::{self, Release};
use crate::test::Outcome;
use crate::{Result, program, shell};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package's folder before that of programs which are installed by hand.
const PATH: &str = "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin";
const ROOT_MAKER: &str = "mmdebstrap";

/// What a user of the fresh root does, in a folder with what is handed out and the demo image:
/// installs as the README says, looks, crosses, and removes the package.
const CROSSING: &str = r#"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
cd /tmp/crossing
sha256sum --check SHA256SUMS
eval "$INSTALL"
test "$(command -v sealift)" = /usr/bin/sealift
sealift --version
test -s /usr/share/man/man1/sealift.1.gz
sealift man --list | tr ' ' - | while read -r verb; do
    zcat "/usr/share/man/man1/sealift-$verb.1.gz" | grep -q '^\.SH SYNOPSIS'
done
bash -n /usr/share/bash-completion/completions/sealift
test -s /usr/share/zsh/vendor-completions/_sealift
test -s /usr/share/fish/vendor_completions.d/sealift.fish
dpkg --verify sealift

set -x
sealift key generate --no-passphrase -o transfer
sealift export oci:hello -o june.tar --sign-key transfer.key.pem --no-progress
sealift verify june.tar --key transfer.pub.pem
sealift import june.tar --to oci:store --key transfer.pub.pem --no-progress
diff -r hello/blobs store/blobs
sed 's/Hello from/Hullo from/' june.tar > bad.tar
code=0; sealift verify bad.tar --key transfer.pub.pem || code=$?
test "$code" = 4

sealift serve june.tar --key transfer.pub.pem --listen 127.0.0.1:0 > log 2>&1 &
server=$!
for _ in $(seq 100); do grep -q 'listening on' log && break; sleep 0.1; done
host=$(sed -n 's,^listening on http://,,p' log)
sealift export "$host/library/hello:1.0" -o pulled --sign-key transfer.key.pem --no-progress
kill "$server"; wait "$server"
diff -r hello/blobs/sha256/66e339d0e2ea847ec5da49a429b254c5faee56ad419809c003abe06fcee85fda \
    pulled/blobs/sha256/

apt-get remove -y -o Dpkg::Use-Pty=0 sealift
test ! -e /usr/bin/sealift
cmp /usr/local/bin/sealift sealift-*-linux
test -s /usr/local/share/man/man1/sealift-import.1.gz
set +x
echo "the package works"
"#;

/// Tries out the package that is handed out, or that of the program that is named.
pub fn run(args: &[&str]) -> Result {
    let program = match program::given(args)? {
        (Some(file), rest) if rest.is_empty() => file,
        (None, rest) if rest.is_empty() => dist::build()?,
        (_, rest) => return Err(format!("unknown argument {}", rest[0])),
    };
    match try_out(&program)? {
        Outcome::Done => Ok(()),
        Outcome::Skipped(why) => Err(why),
    }
}

/// Packs this program and tries it out. A machine that cannot make a Debian root is a skip by name.
pub fn try_out(program: &Path) -> Result<Outcome> {
    let scratch = shell::Scratch::new("sealift-package")?;
    let program = stripped(program, scratch.path())?;
    let release = Release::of(&program)?;
    let made = scratch.path().join("dist");
    dist::make(&release, &made)?;
    dist::make(&release, &scratch.path().join("again"))?;
    same(&made, &scratch.path().join("again"))?;
    let root = scratch.path().join("root");
    if let Err(why) = make_root(&root) {
        return Ok(Outcome::Skipped(format!("packed, and not installed: {why}")));
    }
    let folder = root.join("tmp/crossing");
    shell::output(Command::new("cp").arg("-r").arg(&made).arg(&folder))?;
    let hello = shell::root().join("testdata/hello");
    shell::output(Command::new("cp").arg("-r").arg(hello).arg(&folder))?;
    let mut chroot = Command::new("chroot");
    chroot.arg(&root).args(["env", "-i", PATH, "HOME=/root"]);
    chroot.arg(format!("INSTALL={}", installation()?));
    shell::run(chroot.args(["sh", "-euc", CROSSING]))?;
    Ok(Outcome::Done)
}

/// The first block of commands below "Install" in the README, which a user has nothing else to go by.
fn installation() -> Result<String> {
    let readme = shell::read_text(&shell::root().join("README.md"))?;
    let block = readme.split_once("\n## Install\n").and_then(|(_, text)| {
        let (_, block) = text.split_once("\n```sh\n")?;
        block.split_once("\n```\n").map(|(block, _)| block.to_owned())
    });
    block.ok_or_else(|| "README.md says nowhere how to install".to_owned())
}

/// A copy without symbols, as a release is: those of a program for tests are most of it.
fn stripped(program: &Path, folder: &Path) -> Result<PathBuf> {
    let copy = folder.join("sealift");
    shell::output(Command::new("cp").arg(program).arg(&copy))?;
    if shell::installed("strip") {
        shell::output(Command::new("strip").arg(&copy))?;
    }
    Ok(copy)
}

fn same(one: &Path, other: &Path) -> Result {
    for path in shell::files(one)? {
        let name = path.file_name().unwrap_or_default();
        if shell::read(&path)? != shell::read(&other.join(name))? {
            return Err(format!("{} came out otherwise the second time", name.display()));
        }
    }
    Ok(())
}

/// The smallest Debian that has apt, of the release that this machine runs, since a program that is
/// not static needs a C library as new as the one it was built with.
fn make_root(root: &Path) -> Result {
    if shell::output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err("a Debian root needs the superuser".to_owned());
    }
    if !shell::installed(ROOT_MAKER) {
        return Err(format!("no {ROOT_MAKER}"));
    }
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| release.lines().find_map(|line| line.strip_prefix(name));
    let suite = match field("ID=") {
        Some("debian") => field("VERSION_CODENAME=").unwrap_or("stable"),
        _ => return Err("this machine runs no Debian".to_owned()),
    };
    println!("making a Debian root of {suite}");
    let mut maker = Command::new(ROOT_MAKER);
    maker.args(["--quiet", "--variant=apt", "--format=directory", suite]).arg(root);
    let made = shell::output(&mut maker);
    made.map(drop).map_err(|why| why.lines().last().unwrap_or_default().to_owned())
}
