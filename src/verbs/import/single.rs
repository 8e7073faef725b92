//! What a docker archive can hold of a bundle: one platform of each image, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::contents::{Contents, Image};
use crate::bundle::docker::{Configs, LoadedImage, choose, loadable, platform};
use crate::bundle::head::MAX_CONFIG;
use crate::bundle::subset::{Referring, Subset};
use crate::storage::reading::read_small;
use crate::storage::store::BlobSource;
use crate::words::at::At;
use crate::words::cancel::Cancel;
use crate::words::count::are;
use crate::words::digest::Digest;
use crate::words::document::{Document, Kind};
use crate::words::error::{Class, Result};
use crate::words::foreign::Foreign;
use crate::words::media::Role;
use crate::words::phrase::{Phrase, phrase};
use crate::words::platform::{Platform, in_words};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;
use crate::work::plan::{MissingBlob, Obstacle};

/// A bundle as far as docker takes it.
pub(super) struct Single {
    /// Its images, each a single manifest, without what refers to them.
    pub contents: Contents,
    /// Configs that it cannot be made without, and that neither the bundle nor a base has.
    pub unread: Vec<MissingBlob>,
    /// How docker lists each image, by its place in the contents.
    entries: BTreeMap<At<Image>, LoadedImage>,
}

impl Single {
    /// How docker lists `images`.
    pub fn entries(&self, images: &[(At<Image>, Reference)]) -> Vec<LoadedImage> {
        images.iter().filter_map(|(at, _)| self.entries.get(at).cloned()).collect()
    }
}

/// Chooses of each image of `contents` the manifest for `wanted`, else that for linux/amd64, else
/// the first; of an image with one platform, that. `to` are the images' new names. Gives as
/// obstacles what docker cannot load, and platforms that are not there.
///
/// # Errors
/// When a config cannot be read.
pub(super) fn single_platform(
    source: &dyn BlobSource,
    contents: &Contents,
    to: &mut [Reference],
    wanted: Option<&Platform>,
    progress: &dyn Progress,
) -> Result<(Single, Vec<Obstacle>)> {
    let (mut strange, mut absent, mut several) = (Vec::new(), Vec::new(), 0);
    let lacking: BTreeSet<Digest> = contents.blobs.lacking().map(|blob| blob.digest).collect();
    let mut unread = BTreeSet::new();
    let mut partial = Vec::new();
    let (mut entries, mut chosen) = (BTreeMap::new(), BTreeMap::new());
    for (at, image) in At::each(&contents.images) {
        progress.check()?;
        // Without its config nobody can tell what docker makes of it.
        let before = unread.len();
        unread.extend(configs_of(contents, image.digest).filter(|it| lacking.contains(it)));
        if unread.len() > before {
            continue;
        }
        let configs = configs(source, contents, image.digest, &progress.handle())?;
        let found = loadable(contents, &configs, image.digest);
        several += usize::from(found.len() > 1);
        // There is nothing to choose where the name stands for a manifest.
        let is_single =
            found.first().is_some_and(|i| i.document.descriptor().digest == image.digest);
        let best = choose(&found, wanted.filter(|_| !is_single));
        match best
            .and_then(|(d, more)| Some((d, more, LoadedImage::new(d, &configs, at.beside(to))?)))
        {
            Some((document, more, entry)) => {
                if more > 0 {
                    progress.event(Event::note(chosen_of(&image.name, document, more)));
                }
                // A name that is a digest has to be that of what stands there now.
                let to = &mut to[at.place()];
                to.digest = to.digest.map(|_| document.descriptor().digest);
                entries.insert(at, entry);
                chosen.insert(at, document);
            }
            None => {
                let wanted = wanted.filter(|_| !found.is_empty());
                let foreign = foreign(contents, &configs, image.digest, wanted);
                if foreign.is_any() {
                    partial.push(foreign.about(&image.name));
                    continue;
                }
                if found.is_empty() {
                    let why = large_config(contents, image.digest).unwrap_or_default();
                    strange.push(format!("{}{why}", image.name));
                    continue;
                }
                let has = found.iter().filter_map(|one| one.platform.as_ref());
                absent.push(format!("{} is there for {}", image.name, in_words(has)));
            }
        }
    }
    let mut images = contents.images.clone();
    for (at, document) in &chosen {
        let about = document.descriptor();
        let image = &mut images[at.place()];
        (image.digest, image.size) = (about.digest, about.size);
        image.media_type = about.media_type.to_string();
        image.rewritten_from = None;
    }
    tell(several * usize::from(wanted.is_none()), contents, progress);
    let alone = Subset::of(contents, &Referring::default(), &images);
    let single = alone.cut(contents, images, Vec::new());
    let unread = MissingBlob::among(contents, &unread);
    let obstacles = [not_loadable(strange), not_whole(partial), not_there(absent, wanted)];
    let obstacles = obstacles.into_iter().flatten().collect();
    Ok((Single { contents: single, unread, entries }, obstacles))
}

/// Says which of several images for one platform stands for `name`.
fn chosen_of(name: &Reference, chosen: &Document, more: usize) -> String {
    let digest = chosen.descriptor().digest;
    format!(
        "{name} has {} images for that platform, and {digest} is taken: of its variants the one \
         that runs on most machines, of equal ones the first; to have another, export it by its \
         digest",
        more + 1
    )
}

/// The configs of the manifests below `root`.
fn configs_of(contents: &Contents, root: Digest) -> impl Iterator<Item = Digest> {
    let manifests = contents.manifests(root).into_iter();
    manifests.filter_map(|document| match document.kind() {
        Kind::Manifest { config, .. } => config.as_ref().map(|config| config.digest),
        Kind::Index { .. } => None,
    })
}

/// The bytes of the configs below `root` that can be those of images.
fn configs(
    source: &dyn BlobSource,
    contents: &Contents,
    root: Digest,
    cancel: &Cancel,
) -> Result<Configs> {
    let mut configs = Configs::new();
    for document in contents.manifests(root) {
        let Kind::Manifest { config: Some(config), .. } = document.kind() else { continue };
        // An artifact's may have any size, and is none that docker loads.
        if config.size <= MAX_CONFIG && !configs.contains_key(&config.digest) {
            configs.insert(
                config.digest,
                read_small(source, config, MAX_CONFIG, "bundle", cancel)?.into(),
            );
        }
    }
    Ok(configs)
}

/// The foreign layers of the manifests below `root`, of those for `wanted` alone where a platform
/// is.
fn foreign(
    contents: &Contents,
    configs: &Configs,
    root: Digest,
    wanted: Option<&Platform>,
) -> Foreign {
    let fits = |document: &&Document| {
        let takes =
            |wanted: &Platform| platform(document, configs).is_some_and(|own| wanted.takes(&own));
        wanted.is_none_or(takes)
    };
    let manifests = contents.manifests(root);
    Foreign::among(manifests.into_iter().filter(fits).flat_map(Document::children))
}

/// That the config of an image below `root` is larger than docker takes, if it is; to be added to
/// its name.
fn large_config(contents: &Contents, root: Digest) -> Option<String> {
    contents.manifests(root).into_iter().find_map(|document| match document.kind() {
        Kind::Manifest { config: Some(config), .. }
            if config.size > MAX_CONFIG && config.media_type.role() == Role::Config =>
        {
            let size = config.size;
            Some(format!(": its config has {size} bytes, and docker takes {MAX_CONFIG} at most"))
        }
        _ => None,
    })
}

/// Says what of the bundle does not come along: platforms of `several` images, and referrers.
fn tell(several: usize, contents: &Contents, progress: &dyn Progress) {
    if several > 0 {
        let have = if several == 1 { "has" } else { "have" };
        let text = phrase![
            format!(
                "a docker archive holds one platform of each image; {several} of the images {have} \
                 several ("
            ),
            Remedy::Platform,
            " chooses)"
        ];
        progress.event(Event::note(text));
    }
    let referring: BTreeSet<Digest> = contents.referrers.iter().map(|r| r.digest).collect();
    if !referring.is_empty() {
        let text = format!(
            "a docker archive has no room for signatures and the like: {} of them {} left behind \
             (oci-archive: takes them)",
            referring.len(),
            are(referring.len()),
        );
        progress.event(Event::note(text));
    }
}

fn obstacle(
    class: Class,
    message: String,
    findings: Vec<String>,
    hint: Phrase,
) -> Option<Obstacle> {
    (!findings.is_empty()).then(|| Obstacle::new(class, message, hint).about(findings))
}

fn not_loadable(strange: Vec<String>) -> Option<Obstacle> {
    let message = format!(
        "{} of the images {} none that docker could load",
        strange.len(),
        are(strange.len())
    );
    let hint =
        phrase!["charts and other artifacts fit into ", Remedy::To, " oci-archive:, or a registry"];
    obstacle(Class::Refused, message, strange, hint)
}

fn not_whole(partial: Vec<String>) -> Option<Obstacle> {
    let lack = if partial.len() == 1 { "lacks" } else { "lack" };
    let message =
        format!("{} of the images {lack} layers that the bundle does not hold", partial.len());
    let hint = phrase![
        "choose another ",
        Remedy::Platform,
        ", or leave them behind with ",
        Remedy::Except
    ];
    obstacle(Class::Incomplete, message, partial, hint)
}

fn not_there(absent: Vec<String>, wanted: Option<&Platform>) -> Option<Obstacle> {
    let wanted = wanted.map(ToString::to_string).unwrap_or_default();
    let are = are(absent.len());
    let message = format!("{} of the images {are} not there for {wanted}", absent.len());
    let hint = phrase![
        "choose another ",
        Remedy::Platform,
        ", or bring all of them with ",
        Remedy::To,
        " oci-archive:"
    ];
    obstacle(Class::Incomplete, message, absent, hint)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bundle::samples::{FOREIGN, Stock};
    use crate::words::document::Descriptor;
    use crate::words::progress::Recorder;

    fn taken(
        stock: &Stock,
        contents: &Contents,
        wanted: Option<&str>,
    ) -> (Single, Vec<Obstacle>, Vec<Reference>, Recorder) {
        let mut to: Vec<Reference> = contents.images.iter().map(|i| i.name.clone()).collect();
        let (wanted, notes) = (wanted.map(|text| text.parse().unwrap()), Recorder::default());
        let (single, obstacles) =
            single_platform(stock, contents, &mut to, wanted.as_ref(), &notes).unwrap();
        (single, obstacles, to, notes)
    }

    #[test]
    fn one_platform_is_taken_under_a_name_that_fits_it_and_nothing_that_refers_to_it() {
        let mut stock = Stock::default();
        let [arm, amd] = ["arm64", "amd64"].map(|a| stock.image(a, &format!("linux/{a}")));
        let index = stock.index(&[&arm, &amd]);
        let alone = stock.image("alone", "linux/s390x");
        let signature = stock.referrer("x/signature", &index);
        let pinned = format!("x.example/b@{}", index.digest);
        let images = [("x.example/a:1", &index), (&pinned, &index), ("x.example/c:1", &alone)];
        let mut contents = stock.contents(&images);
        stock.refer(&mut contents, "x.example/a", &signature);
        let both: [(Option<&str>, &Descriptor, usize); 2] =
            [(None, &amd, 2), (Some("linux/arm64"), &arm, 1)];

        for (wanted, chosen, notes) in both {
            let (single, obstacles, to, told) = taken(&stock, &contents, wanted);

            assert_eq!(obstacles, []);
            let digests: Vec<Digest> = single.contents.images.iter().map(|i| i.digest).collect();
            assert_eq!(digests, [chosen.digest, chosen.digest, alone.digest]);
            assert_eq!(to[0].to_string(), "x.example/a:1");
            assert_eq!(to[1].to_string(), format!("x.example/b@{}", chosen.digest));
            assert_eq!(single.contents.documents.len(), 2, "the index and the other one are not");
            assert_eq!(single.contents.blobs.needed().len(), 4);
            assert!(single.contents.referrers.is_empty());
            assert_eq!(single.entries(&[0, 2].map(|at| (At::nth(at), to[at].clone()))).len(), 2);
            assert_eq!(told.events().len(), notes);
        }
    }

    #[test]
    fn a_platform_that_needs_foreign_layers_is_not_said_to_be_missing() {
        let mut stock = Stock::default();
        let linux = stock.image("linux", "linux/amd64");
        let config = stock.config("windows", "windows/amd64", 1);
        let mut theirs = Descriptor::of(FOREIGN, b"theirs");
        theirs.urls = ["https://mcr.example/theirs".into()].into();
        let windows = stock.manifest(&config, &[theirs], json!({}));
        let index = stock.index(&[&linux, &windows]);
        let contents = stock.contents(&[("x.example/a:1", &index), ("x.example/w:1", &windows)]);

        let (_, wanted, ..) = taken(&stock, &contents, Some("windows/amd64"));
        let (_, any, ..) = taken(&stock, &contents, None);
        let (_, arm, ..) = taken(&stock, &contents, Some("linux/arm64"));

        let says = |name: &str| {
            format!(
                "{name} has 1 foreign layer, which only their owner hands out at mcr.example: not \
                 carried"
            )
        };
        let (a, w) = (says("x.example/a:1"), says("x.example/w:1"));
        assert_eq!((wanted.len(), any.len(), arm.len()), (1, 1, 2));
        assert_eq!(wanted[0].findings, [a, w.clone()]);
        assert_eq!(any[0].findings, std::slice::from_ref(&w), "linux is there");
        assert_eq!(arm[0].findings, [w]);
        assert_eq!(arm[1].findings, ["x.example/a:1 is there for linux/amd64"]);
    }

    #[test]
    fn what_docker_cannot_load_and_what_is_not_there_are_obstacles_of_their_own() {
        let mut stock = Stock::default();
        let arm = stock.image("arm", "linux/arm64");
        let index = stock.index(&[&arm]);
        let config = stock.blob("application/vnd.cncf.helm.config.v1+json", b"{}");
        let chart = stock.manifest(&config, &[], json!({}));
        let contents = stock.contents(&[("x.example/a:1", &index), ("x.example/chart:1", &chart)]);

        let (_, obstacles, ..) = taken(&stock, &contents, Some("linux/amd64"));

        let found: Vec<(Class, &[Phrase])> =
            obstacles.iter().map(|o| (o.class, o.findings.as_slice())).collect();
        let chart = ["x.example/chart:1".into()];
        let absent = ["x.example/a:1 is there for linux/arm64".into()];
        assert_eq!(found, [(Class::Refused, &chart[..]), (Class::Incomplete, &absent)]);
    }
}
