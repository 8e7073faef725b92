//! Six months of a set of images of Debian's packages, as they are on a registry outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::content::Layer;
use super::debian;
use super::images::{self, Image, OCI_INDEX, OCI_MANIFEST};
use super::registry::Registry;
use super::{command, http, output, text};

/// How many months there are.
pub const MONTHS: usize = 6;

/// What a month's set looks like.
pub struct Month {
    /// What happened in it, for messages.
    pub what: &'static str,
    /// Every name that is wanted, `REPOSITORY:TAG`, with what it stands for.
    pub names: BTreeMap<String, Image>,
}

/// Every layer that any month has.
struct Layers(BTreeMap<&'static str, Layer>);

/// Each with the packages in it and its mark. Names end in the release of what they belong to.
const LAYERS: [(&str, &[&str], &str); 15] = [
    ("base-1", &BASE, "12.1"),
    ("base-2", &BASE, "12.2"),
    ("base-3", &BASE, "12.3"),
    ("arm-2", &["base-files", "debianutils", "hostname", "gzip"], "12.2 arm64"),
    ("perl-1", &["perl-base"], "5"),
    ("tools-1", &["util-linux"], "1"),
    ("dpkg-1", &["dpkg"], "1"),
    ("diff-1", &["diffutils"], "1"),
    ("web-1", &["ncurses-base"], "web 1.0"),
    ("web-2", &["ncurses-base"], "web 1.1"),
    ("web-3", &["ncurses-base"], "web 1.2"),
    ("mail-1", &["debianutils"], "mail 1.0"),
    ("db-1", &["hostname"], "db 1.0"),
    ("db-2", &["hostname"], "db 1.1"),
    ("report-1", &["hostname"], "report 1.0"),
];
/// What every Debian has.
const BASE: [&str; 9] =
    ["base-files", "bash", "coreutils", "debianutils", "findutils", "grep", "gzip", "sed", "tar"];

impl Layers {
    fn make() -> Layers {
        let one = |(name, packages, mark): &(&'static str, &[&str], &str)| {
            (*name, debian::layer(packages, mark))
        };
        Layers(LAYERS.iter().map(one).collect())
    }

    fn image(&self, name: &str, layers: &[&str]) -> Image {
        let (repository, tag) = name.split_once(':').unwrap();
        let layers: Vec<Layer> = layers.iter().map(|layer| self.0[layer].clone()).collect();
        Image::single(repository, tag, r#"["/bin/bash"]"#, &layers)
    }

    /// An image for two platforms.
    fn index(&self, name: &str, platforms: &[(&str, &[&str])]) -> Image {
        let (repository, tag) = name.split_once(':').unwrap();
        let mut image = Image::new(repository, tag);
        let mut children = Vec::new();
        for (arch, layers) in platforms {
            let layers: Vec<Layer> = layers.iter().map(|layer| self.0[layer].clone()).collect();
            let text = image.manifest(OCI_MANIFEST, arch, r#"["/bin/bash"]"#, &layers);
            children.push(image.document(OCI_MANIFEST, &text, &images::platform(arch)));
        }
        image.document(OCI_INDEX, &images::index(OCI_INDEX, &children), "");
        image.name(tag);
        image
    }
}

/// All months, each from the one before.
pub fn all() -> Vec<Month> {
    let layers = Layers::make();
    let mut names = BTreeMap::new();
    let mut months = Vec::new();
    for month in 1..=MONTHS {
        let what = step(month, &layers, &mut names);
        months.push(Month { what, names: names.clone() });
    }
    months
}

/// Turns the names of the month before into those of `month`, and says what was done.
fn step(month: usize, layers: &Layers, names: &mut BTreeMap<String, Image>) -> &'static str {
    let mut put = |name: &str, of: &[&str]| {
        names.insert(name.to_owned(), layers.image(name, of));
    };
    match month {
        1 => {
            put("debian/base:12.1", &["base-1"]);
            put("debian/perl:5", &["base-1", "perl-1"]);
            put("shop/web:1.0", &["base-1", "perl-1", "web-1"]);
            put("shop/db:1.0", &["base-1", "tools-1", "db-1"]);
            put("ops/diff:1", &["base-1", "diff-1"]);
            put("ops/builder:1", &["base-1", "dpkg-1"]);
            names.insert("debian/base:12".to_owned(), names["debian/base:12.1"].clone());
            names.insert("shop/web:stable".to_owned(), names["shop/web:1.0"].clone());
            "the first set"
        }
        2 => {
            put("shop/mail:1.0", &["base-1", "perl-1", "mail-1"]);
            put("shop/web:1.1", &["base-1", "perl-1", "web-2"]);
            put("ops/debugger:1", &["base-1", "perl-1", "diff-1"]);
            "two images are added, and one has another release"
        }
        3 => {
            put("debian/base:12.2", &["base-2"]);
            put("debian/perl:5", &["base-2", "perl-1"]);
            put("shop/db:1.1", &["base-2", "tools-1", "db-2"]);
            names.insert("debian/base:12".to_owned(), names["debian/base:12.2"].clone());
            names.remove("ops/diff:1");
            "a new base, on which two are rebuilt; one is removed"
        }
        4 => {
            names.insert("shop/web:stable".to_owned(), names["shop/web:1.1"].clone());
            names.insert("shop/db:lts".to_owned(), names["shop/db:1.1"].clone());
            names.remove("ops/builder:1");
            "one tag moves, one image gets a second name, and one is removed"
        }
        5 => {
            put("ops/builder:2", &["base-2", "dpkg-1"]);
            put("shop/report:1.0", &["base-2", "perl-1", "report-1"]);
            let platforms: [(&str, &[&str]); 2] =
                [("amd64", &["base-2", "perl-1", "web-3"]), ("arm64", &["arm-2", "web-3"])];
            names.insert("shop/web:1.2".to_owned(), layers.index("shop/web:1.2", &platforms));
            names.remove("shop/mail:1.0");
            "what was removed comes back on another base, and one has a second platform"
        }
        _ => {
            put("debian/base:12.3", &["base-3"]);
            put("debian/perl:5", &["base-3", "perl-1"]);
            put("ops/builder:2", &["base-3", "dpkg-1"]);
            names.insert("debian/base:12".to_owned(), names["debian/base:12.3"].clone());
            names.insert("shop/web:stable".to_owned(), names["shop/web:1.2"].clone());
            names.remove("shop/web:1.0");
            "a third base, and names that move to it"
        }
    }
}

impl Month {
    /// Makes the registry hold this month in place of the one `before`.
    pub fn publish(&self, registry: &Registry, before: Option<&Month>) {
        let mut kept = BTreeSet::new();
        for (name, image) in &self.names {
            let (repository, tag) = name.split_once(':').unwrap();
            let mut image = image.clone();
            kept.insert(format!("{repository}@{}", image.digest()));
            (image.repository, image.tags) =
                (repository.to_owned(), [(tag.to_owned(), image.digest().to_owned())].into());
            if before.is_none_or(|month| !month.has(name, &image.tags[tag])) {
                image.push(registry);
            }
        }
        for (name, image) in before.iter().flat_map(|month| &month.names) {
            let (repository, _) = name.split_once(':').unwrap();
            if kept.insert(format!("{repository}@{}", image.digest())) {
                remove(registry, repository, image.digest());
            }
        }
    }

    fn has(&self, name: &str, digest: &str) -> bool {
        self.names.get(name).is_some_and(|image| image.digest() == digest)
    }

    /// Writes the list of its names, each behind `prefix`, a line each.
    pub fn write_list(&self, file: &Path, prefix: &str) {
        let lines: String = self.names.keys().map(|name| format!("{prefix}{name}\n")).collect();
        std::fs::write(file, lines).unwrap();
    }

    /// Asserts that the registry has every name, below `prefix`, with the digest of this month.
    #[track_caller]
    pub fn stands_at(&self, registry: &Registry, prefix: &str) {
        for (name, image) in &self.names {
            let mut inspect = command("skopeo");
            inspect.args(["inspect", "--raw", "--tls-verify=false"]);
            inspect.arg(format!("docker://{}/{prefix}{name}", registry.host()));
            let raw = output(&mut inspect);
            assert_eq!(super::content::digest(&raw), image.digest(), "{prefix}{name}");
        }
    }
}

/// Removes a manifest, and with it every tag of the repository that stands for it.
pub fn remove(registry: &Registry, repository: &str, digest: &str) {
    let path = format!("/v2/{repository}/manifests/{digest}");
    let done = http::with_body(registry.port(), "DELETE", &path, &[], b"");
    assert_eq!(done.status, 202, "DELETE {path}");
}

/// Has docker-registry remove what no manifest needs from a storage folder that nobody serves.
pub fn collect_garbage(storage: &Path) {
    let config = storage.with_extension("gc.yml");
    let text = format!(
        "version: 0.1\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n",
        storage.display()
    );
    std::fs::write(&config, text).unwrap();
    output(command("docker-registry").args(["garbage-collect", "--delete-untagged"]).arg(&config));
}

/// What the script that knows nothing of sealift answers.
pub fn storage(arguments: &[&Path]) -> BTreeSet<String> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/storage.sh");
    let (verb, of) = arguments.split_first().unwrap();
    text(command("sh").arg(script).arg(verb).args(of)).lines().map(str::to_owned).collect()
}
