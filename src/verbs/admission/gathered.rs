//! What policies ask of images, gathered from what a bundle holds.

use std::collections::{BTreeMap, BTreeSet};

use super::reading::PartReading;
use super::signed;
use crate::bundle::contents::{Contents, Image, Referrer};
use crate::bundle::head::MAX_CONFIG;
use crate::bundle::image_signature::{SIGN_PREDICATE, is_sbom};
use crate::tools::parallel;
use crate::verbs::inspect::sized;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::Result;
use crate::words::media::Role;
use crate::work::policy::{
    AdmissionPolicy, CarriedFacts, ConfigFacts, ImageFacts, ImageParts, ManifestFacts,
};

/// What BuildKit marks the entry of an attestation with, which stands among the platforms.
const BUILDKIT: &str = "vnd.docker.reference.type";
/// Of which manifest that is.
const BUILDKIT_OF: &str = "vnd.docker.reference.digest";
/// Under what a layer of an attestation names its predicate: BuildKit, cosign's tags.
const PREDICATES: [&str; 2] = ["in-toto.io/predicate-type", "predicateType"];
/// Under what the manifest of a Sigstore bundle does.
const BUNDLE_PREDICATE: &str = "dev.sigstore.bundle.predicateType";
/// The config of what is no image, as OCI's specification of images has it.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// What `policies` ask of the images of `contents`, of which `reading` gives the small parts. What none of them
/// asks for is not read.
pub(in crate::verbs) fn facts_of(
    contents: &Contents,
    policies: &[AdmissionPolicy],
    reading: &PartReading<'_>,
) -> Result<Vec<ImageFacts>> {
    let with_configs = policies.iter().any(AdmissionPolicy::needs_configs);
    let mut about: BTreeMap<Digest, Vec<&Referrer>> = BTreeMap::new();
    for referrer in &contents.referrers {
        about.entry(referrer.subject).or_default().push(referrer);
    }
    parallel::map(reading.jobs, &sized(contents), |sized| {
        let image = &sized.image;
        let entries = entries(contents, image.digest);
        let mut parts = ImageParts::default();
        (parts.bytes, parts.platforms) = (sized.bytes, image.platforms.clone());
        for manifest in contents.manifests(image.digest) {
            let digest = manifest.descriptor().digest;
            let named = entries.get(&digest).map(Vec::as_slice).unwrap_or_default();
            // Whoever chooses by platform may take it for any entry that names it.
            let runs = named.iter().find(|entry| !is_attestation(entry)).copied();
            let entry = runs.or(named.first().copied());
            let platform = entry.and_then(|it| it.platform.as_deref().cloned());
            let facts = match entry.is_some_and(is_attestation) {
                true => ConfigFacts::RunsNothing,
                false => config_facts(manifest, reading, with_configs)?,
            };
            let platform = platform.filter(|it| !it.is_unknown());
            parts.manifests.push(ManifestFacts::new(digest, platform, facts));
            parts.carried.extend(entry.and_then(|entry| attestation(entry, manifest)));
        }
        let subjects = contents.closure(image.digest).into_iter().chain(image.rewritten_from);
        let name = image.name.name();
        for subject in subjects.collect::<BTreeSet<Digest>>() {
            // What was about the index from which a smaller one was made is about that.
            let of = if image.rewritten_from == Some(subject) { image.digest } else { subject };
            let all = about.get(&subject).into_iter().flatten();
            let own = all.filter(|referrer| referrer.repository == name);
            let kinds = own.map(|it| kinds(it, contents.documents.get(&it.digest)));
            parts.carried.extend(kinds.map(|kinds| CarriedFacts::new(of, kinds)));
        }
        let (name, by_digest) = (image.name.clone(), by_digest(image));
        let mut facts = ImageFacts::whole(name, image.digest, by_digest, parts);
        let rules = policies.iter().flat_map(|policy| &policy.rules);
        for rule in rules.filter(|rule| rule.is_for(&facts)).collect::<Vec<_>>() {
            signed::look(contents, image, rule, reading, &mut facts)?;
        }
        Ok(facts)
    })
}

/// Whether an image was asked for by its digest, as its source says.
fn by_digest(image: &Image) -> bool {
    let source = image.source.rsplit_once('@').and_then(|(_, digest)| digest.parse().ok());
    let asked = image.name.digest.or(source);
    asked.is_some_and(|digest| digest == image.digest || image.rewritten_from == Some(digest))
}

/// The entries of the indexes below `root`.
fn entries(contents: &Contents, root: Digest) -> BTreeMap<Digest, Vec<&Descriptor>> {
    let mut found: BTreeMap<Digest, Vec<&Descriptor>> = BTreeMap::new();
    let documents = contents.children_first([root]).into_iter();
    let indexes = documents.filter(|it| matches!(it.kind(), Kind::Index { .. }));
    for entry in indexes.flat_map(Document::children) {
        found.entry(entry.digest).or_default().push(entry);
    }
    found
}

/// Whether BuildKit put it into the index to say something of another: no engine chooses it, since it is
/// for no platform. Its types are those of an image, and say nothing.
fn is_attestation(entry: &Descriptor) -> bool {
    let is_for_none =
        |entry: &Descriptor| entry.platform.as_deref().is_some_and(|it| it.is_unknown());
    let is_marked = |entry: &Descriptor| {
        entry.annotations.get(BUILDKIT).as_deref() == Some("attestation-manifest")
    };
    is_for_none(entry) && is_marked(entry)
}

/// What an attestation of BuildKit is about, and what it is.
fn attestation(entry: &Descriptor, manifest: &Document) -> Option<CarriedFacts> {
    let subject = entry.annotations.get(BUILDKIT_OF).filter(|_| is_attestation(entry))?;
    let mut kinds = types(manifest);
    kinds.insert("attestation".to_owned());
    Some(CarriedFacts::new(subject.parse().ok()?, kinds))
}

/// What the config of `manifest` says, where it is one of an image: by its type, or by layers of files, which
/// engines run whatever its config is called.
fn config_facts(
    manifest: &Document,
    reading: &PartReading<'_>,
    with_configs: bool,
) -> Result<ConfigFacts> {
    let about = match manifest.kind() {
        Kind::Manifest { config: Some(about), layers }
            if about.media_type.role() == Role::Config
                || &*about.media_type != EMPTY
                    && layers.iter().any(|layer| layer.media_type.role().is_layer()) =>
        {
            about
        }
        _ => return Ok(ConfigFacts::RunsNothing),
    };
    let unread = |why: &str| Ok(ConfigFacts::Unread(why.to_owned()));
    match () {
        () if !with_configs => unread("nobody asked for it"),
        () if about.size > MAX_CONFIG => unread("it is larger than 4 MiB"),
        () => match (reading.part)(about)? {
            Some(bytes) => Ok(ConfigFacts::read(&bytes)),
            None => unread("it is not at hand"),
        },
    }
}

/// What a referrer is, in words and by its types.
fn kinds(referrer: &Referrer, document: Option<&Document>) -> BTreeSet<String> {
    let mut kinds = document.map(types).unwrap_or_default();
    kinds.extend(referrer.artifact_type.clone().filter(|kind| kind.contains('/')));
    let word = match referrer.kind() {
        Some("cosign signature" | "notation signature") => Some("signature"),
        Some("cosign attestation" | "in-toto attestation") => Some("attestation"),
        Some("cosign SBOM" | "SPDX SBOM" | "CycloneDX SBOM") => Some("sbom"),
        Some("sigstore bundle") => match kinds.contains(SIGN_PREDICATE) {
            true => Some("signature"),
            false => Some("attestation"),
        },
        _ => None,
    };
    kinds.extend(word.map(str::to_owned));
    kinds
}

/// The types of a manifest and its parts, and what predicates they name.
fn types(manifest: &Document) -> BTreeSet<String> {
    let mut kinds: BTreeSet<String> =
        manifest.artifact_type().map(str::to_owned).into_iter().collect();
    kinds.extend(manifest.annotations().get(BUNDLE_PREDICATE));
    if let Kind::Manifest { config, layers } = manifest.kind() {
        let parts = config.iter().chain(layers);
        kinds.extend(parts.map(|part| part.media_type.to_string()));
        for layer in layers {
            kinds.extend(PREDICATES.iter().filter_map(|key| layer.annotations.get(key)));
        }
    }
    // A manifest cannot call itself by one of the words.
    kinds.retain(|kind| kind.contains('/'));
    if kinds.iter().any(|kind| is_sbom(kind)) {
        kinds.insert("sbom".to_owned());
    }
    kinds
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::bundle::samples::Stock;
    use crate::words::moment::moment;
    use crate::work::policy::PolicySubject;

    /// What a policy that wants no root breaks of an index that names the one manifest by `entries`.
    fn broken(entries: &[bool]) -> Vec<String> {
        let mut stock = Stock::default();
        let image = stock.image("runs as root", "linux/amd64");
        let attestation = Descriptor {
            platform: Some(Box::new("unknown/unknown".parse().unwrap())),
            annotations: [(BUILDKIT.to_owned(), "attestation-manifest".to_owned())]
                .into_iter()
                .collect(),
            ..image.clone()
        };
        let entries: Vec<&Descriptor> =
            entries.iter().map(|is_one| if *is_one { &attestation } else { &image }).collect();
        let index = stock.index(&entries);
        let contents = stock.contents(&[("x.example/a:1", &index)]);
        let rules = b"version = 1\n[[rule]]\nname = \"no-root\"\nno-root = true\n";
        let policy = AdmissionPolicy::read(Path::new("p"), rules, &|_| panic!("no key is named"));
        let policies = [policy.unwrap()];
        let part =
            move |blob: &Descriptor| Ok(stock.blobs.get(&blob.digest).map(|it| it[..].into()));
        let reading = PartReading { part: Box::new(part), at_source: false, jobs: 1 };

        let facts = facts_of(&contents, &policies, &reading).unwrap();

        let now = moment("2026-11-21T00:00:00Z");
        let judged = policies[0].judge(PolicySubject::new(&facts, None, now));
        judged.broken.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_one_entry_calls_an_attestation_and_another_a_platform_runs() {
        assert!(broken(&[true]).is_empty(), "what is an attestation alone runs nothing");
        for entries in [&[true, false][..], &[false, true], &[true, true, false]] {
            assert_eq!(broken(entries).len(), 1, "{entries:?}");
        }
    }
}
