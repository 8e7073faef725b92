//! Eight images in eight repositories: what a small delivery looks like. Twenty manifests and
//! thirty blobs, every kind of reference among them.

use super::Random;
use super::content::{Layer, tar};
use super::images::{Image, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, index, platform};

pub const IMAGES: usize = 8;
pub const MANIFESTS: usize = 20;
pub const BLOBS: usize = 30;

/// Four images of one platform, one of them with an SBOM and a signature, and four of two or
/// three. All stand on one base, which each repository has for itself.
pub fn make() -> Vec<Image> {
    let mut images = vec![signed(0)];
    images.extend((1..4).map(|number| single(number).0));
    images.extend([multi(4, 3), multi(5, 2), multi(6, 2), multi(7, 2)]);
    images
}

/// A layer that nobody else has, or, as number 0, the base of all.
fn layer(number: u64) -> Layer {
    let noise = Random::new(100 + number).bytes(2_000);
    Layer::gzip(&tar(&[("noise", &noise, 0o644)]))
}

fn single(number: u64) -> (Image, usize) {
    let repository = format!("small/app-{number}");
    let layers = match number {
        // The base alone stands for itself in the first image.
        0 => vec![layer(0)],
        _ => vec![layer(0), layer(number)],
    };
    let image = Image::single(&repository, "1.0", r#"["/bin/true"]"#, &layers);
    let size = image.root().bytes.len();
    (image, size)
}

fn signed(number: u64) -> Image {
    let (mut image, size) = single(number);
    let subject = image.digest().to_owned();
    let config = image.blob(OCI_EMPTY, b"{}");
    let sbom = image.blob("application/spdx+json", br#"{"spdxVersion":"SPDX-2.3"}"#);
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","artifactType":"application/spdx+json","config":{config},"layers":[{sbom}],"subject":{{"mediaType":"{OCI_MANIFEST}","digest":"{subject}","size":{size}}}}}"#
    );
    let referrer = image.document(OCI_MANIFEST, &text, "");
    image.document(OCI_INDEX, &index(OCI_INDEX, &[referrer]), "");
    let fallback = subject.replace(':', "-");
    image.name(&fallback);

    let payload = format!(r#"{{"critical":{{"image":{{"docker-manifest-digest":"{subject}"}}}}}}"#);
    let layer = image.blob("application/vnd.dev.cosign.simplesigning.v1+json", payload.as_bytes());
    let config = image.blob("application/vnd.oci.image.config.v1+json", b"{\"config\":{}}");
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{layer}]}}"#
    );
    image.document(OCI_MANIFEST, &text, "");
    image.name(&format!("{fallback}.sig"));
    image
}

fn multi(number: u64, platforms: usize) -> Image {
    let mut image = Image::new(&format!("small/app-{number}"), "1.0");
    let mut children = Vec::new();
    for (at, arch) in ["amd64", "arm64", "s390x"].iter().take(platforms).enumerate() {
        let layers = [layer(0), layer(10 * number + at as u64)];
        let text = image.manifest(OCI_MANIFEST, arch, r#"["/bin/true"]"#, &layers);
        children.push(image.document(OCI_MANIFEST, &text, &platform(arch)));
    }
    image.document(OCI_INDEX, &index(OCI_INDEX, &children), "");
    image.name("1.0");
    image
}

/// How many different manifests and blobs `images` have.
pub fn count(images: &[Image]) -> (usize, usize) {
    let documents = images.iter().flat_map(|image| image.documents.iter().map(|d| &d.digest));
    let blobs = images.iter().flat_map(|image| image.blobs.keys());
    let mut documents: Vec<_> = documents.collect();
    documents.sort();
    documents.dedup();
    let mut blobs: Vec<_> = blobs.collect();
    blobs.sort();
    blobs.dedup();
    (documents.len(), blobs.len())
}
