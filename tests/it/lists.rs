//! Lists as people have them: rules for tags, standard input, files told apart, and what is missing.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::content::Layer;
use crate::support::double::{Double, no_script};
use crate::support::images::{self, Image};
use crate::support::sealift::{Ran, Sealift, code, ran};

/// A registry with some tags of acme/app.
fn world(tags: &[&str]) -> Double {
    let double = Double::start(no_script);
    for tag in tags {
        double.hold(&Image::single(
            "acme/app",
            tag,
            "[]",
            &[Layer::gzip(&images::one_file(tag, tag))],
        ));
    }
    double
}

/// Somebody with a key, which is `k.key.pem`.
fn somebody() -> Sealift {
    let sealift = Sealift::new();
    sealift.keys("k");
    sealift
}

/// Exports what `list` says, as `list.txt`.
fn export(sealift: &Sealift, list: &str, more: &[&str]) -> Ran {
    std::fs::write(sealift.at("list.txt"), list).unwrap();
    let mut export = sealift.command();
    export.args(["export", "-f", "list.txt", "--sign-key", "k.key.pem"]).args(more);
    match more.contains(&"-o") {
        true => ran(&mut export),
        false => ran(export.args(["-o", "b"])),
    }
}

fn tags(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    let images = json["images"].as_array().unwrap().iter();
    let mut tags: Vec<String> = images
        .map(|image| image["name"].as_str().unwrap().rsplit(':').next().unwrap().to_owned())
        .collect();
    tags.sort();
    tags
}

#[test]
fn rules_for_tags_mean_those_that_are_there_and_one_list_is_asked_for_a_repository() {
    let (sealift, double) =
        (somebody(), world(&["1.9", "1.10", "1.10.1", "2.0", "2.0-slim", "latest"]));
    let host = double.host();
    let list =
        format!("{host}/acme/app:>=1.9 <2\n{host}/acme/app:2.*\n{host}/acme/app:>=1 newest 1\n");
    let dry = ["--dry-run", "--format", "json", "--no-referrers"];

    assert_eq!(
        tags(&export(&sealift, &list, &dry).ok()),
        ["1.10", "1.10.1", "1.9", "2.0", "2.0-slim"]
    );
    assert_eq!(double.count("GET", "/acme/app/tags/list"), 1);

    let patches = [&dry[..], &["--latest-patch"]].concat();
    assert_eq!(tags(&export(&sealift, &list, &patches).ok()), ["1.10.1", "1.9", "2.0", "2.0-slim"]);

    let none = format!(
        "{host}/acme/app:2.0\n{host}/acme/app:>=3\n{host}/acme/gone:*\n{host}/acme/app:>=x\n"
    );
    export(&sealift, &none, &["--dry-run"])
        .exits(code::USAGE)
        .says("list.txt: line 2: no tag of")
        .says("its last ones are latest, 2.0-slim, 2.0")
        .says("list.txt: line 3: ")
        .says("list.txt: line 4: ")
        .says("\">=x\" says no tags");
}

#[test]
fn a_list_comes_in_on_standard_input_and_an_archive_cannot_beside_it() {
    let (sealift, double) = (somebody(), world(&["1"]));
    let piped = |list: &str, more: &[&str]| {
        let mut export = sealift.command();
        export.args(["export", "-f", "-", "-o", "b", "--dry-run", "--format", "json"]).args(more);
        export.args(["--sign-key", "k.key.pem"]);
        export.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = export.spawn().unwrap();
        child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };

    // As PowerShell writes it.
    let list = format!("\u{feff}{}/acme/app:1\r\n", double.host());
    let out = piped(&list, &[]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stdout).contains("acme/app:1"));

    let both = piped(&list, &["docker-archive:-"]);
    assert_eq!(both.status.code(), Some(code::USAGE));
    assert!(String::from_utf8_lossy(&both.stdout).contains("both to come in on standard input"));
}

#[test]
fn yaml_that_is_broken_or_of_no_kind_is_told_with_its_line() {
    let sealift = somebody();
    for (text, said) in [
        (
            "---\nfruits:\n  - apple\n",
            "list.txt: line 2: is YAML, and of no kind that names images",
        ),
        ("kind: Pod\nspec:\n\tcontainers: []\n", "list.txt: line 3: cannot be read as YAML"),
        ("kind: Pod\nkind: Pod\n", "list.txt: line 2: the key \"kind\" stands twice"),
    ] {
        export(&sealift, text, &["--dry-run"]).exits(code::USAGE).says(said);
    }
    export(&sealift, "alpine\n", &["--as", "nothing"])
        .exits(code::USAGE)
        .says("is no kind of list");
}

#[test]
fn without_what_is_missing_the_others_are_carried_and_the_bundle_names_it() {
    let (sealift, double) = (somebody(), world(&["1", "2"]));
    let host = double.host();
    let list = format!(
        "{host}/acme/app:1\n{host}/acme/app:3\n{host}/acme/gone:1\noci:nowhere\n{host}/acme/app:>=9\n{host}/acme/app:2\n"
    );

    export(&sealift, &list, &[]).exits(code::INCOMPLETE);
    let some = format!("{host}/acme/app:1\n{host}/acme/app:3\n{host}/acme/gone:1\n");
    export(&sealift, &some, &[]).exits(code::INCOMPLETE).says("--skip-missing exports the others");
    assert!(!sealift.at("b").exists());
    for _again in 0..2 {
        let ran = export(&sealift, &list, &["--skip-missing", "--format", "json"])
            .exits(code::INCOMPLETE);
        assert_eq!(tags(&ran), ["1", "2"]);
        let json = ran.json();
        assert_eq!(
            (json["ok"].as_bool(), json["skipped"].as_array().unwrap().len()),
            (Some(false), 4)
        );
        let said = json["error"]["message"].as_str().unwrap();
        assert!(said.contains("4 of the 6 images asked for were left out"), "{said}");
    }
    let mut verify = sealift.command();
    verify.args(["verify", "b", "--key", "k.pub.pem"]);
    ran(&mut verify)
        .ok()
        .says("acme/app:3")
        .says("acme/gone:1")
        .says("nowhere")
        .says("acme/app:>=9");

    // All of it is no bundle.
    let all = format!("{host}/acme/gone:1\n");
    let none = export(&sealift, &all, &[]).exits(code::INCOMPLETE);
    assert!(!none.stderr.contains("--skip-missing"), "{none:?}");
    export(&sealift, &all, &["--skip-missing", "-o", "c"]).exits(code::INCOMPLETE);
    assert!(!sealift.at("c").exists());
}
