//! [`Chosen`]: what of a bundle an engine takes, and what it cannot.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::contents::Contents;
use crate::bundle::subset::Subset;
use crate::places::engine::{Engine, EngineImage, EngineInfo};
use crate::words::count::{are, count};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::Class;
use crate::words::foreign::Foreign;
use crate::words::media::Role;
use crate::words::packing::Packing;
use crate::words::phrase::{Phrase, phrase};
use crate::words::platform::{Platform, in_words};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;
use crate::work::plan::Obstacle;

/// The images, each with the manifest that the engine takes of it.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The bundle's contents without what the engine does not take.
    pub(super) contents: Contents,
    /// What the images are called there, in their order.
    pub(super) names: Vec<Reference>,
    /// What the engine cannot have.
    pub(super) obstacles: Vec<Obstacle>,
    /// What it does not keep, for people.
    pub(super) notes: Vec<String>,
    wanted: BTreeMap<Reference, Promise>,
}

/// What a name is to stand for.
#[derive(Debug)]
struct Promise {
    root: Digest,
    /// What engines may call the image: by its config, its manifest or its index.
    ids: BTreeSet<Digest>,
}

/// Why an image cannot go into an engine, and what each of them is called.
#[derive(Default)]
struct Misfits {
    artifacts: Vec<String>,
    untagged: Vec<String>,
    other_platforms: Vec<String>,
    partial: Vec<String>,
    zstd: Vec<String>,
    nested: Vec<String>,
}

impl Chosen {
    /// Chooses from `contents`, whose images are called `names` in `engine`: of those for several
    /// platforms the one that `platform`, or else the engine, asks for.
    pub(super) fn of(
        contents: &Contents,
        names: Vec<Reference>,
        engine: &Engine,
        about: &EngineInfo,
        platform: Option<&Platform>,
    ) -> Chosen {
        let platform = platform.unwrap_or(&about.platform);
        let (mut misfits, mut several) = (Misfits::default(), 0);
        let (mut wanted, mut documents) = (BTreeMap::new(), BTreeSet::new());
        for (image, name) in contents.images.iter().zip(&names) {
            let path = path_to(contents, image.digest, platform, about.takes_nested);
            let manifests: Vec<&Document> = path.iter().copied().filter(|d| !is_index(d)).collect();
            let shown = match image.name == *name {
                true => name.to_string(),
                false => format!("{} (as {name})", image.name),
            };
            let all = contents.manifests(image.digest);
            let strange = manifests.iter().copied().find(|m| !is_image(m));
            let nothing = || all.first().copied().filter(|_| !all.iter().any(|m| is_image(m)));
            if let Some(artifact) = strange.or_else(nothing) {
                let what = artifact.artifact_type().unwrap_or("an artifact");
                misfits.artifacts.push(format!("{shown} is {what}"));
                continue;
            }
            several += usize::from(all.iter().filter(|m| is_image(m)).count() > 1);
            let deep = || path_to(contents, image.digest, platform, true);
            if manifests.is_empty() && !deep().is_empty() {
                misfits.nested.push(shown.clone());
            } else if manifests.is_empty() {
                let has = in_words(image.platforms.iter());
                misfits.other_platforms.push(format!("{shown} is for {has}"));
            }
            let foreign = Foreign::among(manifests.iter().flat_map(|m| m.children()));
            if foreign.is_any() {
                misfits.partial.push(foreign.about(&shown));
            }
            let is_zstd = |layer: &&Descriptor| layer.media_type.packing() == Some(Packing::Zstd);
            if !about.takes_zstd && manifests.iter().any(|m| m.children().iter().any(is_zstd)) {
                misfits.zstd.push(shown.clone());
            }
            if name.tag.is_none() && !about.takes_untagged {
                misfits.untagged.push(shown);
            }
            let configs = manifests.iter().filter_map(|manifest| config(manifest));
            let ids = configs.map(|config| config.digest);
            let ids = ids.chain(path.iter().map(|document| document.descriptor().digest)).collect();
            wanted.insert(name.clone(), Promise { root: image.digest, ids });
            documents.extend(path.iter().map(|document| document.descriptor().digest));
        }
        let notes = notes(contents, engine, about, platform, several);
        let contents = Subset::with(documents).cut(contents, contents.images.clone(), Vec::new());
        let obstacles = misfits.obstacles(engine, platform);
        Chosen { contents, names, obstacles, notes, wanted }
    }

    /// Whether `held` is what `name` is to stand for.
    pub(super) fn is_it(&self, about: &EngineInfo, name: &Reference, held: &EngineImage) -> bool {
        self.wanted.get(name).is_some_and(|wanted| {
            let digest = !about.keeps_manifests || held.digests.contains(&wanted.root);
            digest && held.id.is_some_and(|id| wanted.ids.contains(&id))
        })
    }

    /// The root that `name` is to stand for.
    pub(super) fn root(&self, name: &Reference) -> Option<Digest> {
        self.wanted.get(name).map(|wanted| wanted.root)
    }

    /// The image id of what `name` is to stand for.
    pub(super) fn id(&self, name: &Reference) -> Option<Digest> {
        let manifests = self.manifests(self.root(name)?);
        manifests.first().and_then(|manifest| config(manifest)).map(|config| config.digest)
    }

    /// The manifests of the image `root`.
    pub(super) fn manifests(&self, root: Digest) -> Vec<&Document> {
        self.contents.manifests(root)
    }

    /// Everything of the image `root` that goes to the engine.
    pub(super) fn parts(&self, root: Digest) -> BTreeSet<Digest> {
        let Contents { documents, blobs, .. } = &self.contents;
        let blobs: BTreeSet<Digest> = blobs.needed().iter().map(|blob| blob.digest).collect();
        let mut parts = self.contents.closure(root);
        parts.retain(|digest| documents.contains_key(digest) || blobs.contains(digest));
        parts
    }

    /// Whether the image is one for several platforms.
    #[cfg(feature = "serve")]
    pub(super) fn is_index(&self, root: &Digest) -> bool {
        self.contents.documents.get(root).is_some_and(is_index)
    }
}

/// The documents on the way from `root` to the manifests for `platform`, `root` first; nothing
/// when there is none. `nested` says whether indexes in indexes are followed.
fn path_to<'a>(
    contents: &'a Contents,
    root: Digest,
    platform: &Platform,
    nested: bool,
) -> Vec<&'a Document> {
    let Some(document) = contents.documents.get(&root) else { return Vec::new() };
    let Kind::Index { manifests } = document.kind() else { return vec![document] };
    let fits = |entry: &&Descriptor| entry.platform.as_ref().is_some_and(|p| platform.takes(p));
    let unmarked = |entry: &&Descriptor| entry.platform.is_none();
    let carried = |entry: &Descriptor| contents.documents.get(&entry.digest);
    let mut found: Vec<&Document> = manifests.iter().filter(fits).filter_map(carried).collect();
    if found.is_empty() {
        found = manifests.iter().filter(unmarked).filter_map(carried).collect();
    }
    let mut path: Vec<&Document> = Vec::new();
    for child in found {
        match is_index(child) {
            false => path.push(child),
            // A digest cannot lie below itself, and checking the bundle bounded the depth.
            true if nested => {
                path.extend(path_to(contents, child.descriptor().digest, platform, nested));
            }
            true => {}
        }
    }
    match path.is_empty() {
        true => path,
        false => [vec![document], path].concat(),
    }
}

fn is_index(document: &Document) -> bool {
    matches!(document.kind(), Kind::Index { .. })
}

fn config(manifest: &Document) -> Option<&Descriptor> {
    match manifest.kind() {
        Kind::Manifest { config, .. } => config.as_ref(),
        Kind::Index { .. } => None,
    }
}

/// Whether it is an image to run: engines look at the types of its config and layers.
fn is_image(manifest: &Document) -> bool {
    let Kind::Manifest { config: Some(config), layers } = manifest.kind() else { return false };
    let is_layer = |layer: &Descriptor| layer.media_type.role().is_layer();
    config.media_type.role() == Role::Config && layers.iter().all(is_layer)
}

/// What the engine does not keep of `contents`.
fn notes(
    contents: &Contents,
    engine: &Engine,
    about: &EngineInfo,
    platform: &Platform,
    several: usize,
) -> Vec<String> {
    let mut notes = Vec::new();
    if !about.keeps_manifests {
        notes.push(format!(
            "{engine} keeps no manifests: images have the ids that they have everywhere, and no \
             digests of a registry"
        ));
    }
    if several > 0 {
        notes.push(format!(
            "{engine} gets the images for {platform}; {several} of the bundle {} for others, too",
            are(several)
        ));
    }
    if !contents.referrers.is_empty() {
        notes.push(format!(
            "{engine} holds images alone: {} (signatures and the like) {} in the bundle",
            count(contents.referrers.len(), "referrer"),
            if contents.referrers.len() == 1 { "stays" } else { "stay" }
        ));
    }
    notes
}

impl Misfits {
    fn obstacles(self, engine: &Engine, platform: &Platform) -> Vec<Obstacle> {
        let obstacle = |class, message: String, findings: Vec<String>, hint: Phrase| {
            let message = format!("{engine} {message}");
            (!findings.is_empty()).then(|| Obstacle::new(class, message, hint).about(findings))
        };
        let all = [
            obstacle(
                Class::Refused,
                format!(
                    "holds images alone, and {} of the bundle {} none",
                    self.artifacts.len(),
                    are(self.artifacts.len())
                ),
                self.artifacts,
                "import the bundle to a registry or to oci:FOLDER, or export the images alone"
                    .into(),
            ),
            obstacle(
                Class::Incomplete,
                format!("wants images for {platform}, and the bundle lacks some"),
                self.other_platforms,
                phrase![
                    "name another platform with ",
                    Remedy::Platform,
                    ", or export the images with it"
                ],
            ),
            obstacle(
                Class::Refused,
                "follows no index in an index".to_owned(),
                self.nested,
                "name the inner one in the export, by its digest".into(),
            ),
            obstacle(
                Class::Incomplete,
                "needs foreign layers, which the bundle does not hold".to_owned(),
                self.partial,
                "bring such images from their owner".into(),
            ),
            obstacle(
                Class::Refused,
                "cannot unpack layers compressed by zstd".to_owned(),
                self.zstd,
                "update docker to 23.0 or later, or build such images with gzip".into(),
            ),
            obstacle(
                Class::Refused,
                "keeps no image without a tag".to_owned(),
                self.untagged,
                phrase!["give it one with ", Remedy::Rules, " REPOSITORY@DIGEST=REPOSITORY:TAG"],
            ),
        ];
        all.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bundle::samples::Stock;

    #[test]
    fn an_engine_without_zstd_is_told_of_it_by_either_name_of_the_type() {
        let about = |takes_zstd| EngineInfo {
            platform: "linux/amd64".parse().unwrap(),
            remote: None,
            unpacked: None,
            packed: None,
            keeps_packed: false,
            keeps_partial: false,
            owned: false,
            stacks: false,
            keeps_manifests: true,
            takes_untagged: true,
            takes_zstd,
            takes_nested: true,
            scratch: None,
        };
        for (kind, is_zstd) in [
            ("application/vnd.oci.image.layer.v1.tar+zstd", true),
            ("application/vnd.docker.image.rootfs.diff.tar.zstd", true),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", false),
        ] {
            let mut stock = Stock::default();
            let config = stock.config("a", "linux/amd64", 1);
            let layer = stock.blob(kind, b"layer");
            let image = stock.manifest(&config, &[layer], json!({}));
            let contents = stock.contents(&[("a:1", &image)]);
            let names = vec!["a:1".parse().unwrap()];
            let obstacles = |takes| {
                let names = names.clone();
                Chosen::of(&contents, names, &Engine::Docker, &about(takes), None).obstacles
            };

            assert!(obstacles(true).is_empty(), "{kind}");
            let told = obstacles(false).iter().any(|it| it.message.contains("zstd"));
            assert_eq!(told, is_zstd, "{kind}");
        }
    }

    #[test]
    fn whoever_asks_for_a_type_hears_the_same_of_it() {
        use crate::bundle::docker::{docker_index, unlike_config};
        let docker = "application/vnd.docker.image.rootfs";
        let oci = "application/vnd.oci.image.layer";
        // A type, how it is packed, whether docker loads it, an engine runs it, and it is foreign.
        for (kind, packed, loads, runs, foreign) in [
            (format!("{docker}.diff.tar"), Some(Packing::Plain), true, true, false),
            (format!("{docker}.diff.tar.gzip"), Some(Packing::Gzip), true, true, false),
            (format!("{docker}.diff.tar.zstd"), Some(Packing::Zstd), true, true, false),
            (format!("{oci}.v1.tar"), Some(Packing::Plain), true, true, false),
            (format!("{oci}.v1.tar+gzip"), Some(Packing::Gzip), true, true, false),
            (format!("{oci}.v1.tar+zstd"), Some(Packing::Zstd), true, true, false),
            (format!("{oci}.v1.tar+encrypted"), None, false, true, false),
            (format!("{docker}.foreign.diff.tar.gzip"), Some(Packing::Gzip), false, true, true),
            (format!("{oci}.nondistributable.v1.tar+zstd"), Some(Packing::Zstd), false, true, true),
            (
                "application/vnd.example.v1.tar+gzip".into(),
                Some(Packing::Gzip),
                false,
                false,
                false,
            ),
            ("text/plain".into(), None, false, false, false),
        ] {
            let mut stock = Stock::default();
            let config = stock.config("a", "linux/amd64", 7);
            let layer = stock.blob(&kind, b"layer");
            assert_eq!(layer.media_type.packing(), packed, "{kind}");
            assert_eq!(layer.is_foreign(), foreign, "{kind}");
            let image = stock.manifest(&config, std::slice::from_ref(&layer), json!({}));
            assert_eq!(is_image(stock.get(&image)), runs, "{kind}");
            // A config for seven layers is wrong for the layer of an image, and says nothing of others.
            let wrong = unlike_config(stock.get(&image), &stock.blobs[&config.digest]);
            assert_eq!(wrong.is_some(), loads || foreign, "{kind}");
            let config = stock.config("b", "linux/amd64", 1);
            let image = stock.manifest(&config, &[layer], json!({}));
            let contents = stock.contents(&[("a:1", &image)]);
            let listed = docker_index(&contents, &stock.configs(&contents));
            assert_eq!(listed != b"[]", loads, "{kind}");
        }
    }
}
