//! cosign's own commands before and after a crossing: what verified outside verifies inside,
//! whichever of its three ways of keeping signatures with an image was used.

use std::path::Path;

use crate::round_trip::import;
use crate::support::images::Image;
use crate::support::peers;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;

/// How cosign keeps what it made, and the arguments that say so.
struct Style {
    name: &'static str,
    sign: &'static [&'static str],
    attest: Option<&'static [&'static str]>,
    verify: &'static [&'static str],
    /// What a rule says behind the key: bundles say no name.
    names: &'static str,
}

/// By tags (`sha256-HEX.sig`), as OCI 1.1 referrers, and as referrers that are sigstore bundles.
const STYLES: [Style; 3] = [
    Style { name: "tags", sign: &["--recursive"], attest: Some(&[]), verify: &[], names: "" },
    Style {
        name: "referrers",
        sign: &["--registry-referrers-mode=oci-1-1"],
        attest: None,
        verify: &["--experimental-oci11"],
        names: "",
    },
    Style {
        name: "bundles",
        sign: &["--new-bundle-format"],
        attest: Some(&["--new-bundle-format"]),
        verify: &["--new-bundle-format", "--trusted-root", "root.json"],
        names: ",any-name",
    },
];

/// Keys of a signer, in a home where cosign runs.
struct Signer<'a>(&'a Sealift);

impl Signer<'_> {
    fn new(sealift: &Sealift) -> Signer<'_> {
        let signer = Signer(sealift);
        let root = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;
        std::fs::write(sealift.home().join("root.json"), root).unwrap();
        std::fs::write(sealift.home().join("predicate.json"), r#"{"scanned":true}"#).unwrap();
        signer.run(&["generate-key-pair"], &[], &[]).ok();
        signer
    }

    /// Runs cosign, which reaches nobody but the registry on the loopback.
    fn run(&self, command: &[&str], more: &[&str], last: &[&str]) -> Ran {
        let mut cosign = peers::command("cosign", &self.0.home());
        cosign.env("COSIGN_PASSWORD", "").env("COSIGN_EXPERIMENTAL", "1");
        cosign.env("TUF_MIRROR", "http://127.0.0.1:9").args(command).args(more).args(last);
        ran(&mut cosign)
    }

    /// Signs and attests in one style.
    fn sign(&self, style: &Style, image: &str) {
        let key = ["--key", "cosign.key", "--tlog-upload=false", "--allow-http-registry", "--yes"];
        self.run(&[&["sign"], &key[..]].concat(), style.sign, &[image]).ok();
        if let Some(more) = style.attest {
            let what = ["attest", "--type", "custom", "--predicate", "predicate.json"];
            self.run(&[&what[..], &key[..]].concat(), more, &[image]).ok();
        }
    }

    /// Both verifications, with the answers of cosign.
    fn verify(&self, style: &Style, image: &str) -> Vec<Ran> {
        let key = ["--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry"];
        let mut all = vec![self.run(&[&["verify"], &key[..]].concat(), style.verify, &[image])];
        if style.attest.is_some() {
            let what = ["verify-attestation", "--type", "custom"];
            all.push(self.run(&[&what[..], &key[..]].concat(), style.verify, &[image]));
        }
        all
    }
}

fn name(host: &str, image: &Image) -> String {
    format!("{host}/{}@{}", image.repository, image.digest())
}

/// Signs at `outside` in every style, carries each over, and verifies at `inside` and when served.
fn cross(outside: &Registry, inside: &Registry) {
    let shared = Shared::get();
    let sealift = Sealift::new();
    let signer = Signer::new(&sealift);
    for style in &STYLES {
        let mut image = shared.image("acme/multi").clone();
        image.repository = format!("signed/{}", style.name);
        image.push(outside);
        let at = name(&outside.host(), &image);
        assert_ne!(signer.verify(style, &at)[0].code, code::DONE, "{}: not yet", style.name);
        signer.sign(style, &at);
        signer.verify(style, &at).into_iter().for_each(|ran| drop(ran.ok()));

        let (bundle, key) = (sealift.at(style.name), &shared.keys.private);
        let from = format!("{}/{}", outside.host(), image.path());
        let rule = |key: &Path, names: &str| format!("*/signed/*={}{names}", key.display());
        let demand = "--require-signature";
        let (own, other) = (sealift.home().join("cosign.pub"), &shared.keys.public);
        let strange = rule(other, ",any-name");
        run!(sealift, "export", from, "-o", bundle, "--sign-key", key, demand, strange)
            .exits(code::UNTRUSTED)
            .says("is not signed by the key");
        let own = rule(&own, style.names);
        run!(sealift, "export", from, "-o", bundle, "--sign-key", key, demand, own).ok();
        let (to, public) = (format!("oci:{}-in", style.name), &shared.keys.public);
        let asked =
            |rule: &str| run!(sealift, "import", bundle, "--to", to, "--key", public, demand, rule);
        asked(&strange).exits(code::UNTRUSTED);
        asked(&own).ok();
        import(&sealift, &bundle, inside).ok();
        let served = sealift.serve(&bundle, &shared.keys.public);

        for host in [inside.host(), served.host()] {
            let at = name(&host, &image);
            signer.verify(style, &at).into_iter().for_each(|ran| drop(ran.ok()));
            if style.name == "tags" {
                for part in image.documents.iter().filter(|d| d.digest != image.digest()) {
                    let at = format!("{host}/{}@{}", image.repository, part.digest);
                    signer.verify(style, &at).swap_remove(0).ok();
                }
            }
        }
    }
}

#[test]
fn what_verified_outside_verifies_inside_and_when_served() {
    need!("docker-registry", "busybox", "go:cosign");
    cross(&Registry::empty(), &Registry::empty());
}

#[test]
fn what_verified_at_distribution_3_verifies_at_another() {
    need!("docker-registry", "busybox", "go:cosign", "go:distribution");
    cross(&Registry::distribution_3(), &Registry::distribution_3());
}
