//! `--keep-going` with a bundle that is hurt: what is whole arrives, wherever it goes; the rest is
//! named, all of it, and is in the list for the next run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::content::Layer;
use crate::support::double::{Double, no_script};
use crate::support::images::{self, Image};
use crate::support::sealift::{Ran, Sealift, code, ran};

/// `x/NAME:1`, with a layer of its own and one that all have.
pub fn image(name: &str) -> Image {
    let layers = [("base", "base"), (name, name)]
        .map(|(path, text)| Layer::gzip(&images::one_file(path, &text.repeat(2000))));
    Image::single(&format!("x/{name}"), "1", &format!(r#"["{name}"]"#), &layers)
}

/// A bundle `output` of `names`.
pub fn bundle(sealift: &Sealift, output: &str, names: &[&str]) -> Double {
    let (keys, outside) = (sealift.keys("k"), Double::start(no_script));
    let mut export = sealift.command();
    export.args(["export", "-o", output, "--sign-key"]).arg(&keys.private);
    for name in names {
        outside.hold(&image(name));
        export.arg(format!("{}/x/{name}:1", outside.host()));
    }
    ran(&mut export).ok();
    outside
}

pub fn import(sealift: &Sealift, bundle: &str, to: &str, more: &[&str]) -> Ran {
    let mut import = sealift.command();
    ran(import.args(["import", bundle, "--to", to, "--key", "k.pub.pem"]).args(more))
}

fn file(sealift: &Sealift, digest: &str) -> PathBuf {
    sealift.at("b/blobs/sha256").join(digest.trim_start_matches("sha256:"))
}

/// The file of the layer that `name` alone has, or of its config.
pub fn own(sealift: &Sealift, name: &str, layer: bool) -> PathBuf {
    let (image, other) = (image(name), image("other"));
    let mut own = image.blobs.iter().filter(|(digest, _)| !other.blobs.contains_key(*digest));
    let (digest, _) = own.find(|(_, bytes)| bytes.starts_with(&[0x1f, 0x8b]) == layer).unwrap();
    file(sealift, digest)
}

pub fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// A folder bundle of six, of which four are hurt in four ways.
pub fn hurt(sealift: &Sealift) {
    bundle(sealift, "b", &["a", "b", "c", "d", "e", "f"]);
    flip(&own(sealift, "a", true));
    fs::remove_file(own(sealift, "b", true)).unwrap();
    fs::remove_file(file(sealift, image("c").digest())).unwrap();
    flip(&own(sealift, "d", false));
}

/// The images of `failed.txt`.
fn listed(sealift: &Sealift) -> Vec<String> {
    let list = fs::read_to_string(sealift.at("failed.txt")).unwrap();
    let names = list.lines().filter(|line| !line.starts_with('#'));
    let name = |line: &str| line.split("/x/").nth(1).unwrap().split(':').next().unwrap().to_owned();
    let mut names: Vec<String> = names.map(name).collect();
    names.sort();
    names
}

#[test]
fn what_is_whole_arrives_wherever_it_goes_and_the_rest_is_named_and_listed() {
    let sealift = Sealift::new();
    hurt(&sealift);
    let inside = Double::start(no_script);
    let registry = format!("docker://{}", inside.host());
    let all: [&str; 6] = [
        &registry,
        "oci:layout",
        "oci-archive:o.tar",
        "docker-archive:d.tar",
        "docker-archive:each/",
        "docker-archive:z.tar.gz",
    ];
    for to in all {
        let path = sealift.at(to.split_once(':').unwrap().1);
        import(&sealift, "b", to, &[]).exits(code::DAMAGED).says("3 problems");
        assert!(!path.exists(), "{to}: nothing without the option");

        let more = ["--keep-going", "--failed-list", "failed.txt", "--format", "json"];
        let ran = import(&sealift, "b", to, &more).exits(code::DAMAGED);
        let ran = ran.says("4 of 6 images did not arrive").says("use nothing from");
        let told = ran.json();

        assert_eq!((&told["ok"], told["images"].as_array().unwrap().len()), (&false.into(), 2));
        assert_eq!(told["failed"].as_array().unwrap().len(), 4, "{to}: {told}");
        assert_eq!(listed(&sealift), ["a", "b", "c", "d"], "{to}");
        // Two configs, two layers of their own, and the one that both have; what was sent of the
        // damaged image before that was known was sent, but for what is in a file without a name.
        let moved = ["copied", "mounted"].map(|it| told[it]["blobs"].as_u64().unwrap());
        let expected = match to {
            "oci:layout" | "docker-archive:each/" => 6,
            to if to == registry => 8,
            _ => 5,
        };
        assert_eq!(moved.iter().sum::<u64>(), expected, "{to}: {told}");
        assert!(!ran.stderr.contains("another sealift"), "{}", ran.stderr);
        // What is there is what was told.
        let again = import(&sealift, "b", to, &["--only", "*/x/e", "--only", "*/x/f"]).ok();
        assert_eq!(again.stdout.matches("unchanged").count(), 2, "{to}: {}", again.stdout);
        // The next run has the same bundle, and nothing of what it asks for.
        let more = ["-f", "failed.txt", "--keep-going", "--failed-list", "failed.txt"];
        let to = to.replace(".tar", "-again.tar");
        import(&sealift, "b", &to, &more).exits(code::DAMAGED).says("4 of 4 images did not");
        assert_eq!(listed(&sealift), ["a", "b", "c", "d"], "{to}");
        assert!(!sealift.at(to.split_once(':').unwrap().1).is_file(), "{to}");
    }
    let there = inside.stock(|stock| {
        ["a", "b", "c", "d", "e", "f"]
            .map(|name| stock.document(&format!("x/{name}"), "1").is_some())
    });
    assert_eq!(there, [false, false, false, false, true, true]);
}

#[test]
fn a_stream_has_the_whole_images_and_a_dry_run_knows_what_is_missing() {
    let sealift = Sealift::new();
    hurt(&sealift);
    let more = ["--keep-going", "--failed-list", "failed.txt"];

    let mut command = sealift.command();
    command.args(["import", "b", "--to", "docker-archive:-", "--key", "k.pub.pem"]).args(more);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code::DAMAGED));
    assert_eq!(listed(&sealift), ["a", "b", "c", "d"]);
    fs::write(sealift.at("stream.tar"), &output.stdout).unwrap();
    let whole = ["--only", "*/x/e", "--only", "*/x/f"];
    import(&sealift, "b", "docker-archive:stream.tar", &whole).ok().says("unchanged");

    // What only reading tells is not known to it.
    let dry = import(&sealift, "b", "oci:none", &["--keep-going", "--dry-run", "--format", "json"])
        .exits(code::DAMAGED);
    let plan = dry.json();
    assert_eq!(plan["repositories"][0]["names"].as_array().unwrap().len(), 3, "{plan}");
    assert_eq!(plan["obstacles"][0]["findings"].as_array().unwrap().len(), 3, "{plan}");
    let missing = ["--only", "*/x/b", "--keep-going", "--dry-run"];
    import(&sealift, "b", "oci:none", &missing).exits(code::INCOMPLETE).says("x/b:1");
    assert!(!sealift.at("none").exists());
}

#[test]
fn what_is_not_chosen_stops_nothing_and_is_spoken_of() {
    let sealift = Sealift::new();
    hurt(&sealift);

    let whole = ["--except", "*/x/[abcd]", "--only", "*/x/e", "--only", "*/x/f"];
    import(&sealift, "b", "oci:whole", &whole[2..])
        .ok()
        .says("nothing of it is needed for the images that were chosen");
    import(&sealift, "b", "oci:none", &["--only", "*/x/b"]).exits(code::DAMAGED);
    // What nobody signed for is about no image.
    fs::write(sealift.at("b/blobs/sha256/more"), "x").unwrap();
    for more in [&whole[2..], &["--keep-going"]] {
        import(&sealift, "b", "oci:none", more).exits(code::DAMAGED).says("not signed for");
    }
    assert!(!sealift.at("none").exists());
}

#[test]
fn all_that_is_damaged_is_told_at_once_and_counted_once() {
    for (output, more) in [("b", &[][..]), ("b", &["--jobs", "1"])] {
        let sealift = Sealift::new();
        bundle(&sealift, output, &["a", "b", "c", "d", "e"]);
        flip(&own(&sealift, "b", true));
        flip(&own(&sealift, "d", true));
        let inside = Double::start(no_script);
        let registry = format!("docker://{}", inside.host());
        for to in [registry.as_str(), "oci:x", "oci-archive:x.tar", "docker-archive:each/"] {
            let ran = import(&sealift, output, to, more).exits(code::DAMAGED);
            for name in ["x/b:1", "x/d:1"] {
                assert!(ran.stderr.contains(name), "{to}: {}", ran.stderr);
            }
            assert_eq!(ran.stderr.matches("does not match").count(), 2, "{to}: {}", ran.stderr);
        }
        assert!(!sealift.at("x.tar").exists());

        let fresh = Double::start(no_script);
        let to = format!("docker://{}", fresh.host());
        let more = [more, &["--keep-going", "--format", "json"]].concat();
        let told = import(&sealift, output, &to, &more).exits(code::DAMAGED).json();
        assert_eq!(told["failed"].as_array().unwrap().len(), 2);
        // The layers of the three, and the base and the configs of all five.
        let brought = ["copied", "mounted"].map(|it| told[it]["blobs"].as_u64().unwrap());
        assert_eq!(brought.iter().sum::<u64>(), 3 + 5 + 5, "{told}");
        let sent = fresh.count("PUT", "/blobs/uploads/") + fresh.count("POST", "mount=");
        assert!(sent >= 13, "{sent}");
    }
}

#[test]
fn an_image_that_cannot_be_rewritten_stops_no_other() {
    let sealift = Sealift::new();
    let (keys, outside) = (sealift.keys("k"), Double::start(no_script));
    let all = images::all();
    let list = all.iter().find(|image| image.repository == "acme/list").unwrap();
    outside.hold(list);
    outside.hold(&image("a"));
    let host = outside.host();
    let pinned = format!("{host}/acme/list@{}", list.digest());
    let mut export = sealift.command();
    export.args(["export", "-o", "b", "--sign-key"]).arg(&keys.private);
    ran(export.args([&pinned, &format!("{host}/x/a:1")])).ok();

    import(&sealift, "b", "oci:none", &["--to-oci"]).exits(code::USAGE);
    for to in ["oci:some", "oci-archive:some.tar"] {
        let more = ["--to-oci", "--keep-going", "--failed-list", "failed.txt"];
        import(&sealift, "b", to, &more)
            .exits(code::USAGE)
            .says("1 of 2 images did not arrive")
            .says("its name is its digest");
        let list = fs::read_to_string(sealift.at("failed.txt")).unwrap();
        assert!(list.contains("acme/list@sha256:") && !list.contains("x/a:1"), "{list}");
    }
    import(&sealift, "b", "oci:some", &["-f", "failed.txt"]).ok();
}

#[test]
fn names_that_are_none_and_names_that_are_missing_are_told_together() {
    let sealift = Sealift::new();
    let outside = bundle(&sealift, "b", &["a"]);
    let host = outside.host();
    let list = format!("{host}/x/a:1\n{host}/X Y\n{host}/x/nope:1\n");
    fs::write(sealift.at("l.txt"), list).unwrap();

    let import = import(&sealift, "b", "oci:none", &["-f", "l.txt", "--except", "neither:*"]);
    let mut export = sealift.command();
    // No key is read, and no passphrase asked for, for names that are wrong.
    export.args(["export", "-f", "l.txt", "-o", "c", "--sign-key", "none.pem"]);
    let export = ran(&mut export);

    for ran in [&import, &export] {
        for place in ["l.txt: line 2: ", "l.txt: line 3: "] {
            assert!(ran.stderr.contains(place), "{}", ran.stderr);
        }
    }
    assert!(import.stderr.contains("neither:*"), "{}", import.stderr);
    let export = export.exits(code::USAGE).says("2 of the 3 names asked for cannot be had");
    assert!(export.stderr.contains("has no such image") || export.stderr.contains("nope"));
    import.exits(code::USAGE);
    assert!(!sealift.at("none").exists() && !sealift.at("c.partial").exists());
}

#[test]
fn two_places_that_use_one_name_are_both_named_with_the_way_out() {
    let sealift = Sealift::new();
    let keys = sealift.keys("k");
    for (dir, content) in [("one", "a"), ("two", "b"), ("three", "c")] {
        images::write_layout(&sealift.at(dir), &[("x.example/same:1", &image(content))]);
    }
    let export = |sources: &[&str]| {
        let mut export = sealift.command();
        export.args(["export", "-o", "c", "--sign-key"]).arg(&keys.private);
        ran(export.args(sources))
    };

    let ran = export(&["oci:one", "oci:two", "oci:three"]).exits(code::USAGE);
    for place in ["oci:one", "oci:two", "oci:three", "oci:two=NEWNAME"] {
        assert!(ran.stderr.contains(place), "{place}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("name it once"), "{}", ran.stderr);
    export(&["oci:one", "oci:two=y.example/other:1", "oci:three=y.example/third:1"]).ok();
}

#[test]
fn each_kind_of_failure_keeps_its_way_out() {
    let sealift = Sealift::new();
    bundle(&sealift, "b", &["a", "b", "e"]);
    let inside = Double::start(no_script);
    let mut other = image("other");
    other.repository = "x/e".to_owned();
    inside.hold(&other);
    flip(&own(&sealift, "a", true));
    fs::remove_file(own(&sealift, "b", true)).unwrap();
    let to = format!("docker://{}", inside.host());

    let ran = import(&sealift, "b", &to, &["--keep-going"]).exits(code::DAMAGED);

    for way_out in
        ["use nothing from", "copy it from its origin again)", "keep-digest", "digest-tag"]
    {
        assert!(ran.stderr.contains(way_out), "{way_out}: {}", ran.stderr);
    }
}
