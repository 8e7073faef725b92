//! One image of every kind that a registry holds, written by hand.

use std::collections::BTreeMap;
use std::path::Path;

use super::Random;
use super::content::{Layer, digest, gzip, tar};
use super::registry::Registry;

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// What the runnable image prints.
pub const GREETING: &str = "carried across the gap";

/// A manifest or index.
#[derive(Clone)]
pub struct Document {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
    pub digest: String,
}

/// An image with everything it needs, in the order in which a registry takes it.
#[derive(Clone, Default)]
pub struct Image {
    pub repository: String,
    pub tag: String,
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// Children first; the image itself is the one that `tags` gives its tag.
    pub documents: Vec<Document>,
    /// All tags of the repository, those of signatures among them.
    pub tags: BTreeMap<String, String>,
}

impl Image {
    /// An image without content.
    pub fn new(repository: &str, tag: &str) -> Image {
        Image { repository: repository.to_owned(), tag: tag.to_owned(), ..Image::default() }
    }

    /// `REPOSITORY:TAG`.
    pub fn path(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// The digest behind the tag.
    pub fn digest(&self) -> &str {
        &self.tags[&self.tag]
    }

    /// The document behind the tag.
    pub fn root(&self) -> &Document {
        self.documents.iter().find(|document| document.digest == self.digest()).unwrap()
    }

    /// Whether the tag leads to one of OCI's own document types.
    pub fn is_oci(&self) -> bool {
        self.root().media_type.starts_with("application/vnd.oci.")
    }

    /// Adds a blob and returns its descriptor.
    pub fn blob(&mut self, media_type: &str, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        self.blobs.insert(digest.clone(), bytes.to_vec());
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{}}}"#, bytes.len())
    }

    /// Adds a document and returns its descriptor, `extra` members included.
    pub fn document(&mut self, media_type: &'static str, text: &str, extra: &str) -> String {
        let digest = digest(text.as_bytes());
        let document = Document { media_type, bytes: text.into(), digest: digest.clone() };
        self.documents.push(document);
        let size = text.len();
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{extra}}}"#)
    }

    /// Names the newest document.
    pub fn name(&mut self, tag: &str) {
        let digest = self.documents.last().unwrap().digest.clone();
        self.tags.insert(tag.to_owned(), digest);
    }

    /// Adds config and layers and returns the manifest's text.
    pub fn manifest(
        &mut self,
        media_type: &str,
        arch: &str,
        cmd: &str,
        layers: &[Layer],
    ) -> String {
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let config = format!(
            r#"{{"architecture":"{arch}","os":"linux","config":{{"Cmd":{cmd}}},"rootfs":{{"type":"layers","diff_ids":{}}}}}"#,
            serde_json::to_string(&diff_ids).unwrap()
        );
        let docker = media_type == DOCKER_MANIFEST;
        let config_type = if docker { DOCKER_CONFIG } else { OCI_CONFIG };
        let config = self.blob(config_type, config.as_bytes());
        let layers: Vec<_> =
            layers.iter().map(|layer| self.blob(layer.media_type, &layer.bytes)).collect();
        let layers = layers.join(",");
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{config},"layers":[{layers}]}}"#
        )
    }

    /// An image of one manifest.
    pub fn single(repository: &str, tag: &str, cmd: &str, layers: &[Layer]) -> Image {
        let mut image = Image::new(repository, tag);
        let text = image.manifest(OCI_MANIFEST, "amd64", cmd, layers);
        image.document(OCI_MANIFEST, &text, "");
        image.name(tag);
        image
    }

    /// Puts everything into a registry: blobs, documents children first, tags last.
    pub fn push(&self, registry: &Registry) {
        for (digest, bytes) in &self.blobs {
            registry.put_blob(&self.repository, digest, bytes);
        }
        for document in &self.documents {
            let Document { media_type, bytes, digest } = document;
            registry.put_document(&self.repository, digest, media_type, bytes);
        }
        for (tag, digest) in &self.tags {
            let found = self.documents.iter().find(|document| document.digest == *digest).unwrap();
            registry.put_document(&self.repository, tag, found.media_type, &found.bytes);
        }
    }
}

/// Writes an OCI layout in which each image has the given name.
pub fn write_layout(dir: &Path, images: &[(&str, &Image)]) {
    let blobs = dir.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let store = |digest: &str, bytes: &[u8]| {
        std::fs::write(blobs.join(digest.trim_start_matches("sha256:")), bytes).unwrap();
    };
    let mut entries = Vec::new();
    for (name, image) in images {
        image.blobs.iter().for_each(|(digest, bytes)| store(digest, bytes));
        image.documents.iter().for_each(|document| store(&document.digest, &document.bytes));
        let root = image.root();
        entries.push(format!(
            r#"{{"mediaType":"{}","digest":"{}","size":{},"annotations":{{"org.opencontainers.image.ref.name":"{name}"}}}}"#,
            root.media_type,
            root.digest,
            root.bytes.len()
        ));
    }
    let entries = entries.join(",");
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
    std::fs::write(dir.join("index.json"), index).unwrap();
}

/// The tar that most images start from.
fn base() -> Vec<u8> {
    let noise = Random::new(7).bytes(200_000);
    tar(&[("etc/os-release", b"NAME=test\n", 0o644), ("usr/share/noise", &noise, 0o644)])
}

/// A small tar of one file.
pub fn one_file(path: &str, content: &str) -> Vec<u8> {
    tar(&[(path, content.as_bytes(), 0o644)])
}

/// Those of [`all`] that any engine can load, by their repositories.
pub const LOADABLE: [&str; 8] = [
    "library/hello",
    "acme/odd",
    "acme/schema2",
    "acme/multi",
    "acme/list",
    "acme/nested",
    "acme/twice",
    "acme/zstd",
];

/// One image of every kind, sharing bases.
pub fn all() -> Vec<Image> {
    vec![
        hello(),
        odd(),
        schema2(),
        multi(),
        list(),
        nested(),
        zstd_and_plain(),
        chart(),
        twice(),
        empty(),
        signed(),
    ]
}

/// Runs: busybox, saying its line.
pub fn hello() -> Image {
    let busybox = std::fs::read(super::find("busybox").unwrap()).unwrap();
    let layers = [Layer::gzip(&tar(&[("bin/busybox", &busybox, 0o755)])), Layer::gzip(&base())];
    let cmd = format!(r#"["/bin/busybox","echo","{GREETING}"]"#);
    Image::single("library/hello", "1.0", &cmd, &layers)
}

/// A manifest whose JSON no serialiser would write again.
fn odd() -> Image {
    let mut image = Image::new("acme/odd", "1.0");
    let layers = [Layer::gzip(&base()), Layer::gzip(&one_file("odd", "odd"))];
    let text = image.manifest(OCI_MANIFEST, "amd64", r#"["/bin/true"]"#, &layers);
    let text = text.replace(":{", " :\t{ ").replace(",\"", "\r\n  ,   \"").replace("[{", "[\n{");
    let end = text.rfind('}').unwrap();
    let odd = format!("{},\"annotations\":{{\"a\\u002fb\":\"\\u00e9 \\/ é\"}}}}\n\n", &text[..end]);
    image.document(OCI_MANIFEST, &odd, "");
    image.name("1.0");
    image
}

/// Docker's own formats.
fn schema2() -> Image {
    let mut image = Image::new("acme/schema2", "2.0");
    let layers = [Layer::docker(&base()), Layer::docker(&one_file("app", "schema2"))];
    let text = image.manifest(DOCKER_MANIFEST, "amd64", r#"["/bin/true"]"#, &layers);
    image.document(DOCKER_MANIFEST, &text, "");
    image.name("2.0");
    image
}

pub fn platform(arch: &str) -> String {
    format!(r#","platform":{{"architecture":"{arch}","os":"linux"}}"#)
}

pub fn index(media_type: &str, children: &[String]) -> String {
    let children = children.join(",\n    ");
    format!(
        "{{\n  \"schemaVersion\": 2,\n  \"mediaType\": \"{media_type}\",\n  \"manifests\": [\n    \
         {children}\n  ]\n}}"
    )
}

/// Two platforms, each with BuildKit's attestation beside it.
fn multi() -> Image {
    let mut image = Image::new("acme/multi", "1.0");
    let mut children = Vec::new();
    for arch in ["amd64", "arm64"] {
        let layers = [Layer::gzip(&base()), Layer::gzip(&one_file("arch", arch))];
        let text = image.manifest(OCI_MANIFEST, arch, r#"["/bin/true"]"#, &layers);
        children.push(image.document(OCI_MANIFEST, &text, &platform(arch)));
        let about = image.documents.last().unwrap().digest.clone();

        let statement = format!(r#"{{"_type":"https://in-toto.io/Statement/v0.1","of":"{arch}"}}"#);
        let layer = image.blob("application/vnd.in-toto+json", statement.as_bytes());
        let config = r#"{"architecture":"unknown","os":"unknown","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
        let config = image.blob(OCI_CONFIG, config.as_bytes());
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{layer}]}}"#
        );
        let extra = format!(
            r#","annotations":{{"vnd.docker.reference.digest":"{about}","vnd.docker.reference.type":"attestation-manifest"}},"platform":{{"architecture":"unknown","os":"unknown"}}"#
        );
        children.push(image.document(OCI_MANIFEST, &text, &extra));
    }
    image.document(OCI_INDEX, &index(OCI_INDEX, &children), "");
    image.name("1.0");
    image
}

/// A Docker manifest list.
fn list() -> Image {
    let mut image = Image::new("acme/list", "1.0");
    let mut children = Vec::new();
    for arch in ["amd64", "arm64"] {
        let layers = [Layer::docker(&base()), Layer::docker(&one_file("list", arch))];
        let text = image.manifest(DOCKER_MANIFEST, arch, r#"["/bin/true"]"#, &layers);
        children.push(image.document(DOCKER_MANIFEST, &text, &platform(arch)));
    }
    image.document(DOCKER_LIST, &index(DOCKER_LIST, &children), "");
    image.name("1.0");
    image
}

/// An index in an index.
fn nested() -> Image {
    let mut image = Image::new("acme/nested", "1.0");
    let layers = [Layer::gzip(&base()), Layer::gzip(&one_file("nested", "deep"))];
    let text = image.manifest(OCI_MANIFEST, "amd64", r#"["/bin/true"]"#, &layers);
    let child = image.document(OCI_MANIFEST, &text, &platform("amd64"));
    let inner = image.document(OCI_INDEX, &index(OCI_INDEX, &[child]), "");
    image.document(OCI_INDEX, &index(OCI_INDEX, &[inner]), "");
    image.name("1.0");
    image
}

/// One layer in zstd and one that is not compressed at all.
fn zstd_and_plain() -> Image {
    let layers = [Layer::zstd(&base()), Layer::plain(&one_file("plain", "plain"))];
    Image::single("acme/zstd", "1.0", r#"["/bin/true"]"#, &layers)
}

/// A Helm chart: no image at all.
fn chart() -> Image {
    let mut image = Image::new("charts/web", "0.1.0");
    let meta = r#"{"name":"web","version":"0.1.0","apiVersion":"v2"}"#;
    let config = image.blob("application/vnd.cncf.helm.config.v1+json", meta.as_bytes());
    let chart = gzip(&one_file("web/Chart.yaml", "name: web\nversion: 0.1.0\napiVersion: v2\n"));
    let layer = image.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &chart);
    let text = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}]}}"#);
    image.document(OCI_MANIFEST, &text, "");
    image.name("0.1.0");
    image
}

/// The same layer in two places.
fn twice() -> Image {
    let again = Layer::gzip(&one_file("again", "and again"));
    let layers = [again.clone(), Layer::gzip(&base()), again];
    Image::single("acme/twice", "1.0", r#"["/bin/true"]"#, &layers)
}

/// An artifact of the smallest kind: config and layer are both `{}`.
fn empty() -> Image {
    let mut image = Image::new("acme/empty", "1.0");
    let nothing = image.blob(OCI_EMPTY, b"{}");
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","artifactType":"application/vnd.acme.note","config":{nothing},"layers":[{nothing}]}}"#
    );
    image.document(OCI_MANIFEST, &text, "");
    image.name("1.0");
    image
}

/// An image with an SBOM (OCI 1.1, by its fallback tag) and a signature (cosign's tag).
fn signed() -> Image {
    let layers = [Layer::gzip(&base()), Layer::gzip(&one_file("signed", "yes"))];
    let mut image = Image::single("acme/signed", "1.0", r#"["/bin/true"]"#, &layers);
    let (subject, size) = (image.digest().to_owned(), image.root().bytes.len());

    let config = image.blob(OCI_EMPTY, b"{}");
    let sbom = image.blob("application/spdx+json", br#"{"spdxVersion":"SPDX-2.3"}"#);
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","artifactType":"application/spdx+json","config":{config},"layers":[{sbom}],"subject":{{"mediaType":"{OCI_MANIFEST}","digest":"{subject}","size":{size}}}}}"#
    );
    let extra = r#","artifactType":"application/spdx+json""#;
    let referrer = image.document(OCI_MANIFEST, &text, extra);
    image.document(OCI_INDEX, &index(OCI_INDEX, &[referrer]), "");
    let fallback = subject.replace(':', "-");
    image.name(&fallback);

    let payload = format!(
        r#"{{"critical":{{"image":{{"docker-manifest-digest":"{subject}"}},"type":"cosign container image signature"}}}}"#
    );
    let layer = image.blob("application/vnd.dev.cosign.simplesigning.v1+json", payload.as_bytes());
    let layer =
        layer.replace('}', r#","annotations":{"dev.cosignproject.cosign/signature":"MEQ="}}"#);
    let config = image.blob(
        OCI_CONFIG,
        br#"{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":[]},"config":{}}"#,
    );
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{layer}]}}"#
    );
    image.document(OCI_MANIFEST, &text, "");
    image.name(&format!("{fallback}.sig"));
    image
}
