use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::bundle::image_signature::SignedNames;
use crate::words::digest::Digest;
use crate::words::error::Class;
use crate::words::moment::{Moment, moment};
use crate::words::platform::Platform;

fn policy(rule: &str) -> AdmissionPolicy {
    let text = format!("version = 1\n[[rule]]\nname = \"r\"\n{rule}\n");
    AdmissionPolicy::read(Path::new("p.toml"), text.as_bytes(), &key).unwrap()
}

/// The file of a key that a policy names.
fn key(name: &str) -> crate::words::error::Result<Vec<u8>> {
    let name = name.replace("release", "p256");
    Ok(std::fs::read(Path::new("testdata/image-signatures").join(name)).unwrap_or_default())
}

fn now() -> Moment {
    moment("2026-11-26T00:00:00Z")
}

fn named(name: &str) -> ImageFacts {
    ImageFacts::named(&name.parse().unwrap())
}

/// An image for one platform, of which the config says `config`.
fn running(name: &str, config: &str) -> ImageFacts {
    let digest = Digest::of(name.as_bytes());
    let platform: Platform = "linux/amd64".parse().unwrap();
    let config = ConfigFacts::read(config.as_bytes());
    let parts = ImageParts {
        bytes: 2_000,
        platforms: vec![platform.clone()],
        manifests: vec![ManifestFacts::new(digest, Some(platform), config)],
        ..ImageParts::default()
    };
    ImageFacts::whole(name.parse().unwrap(), digest, false, parts)
}

fn says(policy: &AdmissionPolicy, images: &[ImageFacts]) -> Vec<String> {
    let judged = policy.judge(PolicySubject::new(images, Some(9_000), now()));
    judged.broken.iter().map(ToString::to_string).collect()
}

/// What the rule says of an image by its name alone.
fn of_name(rule: &str, name: &str) -> Vec<String> {
    says(&policy(rule), &[named(name)])
}

/// What the rule says of an image with this config.
fn of_config(rule: &str, config: &str) -> Vec<String> {
    says(&policy(rule), &[running("a:1", config)])
}

#[test]
fn registries_are_allowed_and_denied_by_their_hosts() {
    let allowed = r#"allowed-registries = ["quay.io", "*.corp.example:5000", "index.docker.io"]"#;
    for name in ["quay.io/a/b:1", "x.corp.example:5000/a:1", "alpine"] {
        assert_eq!(of_name(allowed, name), [""; 0], "{name}");
    }
    for name in ["ghcr.io/quay.io/b:1", "x.corp.example/a:1", "docker.io.evil/library/alpine"] {
        assert_eq!(of_name(allowed, name).len(), 1, "{name}");
    }
    assert_eq!(
        of_name(allowed, "ghcr.io/a:1"),
        ["r: ghcr.io/a:1 is of the registry ghcr.io, which is not among those that are allowed"]
    );
    let denied = r#"denied-registries = ["docker.io", "*.evil"]"#;
    assert_eq!(
        of_name(denied, "alpine:3"),
        ["r: docker.io/library/alpine:3 is of a registry that is denied, by docker.io"]
    );
    assert_eq!(of_name(denied, "quay.io/docker.io/b:1"), [""; 0]);
}

#[test]
fn images_are_allowed_and_denied_by_their_names() {
    let allowed = r#"allowed-images = ["quay.io/org/*", "alpine:3.*"]"#;
    for name in ["quay.io/org/a:1", "quay.io/org/a/b:1", "docker.io/library/alpine:3.20"] {
        assert_eq!(of_name(allowed, name), [""; 0], "{name}");
    }
    for name in ["quay.io/organ/a:1", "docker.io/quay.io/org:1", "alpine:edge"] {
        assert_eq!(of_name(allowed, name).len(), 1, "{name}");
    }
    let denied = r#"denied-images = ["*/debug/*", "busybox"]"#;
    assert_eq!(
        of_name(denied, "quay.io/debug/a:1"),
        ["r: quay.io/debug/a:1 is denied, by */debug/*"]
    );
    assert_eq!(of_name(denied, "busybox:9").len(), 1);
    assert_eq!(of_name(denied, "alpine:9"), [""; 0]);
}

#[test]
fn tags_are_denied_and_digests_demanded() {
    let tags = r#"denied-tags = ["latest", "*-dev"]"#;
    assert_eq!(
        of_name(tags, "alpine"),
        ["r: docker.io/library/alpine:latest has the tag latest, which is denied"]
    );
    assert_eq!(of_name(tags, "a:1-dev").len(), 1);
    let digest = Digest::of(b"x");
    for name in ["a:latest-1".to_owned(), format!("a@{digest}")] {
        assert_eq!(of_name(tags, &name), [""; 0], "{name}");
    }
    assert_eq!(of_name("by-digest = true", "a:1").len(), 1);
    assert_eq!(of_name("by-digest = true", &format!("a:1@{digest}")), [""; 0]);
}

#[test]
fn a_rule_is_for_the_images_that_it_names() {
    let rule = "images = [\"quay.io/*\"]\nexcept = [\"*/tool:*\"]\ndenied-tags = [\"latest\"]";
    assert_eq!(of_name(rule, "quay.io/a/b:latest").len(), 1);
    for name in ["quay.io/a/tool:latest", "alpine:latest"] {
        assert_eq!(of_name(rule, name), [""; 0], "{name}");
    }
    let judged = policy(rule).judge(PolicySubject::new(&[named("alpine")], None, now()));
    assert_eq!(judged.idle, ["r"]);
}

#[test]
fn sizes_are_limited() {
    let one = [running("a:1", "{}")];
    assert_eq!(
        says(&policy(r#"max-image-size = "1999B""#), &one),
        [
            "r: docker.io/library/a:1 has 1.95 KiB (2000 bytes), and 1.95 KiB (1999 bytes) are allowed"
        ]
    );
    assert_eq!(says(&policy(r#"max-image-size = "2kB""#), &one), [""; 0]);
    assert_eq!(
        says(&policy(r#"max-bundle-size = "8kB""#), &one),
        ["r: the bundle has 8.78 KiB (9000 bytes), and 7.81 KiB (8000 bytes) are allowed"]
    );
    assert_eq!(says(&policy(r#"max-bundle-size = "9kB""#), &one), [""; 0]);
}

#[test]
fn what_is_old_or_says_no_day_is_refused() {
    let made =
        |created: &str| of_config("max-age-days = 30", &format!(r#"{{"created":{created}}}"#));
    assert_eq!(made(r#""2026-10-27T00:00:00Z""#), [""; 0], "to the second");
    assert_eq!(
        made(r#""2026-10-26T23:59:59Z""#),
        [
            "r: docker.io/library/a:1 was made at 2026-10-26T23:59:59Z, and may not be older than 30 days"
        ]
    );
    for none in ["null", "\"\"", r#""0001-01-01T00:00:00Z""#, r#""1970-01-01T00:00:00Z""#] {
        let told = made(none);
        assert!(told.len() == 1 && told[0].contains("does not say when"), "{none} {told:?}");
    }
    assert_eq!(made(r#""2026-11-26T12:00:00Z""#), [""; 0], "clocks differ");
    assert!(made(r#""2026-11-28T00:00:00Z""#)[0].contains("in the future"));
    assert!(made(r#""yesterday""#)[0].contains("cannot be looked into"));
}

#[test]
fn platforms_are_demanded_of_what_runs() {
    let rule = policy(r#"platforms = ["linux/amd64", "linux/arm64"]"#);
    let mut image = running("a:1", "{}");
    assert_eq!(
        says(&rule, std::slice::from_ref(&image)),
        ["r: docker.io/library/a:1 is not there for linux/arm64"]
    );
    let parts = image.parts.as_mut().unwrap();
    parts.platforms.push("linux/arm64/v8".parse().unwrap());
    assert_eq!(says(&rule, std::slice::from_ref(&image)), [""; 0]);
    let parts = image.parts.as_mut().unwrap();
    parts.platforms.clear();
    parts.manifests[0].config = ConfigFacts::RunsNothing;
    assert_eq!(says(&rule, &[image]), [""; 0], "a chart runs nowhere");
}

#[test]
fn root_is_found_however_it_is_written() {
    let user =
        |user: &str| of_config("no-root = true", &format!(r#"{{"config":{{"User":{user}}}}}"#));
    for root in
        ["null", "\"\"", "\"root\"", "\"0\"", "\"00:5\"", "\"root:x\"", "\"+0\"", "\"-0:9\""]
    {
        assert_eq!(user(root).len(), 1, "{root}");
    }
    for other in ["\"app\"", "\"1000:0\"", "\"10\"", "\"rooted\"", "\"+\""] {
        assert_eq!(user(other), [""; 0], "{other}");
    }
    assert_eq!(of_config("no-root = true", "{}").len(), 1);
    // As engines read it, which are written in Go.
    let fold = r#"{"CONFIG":{"u\u017fer":"app"}}"#;
    assert_eq!(of_config("no-root = true", fold), [""; 0]);
}

#[test]
fn a_config_that_can_be_read_in_two_ways_keeps_no_rule() {
    for odd in [
        r#"{"config":{"User":"app"},"Config":{"User":"root"}}"#,
        r#"{"config":{"User":"app"},"config":{"User":"root"}}"#,
        r#"{"config":{"User":"app","user":"root"}}"#,
        r#"{"config":{"User":0}}"#,
        r#"{"config":["User"]}"#,
        "[]",
        "{",
        "",
    ] {
        let told = of_config("no-root = true", odd);
        assert!(told.len() == 1 && told[0].contains("cannot be looked into"), "{odd} {told:?}");
        assert_eq!(of_config("denied-tags = [\"x\"]", odd), [""; 0], "no rule asks for it: {odd}");
    }
    // Labels may be called as members are.
    let fine = r#"{"config":{"User":"app","Labels":{"user":"x","User":"y","config":"z"}}}"#;
    assert_eq!(of_config("no-root = true", fine), [""; 0]);
}

#[test]
fn labels_are_demanded_with_their_values() {
    let rule = r#"labels = { source = "https://git.corp.example/*", team = "*" }"#;
    let labels = |labels: &str| of_config(rule, &format!(r#"{{"config":{{"Labels":{labels}}}}}"#));
    assert_eq!(labels(r#"{"source":"https://git.corp.example/a","team":""}"#), [""; 0]);
    assert_eq!(
        labels(r#"{"source":"https://git.corp.example.evil/a","Team":"x"}"#),
        [
            r#"r: docker.io/library/a:1 has a label "source" that is not as "https://git.corp.example/*" demands"#,
            r#"r: docker.io/library/a:1 has no label "team""#
        ]
    );
    assert_eq!(labels("null").len(), 2);
    // More of them than a report shows.
    let many: Vec<String> = (0..200).map(|n| format!(r#""a{n:03}":"x""#)).collect();
    let all = format!(
        r#"{{{},"source":"https://git.corp.example/{}","team":"t"}}"#,
        many.join(","),
        "y".repeat(900)
    );
    assert_eq!(labels(&all), [""; 0]);
}

#[test]
fn what_has_to_come_along_comes_for_all_that_runs() {
    let rule = policy(r#"carries = ["sbom", "application/x.y+json"]"#);
    let mut image = running("a:1", "{}");
    assert_eq!(
        says(&rule, std::slice::from_ref(&image)),
        [
            "r: docker.io/library/a:1 comes without an SBOM",
            "r: docker.io/library/a:1 comes without anything of the type application/x.y+json"
        ]
    );
    let other = Digest::of(b"other");
    let kinds =
        |all: &[&str]| -> BTreeSet<String> { all.iter().map(|it| (*it).to_owned()).collect() };
    let own = image.digest.unwrap();
    let parts = image.parts.as_mut().unwrap();
    parts.manifests.push(ManifestFacts::new(other, None, ConfigFacts::read(b"{}")));
    parts.carried.push(CarriedFacts::new(other, kinds(&["sbom"])));
    parts.carried.push(CarriedFacts::new(own, kinds(&["application/x.y+json"])));
    let told = says(&rule, std::slice::from_ref(&image));
    assert_eq!(told, ["r: docker.io/library/a:1 comes without an SBOM"], "of one platform alone");
    image.digest = Some(Digest::of(b"index"));
    let parts = image.parts.as_mut().unwrap();
    parts.carried.push(CarriedFacts::new(own, kinds(&["sbom"])));
    parts.carried.push(CarriedFacts::new(other, kinds(&["application/x.y+json"])));
    assert_eq!(says(&rule, &[image]), [""; 0], "of each");
}

#[test]
fn signatures_and_attestations_count_by_the_keys_that_are_named() {
    let signed = policy(r#"signed-by = ["p256.pub.pem"]"#);
    let keys = signed.rules[0].signed_by().unwrap().0.ids();
    let mut image = running("a:1", "{}");
    assert_eq!(
        says(&signed, std::slice::from_ref(&image)),
        ["r: docker.io/library/a:1 has signatures that nobody looked at"]
    );
    let own = image.digest.unwrap();
    let parts = image.parts.as_mut().unwrap();
    let why = "is not signed by the key".to_owned();
    parts.signatures.insert((keys.clone(), SignedNames::Own), Err(why));
    assert_eq!(
        says(&signed, std::slice::from_ref(&image)),
        ["r: docker.io/library/a:1 is not signed by the key"]
    );

    let attested = policy("carries = [\"sbom\"]\nattested-by = [\"p256.pub.pem\"]");
    let parts = image.parts.as_mut().unwrap();
    parts.carried.push(CarriedFacts::new(own, BTreeSet::from(["sbom".to_owned()])));
    let told = says(&attested, std::slice::from_ref(&image));
    assert_eq!(told.len(), 1, "carried is not attested: {told:?}");
    let others: BTreeSet<_> =
        policy(r#"signed-by = ["rsa.pub.pem"]"#).rules[0].signed_by().unwrap().0.ids();
    let spdx = BTreeSet::from(["https://spdx.dev/Document".to_owned()]);
    let parts = image.parts.as_mut().unwrap();
    parts.attested.insert((others, own), spdx.clone());
    assert_eq!(says(&attested, std::slice::from_ref(&image)).len(), 1);
    image.parts.as_mut().unwrap().attested.insert((keys, own), spdx);
    assert_eq!(says(&attested, &[image]), [""; 0]);
}

#[test]
fn names_alone_leave_rules_unjudged() {
    let rule = policy("denied-tags = [\"latest\"]\nno-root = true");
    let judged = rule.judge(PolicySubject::new(&[named("a"), named("b:1")], None, now()));
    assert_eq!(judged.broken.len(), 1);
    assert_eq!((judged.unjudged[0].rule.as_str(), judged.unjudged[0].images), ("r", 2));
    assert_eq!(judged.unjudged[0].needs, "configs");
    let judged = rule.judge(PolicySubject::new(&[running("b:1", "{}")], None, now()));
    assert!(judged.unjudged.is_empty() && judged.broken.len() == 1);
}

#[test]
fn a_rule_that_names_digests_waits_for_them() {
    let digest = Digest::of("a:1".as_bytes());
    for (member, is_broken) in [("allowed-images", false), ("denied-images", true)] {
        let rule = policy(&format!("{member} = [\"a@{digest}\"]"));
        let judged = rule.judge(PolicySubject::new(&[named("a:1")], None, now()));
        assert!(judged.broken.is_empty() && judged.unjudged[0].needs == "digests", "{member}");
        assert_eq!(!says(&rule, &[running("a:1", "{}")]).is_empty(), is_broken, "{member}");
        assert_eq!(says(&rule, &[running("a:2", "{}")]).is_empty(), is_broken, "{member}");
    }
    let except = policy(&format!("except = [\"a@{digest}\"]\ndenied-tags = [\"*\"]"));
    assert_eq!(says(&except, &[named("a:1")]), [""; 0]);
    assert_eq!(says(&except, &[running("a:1", "{}"), running("a:2", "{}")]).len(), 1);
}

#[test]
fn a_file_is_read_in_one_way_or_refused_with_its_line() {
    let head = "version = 1\n[[rule]]\nname = \"r\"\n";
    for (text, told) in [
        ("", "line 1: missing field `version`"),
        ("version = 2\n", "line 1: only version 1"),
        ("version = 1\n", "line 1: it has no rule"),
        ("version = 1\nrules = 3\n", "line 2: unknown field `rules`"),
        ("version = 1\nversion = 1\n", "line 2: duplicate key"),
        (&format!("{head}no-root = true\nno-rot = true\n"), "line 5: unknown field `no-rot`"),
        (&format!("{head}no-root = true\nno-root = true\n"), "line 5: duplicate key"),
        (&format!("{head}no-root = false\n"), "rule \"r\": no-root is true, or left out"),
        (&format!("{head}no-root = \"yes\"\n"), "line 4: invalid type"),
        (&format!("{head}action = \"allow\"\nno-root = true\n"), "line 4: unknown variant"),
        (&format!("{head}images = [\"a\"]\n"), "rule \"r\": it demands nothing"),
        (&format!("{head}images = []\nno-root = true\n"), "rule \"r\": images is empty"),
        (&format!("{head}denied-images = [\"quay.io\"]\n"), "\"quay.io\" is a registry"),
        (&format!("{head}denied-images = [\"localhost:5000\"]\n"), "is a registry"),
        (&format!("{head}denied-images = [\"a b*\"]\n"), "is no pattern for names"),
        (&format!("{head}denied-registries = [\"a/b\"]\n"), "is not a registry host"),
        (&format!("{head}denied-registries = [\"a/*\"]\n"), "is no registry"),
        (&format!("{head}denied-tags = [\"\"]\n"), "is no tag"),
        (&format!("{head}max-image-size = \"big\"\n"), "is no size"),
        (&format!("{head}max-bundle-size = \"1GB\"\nimages = [\"a\"]\n"), "goes with neither"),
        (&format!("{head}max-age-days = 0\n"), "from 1 to 36500"),
        (&format!("{head}max-age-days = -1\n"), "line 4: "),
        (&format!("{head}platforms = [\"linux\"]\n"), "platforms: "),
        (&format!("{head}labels = {{}}\n"), "labels is empty"),
        (&format!("{head}carries = [\"sboms\"]\n"), "is neither signature"),
        (
            &format!("{head}no-root = true\n[[rule]]\nname = \"r\"\nno-root = true\n"),
            "line 5: rule \"r\": another one",
        ),
        ("version = 1\n[[rule]]\nname = \"R r\"\nno-root = true\n", "a name has a-z"),
        ("version = 1\n[[rule]]\nno-root = true\n", "line 2: missing field `name`"),
        ("version = 1\n[rule]\n", "line 2: "),
        (&format!("{head}signed-by = [\"nope.pem\"]\n"), "rule \"r\": signed-by: nope.pem: "),
        (&format!("{head}signed-by = []\n"), "signed-by is empty"),
        (&format!("{head}no-root = true\nany-signed-name = true\n"), "goes with signed-by"),
        (&format!("{head}attested-by = [\"p256.pub.pem\"]\n"), "attested-by goes with carries"),
        (
            &format!("{head}attested-by = [\"p256.pub.pem\"]\ncarries = [\"signature\"]\n"),
            "attested-by goes with",
        ),
        ("\u{feff}version = 1\n[[rule", "line "),
    ] {
        let error = AdmissionPolicy::read(Path::new("p.toml"), text.as_bytes(), &key).unwrap_err();
        assert_eq!(error.class(), Class::Usage, "{text}");
        let message = error.spelled();
        assert!(
            message.starts_with("p.toml: line ") && message.contains(told),
            "{text}\n{message}"
        );
    }
    let error =
        AdmissionPolicy::read(Path::new("p.toml"), b"version = 1\n# \xff\n", &key).unwrap_err();
    assert!(error.spelled().contains("line 2: it is no text"), "{error}");
    let large = vec![b'#'; usize::try_from(MAX_POLICY).unwrap() + 1];
    assert!(AdmissionPolicy::read(Path::new("p.toml"), &large, &key).is_err());
}

#[test]
fn the_example_of_the_page_is_a_policy() {
    let page = include_str!("../../../docs/policy.md");
    let example = page.split("```toml\n").nth(1).and_then(|it| it.split("```").next()).unwrap();

    let policy = AdmissionPolicy::read(Path::new("policy.toml"), example.as_bytes(), &key).unwrap();

    assert!(policy.rules.len() >= 8 && policy.needs_configs());
    assert!(policy.rules.iter().any(|rule| rule.action == PolicyAction::Warn));
    // Every member that there is stands on the page.
    let error =
        AdmissionPolicy::read(Path::new("p"), b"version = 1\n[[rule]]\nx = 1\n", &key).unwrap_err();
    let members = error.spelled();
    let members = members.split("expected one of").nth(1).unwrap();
    for member in members.split('`').skip(1).step_by(2) {
        assert!(page.contains(&format!("| `{member}` |")), "{member}");
    }
}
