//! [`Judgement`]: what a policy says of images.

use std::collections::BTreeSet;

use super::broken::{BrokenPolicyRule, Unjudged};
use super::document::AdmissionPolicy;
use super::facts::{ConfigFacts, ImageFacts, ImageParts, ManifestFacts, is_root};
use super::rule::{Demanded, PolicyRule, fitting};
use crate::bundle::image_signature::{SIGN_PREDICATE, is_sbom};
use crate::bundle::keys::KeyId;
use crate::words::bytes::Bytes;
use crate::words::digest::Digest;
use crate::words::glob::fits;
use crate::words::moment::Moment;
use crate::words::platform::Platform;
use crate::work::choice::Pattern;

const DAY: i64 = 24 * 60 * 60;

/// What is judged.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PolicySubject<'s> {
    /// The images.
    pub images: &'s [ImageFacts],
    /// Bytes of the bundle, where they are known.
    pub bundle: Option<u64>,
    /// When.
    pub now: Moment,
}

/// What a policy says.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Judgement {
    /// The rules that are broken, those first that keep something out.
    pub broken: Vec<BrokenPolicyRule>,
    /// The rules that more has to be known for.
    pub unjudged: Vec<Unjudged>,
    /// The rules that are for none of the images.
    pub idle: Vec<String>,
}

impl<'s> PolicySubject<'s> {
    /// These `images`, in a bundle of so many bytes, at the time `now`.
    #[must_use]
    pub fn new(images: &'s [ImageFacts], bundle: Option<u64>, now: Moment) -> PolicySubject<'s> {
        PolicySubject { images, bundle, now }
    }
}

impl AdmissionPolicy {
    /// What it says of `subject`, all of it.
    #[must_use]
    pub fn judge(&self, subject: PolicySubject<'_>) -> Judgement {
        let mut all = Judgement::default();
        for rule in &self.rules {
            let mut broken = BTreeSet::new();
            let breaks = |image: Option<&ImageFacts>, what: String| BrokenPolicyRule {
                action: rule.action,
                rule: rule.name.clone(),
                image: image.map(|image| image.name.clone()),
                what,
            };
            let (mut own, mut unknown) = (0, 0);
            let needs = match rule.asks_digests() {
                true => Some("digests"),
                false => rule.needs(),
            };
            for image in subject.images {
                let is_open = image.digest.is_none() && rule.asks_digests();
                if !is_open && !rule.is_for(image) {
                    continue;
                }
                own += 1;
                unknown += usize::from(image.parts.is_none());
                if is_open {
                    continue;
                }
                let told = of_name(&rule.demands, image).into_iter();
                let told = told.chain(of_parts(&rule.demands, image, subject.now));
                broken.extend(told.map(|what| breaks(Some(image), what)));
            }
            if let Some((most, bytes)) = rule.demands.max_bundle_size.zip(subject.bundle)
                && bytes > most
            {
                broken.insert(breaks(None, too_large(bytes, most)));
            }
            if let Some(needs) = needs.filter(|_| unknown > 0) {
                let (rule, needs) = (rule.name.clone(), needs.to_owned());
                all.unjudged.push(Unjudged { rule, needs, images: unknown });
            }
            if own == 0 {
                all.idle.push(rule.name.clone());
            }
            all.broken.extend(broken);
        }
        all.broken.sort();
        all
    }

    /// Whether configs have to be read for it.
    #[must_use]
    pub fn needs_configs(&self) -> bool {
        self.rules.iter().any(PolicyRule::needs_config)
    }
}

fn too_large(bytes: u64, most: u64) -> String {
    format!("has {}, and {} are allowed", Bytes(bytes), Bytes(most))
}

/// What is wrong with the name of `image`.
fn of_name(demands: &Demanded, image: &ImageFacts) -> Vec<String> {
    let mut told = Vec::new();
    let name = &image.name;
    let host = name.registry.plain();
    let is_any = |pattern: &&Pattern| pattern.matches_name(name, image.digest);
    if !demands.allowed_registries.is_empty()
        && fitting(&demands.allowed_registries, host).is_none()
    {
        told.push(format!("is of the registry {host}, which is not among those that are allowed"));
    }
    if let Some(denied) = fitting(&demands.denied_registries, host) {
        told.push(format!("is of a registry that is denied, by {denied}"));
    }
    if !demands.allowed_images.is_empty() && !demands.allowed_images.iter().any(|it| is_any(&it)) {
        told.push("is not among the images that are allowed".to_owned());
    }
    if let Some(denied) = demands.denied_images.iter().find(is_any) {
        told.push(format!("is denied, by {denied}"));
    }
    if let Some(tag) = name.tag.as_ref().map(|tag| tag.as_str())
        && let Some(denied) = fitting(&demands.denied_tags, tag)
    {
        told.push(match denied == tag {
            true => format!("has the tag {tag}, which is denied"),
            false => format!("has the tag {tag}, which is denied, by {denied}"),
        });
    }
    if demands.by_digest && !image.by_digest {
        told.push("was not asked for by its digest".to_owned());
    }
    told
}

/// What is wrong with what `image` consists of, as far as that is known.
fn of_parts(demands: &Demanded, image: &ImageFacts, now: Moment) -> Vec<String> {
    let Some(parts) = &image.parts else { return Vec::new() };
    let mut told = Vec::new();
    if let Some(most) = demands.max_image_size.filter(|most| parts.bytes > *most) {
        told.push(too_large(parts.bytes, most));
    }
    let runs = parts.running().next().is_some();
    let lacks = |wanted: &&Platform| !parts.platforms.iter().any(|there| wanted.takes(there));
    let lacking = demands.platforms.iter().filter(lacks).filter(|_| runs);
    told.extend(lacking.map(|platform| format!("is not there for {platform}")));
    for manifest in parts.running() {
        let about = |what: String| match parts.running().count() {
            1 => what,
            _ => match &manifest.platform {
                Some(platform) => format!("{what} ({platform})"),
                None => format!("{what} ({})", manifest.digest),
            },
        };
        told.extend(of_config(demands, &manifest.config, now).into_iter().map(about));
    }
    let missing = demands.carries.iter().filter(|kind| !carries(parts, image, kind));
    told.extend(missing.map(|kind| format!("comes without {}", in_words(kind))));
    if let Some(keys) = &demands.attested_by {
        let ids = keys.ids();
        let missing = demands.carries.iter().filter(|kind| !attested(parts, image, &ids, kind));
        told.extend(
            missing.map(|kind| {
                format!("comes without {} that one of the keys attests", in_words(kind))
            }),
        );
    }
    if let Some((keys, names)) = &demands.signed_by {
        match parts.signatures.get(&(keys.ids(), *names)) {
            Some(Ok(_)) => {}
            Some(Err(why)) => told.push(why.clone()),
            None => told.push("has signatures that nobody looked at".to_owned()),
        }
    }
    told
}

/// What is wrong with what a config says.
fn of_config(demands: &Demanded, config: &ConfigFacts, now: Moment) -> Vec<String> {
    let is_asked = demands.no_root || demands.max_age_days.is_some() || !demands.labels.is_empty();
    let (created, user, labels) = match config {
        ConfigFacts::Says { created, user, labels } => (created, user, labels),
        ConfigFacts::Unread(why) if is_asked => {
            return vec![format!("has a config that cannot be looked into: {why}")];
        }
        _ => return Vec::new(),
    };
    let mut told = Vec::new();
    if let Some(days) = demands.max_age_days {
        told.extend(too_old(*created, days, now));
    }
    if demands.no_root && is_root(user) {
        told.push(match user.is_empty() {
            true => "runs as root, since it names no user".to_owned(),
            false => format!("runs as root, which is user {user:?}"),
        });
    }
    for (name, glob) in &demands.labels {
        match labels.get(name) {
            None => told.push(format!("has no label {name:?}")),
            Some(value) if !fits(glob, value) => {
                told.push(format!("has a label {name:?} that is not as {glob:?} demands"));
            }
            Some(_) => {}
        }
    }
    told
}

/// What is wrong with the day on which an image was made. The beginning of time is what builders write
/// that are to make the same image again.
fn too_old(created: Option<Moment>, days: u32, now: Moment) -> Option<String> {
    match created.filter(|it| it.unix() > DAY) {
        None => {
            Some(format!("does not say when it was made, and may not be older than {days} days"))
        }
        // Clocks differ.
        Some(at) if at.unix() > now.unix() + DAY => {
            Some(format!("says that it was made at {at}, which is in the future"))
        }
        Some(at) if now.unix() - at.unix() > i64::from(days) * DAY => {
            Some(format!("was made at {at}, and may not be older than {days} days"))
        }
        Some(_) => None,
    }
}

/// Whether something of that `kind` came along for the image as a whole, or for each of its manifests that
/// run.
fn carries(parts: &ImageParts, image: &ImageFacts, kind: &str) -> bool {
    let has =
        |subject| parts.carried.iter().any(|it| it.subject == subject && it.kinds.contains(kind));
    let of_each = |it: &ManifestFacts| has(it.digest);
    image.digest.is_some_and(has)
        || parts.running().next().is_some() && parts.running().all(of_each)
}

/// Whether one of the keys with these `ids` attests something of that kind, of the image as a whole, or of
/// each of its manifests that run.
fn attested(parts: &ImageParts, image: &ImageFacts, ids: &BTreeSet<KeyId>, kind: &str) -> bool {
    let fits = |told: &String| match kind {
        "sbom" => is_sbom(told),
        "attestation" => told != SIGN_PREDICATE,
        other => told == other,
    };
    let has = |subject: Digest| {
        parts.attested.get(&(ids.clone(), subject)).is_some_and(|all| all.iter().any(fits))
    };
    image.digest.is_some_and(has)
        || parts.running().next().is_some() && parts.running().all(|it| has(it.digest))
}

fn in_words(kind: &str) -> String {
    match kind {
        "signature" => "a signature".to_owned(),
        "sbom" => "an SBOM".to_owned(),
        "attestation" => "an attestation".to_owned(),
        other => format!("anything of the type {other}"),
    }
}
