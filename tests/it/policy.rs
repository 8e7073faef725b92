//! Policies: what a rule keeps out is named with the rule, on both ends, before anything moves.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};

use crate::support::ceremony::run;
use crate::support::content::Layer;
use crate::support::have;
use crate::support::images::{self, Image, OCI_CONFIG, OCI_MANIFEST, write_layout};
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};

/// A policy of one rule of each kind. The registry's port is another one each time.
const ALL: &str = r#"version = 1
[[rule]]
name = "registries"
allowed-registries = ["127.0.0.1:*", "good.example"]
[[rule]]
name = "debug"
denied-images = ["*/bad-name"]
[[rule]]
name = "tags"
denied-tags = ["latest"]
[[rule]]
name = "size"
max-image-size = "100kB"
[[rule]]
name = "bundle"
max-bundle-size = "150kB"
[[rule]]
name = "age"
max-age-days = 3650
[[rule]]
name = "arm"
platforms = ["linux/arm64"]
[[rule]]
name = "root"
no-root = true
[[rule]]
name = "label"
labels = { team = "?*" }
[[rule]]
name = "sbom"
carries = ["sbom"]
[[rule]]
name = "digest"
by-digest = true
action = "warn"
"#;

/// What those rules say of [`bad`], by the names of the rules, and what besides.
const BROKEN: [(&str, &str); 8] = [
    ("age", "was made at 2000-01-01T00:00:00Z"),
    ("arm", "is not there for linux/arm64"),
    ("label", "has no label"),
    ("root", "runs as root, since it names no user"),
    ("sbom", "comes without an SBOM"),
    ("size", "and 97.65 KiB (100000 bytes) are allowed"),
    ("tags", "has the tag latest"),
    ("bundle", "the bundle has"),
];

/// An image for `arch` of one layer, with this config.
fn image(repository: &str, tag: &str, arch: &str, config: &Value, layer: &str) -> Image {
    let mut image = Image::new(repository, tag);
    let layer = Layer::plain(&images::one_file("file", layer));
    let mut config = config.clone();
    (config["architecture"], config["os"]) = (json!(arch), json!("linux"));
    config["rootfs"] = json!({"type": "layers", "diff_ids": [layer.diff_id]});
    let config = image.blob(OCI_CONFIG, config.to_string().as_bytes());
    let layer = image.blob(layer.media_type, &layer.bytes);
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{layer}]}}"#
    );
    image.document(OCI_MANIFEST, &manifest, "");
    image.name(tag);
    image
}

/// An image that breaks every rule that looks into it.
fn bad() -> Image {
    let config = json!({"created": "2000-01-01T00:00:00Z", "config": {"User": ""}});
    image("bad", "latest", "amd64", &config, &"x".repeat(200_000))
}

/// One that keeps all of them, with an SBOM.
fn good() -> Image {
    let config = json!({"created": "2025-09-01T00:00:00Z",
        "config": {"User": "1000", "Labels": {"team": "blue"}}});
    let mut image = image("good", "1", "arm64", &config, "good");
    let (subject, size) = (image.digest().to_owned(), image.root().bytes.len());
    let empty = image.blob("application/vnd.oci.empty.v1+json", b"{}");
    let sbom = image.blob("application/spdx+json", b"{\"spdxVersion\":\"SPDX-2.3\"}");
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","artifactType":"application/spdx+json","config":{empty},"layers":[{sbom}],"subject":{{"mediaType":"{OCI_MANIFEST}","digest":"{subject}","size":{size}}}}}"#
    );
    image.document(OCI_MANIFEST, &text, "");
    // The list of referrers, for a registry that makes none itself.
    let entry = image.documents.last().unwrap();
    let (digest, size) = (entry.digest.clone(), entry.bytes.len());
    let list = format!(
        r#"{{"schemaVersion":2,"mediaType":"{index}","manifests":[{{"mediaType":"{OCI_MANIFEST}","digest":"{digest}","size":{size},"artifactType":"application/spdx+json"}}]}}"#,
        index = images::OCI_INDEX
    );
    image.document(images::OCI_INDEX, &list, "");
    image.name(&subject.replace(':', "-"));
    image
}

fn policy(sealift: &Sealift, name: &str, text: &str) {
    fs::write(sealift.at(name), text).unwrap();
}

/// A site with a key and both images in a bundle that nobody judged, called `b`.
fn carried() -> Sealift {
    let sealift = Sealift::new();
    sealift.keys("k");
    policy(&sealift, "all.toml", ALL);
    let (bad, good) = (bad(), good());
    write_layout(
        &sealift.at("l"),
        &[("good.example/bad:latest", &bad), ("good.example/good:1", &good)],
    );
    // The SBOM is in the layout by the fallback tag.
    let index = sealift.at("l/index.json");
    let mut list: Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    let referrers = good.documents.last().unwrap();
    list["manifests"].as_array_mut().unwrap().push(json!({
        "mediaType": images::OCI_INDEX, "digest": referrers.digest, "size": referrers.bytes.len(),
        "annotations": {"org.opencontainers.image.ref.name":
            format!("good.example/good:{}", good.digest().replace(':', "-"))},
    }));
    fs::write(&index, list.to_string()).unwrap();
    run(&sealift, "export oci:l -o b --sign-key k.key.pem").ok();
    sealift
}

/// Asserts that every rule that `bad` breaks is named with the image, and none with another.
#[track_caller]
fn refused(ran: Ran, image: &str) -> Ran {
    let mut ran = ran.exits(code::UNTRUSTED).says("not let in by policy");
    for (rule, what) in BROKEN {
        ran = match rule {
            "bundle" => ran.says(&format!("{rule}: {what}")),
            _ => ran.says(&format!("{rule}: {image} ")).says(what),
        };
    }
    let lines = ran.stderr.lines().filter(|line| line.contains(": ") && line.contains(image));
    assert!(lines.count() >= BROKEN.len() - 1);
    assert!(!ran.stderr.contains("good:1"), "{}", ran.stderr);
    ran
}

#[test]
fn an_export_is_refused_by_every_rule_before_a_layer_is_fetched() {
    if !have(&["docker-registry"]) {
        return;
    }
    let (sealift, registry) = (Sealift::new(), Registry::empty());
    sealift.keys("k");
    let (bad, good) = (bad(), good());
    [&bad, &good].iter().for_each(|it| it.push(&registry));
    policy(&sealift, "all.toml", ALL);
    let host = registry.host();
    let export = |what: &str, more: &str| {
        run(
            &sealift,
            &format!("export {what} -o b --sign-key k.key.pem --plain-http {host} {more}"),
        )
    };
    let (one, other) = (format!("{host}/bad:latest"), format!("{host}/good:1"));

    // Names are enough: nobody is asked.
    let before = registry.requests().len();
    policy(&sealift, "names.toml", &ALL.replace("127.0.0.1:*", "elsewhere.example"));
    export(&format!("{one} {other}"), "--policy names.toml")
        .exits(code::UNTRUSTED)
        .says(&format!("tags: {one} has the tag latest, which is denied"))
        .says(&format!("registries: {one} is of the registry {host}"))
        .says(&format!("registries: {other} is of the registry {host}"));
    assert_eq!(registry.requests().len(), before);

    policy(
        &sealift,
        "later.toml",
        &ALL.replace("denied-tags = [\"latest\"]", "denied-tags = [\"late*\"]\nexcept = [\"*\"]"),
    );
    let told =
        export(&one, "--policy later.toml").exits(code::UNTRUSTED).says("root: ").says("size: ");
    assert!(!told.stderr.contains("tags: "));
    let layers: Vec<&String> =
        bad.blobs.keys().filter(|it| bad.blobs[*it].len() > 100_000).collect();
    let asked = registry.requests();
    assert!(
        !asked
            .iter()
            .any(|it| it.method == "GET" && it.blob().is_some_and(|blob| layers.contains(&&blob)))
    );
    assert!(!sealift.at("b").exists() && !sealift.at("b.partial").exists());

    // The good one is let in, and only warned of.
    let told = export(&other, "--policy all.toml --dry-run --format json").ok().json();
    let screening = &told["screenings"][0];
    assert_eq!((&screening["kind"], &screening["warnOnly"]), (&json!("policy"), &json!(false)));
    assert_eq!(
        screening["warnings"],
        json!([format!("digest: {other} was not asked for by its digest")])
    );
    export(&other, "--policy all.toml").ok().says("policy warns: digest: ");
    let digest = good.digest();
    let pinned = format!("{host}/good:1@{digest}");
    run(&sealift, &format!("export {pinned} -o p --sign-key k.key.pem --plain-http {host} --policy all.toml --format json"))
        .ok();
    let told = run(&sealift, "inspect p --format json").json();
    assert_eq!(told["screenings"][0]["warnings"], Value::Null, "{told}");

    // What is asked of a registry, without an export.
    let check = |more: &str| {
        run(
            &sealift,
            &format!("policy check {one} {other} --policy all.toml --plain-http {host} {more}"),
        )
    };
    let told = check("")
        .exits(code::UNTRUSTED)
        .says("DENIED")
        .says("root: ")
        .says("sbom: ")
        .says("8 denied, 2 warnings");
    assert!(
        told.stdout.contains("registries") || !told.stdout.contains("for none of these images")
    );
    let before = registry.requests().len();
    check("--names-only")
        .exits(code::UNTRUSTED)
        .says(&format!("tags: {one} has the tag latest"))
        .says("root: nobody knows yet, since it takes configs of 2 images");
    assert_eq!(registry.requests().len(), before);
}

#[test]
fn an_import_is_refused_by_every_rule_before_the_destination_is_touched() {
    let sealift = carried();
    let import = |more: &str| {
        run(&sealift, &format!("import b --to oci:in --key k.pub.pem --policy all.toml {more}"))
    };

    for more in ["", "--dry-run", "--keep-going", "--only-intact"] {
        refused(import(more), "good.example/bad:latest");
        assert!(!sealift.at("in").exists(), "{more}");
    }
    let told = import("--format json").exits(code::UNTRUSTED).json();
    assert_eq!(
        (&told["ok"], &told["error"]["class"]),
        (&json!(false), &json!("untrusted")),
        "{told}"
    );
    let findings = told["error"]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), BROKEN.len(), "{told}");
    // What is not to be brought is not judged.
    import("--except */bad")
        .ok()
        .says("policy warns: digest: good.example/good:1 was not asked for by its digest");
    assert!(sealift.at("in").exists());

    // A ledger says what was refused, and what was taken in spite of it.
    let shown = |stage: &str| -> Vec<Value> {
        let told = run(&sealift, "ledger show --format json").json();
        let entries = told["entries"].as_array().unwrap().clone();
        entries
            .into_iter()
            .map(|it| it["event"].clone())
            .filter(|it| it["stage"] == stage && it["verb"] == "import")
            .collect()
    };
    let failed = shown("failed");
    assert!(failed[0]["error"]["message"].as_str().unwrap().contains("not let in by policy"));
    let line = [
        "import",
        "b",
        "--to",
        "oci:both",
        "--key",
        "k.pub.pem",
        "--policy",
        "all.toml",
        "--warn-only",
        "ticket 4711",
    ];
    ran(sealift.command().args(line))
        .ok()
        .says("root: good.example/bad:latest runs as root, since it names no user (overridden)");
    let begun = shown("begun").pop().unwrap();
    assert_eq!(begun["overrides"], json!([{"what": "warnOnly", "reason": "ticket 4711"}]));
    let screening = &begun["screenings"][0];
    assert_eq!((&screening["kind"], &screening["warnOnly"]), (&json!("policy"), &json!(true)));
    assert_eq!(screening["warnings"].as_array().unwrap().len(), BROKEN.len() + 2);
    import("--warn-only").exits(code::USAGE);
    ran(sealift.command().args(&line[..9]).arg(" ")).exits(code::USAGE).says("takes a reason");
}

#[test]
fn what_was_broken_is_signed_and_shown() {
    let sealift = carried();
    let mut export = sealift.command();
    export.args("export oci:l -o in-spite --sign-key k.key.pem --policy all.toml".split(' '));
    ran(&mut export)
        .exits(code::UNTRUSTED)
        .says("tags: good.example/bad:latest has the tag latest");
    assert!(!sealift.at("in-spite").exists());
    ran(export.args(["--warn-only", "a reason of two lines"])).ok();

    let warns = "policy warns: root: good.example/bad:latest runs as root";
    run(&sealift, "verify in-spite --key k.pub.pem").ok().says(warns).says("was told only to warn");
    run(&sealift, "inspect in-spite").ok().says(warns);
    for form in ["html", "md", "json"] {
        run(&sealift, &format!("report in-spite --key k.pub.pem -o r.{form}")).ok();
        let page = fs::read_to_string(sealift.at(&format!("r.{form}"))).unwrap();
        assert!(page.contains("runs as root, since it names no user"), "{form}");
        if form != "json" {
            assert!(page.contains("What the images were held against"), "{form}");
            assert!(page.contains("A policy was told only to warn, and did"), "{form}");
        }
    }
    run(&sealift, "report b --key k.pub.pem -o plain.html").ok();
    assert!(!fs::read_to_string(sealift.at("plain.html")).unwrap().contains("were held against"));
    let told = run(&sealift, "ledger show --format json").json();
    let noted = told["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["event"]["overrides"] != Value::Null);
    let noted: Vec<&Value> = noted.map(|it| &it["event"]).collect();
    assert_eq!(noted[0]["verb"], "export");
    assert_eq!(noted[0]["overrides"][0]["reason"], "a reason of two lines");
    assert!(noted[0]["screenings"][0]["warnings"].as_array().unwrap().len() > BROKEN.len());
}

#[test]
fn the_policy_of_the_trust_folder_holds_without_being_named() {
    let sealift = carried();
    let usual = sealift.at("../config/sealift/trust");
    fs::create_dir_all(&usual).unwrap();
    let file = usual.join("policy.toml");
    let import = || run(&sealift, "import b --to oci:in --key k.pub.pem");
    let export = || run(&sealift, "export oci:l -o new --sign-key k.key.pem");
    import().ok();
    files_gone(&sealift, "in");

    fs::write(&file, "version = 1\n[[rule]]\nname = \"root\"\nno-root = true\n").unwrap();
    import().exits(code::UNTRUSTED).says("root: good.example/bad:latest runs as root");
    export().exits(code::UNTRUSTED).says("root: good.example/bad:latest runs as root");
    // Both hold, and each says what is its.
    run(&sealift, "import b --to oci:in --key k.pub.pem --policy all.toml")
        .exits(code::UNTRUSTED)
        .says("all.toml: root: good.example/bad:latest")
        .says("policy.toml: root: good.example/bad:latest");
    run(&sealift, "policy check b").exits(code::UNTRUSTED).says("1 rule, 2 images, 1 denied");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    import().exits(code::UNTRUSTED).says("may be written by others");
    export().exits(code::UNTRUSTED).says("may be written by others");
    fs::remove_file(&file).unwrap();
    symlink("/dev/null", &file).unwrap();
    import().exits(code::UNTRUSTED).says("a link is not followed");
    fs::remove_file(&file).unwrap();
    fs::write(&file, "version = 1\nrules = []\n").unwrap();
    import().exits(code::USAGE).says("policy.toml: line 2: unknown field `rules`");
    fs::remove_file(&file).unwrap();
    import().ok();

    // One that is named, in place of the usual one.
    fs::create_dir(sealift.at("site")).unwrap();
    policy(
        &sealift,
        "site/policy.toml",
        "version = 1\n[[rule]]\nname = \"tag\"\ndenied-tags = [\"latest\"]\n",
    );
    run(&sealift, "policy check b --trust site")
        .exits(code::USAGE)
        .says("there is no root of trust");
}

fn files_gone(sealift: &Sealift, name: &str) {
    crate::support::files::remove(&sealift.at(name));
}

#[test]
fn a_bundle_in_any_form_is_judged_and_a_list_by_its_names() {
    let sealift = carried();
    run(&sealift, "pack b -o b.tar").ok();
    for bundle in ["b", "b.tar"] {
        let told = run(
            &sealift,
            &format!("policy check {bundle} --policy all.toml --key k.pub.pem --format json"),
        )
        .exits(code::UNTRUSTED)
        .json();
        let policy = &told["policies"][0];
        assert_eq!((&told["ok"], &told["images"]), (&json!(false), &json!(2)), "{told}");
        assert_eq!(policy["idle"], json!([]));
        let broken = policy["broken"].as_array().unwrap();
        assert_eq!(broken.len(), BROKEN.len() + 2);
        assert_eq!(broken[0]["action"], "deny");
        assert!(told["statement"].is_string());
    }
    // Nothing moved, and nothing else is asked for than what the policy judges.
    policy(
        &sealift,
        "fine.toml",
        "version = 1\n[[rule]]\nname = \"hosts\"\nallowed-registries = [\"good.example\"]\n[[rule]]\nname = \"typo\"\nimages = [\"godd.example/*\"]\nno-root = true\n",
    );
    run(&sealift, "policy check b --policy fine.toml").ok().says("typo: for none of these images");
    fs::write(sealift.at("images.txt"), "good.example/a:1\n# none\ndocker.io/library/b\n").unwrap();
    run(&sealift, "policy check -f images.txt --policy fine.toml --names-only")
        .exits(code::UNTRUSTED)
        .says("hosts: docker.io/library/b:latest is of the registry docker.io");
    run(&sealift, "policy check images.txt --policy fine.toml")
        .exits(code::UNTRUSTED)
        .says("a list of images is named with -f: -f images.txt");
    for gone in ["gone.tar", "gone.tar.age", "sub/gone.tar"] {
        run(&sealift, &format!("policy check {gone} --policy fine.toml"))
            .exits(code::INCOMPLETE)
            .says("no such file or folder");
    }
    run(&sealift, "policy check b").exits(code::USAGE).says("there is no policy");
    run(&sealift, "policy check oci:l --policy all.toml").exits(code::UNTRUSTED).says("root: ");
    for (text, told) in [
        (
            "version = 1\n[[rule]]\nname = \"a\"\nno-rot = true\n",
            "bad.toml: line 4: unknown field `no-rot`",
        ),
        ("version = 2\n", "only version 1 of a policy is known here"),
        ("", "missing field `version`"),
    ] {
        policy(&sealift, "bad.toml", text);
        run(&sealift, "policy check b --policy bad.toml").exits(code::USAGE).says(told);
        run(&sealift, "import b --to oci:no --key k.pub.pem --policy bad.toml")
            .exits(code::USAGE)
            .says(told);
    }
}

#[test]
fn a_delta_is_judged_with_the_bundle_that_it_leans_on() {
    let sealift = carried();
    run(&sealift, "export oci:l -o d --sign-key k.key.pem --since b").ok();
    policy(
        &sealift,
        "root.toml",
        "version = 1\n[[rule]]\nname = \"root\"\nexcept = [\"*/bad\"]\nno-root = true\n",
    );

    run(&sealift, "import d --to oci:in --key k.pub.pem --policy root.toml")
        .exits(code::UNTRUSTED)
        .says(
            "root: good.example/good:1 has a config that cannot be looked into: it is not at hand",
        );
    assert!(!sealift.at("in").exists());
    run(&sealift, "import d --to oci:in --key k.pub.pem --policy root.toml --base b").ok();
    run(&sealift, "policy check d --policy root.toml --base b").ok();
}

#[test]
fn signatures_and_attestations_are_checked_on_both_ends() {
    let sealift = Sealift::new();
    sealift.keys("k");
    let testdata = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/image-signatures");
    fs::create_dir_all(sealift.at("site")).unwrap();
    for key in ["p256.pub.pem", "stranger.pub.pem"] {
        fs::copy(format!("{testdata}/{key}"), sealift.at("site").join(key)).unwrap();
    }
    let rule = |more: &str| format!("version = 1\n[[rule]]\nname = \"signed\"\n{more}\n");
    policy(&sealift, "site/own.toml", &rule("signed-by = [\"p256.pub.pem\"]"));
    policy(&sealift, "site/other.toml", &rule("signed-by = [\"stranger.pub.pem\"]"));
    let any = "signed-by = [\"p256.pub.pem\"]\nany-signed-name = true";
    policy(&sealift, "site/any.toml", &rule(any));
    let names = ["p256-tag", "p256-referrer", "p256-bundle", "swapped-tag", "moved", "unsigned"];
    let images: Vec<String> =
        names.iter().map(|it| format!("oci:{testdata}/layout:quay.io/org/{it}:1")).collect();
    let export = |images: &[String], policy: &str, to: &str| {
        let line = format!("export -o {to} --sign-key k.key.pem --policy site/{policy}.toml");
        ran(sealift.command().args(line.split(' ')).args(images))
    };

    let told = export(&images, "own", "b").exits(code::UNTRUSTED);
    let is_refused =
        |told: &Ran, name: &str| told.stderr.contains(&format!("signed: quay.io/org/{name}:1 "));
    assert_eq!(
        names.map(|it| is_refused(&told, it)),
        [false, false, true, true, true, true],
        "{}",
        told.stderr
    );
    let told = export(&images, "any", "b").exits(code::UNTRUSTED);
    assert_eq!(
        names.map(|it| is_refused(&told, it)),
        [false, false, false, true, false, true],
        "{}",
        told.stderr
    );
    let told = export(&images, "other", "b").exits(code::UNTRUSTED);
    assert_eq!(names.map(|it| is_refused(&told, it)), [true; 6], "{}", told.stderr);
    assert!(!sealift.at("b").exists());

    export(&images[..3], "any", "b").ok();
    let told = run(&sealift, "inspect b --format json").json();
    let kinds: Vec<&str> = told["screenings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["signature", "signature", "signature", "policy"]);
    assert_eq!(told["screenings"][0]["rule"], "rule signed of policy site/any.toml");
    let import = |policy: &str| {
        run(&sealift, &format!("import b --to oci:in --key k.pub.pem --policy site/{policy}.toml"))
    };
    import("other")
        .exits(code::UNTRUSTED)
        .says("signed: quay.io/org/p256-tag:1 is not signed by the key");
    import("own")
        .exits(code::UNTRUSTED)
        .says("signed: quay.io/org/p256-bundle:1 carries a signature that says no name");
    import("any").ok();

    // What is attached is not yet attested by somebody.
    let attested = "carries = [\"sbom\"]\nattested-by = ";
    policy(&sealift, "site/sbom.toml", &rule(&format!("{attested}[\"p256.pub.pem\"]")));
    policy(&sealift, "site/strange.toml", &rule(&format!("{attested}[\"stranger.pub.pem\"]")));
    let images = ["attested-tag", "attested-bundle"];
    let images = images.map(|it| format!("oci:{testdata}/layout:quay.io/org/{it}:1"));
    export(&images, "sbom", "s").ok();
    let told = export(&images, "strange", "t").exits(code::UNTRUSTED);
    let told = told.says("comes without an SBOM that one of the keys attests");
    assert!(is_refused(&told, "attested-tag") && is_refused(&told, "attested-bundle"));

    // In the trust folder a key is believed as the policy is, and lies beside it.
    fs::copy(sealift.at("site/own.toml"), sealift.at("site/policy.toml")).unwrap();
    let usual = sealift.at("../config/sealift");
    fs::create_dir_all(&usual).unwrap();
    fs::rename(sealift.at("site"), usual.join("trust")).unwrap();
    run(&sealift, "policy check b")
        .exits(code::UNTRUSTED)
        .says("p256-bundle:1 carries a signature");
    let key = usual.join("trust/p256.pub.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o666)).unwrap();
    run(&sealift, "policy check b").exits(code::USAGE).says("may be written by others");
    policy(&sealift, "p256.pub.pem", "");
    let elsewhere = rule("signed-by = [\"../p256.pub.pem\"]");
    fs::write(usual.join("trust/policy.toml"), elsewhere).unwrap();
    run(&sealift, "policy check b").exits(code::USAGE).says("is no file in");
}

#[test]
fn volumes_are_judged_whichever_is_at_hand() {
    let sealift = Sealift::new();
    sealift.keys("k");
    let large = image("bad", "latest", "amd64", &json!({}), &"x".repeat(3_000_000));
    write_layout(&sealift.at("l"), &[("good.example/bad:latest", &large)]);
    run(&sealift, "export oci:l -o b --sign-key k.key.pem").ok();
    run(&sealift, "pack b -o discs --label june --volume-size 2MB").ok();
    let root = "version = 1\n[[rule]]\nname = \"root\"\nno-root = true\n";
    policy(&sealift, "root.toml", root);
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/image-signatures/p256.pub.pem");
    policy(
        &sealift,
        "signed.toml",
        &root.replace("no-root = true", &format!("signed-by = [\"{key}\"]")),
    );
    let import = |which: &str, policy: &str| {
        let line = format!(
            "import discs/discs.{which}.tar --to oci:in --key k.pub.pem --policy {policy}.toml"
        );
        run(&sealift, &line)
    };

    for which in ["001", "002"] {
        import(which, "root")
            .exits(code::UNTRUSTED)
            .says("root: good.example/bad:latest runs as root");
        import(which, "signed").exits(code::INCOMPLETE).says("signatures of images are looked for");
    }
    assert!(!sealift.at("in").exists());
    run(&sealift, "policy check discs --policy root.toml").exits(code::UNTRUSTED).says("root: ");
}
