//! What a user meets beside the main road: odd names, a full terminal, a selection that misses.

use crate::support::sealift::{Keys, Sealift, code};

/// The image that the repository ships, as the bundle `b` in the scratch folder.
fn hello(sealift: &Sealift) -> Keys {
    let keys = sealift.keys("signer");
    let source = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");
    run!(sealift, "export", source, "-o", "b", "--sign-key", keys.private).ok();
    keys
}

#[test]
fn a_closed_or_full_standard_error_changes_no_exit_code() {
    let sealift = Sealift::new();
    let keys = hello(&sealift);
    for (bundle, expected) in [("b", code::DONE), ("nowhere", code::INCOMPLETE)] {
        let mut command = sealift.command();
        command
            .args(["verify", bundle, "--key"])
            .arg(&keys.public)
            .stderr(std::fs::File::create("/dev/full").unwrap());

        let status = command.stdout(std::process::Stdio::null()).status().unwrap();

        assert_eq!(status.code(), Some(expected), "{bundle}");
    }
}

#[test]
fn a_slash_behind_the_name_of_a_bundle_means_nothing_and_odd_endings_are_refused() {
    let sealift = Sealift::new();
    let keys = hello(&sealift);
    let source = format!("oci:{}", sealift.at("b").display());

    run!(sealift, "export", source, "-o", "again/", "--sign-key", keys.private).ok();
    run!(sealift, "verify", "again", "--key", keys.public).ok();

    for name in ["x.tar.gz", "x.TAR", "x.tar/", "-", ".tar", "/"] {
        let done = run!(sealift, "export", source, "-o", name, "--sign-key", keys.private);
        done.exits(code::USAGE);
    }
    assert!(!sealift.at("x.tar.gz").exists() && !sealift.at("x.tar.partial").exists());
}

#[test]
fn a_platform_that_an_image_is_not_there_for_is_no_success() {
    let sealift = Sealift::new();
    let keys = hello(&sealift);
    let source = format!("oci:{}", sealift.at("b").display());
    let export = |platforms: &str, output: &str| {
        run!(
            sealift,
            "export",
            source,
            "-o",
            output,
            "--sign-key",
            keys.private,
            "--platform",
            platforms
        )
    };

    export("linux/s390x", "none").exits(code::INCOMPLETE).says("linux/s390x");
    export("linux/amd64,linux/s390x", "some").ok().says("is not there for linux/s390x");
    assert!(!sealift.at("none").exists());
}
