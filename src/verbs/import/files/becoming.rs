//! [`Becoming`]: which files the artifacts of a bundle become.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::bundle::contents::{Contents, Image};
use crate::bundle::head::MAX_CONFIG;
use crate::places::artifact::{HELM_CHART, HELM_CONFIG, HELM_PROVENANCE, TITLE, file_name};
use crate::storage::reading::read_small;
use crate::storage::store::BlobSource;
use crate::words::at::At;
use crate::words::count::are;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Result};
use crate::words::media::Role;
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::words::remedy::Remedy;
use crate::work::plan::Obstacle;

/// What the artifacts of a bundle become.
#[derive(Debug, Default)]
pub(super) struct Becoming {
    /// Artifact by artifact.
    pub(super) sets: Vec<Becomes>,
    /// What becomes no file.
    pub(super) obstacles: Vec<Obstacle>,
    /// Configs without which a chart has no name, and that nobody has.
    pub(super) unread: BTreeSet<Digest>,
}

/// The files that an artifact becomes.
#[derive(Debug)]
pub(super) struct Becomes {
    /// Its manifest.
    pub(super) document: Descriptor,
    /// All images that it is.
    pub(super) images: Vec<At<Image>>,
    /// Their names with their bytes.
    pub(super) files: Vec<(String, Descriptor)>,
}

/// Why something becomes no file.
enum Misfit {
    /// It is none of what does.
    Strange,
    /// Its file cannot have its name.
    Misnamed(String),
}

/// What Helm says of a chart, as far as its file is called by it.
#[derive(Deserialize)]
struct ChartName {
    name: String,
    version: String,
}

impl Becoming {
    /// What the images of `contents` become, of which `source` has the bytes.
    ///
    /// # Errors
    /// When a config cannot be read.
    pub(super) fn of(
        source: &dyn BlobSource,
        contents: &Contents,
        progress: &dyn Progress,
    ) -> Result<Becoming> {
        let lacking: BTreeSet<Digest> = contents.blobs.lacking().map(|blob| blob.digest).collect();
        let mut becoming = Becoming::default();
        let mut known: BTreeMap<Digest, usize> = BTreeMap::new();
        let (mut strange, mut misnamed) = (Vec::new(), Vec::new());
        for (at, image) in At::each(&contents.images) {
            progress.check()?;
            if let Some(set) = known.get(&image.digest) {
                becoming.sets[*set].images.push(at);
                continue;
            }
            let document = contents.documents.get(&image.digest);
            let files = match document.map(Document::kind) {
                Some(Kind::Manifest { config, layers }) => {
                    let config = config.as_ref();
                    if let Some(config) =
                        config.filter(|it| is_chart(it) && lacking.contains(&it.digest))
                    {
                        becoming.unread.insert(config.digest);
                        continue;
                    }
                    match config {
                        Some(config) if is_chart(config) => {
                            let handle = progress.handle();
                            let bytes = read_small(source, config, MAX_CONFIG, "bundle", &handle)?;
                            chart(&bytes, layers)
                        }
                        Some(config) if config.media_type.role() == Role::Config => {
                            Err(Misfit::Strange)
                        }
                        _ => titled(layers).inspect(|_| tell_config(image, config, progress)),
                    }
                }
                _ => Err(Misfit::Strange),
            };
            match (files, document) {
                (Ok(files), Some(document)) => {
                    known.insert(image.digest, becoming.sets.len());
                    let document = document.descriptor().clone();
                    becoming.sets.push(Becomes { document, images: vec![at], files });
                }
                (Err(Misfit::Misnamed(why)), _) => misnamed.push(format!("{}: {why}", image.name)),
                _ => strange.push(image.name.to_string()),
            }
        }
        becoming.obstacles =
            [no_files(strange), no_names(misnamed)].into_iter().flatten().collect();
        tell_referrers(contents, progress);
        Ok(becoming)
    }
}

fn is_chart(config: &Descriptor) -> bool {
    *config.media_type == *HELM_CONFIG
}

/// The files of a chart, called as Helm calls them by its `config`: the chart first.
fn chart(config: &[u8], layers: &[Descriptor]) -> Result<Vec<(String, Descriptor)>, Misfit> {
    let of = |kind: &str| layers.iter().filter(|it| *it.media_type == *kind).collect::<Vec<_>>();
    let (charts, provenances) = (of(HELM_CHART), of(HELM_PROVENANCE));
    let ([chart], [] | [_]) = (&charts[..], &provenances[..]) else { return Err(Misfit::Strange) };
    if layers.len() > charts.len() + provenances.len() {
        return Err(Misfit::Strange);
    }
    let said: ChartName = serde_json::from_slice(config).map_err(|_| {
        Misfit::Misnamed("its config is none of a chart, with a name and a version".to_owned())
    })?;
    let name = format!("{}-{}.tgz", said.name, said.version);
    let mut files = vec![(usable(&name)?, (*chart).clone())];
    for provenance in provenances {
        files.push((usable(&format!("{name}.prov"))?, provenance.clone()));
    }
    Ok(files)
}

/// The files of `layers`, each called by its title.
fn titled(layers: &[Descriptor]) -> Result<Vec<(String, Descriptor)>, Misfit> {
    let mut files: Vec<(String, Descriptor)> = Vec::new();
    for layer in layers {
        let title = layer.annotations.get(TITLE).ok_or(Misfit::Strange)?;
        let title = usable(&title)?;
        if files.iter().any(|(other, _)| other.to_lowercase() == title.to_lowercase()) {
            return Err(Misfit::Misnamed(format!("it has two files called {title:?}")));
        }
        files.push((title, layer.clone()));
    }
    if files.is_empty() { Err(Misfit::Strange) } else { Ok(files) }
}

/// `name`, if a file may be called so.
fn usable(name: &str) -> Result<String, Misfit> {
    match file_name(name) {
        Ok(()) => Ok(name.to_owned()),
        Err(why) => Err(Misfit::Misnamed(format!("the name of its file, {name:?}, {why}"))),
    }
}

/// Says that the config of `image` stays behind, where it says anything.
fn tell_config(image: &Image, config: Option<&Descriptor>, progress: &dyn Progress) {
    const EMPTY: u64 = 2;
    if let Some(config) = config.filter(|config| config.size > EMPTY) {
        let text = format!("{}: its config ({}) becomes no file", image.name, &*config.media_type);
        progress.event(Event::note(text));
    }
}

/// Says what refers to the images, and becomes no file.
fn tell_referrers(contents: &Contents, progress: &dyn Progress) {
    let referring: BTreeSet<Digest> = contents.referrers.iter().map(|it| it.digest).collect();
    if !referring.is_empty() {
        let text = format!(
            "files have no signatures and the like beside them: {} of those {} left behind \
             (oci-archive: takes them)",
            referring.len(),
            are(referring.len()),
        );
        progress.event(Event::note(text));
    }
}

fn no_files(strange: Vec<String>) -> Option<Obstacle> {
    let are = are(strange.len());
    let message = format!("{} of the images {are} no chart and no file", strange.len());
    let hint = phrase![
        "bring images ",
        Remedy::To,
        " a registry, an engine or an archive, and leave them behind here with ",
        Remedy::Except
    ];
    (!strange.is_empty()).then(|| Obstacle::new(Class::Refused, message, hint).about(strange))
}

fn no_names(misnamed: Vec<String>) -> Option<Obstacle> {
    let have = if misnamed.len() == 1 { "has" } else { "have" };
    let message = format!("{} of the artifacts {have} files that may not be made", misnamed.len());
    let hint = phrase![
        "bring them ",
        Remedy::To,
        " a registry or oci:FOLDER, or leave them behind with ",
        Remedy::Except
    ];
    (!misnamed.is_empty()).then(|| Obstacle::new(Class::Refused, message, hint).about(misnamed))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bundle::samples::Stock;
    use crate::words::progress::Recorder;

    #[test]
    fn charts_and_titled_files_become_files_and_nothing_else_does() {
        let mut stock = Stock::default();
        let image = stock.image("a", "linux/amd64");
        let index = stock.index(&[&image]);
        let empty = stock.blob("application/vnd.oci.empty.v1+json", b"{}");
        let config = stock.blob(HELM_CONFIG, br#"{"name":"web","version":"1.0"}"#);
        let evil = stock.blob(HELM_CONFIG, br#"{"name":"../web","version":"1.0"}"#);
        let (tgz, prov) = (stock.blob(HELM_CHART, b"tgz"), stock.blob(HELM_PROVENANCE, b"prov"));
        let mut file = stock.blob("a/b", b"bytes");
        let untitled = stock.manifest(&empty, &[file.clone()], json!({}));
        let mut called = |title: &str| {
            file.annotations = [(TITLE.to_owned(), title.to_owned())].into();
            file.clone()
        };
        let (good, climbs) = (called("tool.bin"), called("../x"));
        let twice = [called("A"), called("a")];
        let mut manifest =
            |config: &Descriptor, layers: &[Descriptor]| stock.manifest(config, layers, json!({}));
        let images = [
            ("x.example/chart:1", manifest(&config, &[prov.clone(), tgz.clone()])),
            ("x.example/evil:1", manifest(&evil, std::slice::from_ref(&tgz))),
            ("x.example/odd:1", manifest(&config, &[tgz.clone(), good.clone()])),
            ("x.example/file:1", manifest(&empty, std::slice::from_ref(&good))),
            ("x.example/climbs:1", manifest(&empty, &[climbs])),
            ("x.example/twice:1", manifest(&empty, &twice)),
            ("x.example/none:1", manifest(&empty, &[])),
            ("x.example/untitled:1", untitled),
            ("x.example/image:1", image),
            ("x.example/index:1", index),
        ];
        let mut images: Vec<_> = images.iter().map(|(name, at)| (*name, at)).collect();
        images.push(("x.example/file:2", images[3].1));
        let contents = stock.contents(&images);

        let becoming = Becoming::of(&stock, &contents, &Recorder::default()).unwrap();

        let names = |set: &Becomes| -> Vec<String> {
            set.files.iter().map(|(name, _)| name.clone()).collect()
        };
        let sets: Vec<(Vec<String>, usize)> =
            becoming.sets.iter().map(|set| (names(set), set.images.len())).collect();
        let own = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let mut expected =
            vec![(own(&["tool.bin"]), 2), (own(&["web-1.0.tgz", "web-1.0.tgz.prov"]), 1)];
        expected.sort();
        let mut sets = sets;
        sets.sort();
        assert_eq!(sets, expected);
        let told: Vec<usize> = becoming.obstacles.iter().map(|it| it.findings.len()).collect();
        assert_eq!(told, [5, 3], "{:?}", becoming.obstacles);
        assert!(becoming.obstacles.iter().all(|it| it.class == Class::Refused));
    }
}
