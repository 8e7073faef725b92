//! What somebody has to show later is in the output: which bundle, signed when and by whom, what was
//! there before.

use serde_json::Value;

use crate::support::sealift::{Keys, Ran, Sealift, code, ran};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");
const INDEX: &str = "sha256:66e339d0e2ea847ec5da49a429b254c5faee56ad419809c003abe06fcee85fda";

/// Exports that image to `output`, dated `epoch`.
fn export(sealift: &Sealift, output: &str, epoch: &str, more: &[&str]) -> Keys {
    let keys = match sealift.at("signer.key.pem").exists() {
        true => {
            Keys { private: sealift.at("signer.key.pem"), public: sealift.at("signer.pub.pem") }
        }
        false => sealift.keys("signer"),
    };
    let args = ["export", HELLO, "-o", output, "--sign-key", "signer.key.pem"];
    ran(sealift.command().args(args).args(more).env("SOURCE_DATE_EPOCH", epoch)).ok();
    keys
}

fn import(sealift: &Sealift, bundle: &str, more: &[&str]) -> Ran {
    let args = ["import", bundle, "--to", "oci:inside", "--key", "signer.pub.pem"];
    ran(sealift.command().args(args).args(more))
}

fn json(done: Ran) -> Value {
    done.ok().json()
}

#[test]
fn an_import_says_which_bundle_it_was_and_what_a_name_stood_for_before() {
    let sealift = Sealift::new();
    let keys = export(&sealift, "b", "1760000000", &[]);
    export(&sealift, "small", "1760000060", &["--platform", "linux/amd64", "--rewrite-index"]);
    let report = json(run!(sealift, "verify", "b", "--key", keys.public, "--format", "json"));
    let statement = report["statement"].as_str().unwrap();
    let signer = report["signers"][0].as_str().unwrap();

    let done = import(&sealift, "b", &[]).ok();
    done.says(&format!("from bundle b, statement {statement}"))
        .says(&format!("signed by {} at 2025-10-09T08:53:20Z; does not expire", &signer[..16]));

    let over = ["--on-existing", "overwrite"];
    let plan = import(&sealift, "small", &[&over[..], &["--dry-run"]].concat()).ok();
    plan.says(&format!("  was   {INDEX}")).says("0 names created, 1 replaced");
    let moved = import(&sealift, "small", &[&over[..], &["--format", "json"]].concat());
    let moved = json(moved);
    assert_eq!(moved["bundle"], "small");
    assert_eq!(moved["createdAt"], "2025-10-09T08:54:20Z");
    assert_eq!(moved["signers"][0], signer);
    assert!(moved["statement"].as_str().unwrap().starts_with("sha256:"), "{moved}");
    assert_eq!(moved["images"][0]["before"], INDEX, "{moved}");

    let back = import(&sealift, "b", &over).ok();
    let small = moved["images"][0]["digest"].as_str().unwrap();
    back.says(&format!("replaced, was {small}"));
}

#[test]
fn verify_shows_what_it_verified() {
    let sealift = Sealift::new();
    let keys = export(&sealift, "b", "1760000000", &["--platform", "linux/amd64"]);
    let now = jiff::Timestamp::now().as_second().to_string();
    export(&sealift, "soon", &now, &["--expires", "30"]);

    let short = run!(sealift, "verify", "b", "--key", keys.public).ok();
    assert!(!short.stdout.contains(INDEX), "{short:?}");
    let short =
        short.says("does not expire").says("docker.io/library/hello:1.0  sha256:66e339d0e2ea");
    short.says("docker.io/library/hello:1.0 is carried without linux/arm64");
    let long = run!(sealift, "verify", "b", "--key", keys.public, "--long").ok();
    let id = run!(sealift, "key", "show", keys.public, "--format", "json").ok().json();
    long.says(INDEX).says(&format!("signed by {}", id["keyId"].as_str().unwrap()));
    run!(sealift, "inspect", "b", "--long").ok().says(INDEX);
    run!(sealift, "verify", "soon", "--key", keys.public).ok().says("; expires at ");
}

#[test]
fn an_expired_bundle_is_shown_and_not_taken() {
    let sealift = Sealift::new();
    let keys = export(&sealift, "b", "1760000000", &["--expires", "1"]);
    let expired = "expired at 2025-10-10T08:53:20Z";

    for more in [&[][..], &["--key", "signer.pub.pem"]] {
        let done = ran(sealift.command().args(["inspect", "b"]).args(more)).exits(code::STALE);
        done.says("docker.io/library/hello:1.0").says("linux/amd64").says(expired);
        let args = ["inspect", "b", "--format", "json"];
        let json = ran(sealift.command().args(args).args(more)).exits(code::STALE).json();
        assert_eq!((&json["expired"], &json["images"][0]["digest"]), (&true.into(), &INDEX.into()));
    }
    run!(sealift, "verify", "b", "--key", keys.public).exits(code::STALE).says(expired);
    import(&sealift, "b", &[]).exits(code::STALE).says(expired);
    assert!(!sealift.at("inside").exists());
}

#[test]
fn a_date_in_the_future_is_remarked_on() {
    let sealift = Sealift::new();
    let keys = export(&sealift, "b", "4000000000", &[]);
    export(&sealift, "now", "1760000000", &[]);
    let words = "its date, 2096-10-02T07:06:40Z, is in the future";

    run!(sealift, "verify", "b", "--key", keys.public).ok().says(words);
    run!(sealift, "inspect", "b").ok().says(words);
    import(&sealift, "b", &["--dry-run"]).ok().says(words);
    import(&sealift, "b", &[]).ok().says(words);
    let report = run!(sealift, "verify", "b", "--key", keys.public, "--format", "json");
    assert_eq!(json(report)["inFuture"], true);
    let now = run!(sealift, "verify", "now", "--key", keys.public).ok();
    assert!(!now.stdout.contains("in the future"), "{now:?}");
}

#[test]
fn a_plan_is_a_page_for_people_and_blob_by_blob_only_on_request() {
    let sealift = Sealift::new();
    export(&sealift, "b", "1760000000", &[]);

    let page = import(&sealift, "b", &["--dry-run"]).ok();
    for line in [
        "plan: bundle b to oci:inside",
        "signed by ",
        "statement sha256:",
        "IMAGE                        SIZE      NAME AT THE DESTINATION",
        "docker.io/library/hello:1.0  5.91 KiB  new",
        "  is    sha256:66e339d0e2ea847ec5da49a429b254c5faee56ad419809c003abe06fcee85fda",
        "1 name created, 0 replaced, 0 unchanged, 3 manifests to send",
        "dry run: 4 blobs (4.65 KiB) to send, 0 blobs to mount, 0 blobs there; nothing was changed",
    ] {
        assert!(page.stdout.contains(line), "{line:?} is not in\n{}", page.stdout);
    }
    assert!(page.stdout.lines().count() < 14, "{}", page.stdout);
    let verbose = import(&sealift, "b", &["--dry-run", "--verbose"]).ok();
    let blobs = verbose.stdout.lines().filter(|line| line.starts_with("  sha256:")).count();
    assert_eq!(blobs, 7, "{}", verbose.stdout);
    import(&sealift, "b", &["--verbose"]).exits(code::USAGE);
    assert!(!sealift.at("inside").exists());

    let counted = import(&sealift, "b", &["--dry-run", "--format", "json"]).ok().json();
    assert_eq!(counted["statement"].as_str().map(str::len), Some(71), "{counted}");
    let shown = run!(sealift, "inspect", "b", "--format", "json").ok().json();
    assert_eq!(counted["repositories"][0]["names"][0]["bytes"], shown["images"][0]["bytes"]);
}

#[test]
fn a_dry_run_and_an_import_count_the_same_as_there() {
    let sealift = Sealift::new();
    export(&sealift, "small", "1760000060", &["--platform", "linux/amd64", "--rewrite-index"]);
    export(&sealift, "b", "1760000000", &[]);
    import(&sealift, "small", &[]).ok();
    let over = ["--on-existing", "overwrite", "--format", "json"];

    for _ in 0..2 {
        let plan = json(import(&sealift, "b", &[&over[..], &["--dry-run"]].concat()));
        let done = json(import(&sealift, "b", &over));

        assert_eq!(plan["present"], done["present"]);
        assert_eq!(plan["copy"], done["copied"]);
        assert_ne!(plan["present"]["blobs"], 0);
    }
}
