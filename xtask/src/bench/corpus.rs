//! The images that the bench moves: real Debian packages as layers, made once and kept.

use super::set::Set;
use crate::image::{self, Descriptor};
use crate::{Result, shell};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

const CREATED: &str = "2026-01-01T00:00:00Z";

struct Layer {
    name: &'static str,
    packages: &'static [&'static str],
    /// Gzip, as engines write it; or the plain tar.
    gzip: bool,
}

pub struct Image {
    pub name: &'static str,
    pub layers: &'static [&'static str],
}

const fn gzip(name: &'static str, packages: &'static [&'static str]) -> Layer {
    Layer { name, packages, gzip: true }
}

/// What is below most images.
const BASE: &[&str] = BASE_NEXT.split_at(8).0;

/// The same a month later: one more, so that the layer is another one.
const BASE_NEXT: [&str; 9] = [
    "base-files",
    "bash",
    "coreutils",
    "libc6",
    "debianutils",
    "perl-base",
    "tzdata",
    "ca-certificates",
    "netbase",
];

/// Packages that hold next to nothing: about 1 kB together.
const NAMES: [&str; 5] =
    ["linux-image-amd64", "linux-headers-amd64", "g++", "python3-all", "default-jdk-headless"];

/// The slow ones first, so that the last core does not wait for them.
const LAYERS: [Layer; 21] = [
    gzip("browsers", &["firefox-esr", "chromium", "thunderbird"]),
    gzip("go", &["golang-1.19-go"]),
    gzip("llvm-dev", &["llvm-14", "llvm-14-dev", "clang-14"]),
    gzip("jre", &["openjdk-17-jre-headless"]),
    gzip("jdk", &["openjdk-17-jdk-headless"]),
    gzip("docker", &["docker.io"]),
    gzip("office", &["libreoffice-core"]),
    gzip("llvm", &["libllvm14"]),
    Layer { name: "go-src", packages: &["golang-1.19-src"], gzip: false },
    gzip("gcc", &["gcc-12", "cpp-12"]),
    gzip("postgres", &["postgresql-15"]),
    gzip("git", &["git", "curl"]),
    gzip("icu", &["libicu72"]),
    gzip("base", BASE),
    gzip("base-next", &BASE_NEXT),
    gzip("perl", &["perl-modules-5.36"]),
    gzip("perl-next", &["perl-modules-5.36", "perl"]),
    gzip("python", &["python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib"]),
    gzip("nginx", &["nginx"]),
    gzip("gcc-names", &["gcc"]),
    gzip("names", &NAMES),
];

/// Bases are shared as real images share them. The first five are the quick corpus.
const IMAGES: [Image; 14] = [
    Image { name: "debian", layers: &["base"] },
    Image { name: "python", layers: &["base", "python"] },
    Image { name: "perl", layers: &["base", "perl"] },
    Image { name: "git", layers: &["base", "perl", "git"] },
    Image { name: "postgres", layers: &["base", "icu", "postgres"] },
    Image { name: "nginx", layers: &["base", "nginx", "names"] },
    Image { name: "jre", layers: &["base", "jre"] },
    Image { name: "jdk", layers: &["base", "jre", "jdk"] },
    Image { name: "gcc", layers: &["base", "gcc", "gcc-names"] },
    Image { name: "llvm", layers: &["base", "gcc", "gcc-names", "llvm", "llvm-dev"] },
    Image { name: "golang", layers: &["base", "gcc", "gcc-names", "go-src", "go"] },
    Image { name: "docker", layers: &["base", "perl", "git", "docker"] },
    Image { name: "office", layers: &["base", "icu", "jre", "office"] },
    Image { name: "desktop", layers: &["base", "icu", "browsers"] },
];
const QUICK: usize = 5;
/// What other images stand on, and what it is a month later.
const CHANGED: [(&str, &str); 2] = [("base", "base-next"), ("perl", "perl-next")];

/// Which of two months.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Month {
    This,
    /// Two base layers have changed, and with them every image.
    Next,
}

impl Month {
    /// What an image has of `layer`.
    fn layer(self, layer: &'static str) -> &'static str {
        let changed = CHANGED.iter().find(|(before, _)| *before == layer);
        match (self, changed) {
            (Month::Next, Some((_, after))) => after,
            _ => layer,
        }
    }
}

pub struct Corpus {
    pub images: &'static [Image],
    /// Name and size of every layer that the images hold.
    pub layers: Vec<(&'static str, u64)>,
    /// An image layout with all of it.
    pub layout: PathBuf,
    pub set: Set,
}

impl Corpus {
    /// Makes what the cache does not hold yet.
    pub fn make(cache: &Path, quick: bool, month: Month) -> Result<Corpus> {
        let images: &[Image] = if quick { &IMAGES[..QUICK] } else { &IMAGES };
        let all = images.iter().flat_map(|image| image.layers);
        let used: BTreeSet<&str> = all.map(|layer| month.layer(layer)).collect();
        let wanted: Vec<&Layer> = LAYERS.iter().filter(|layer| used.contains(layer.name)).collect();
        download(cache, &wanted)?;
        make_layers(cache, &wanted)?;
        let mut layers = Vec::new();
        for layer in &wanted {
            layers.push((layer.name, facts(cache, layer)?.0.size));
        }
        layers.sort_by_key(|(_, size)| *size);
        let size = if quick { "quick" } else { "full" };
        let name = match month {
            Month::This => size.to_owned(),
            Month::Next => format!("{size}-next"),
        };
        let layout = cache.join(format!("layout-{name}"));
        let digests = lay_out(cache, &layout, images, month)?;
        let set = Set {
            images: images.iter().map(|image| image.name.to_owned()).collect(),
            digests,
            store: cache.join(format!("registry-{name}")),
            blobs: layers.len() + images.len(),
            bytes: layers.iter().map(|(_, size)| size).sum(),
        };
        set.fill(&layout)?;
        Ok(Corpus { images, layers, layout, set })
    }
}

fn download(cache: &Path, layers: &[&Layer]) -> Result {
    let folder = cache.join("debs");
    shell::make_folder(&folder)?;
    let packages = layers.iter().flat_map(|layer| layer.packages);
    let missing: Vec<&str> =
        packages.filter(|package| deb(cache, package).is_err()).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("downloading {} Debian packages", missing.len());
    let mut apt = Command::new("apt-get");
    apt.args(["download", "-qq"]).args(missing).current_dir(&folder);
    shell::run(&mut apt).map_err(|error| format!("{error}\n`apt-get update` may help"))
}

fn deb(cache: &Path, package: &str) -> Result<PathBuf> {
    let start = format!("{package}_");
    let found = shell::files(&cache.join("debs"))?.into_iter().find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start))
    });
    found.ok_or_else(|| format!("{package} is not in the cache"))
}

fn make_layers(cache: &Path, layers: &[&Layer]) -> Result {
    let queue = Mutex::new(layers.iter().filter(|layer| facts(cache, layer).is_err()));
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let work = || -> Result {
        while let Some(layer) = next() {
            println!("making layer {}", layer.name);
            make_layer(cache, layer)?;
        }
        Ok(())
    };
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err("a worker stopped".to_owned()))
        })
    })
}

fn layer_file(cache: &Path, layer: &Layer) -> PathBuf {
    let extension = if layer.gzip { "tar.gz" } else { "tar" };
    cache.join("layers").join(format!("{}.{extension}", layer.name))
}

/// Unpacks the packages over one another and packs the result, as an engine commits a layer.
fn make_layer(cache: &Path, layer: &Layer) -> Result {
    shell::make_folder(&cache.join("layers"))?;
    let root = shell::Scratch::below(cache, layer.name)?;
    for package in layer.packages {
        let mut unpack = Command::new("dpkg-deb");
        shell::run(unpack.arg("--extract").arg(deb(cache, package)?).arg(root.path()))?;
    }
    let tar = cache.join("layers").join(format!("{}.tar", layer.name));
    let mut pack = Command::new("tar");
    pack.args(["--sort=name", "--numeric-owner", "--owner=0", "--group=0", "-C"]);
    shell::run(pack.arg(root.path()).arg("-cf").arg(&tar).arg("."))?;
    let (diff_id, _) = image::file_digest(&tar)?;
    if layer.gzip {
        shell::run(Command::new("gzip").args(["-6", "--no-name", "--force"]).arg(&tar))?;
    }
    let (digest, size) = image::file_digest(&layer_file(cache, layer))?;
    let facts = json!({"digest": digest, "size": size, "diffId": diff_id});
    shell::write(&facts_file(cache, layer), facts.to_string())
}

fn facts_file(cache: &Path, layer: &Layer) -> PathBuf {
    cache.join("layers").join(format!("{}.json", layer.name))
}

/// The descriptor and the diff id of a layer that was made.
fn facts(cache: &Path, layer: &Layer) -> Result<(Descriptor, String)> {
    let text = shell::read_text(&facts_file(cache, layer))?;
    let facts: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let word = |name: &str| facts[name].as_str().map(str::to_owned).ok_or("a damaged cache");
    let media_type = if layer.gzip { image::LAYER_GZIP } else { image::LAYER };
    let size = facts["size"].as_u64().ok_or("a damaged cache")?;
    Ok((Descriptor { media_type, digest: word("digest")?, size }, word("diffId")?))
}

/// Makes an image layout of the layers, and answers the manifests' digests.
fn lay_out(cache: &Path, layout: &Path, images: &[Image], month: Month) -> Result<Vec<String>> {
    let mut roots = Vec::new();
    for image in images {
        let (mut layers, mut diff_ids) = (Vec::new(), Vec::new());
        for name in image.layers.iter().map(|name| month.layer(name)) {
            let layer = LAYERS.iter().find(|layer| layer.name == name).ok_or("no such layer")?;
            let (descriptor, diff_id) = facts(cache, layer)?;
            let blob = image::blob(layout, &descriptor.digest);
            if !blob.exists() {
                shell::make_folder(blob.parent().unwrap_or(layout))?;
                std::fs::hard_link(layer_file(cache, layer), &blob)
                    .map_err(|error| format!("{}: {error}", blob.display()))?;
            }
            layers.push(descriptor);
            diff_ids.push(diff_id);
        }
        let process = json!({"Cmd": ["/bin/bash"], "Labels": {"image": image.name}});
        let config = image::config("amd64", CREATED, &diff_ids, &process);
        let config = image::put(layout, image::CONFIG, &config)?;
        let manifest = image::manifest(&config, &layers);
        let root = image::put(layout, image::MANIFEST, &manifest)?;
        roots.push((format!("{}:1", image.name), root));
    }
    image::finish(layout, &roots)?;
    Ok(roots.into_iter().map(|(_, root)| root.digest).collect())
}
