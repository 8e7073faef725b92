//! [`Scans`]: scanners that look at images before they cross. What they find, and what they could not look
//! at, does not cross.

mod content;
mod finding;
mod layout;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::content::LayerContent;
use self::finding::{finding, needing, unscannable};
use self::layout::image_layout;
use crate::bundle::contents::Contents;
use crate::bundle::screening::Screening;
use crate::bundle::statement::Predicate;
use crate::places::engine::Scratch;
use crate::storage::reading::from_all_places;
use crate::storage::store::BlobSources;
use crate::tools::scanner::{ScanForm, ScanTarget, ScanVerdict, Scanner};
use crate::words::bytes::Bytes;
use crate::words::cancel::Cancel;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Kind};
use crate::words::error::{Class, Error, Result};
use crate::words::media::Role;
use crate::words::progress::{Event, Progress};
use crate::work::transfer::name_images;

/// What images are scanned with, and how.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Scans {
    /// The scanners. All of them see all.
    pub scanners: Vec<Scanner>,
    /// The folder in which files are laid for them, in one that nobody else may see.
    pub scratch: PathBuf,
    /// How long a scanner may take for one layer, or one image.
    pub patience: Duration,
}

/// Scanners that are there, each with what it calls itself.
#[derive(Debug, Default)]
pub struct ScanTools(Vec<String>);

impl Scans {
    /// Scans with these `scanners`, each of which has `patience` for a layer, by files in `scratch`.
    #[must_use]
    pub fn new(scanners: Vec<Scanner>, scratch: PathBuf, patience: Duration) -> Scans {
        Scans { scanners, scratch, patience }
    }

    /// Whether nothing is scanned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scanners.is_empty()
    }

    /// Asks the scanners what they are called, and removes what runs that were killed left in the folder.
    ///
    /// # Errors
    /// When one of them cannot be run; [`Class::Usage`] where the folder is none.
    pub fn tools(&self, cancel: &Cancel) -> Result<ScanTools> {
        if self.scanners.iter().any(|it| it.form() != ScanForm::Stream) {
            if !self.scratch.is_dir() {
                let text = format!("{} is no folder to lay files in", self.scratch.display());
                return Err(Error::new(Class::Usage, text).hint("make it, or name another one"));
            }
            Scratch::sweep(&self.scratch);
        }
        let tools = self.scanners.iter().map(|scanner| scanner.tool(cancel));
        tools.collect::<Result<Vec<_>>>().map(ScanTools)
    }

    /// Which scans a bundle tells of that says this of itself, of those that are asked for; nothing where it
    /// lacks one.
    #[must_use]
    pub fn said(&self, of: &Predicate) -> Option<Vec<Screening>> {
        let asked: Vec<String> = self.scanners.iter().map(Scanner::to_string).collect();
        let is_asked = |it: &&Screening| match it {
            Screening::Scan { command, .. } => asked.contains(command),
            _ => false,
        };
        let said: Vec<Screening> = of.screenings.iter().filter(is_asked).cloned().collect();
        // Of each image by each of them.
        (said.len() == asked.len() * of.images.len()).then_some(said)
    }

    /// How many forms of a layer are read.
    fn passes(&self) -> u64 {
        let has = |form| self.scanners.iter().filter(|it| it.form() == form).count() as u64;
        has(ScanForm::Stream) + has(ScanForm::Folder).min(1) + has(ScanForm::Layout).min(1)
    }
}

/// What `contents` make of its blobs, whoever names them: a blob that one manifest calls a config may be the
/// layer of another.
struct Uses {
    /// Those that stand among the layers of any manifest.
    layers: BTreeSet<Digest>,
    /// Those of them that are layers of files by their type, anywhere.
    of_files: BTreeSet<Digest>,
    /// Those that stand among the layers of what has the config of an image: whoever runs it goes by the
    /// bytes.
    of_images: BTreeSet<Digest>,
    /// Those of a type of which nobody here can make files, with it.
    opaque: BTreeMap<Digest, String>,
}

impl Uses {
    fn of(contents: &Contents) -> Uses {
        let mut uses = Uses {
            layers: BTreeSet::new(),
            of_files: BTreeSet::new(),
            of_images: BTreeSet::new(),
            opaque: BTreeMap::new(),
        };
        for document in contents.documents.values() {
            let Kind::Manifest { config, layers } = document.kind() else { continue };
            let is_image = config.as_ref().is_some_and(|it| it.media_type.role() == Role::Config);
            for layer in layers {
                uses.layers.insert(layer.digest);
                if layer.media_type.role().is_layer() {
                    uses.of_files.insert(layer.digest);
                }
                if is_image {
                    uses.of_images.insert(layer.digest);
                }
                if layer.media_type.role() == Role::Layer(None) {
                    uses.opaque.insert(layer.digest, layer.media_type.to_string());
                }
            }
        }
        uses
    }
}

/// What of `contents` is scanned: all blobs that are carried but those that are nothing but configs of images,
/// each once.
///
/// # Errors
/// [`Class::Untrusted`] for layers of which nobody here can make files.
fn layers<'c>(contents: &'c Contents, uses: &Uses) -> Result<Vec<&'c Descriptor>> {
    let mut all: BTreeMap<Digest, &Descriptor> = BTreeMap::new();
    let mut order = Vec::new();
    for blob in contents.blobs.carried() {
        let is_config =
            blob.media_type.role() == Role::Config && !uses.layers.contains(&blob.digest);
        if !is_config && all.insert(blob.digest, blob).is_none() {
            order.push(blob);
        }
    }
    let opaque = order.iter().filter_map(|blob| Some((blob, uses.opaque.get(&blob.digest)?)));
    let opaque = opaque.map(|(blob, kind)| unscannable(contents, blob, kind)).collect();
    let summary = |count| (Class::Untrusted, format!("{count} layers cannot be scanned"));
    Error::all(opaque, summary).map_or(Ok(order), Err)
}

/// What would be scanned of `contents`, a line a scanner.
///
/// # Errors
/// As [`scan`], where it would fail for what is known beforehand.
pub fn outlook(scans: &Scans, contents: &Contents) -> Result<Vec<String>> {
    if scans.is_empty() {
        return Ok(Vec::new());
    }
    let layers = layers(contents, &Uses::of(contents))?;
    let bytes = layers.iter().fold(0_u64, |sum, blob| sum.saturating_add(blob.size));
    let lines = scans.scanners.iter().map(|scanner| {
        let (layers, images) =
            (count(layers.len(), "layer"), count(contents.images.len(), "image"));
        format!("{scanner} would scan {layers} ({}) of {images}", Bytes(bytes))
    });
    Ok(lines.collect())
}

/// Scans what is carried of `contents`, whose bytes `sources` give, with scanners that were found to be
/// `tools`. Each layer is scanned once, however many images have it; images are, where a scanner wants them
/// whole.
///
/// # Errors
/// [`Class::Untrusted`], with all that was found: the layer, the images that need it, and what the scanner
/// said; and for layers that cannot be unpacked. [`Class::Other`] where a scanner did not do its work; those
/// of the sources, and of the disk.
pub fn scan(
    scans: &Scans,
    ScanTools(tools): &ScanTools,
    contents: &Contents,
    sources: &dyn BlobSources,
    progress: &dyn Progress,
) -> Result<Vec<Screening>> {
    if scans.is_empty() {
        return Ok(Vec::new());
    }
    let uses = Uses::of(contents);
    let layers = layers(contents, &uses)?;
    let bytes = layers.iter().fold(0_u64, |sum, blob| sum.saturating_add(blob.size));
    let bytes = bytes.saturating_mul(scans.passes());
    progress.event(Event::Phase { name: "scanning", bytes, items: layers.len() as u64 });
    let scanning = Scanning { scans, tools, contents, uses, sources, progress };
    let digests: BTreeSet<Digest> = layers.iter().map(|blob| blob.digest).collect();
    let mut findings = scanning.layers(layers, &digests)?;
    findings.extend(scanning.images()?);
    progress.event(Event::Done);
    let summary = |count| (Class::Untrusted, format!("something was found {count} times"));
    Error::all(findings, summary).map_or(Ok(()), Err)?;

    let mut screenings = Vec::new();
    for image in &contents.images {
        let own = contents.closure(image.digest).intersection(&digests).count();
        screenings.extend(scans.scanners.iter().zip(tools).map(|(scanner, tool)| {
            let (image, digest) = (image.name.clone(), image.digest);
            let (command, tool) = (scanner.to_string(), tool.clone());
            Screening::Scan { image, digest, command, tool, layers: own as u64 }
        }));
    }
    Ok(screenings)
}

struct Scanning<'s> {
    scans: &'s Scans,
    tools: &'s [String],
    contents: &'s Contents,
    uses: Uses,
    sources: &'s dyn BlobSources,
    progress: &'s dyn Progress,
}

impl<'s> Scanning<'s> {
    /// The scanners that are given that, each with what it calls itself.
    fn of(&self, form: ScanForm) -> impl Iterator<Item = (&'s Scanner, &'s str)> {
        let all = self.scans.scanners.iter().zip(self.tools.iter().map(String::as_str));
        all.filter(move |(scanner, _)| scanner.form() == form)
    }

    /// Has all `layers` scanned; what was found.
    fn layers(
        &self,
        mut layers: Vec<&Descriptor>,
        digests: &BTreeSet<Digest>,
    ) -> Result<Vec<Error>> {
        let is_wanted = |form| self.of(form).next().is_some();
        if !is_wanted(ScanForm::Stream) && !is_wanted(ScanForm::Folder) {
            return Ok(Vec::new());
        }
        // Archives are read front to back.
        layers.sort_by_key(|blob| match self.sources.source_of(&blob.digest) {
            Ok((source, _)) => source.position(blob),
            Err(_) => 0,
        });
        let needed_by = self.contents.needed_by(digests);
        let mut findings = Vec::new();
        for blob in layers {
            self.progress.check()?;
            let names = needing(self.contents, needed_by.get(&blob.digest));
            let of = names.first().cloned().unwrap_or_default();
            let (digest, bytes) = (blob.digest, blob.size);
            self.progress.event(Event::Started { digest, bytes, of });
            let (source, _) = self.sources.source_of(&digest)?;
            let found = from_all_places(source, blob, || self.layer(blob, &names));
            findings.extend(found.map_err(|e| name_images(e, blob, self.contents))?);
            self.progress.event(Event::Finished { digest });
        }
        Ok(findings)
    }

    fn layer(&self, blob: &Descriptor, names: &[String]) -> Result<Vec<Error>> {
        let (digest, mut findings) = (blob.digest.to_string(), Vec::new());
        let image = names.first().map_or("", String::as_str);
        let what = format!("layer {digest}");
        for (scanner, tool) in self.of(ScanForm::Stream) {
            let said = self.content(blob)?.read(|content, _| {
                let target = ScanTarget { path: None, image, digest: &digest };
                scanner.scan(target, Some(content), self.scans.patience, &self.progress.handle())
            });
            if let ScanVerdict::Found(lines) = said.map_err(|e| failed(e, &what))? {
                findings.push(finding((scanner, tool), &what, names, lines));
            }
        }
        if self.of(ScanForm::Folder).next().is_none() {
            return Ok(findings);
        }
        let scratch = Scratch::new(&self.scans.scratch)?;
        let laid = self.content(blob)?.lay(&scratch)?;
        for (scanner, tool) in self.of(ScanForm::Folder) {
            let said = self.look(scanner, scratch.path(), image, &digest);
            if let ScanVerdict::Found(lines) = said.map_err(|e| failed(e, &what))? {
                let lines = laid.in_layer(scratch.path(), lines);
                findings.push(finding((scanner, tool), &what, names, lines));
            }
        }
        Ok(findings)
    }

    /// Has all images scanned that are wanted whole; what was found.
    fn images(&self) -> Result<Vec<Error>> {
        let mut findings = Vec::new();
        if self.of(ScanForm::Layout).next().is_none() {
            return Ok(findings);
        }
        let mut names: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        for image in &self.contents.images {
            names.entry(image.digest).or_default().push(image.name.to_string());
        }
        for (digest, names) in names {
            self.progress.check()?;
            let scratch = Scratch::new(&self.scans.scratch)?;
            image_layout(digest, (self.contents, self.sources), &scratch, self.progress)?;
            let (digest, image) = (digest.to_string(), names.first().map_or("", String::as_str));
            for (scanner, tool) in self.of(ScanForm::Layout) {
                let said = self.look(scanner, scratch.path(), image, &digest);
                let what = format!("image {digest}");
                if let ScanVerdict::Found(lines) = said.map_err(|e| failed(e, &what))? {
                    let lines = finding::below(scratch.path(), lines);
                    findings.push(finding((scanner, tool), &what, &names, lines));
                }
            }
        }
        Ok(findings)
    }

    fn look(&self, scanner: &Scanner, at: &Path, image: &str, digest: &str) -> Result<ScanVerdict> {
        let target = ScanTarget { path: Some(at), image, digest };
        scanner.scan(target, None, self.scans.patience, &self.progress.handle())
    }

    fn content<'b>(&'b self, blob: &'b Descriptor) -> Result<LayerContent<'b>> {
        let (source, place) = self.sources.source_of(&blob.digest)?;
        let place = source.whence(blob).unwrap_or_else(|| place.to_owned());
        let (contents, progress) = (self.contents, self.progress);
        let in_image = self.uses.of_images.contains(&blob.digest);
        let is_layer = self.uses.of_files.contains(&blob.digest);
        Ok(LayerContent { source, place, blob, contents, progress, is_layer, in_image })
    }
}

/// `error`, met while `what` was scanned.
fn failed(error: Error, what: &str) -> Error {
    match error.class() {
        Class::Other => error.context(format!("scanning {what}")),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bundle::samples::{CONFIG, LAYER, Stock};

    #[test]
    fn a_layer_that_another_manifest_calls_a_config_is_scanned_as_a_layer() {
        let mut stock = Stock::default();
        let config = stock.config("config", "linux/amd64", 1);
        let [layer, other] = [&b"layer"[..], b"other"].map(|bytes| stock.blob(LAYER, bytes));
        let called_config = stock.blob(CONFIG, b"layer");
        let image = stock.manifest(&config, std::slice::from_ref(&layer), json!({}));
        let odd = stock.manifest(&called_config, std::slice::from_ref(&other), json!({}));
        let (a, b) = ("x.example/a:1", "x.example/b:1");

        // Whichever of them is met first.
        for images in [[(a, &image), (b, &odd)], [(a, &odd), (b, &image)]] {
            let contents = stock.contents(&images);
            let uses = Uses::of(&contents);
            let scanned = layers(&contents, &uses).unwrap();

            let has = |it: &Descriptor| scanned.iter().any(|blob| blob.digest == it.digest);
            assert!(has(&layer) && has(&other), "{scanned:?}");
            assert!(!has(&config), "{scanned:?}");
            assert!(
                uses.of_files.contains(&layer.digest) && uses.of_images.contains(&layer.digest)
            );
        }
    }
}
