//! Many images and blobs take little memory, and what nobody has signed takes no more.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::memory::{peak_of, run_below};
use crate::support::content::digest;
use crate::support::images::{OCI_CONFIG, OCI_MANIFEST};
use crate::support::sealift::Sealift;

/// The most that anything here may take, in KiB.
const LIMIT: u64 = 256 << 10;
const LAYERS: usize = 18;

/// Takes a file of a layout by its path.
type Take<'t> = &'t mut dyn FnMut(&str, &[u8]);

/// Hands over `bytes` as a blob, and describes it.
fn put(take: Take<'_>, media_type: &str, bytes: &[u8]) -> Value {
    let digest = digest(bytes);
    take(&format!("blobs/sha256/{}", &digest[7..]), bytes);
    json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
}

/// A layout of `count` images with layers of their own: twenty blobs each.
fn layout(root: &Path, count: usize) {
    std::fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    let take = &mut |path: &str, bytes: &[u8]| std::fs::write(root.join(path), bytes).unwrap();
    images((0..count).map(|image| (image, 0)), take);
}

/// As [`layout`], of these images, each as it is in its variant, and as an archive: so many files are
/// written and removed in minutes where a disk is busy.
pub fn archive_of(path: &Path, variants: impl Iterator<Item = (usize, usize)>) {
    let file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut archive = tar::Builder::new(file);
    images(variants, &mut |path, bytes| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, bytes).unwrap();
    });
    archive.into_inner().unwrap().into_inner().unwrap().sync_all().unwrap();
}

/// Hands over the files of a layout of these images.
fn images(images: impl Iterator<Item = (usize, usize)>, take: Take<'_>) {
    let mut entries = Vec::new();
    for (image, variant) in images {
        let own = match variant {
            0 => image.to_string(),
            variant => format!("{image}.{variant}"),
        };
        let ids: Vec<String> =
            (0..LAYERS).map(|layer| digest(format!("{own} {layer} unpacked").as_bytes())).collect();
        let layers: Vec<Value> = (0..LAYERS)
            .map(|layer| {
                let media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
                put(take, media_type, format!("{own} {layer}").as_bytes())
            })
            .collect();
        let config = json!({"os": "linux", "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": ids}});
        let config = put(take, OCI_CONFIG, config.to_string().as_bytes());
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": config, "layers": layers});
        let mut entry = put(take, OCI_MANIFEST, manifest.to_string().as_bytes());
        let name = format!("registry.example/team/app{image}:1.0");
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        entries.push(entry);
    }
    let index = json!({"schemaVersion": 2, "manifests": entries});
    take("index.json", index.to_string().as_bytes());
    take("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[test]
fn many_images_pass_in_little_memory() {
    // A tenth of the images in a fifth of the memory, of which the program itself has half.
    let (count, limit) = match std::env::var_os("SEALIFT_TEST_FULL") {
        // An unoptimized export was seen to take 281 MiB.
        Some(_) => (5_000, LIMIT + (32 << 10)),
        None => (250, LIMIT / 5),
    };
    let scratch = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sealift = Sealift::new_in(scratch.path());
    let keys = sealift.keys("signer");
    layout(&sealift.at("source"), count);

    let mut export = sealift.command();
    export.args(["export", "oci:source", "-o", "b.tar", "--sign-key"]).arg(&keys.private);
    run_below(limit, "export", &mut export);
    for verb in ["verify", "inspect", "import"] {
        let mut command = sealift.command();
        command.args([verb, "b.tar", "--key"]).arg(&keys.public);
        command.args(if verb == "import" { &["--to", "oci:inside"][..] } else { &[] });
        run_below(limit, verb, &mut command);
    }
}

/// An envelope of sixteen megabytes around a statement of `part`, again and again.
fn bomb(part: &str) -> String {
    let mut payload = concat!(
        r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"urn:sealift:bundle:v1","#,
        r#""predicate":["#
    )
    .to_owned();
    payload.push_str(&[part].repeat((12_400_000 - payload.len()) / (part.len() + 1)).join(","));
    payload.push_str("]}");
    let signature = json!({"keyid": "0".repeat(64), "sig": STANDARD.encode([0; 64])});
    format!(
        "{{\"payload\":\"{}\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[{signature}]}}\n",
        STANDARD.encode(payload)
    )
}

#[test]
fn what_nobody_has_signed_unfolds_to_nothing() {
    let sealift = Sealift::new();
    std::fs::create_dir_all(sealift.at("b/sig")).unwrap();
    let nested = format!("{}0{}", "{\"\":".repeat(28), "}".repeat(28));
    for part in [r#"{"":0}"#, nested.as_str(), "[0]", "1", r#""""#] {
        std::fs::write(sealift.at("b/sig/0000000000000000.dsse.json"), bomb(part)).unwrap();

        let (peak, code) = peak_of(sealift.command().args(["inspect", "b"]));

        assert!(peak < LIMIT / 2, "{part}: {} MiB", peak >> 10);
        assert_eq!(code, Some(3), "{part}");
    }
}
