//! Month after month: images whose layers go by names, bundles of them, and what those carry.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Random;
use super::content::{Layer, digest, tar};
use super::images::{Image, write_layout};
use super::sealift::{Keys, Ran, Sealift, ran};

/// The layer `name`: the same bytes wherever it goes by that name, and others for any other.
pub fn layer(name: &str) -> Layer {
    let seed = name.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(131) + u64::from(byte));
    let noise = Random::new(seed).bytes(30_000);
    Layer::gzip(&tar(&[
        (&format!("{name}/text"), name.as_bytes(), 0o644),
        ("noise", &noise, 0o644),
    ]))
}

/// The digest of the layer `name`.
pub fn layer_digest(name: &str) -> String {
    digest(&layer(name).bytes)
}

/// The image `team/app:1.0` or the like, with `layers`.
pub fn image(path: &str, layers: &[&str]) -> Image {
    let (repository, tag) = path.split_once(':').unwrap();
    let layers: Vec<Layer> = layers.iter().map(|name| layer(name)).collect();
    Image::single(repository, tag, r#"["/bin/true"]"#, &layers)
}

/// The program, with the keys of a sender.
pub struct Sender {
    pub sealift: Sealift,
    pub keys: Keys,
}

impl Sender {
    /// With a fresh key.
    pub fn new() -> Sender {
        let sealift = Sealift::new();
        let keys = sealift.keys("sender");
        Sender { sealift, keys }
    }

    /// Exports `images`, as those of `x.example`, to the bundle `output`, with `more` options.
    pub fn export(&self, output: &str, images: &[Image], more: &[&str]) -> Ran {
        let layout = self.sealift.at("month");
        let _ = std::fs::remove_dir_all(&layout);
        let names: Vec<String> =
            images.iter().map(|image| format!("x.example/{}", image.path())).collect();
        let named: Vec<(&str, &Image)> =
            names.iter().map(String::as_str).zip(images.iter()).collect();
        write_layout(&layout, &named);
        let mut command = self.sealift.command();
        command.args(["export", "oci:month", "-o", output, "--sign-key"]).arg(&self.keys.private);
        ran(command.args(["--format", "json"]).args(more))
    }

    /// Imports `bundle` to `to`, with `more` options.
    pub fn import(&self, bundle: &str, to: &str, more: &[&str]) -> Ran {
        let mut command = self.sealift.command();
        command.args(["import", bundle, "--to", to, "--key"]).arg(&self.keys.public);
        ran(command.args(more))
    }

    /// The folder `work` in the scratch folder.
    pub fn work(&self) -> PathBuf {
        self.at("work")
    }

    /// The program with the arguments of `line`, in which `KEY` and `PUB` stand for the keys, to be run in
    /// the folder `work`.
    pub fn at_work(&self, line: &str) -> Command {
        let mut command = self.sealift.command();
        command.current_dir(self.work()).args(line.split_whitespace().map(|word| match word {
            "KEY" => self.keys.private.as_os_str(),
            "PUB" => self.keys.public.as_os_str(),
            word => word.as_ref(),
        }));
        command
    }

    /// A path in the scratch folder.
    pub fn at(&self, name: &str) -> PathBuf {
        self.sealift.at(name)
    }
}

/// The blobs that lie in the folder `bundle`.
pub fn carried(bundle: &Path) -> BTreeSet<String> {
    let blobs = std::fs::read_dir(bundle.join("blobs/sha256")).unwrap();
    blobs.map(|it| format!("sha256:{}", it.unwrap().file_name().display())).collect()
}

/// The predicate of the folder `bundle`.
pub fn predicate(bundle: &Path) -> Value {
    use base64::Engine as _;
    let envelope = std::fs::read_dir(bundle.join("sig")).unwrap().next().unwrap().unwrap().path();
    let envelope: Value = serde_json::from_slice(&std::fs::read(envelope).unwrap()).unwrap();
    let payload = base64::prelude::BASE64_STANDARD.decode(envelope["payload"].as_str().unwrap());
    let statement: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
    statement["predicate"].clone()
}

/// The texts of an array.
pub fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
}
