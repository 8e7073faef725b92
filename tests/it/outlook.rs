//! What an output will be told is known before: by a dry run, and before anything moves. Folders that
//! are missing are made, whatever goes there.

use std::os::unix::fs::symlink;

use crate::support::files::tree;
use crate::support::sealift::{Ran, Sealift, code, ran};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

/// A home with a bundle `b`, keys and a file in it.
fn home() -> Sealift {
    let sealift = Sealift::new();
    sealift.keys("k");
    run!(sealift, "export", HELLO, "-o", "b", "--sign-key", "k.key.pem").ok();
    std::fs::write(sealift.at("file"), "").unwrap();
    sealift
}

fn bound(sealift: &Sealift, args: &str) -> Ran {
    ran(sealift.bound_command().args(args.split(' ')))
}

/// Everything that writes to a place, where `AT` stands for that.
const WRITERS: [&str; 7] = [
    "export HELLO -o AT/x --sign-key k.key.pem",
    "export HELLO -o AT/x.tar --sign-key k.key.pem",
    "import b --to oci:AT/x --key k.pub.pem",
    "import b --to docker-archive:AT/x.tar --key k.pub.pem",
    "import b --to oci-archive:AT/x.tar.gz --key k.pub.pem",
    "import b --to oci-archive:AT/x/ --key k.pub.pem",
    "import b --to oci:y --key k.pub.pem --keep-going --failed-list AT/x.txt",
];

#[test]
fn the_folder_of_every_output_is_made_and_a_dry_run_makes_nothing() {
    let sealift = home();
    for (at, line) in WRITERS.iter().enumerate() {
        let line = line.replace("HELLO", HELLO).replace("AT", &format!("new-{at}/deep"));
        let before = tree(&sealift.at(""));
        bound(&sealift, &format!("{line} --dry-run")).ok();
        assert_eq!(tree(&sealift.at("")), before, "{line}");
        bound(&sealift, &line).ok();
        assert!(sealift.at(&format!("new-{at}/deep")).is_dir(), "{line}");
    }
    bound(&sealift, "key generate --no-passphrase -o keys/deep/k").ok();
    assert!(sealift.at("keys/deep/k.key.pem").is_file());
    bound(&sealift, "key generate --no-passphrase -o keys/deep/").exits(code::USAGE);
}

#[test]
fn a_dry_run_is_told_what_the_run_is_told() {
    need!("setpriv");
    let sealift = home();
    std::fs::create_dir(sealift.at("locked")).unwrap();
    symlink("nowhere", sealift.at("broken")).unwrap();
    let mode = |mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(sealift.at("locked"), std::fs::Permissions::from_mode(mode))
    };
    mode(0o555).unwrap();
    let before = tree(&sealift.at(""));
    for (at, exit, words) in [
        ("locked", code::REFUSED, "cannot write into locked: Permission denied"),
        ("locked/below", code::REFUSED, "cannot write into locked: Permission denied"),
        ("file", code::USAGE, "file is a file, not a folder"),
        ("file/below", code::USAGE, "file is a file, not a folder"),
        ("broken", code::USAGE, "broken is a link that leads nowhere"),
        ("/proc/nope", code::REFUSED, "cannot write into /proc: it is a view of the system"),
    ] {
        for line in WRITERS {
            let line = line.replace("HELLO", HELLO).replace("AT", at);
            for line in [format!("{line} --dry-run"), line] {
                bound(&sealift, &line).exits(exit).says(words).says("hint: ");
            }
        }
        let line = format!("key generate --no-passphrase -o {at}/k");
        bound(&sealift, &line).exits(exit).says(words);
    }
    assert_eq!(tree(&sealift.at("")), before);
    mode(0o755).unwrap();
}

#[test]
fn a_dry_run_knows_what_is_too_large_for_a_file() {
    let sealift = home();
    let limited = |kib: u32, args: &str| {
        let program = env!("CARGO_BIN_EXE_sealift");
        let line = format!("ulimit -f {kib}; exec {program} {args}");
        let mut bash = std::process::Command::new("bash");
        bash.args(["-c", &line]).current_dir(sealift.at(""));
        ran(bash.env("XDG_STATE_HOME", sealift.at("state")))
    };
    for (line, what) in [
        (format!("export {HELLO} -o x.tar --sign-key k.key.pem"), "x.tar will have "),
        (format!("export {HELLO} -o x --sign-key k.key.pem"), "the largest file of x will have "),
        ("import b --to oci:x --key k.pub.pem".to_owned(), "the largest file of x will have "),
        ("import b --to docker-archive:x.tar --key k.pub.pem".to_owned(), "x.tar will have "),
        ("import b --to oci-archive:x/ --key k.pub.pem".to_owned(), "1.0.tar will have "),
    ] {
        for line in [format!("{line} --dry-run"), line] {
            limited(1, &line).exits(code::NO_ROOM).says(what).says("FAT takes less than 4 GiB");
            assert!(!sealift.at("x").exists() && !sealift.at("x.tar").exists(), "{line}");
        }
    }
}

#[test]
fn a_dry_run_knows_a_disk_without_room() {
    need!("root", "unshare", "mount");
    let sealift = home();
    std::fs::create_dir(sealift.at("disk")).unwrap();
    let program = env!("CARGO_BIN_EXE_sealift");
    for line in WRITERS.iter().filter(|line| !line.contains("failed-list")) {
        let line = line.replace("HELLO", HELLO).replace("AT", "disk");
        for line in [format!("{line} --dry-run"), line] {
            let script = format!("mount -t tmpfs -o size=8m none disk && exec {program} {line}");
            let mut command = std::process::Command::new("unshare");
            command.args(["-m", "sh", "-c", &script]).current_dir(sealift.at(""));
            command.env("XDG_STATE_HOME", sealift.at("state"));
            let done = ran(&mut command).exits(code::NO_ROOM);
            done.says("no room ").says("hint: free some, or name");
        }
    }
}
