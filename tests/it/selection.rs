//! Which images are meant: all that is wrong with names is told at once, and a bundle's images are
//! chosen by name, for every kind of destination.

use serde_json::Value;

use crate::round_trip::assert_arrived;
use crate::support::content::Layer;
use crate::support::double::{Double, no_script};
use crate::support::images::{self, Image};
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;

#[test]
fn names_that_are_none_are_told_together_with_their_lines() {
    let sealift = Sealift::new();
    let keys = sealift.keys("k");
    std::fs::write(sealift.at("one.txt"), "alpine\nAlpine # capitals\n\na b\n").unwrap();
    std::fs::write(sealift.at("two.txt"), "quay.io/a//b\n").unwrap();
    let export = |format: &str| {
        let mut export = sealift.command();
        export.args(["export", "x:y:z", "-f", "one.txt", "-f", "two.txt", "-o", "b.tar"]);
        ran(export.args(["--format", format, "--sign-key"]).arg(&keys.private)).exits(code::USAGE)
    };

    export("text")
        .says("4 of the names cannot be read")
        .says("\"x\" is no kind of place")
        .says("one.txt: line 2: ")
        .says("one.txt: line 4: ")
        .says("two.txt: line 1: ");
    let findings = export("json").json()["error"]["findings"].as_array().unwrap().len();
    assert_eq!(findings, 4);
    assert!(!sealift.at("b.tar.partial").exists());
}

#[test]
fn names_that_are_missing_are_told_together_before_anything_moves() {
    let (sealift, double) = (Sealift::new(), Double::start(no_script));
    let keys = sealift.keys("k");
    double.hold(&Image::single("acme/app", "1", "[]", &[Layer::gzip(&images::one_file("a", "a"))]));
    let host = double.host();
    let list = format!("{host}/acme/app:1\n{host}/acme/app:2\n# none\n{host}/acme/gone:1\n");
    std::fs::write(sealift.at("list.txt"), list).unwrap();
    let export = |format: &str| {
        let mut export = sealift.command();
        export.arg("export").arg(format!("{host}/acme/app:3")).arg("oci-archive:nowhere.tar");
        export.args(["-f", "list.txt", "-o", "b.tar", "--format", format]);
        ran(export.arg("--sign-key").arg(&keys.private)).exits(code::INCOMPLETE)
    };

    export("text")
        .says("4 of the 5 names asked for cannot be had")
        .says("nowhere.tar")
        .says("acme/app:3")
        .says("list.txt: line 2: ")
        .says("list.txt: line 4: ");
    let json = export("json").json();
    assert_eq!(json["error"]["findings"].as_array().unwrap().len(), 4, "{json}");
    assert_eq!(double.count("GET", "/blobs/"), 0);
    assert!(!sealift.at("b.tar.partial").exists());
}

/// Imports the shared bundle with more arguments.
fn import(sealift: &Sealift, to: &str, more: &[&str]) -> Ran {
    let shared = Shared::get();
    let mut import = sealift.command();
    import.arg("import").arg(&shared.tar).args(["--to", to]).args(more);
    ran(import.arg("--key").arg(&shared.keys.public))
}

#[test]
fn what_is_chosen_arrives_with_its_signatures_and_nothing_else_does() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (sealift, inside) = (Sealift::new(), Registry::empty());
    std::fs::write(sealift.at("l.txt"), format!("{}/acme/odd # one\n", shared.host)).unwrap();
    let to = format!("docker://{}", inside.host());

    import(&sealift, &to, &["--only", "*/signed:*", "-f", "l.txt", "--except", "*:2.0"]).ok();

    assert_arrived(shared.image("acme/signed"), &inside, "acme/signed");
    assert_arrived(shared.image("acme/odd"), &inside, "acme/odd");
    let touched = |part: &str| inside.requests().iter().any(|request| request.path.contains(part));
    for other in ["acme/multi", "acme/schema2", "charts/web", "library/hello"] {
        assert!(!touched(other), "{other}");
    }
}

#[test]
fn every_kind_of_destination_gets_what_is_chosen() {
    need!("docker-registry", "busybox");
    let sealift = Sealift::new();
    let names = |text: &str| -> Vec<String> {
        let index: Value = serde_json::from_str(text).unwrap();
        let entries = index["manifests"].as_array().unwrap();
        let name = |e: &Value| {
            e["annotations"]["org.opencontainers.image.ref.name"].as_str().map(str::to_owned)
        };
        entries.iter().filter_map(name).collect()
    };

    import(&sealift, "oci:out", &["--only", "*/hello"]).ok();
    let index = std::fs::read_to_string(sealift.at("out/index.json")).unwrap();
    assert_eq!(names(&index).len(), 1, "{index}");

    // A chart and artifacts are nothing for docker; without them the archive is made.
    import(&sealift, "docker-archive:all.tar", &[]).exits(code::REFUSED).says("charts/web");
    let only = ["--only", "*/acme/schema2", "--only", "*/hello:1.0"];
    import(&sealift, "docker-archive:some.tar", &only).ok();
    import(&sealift, "oci-archive:oci/", &only).ok();
    assert_eq!(std::fs::read_dir(sealift.at("oci")).unwrap().count(), 2);
}

#[test]
fn patterns_that_mean_nothing_are_told_with_what_is_there() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let sealift = Sealift::new();
    std::fs::write(sealift.at("l.txt"), "*/hello\n\nacme/gone\n").unwrap();
    std::fs::write(sealift.at("empty.txt"), "# nothing\n").unwrap();

    import(&sealift, "oci:out", &["-f", "l.txt", "--except", "quay.io/*"])
        .exits(code::INCOMPLETE)
        .says("l.txt: line 3: acme/gone")
        .says("quay.io/*")
        .says(&shared.name("acme/odd"));
    import(&sealift, "oci:out", &["-f", "empty.txt"]).exits(code::USAGE);
    import(&sealift, "oci:out", &["--only", "a b", "--only", "C"])
        .exits(code::USAGE)
        .says("2 of the names cannot be read");
    import(&sealift, "oci:out", &["--except", "*"]).exits(code::USAGE);
    assert!(!sealift.at("out").exists());
}
