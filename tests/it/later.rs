//! What was signed and does not go together is refused by name, not taken for what sealift writes.

use crate::support::files::copy;
use crate::support::later::signed_again;
use crate::support::sealift::{Sealift, code, ran};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

#[test]
fn a_statement_with_a_member_that_does_not_go_with_the_rest_is_refused_by_every_verb() {
    let sealift = Sealift::new();
    let keys = sealift.keys("k");
    ran(sealift.command().args(["export", HELLO, "-o", "b", "--sign-key", "k.key.pem"])).ok();
    let previous = format!("{{\"sequence\":0,\"statement\":\"sha256:{}\"}}", "0".repeat(64));

    for (member, before, now) in [
        ("stream", "\"default\"", "\"production\""),
        ("epoch", "\"epoch\":0", "\"epoch\":1"),
        ("previous", "\"sequence\":0", "\"sequence\":7"),
        ("previous", "\"previous\":null", &format!("\"previous\":{previous}")),
        ("base", "\"base\":null", "\"base\":{\"on\":[],\"lacks\":[]}"),
    ] {
        let _ = std::fs::remove_dir_all(sealift.at("later"));
        copy(&sealift.at("b"), &sealift.at("later"));
        signed_again(&sealift.at("later"), &keys.private, before, now);

        for verb in [
            "verify later --key k.pub.pem",
            "inspect later",
            "inspect later --key k.pub.pem",
            "import later --to oci:inside --key k.pub.pem",
            "import later --to oci:inside --insecure-no-verify --dry-run",
            "serve later --listen 127.0.0.1:0 --key k.pub.pem",
        ] {
            ran(sealift.command().args(verb.split(' ')))
                .exits(code::UNTRUSTED)
                .says(&format!("its {member} does not go with the rest"))
                .says("hint: a newer sealift may have made it");
        }
        assert!(!sealift.at("inside").exists());
    }
    signed_again(&sealift.at("b"), &keys.private, "\"epoch\":0", "\"epoch\":0");
    ran(sealift.command().args(["verify", "b", "--key", "k.pub.pem"])).ok();
}
