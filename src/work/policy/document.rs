//! [`AdmissionPolicy`]: a policy, as it is read from its file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::keys::PolicyKeys;
use super::rule::{Demanded, PolicyAction, PolicyRule};
use crate::bundle::image_signature::{ImageKey, SignedNames};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::platform::Platform;
use crate::words::reference::Registry;
use crate::words::size::parse_size;
use crate::work::choice::Pattern;

/// Largest file of a policy: rules for a thousand repositories.
pub const MAX_POLICY: u64 = 64 << 10;
/// The one version that there is.
const VERSION: i64 = 1;
/// Longest name of a rule, as it stands in front of each refusal.
const MAX_NAME: usize = 64;
/// Oldest that an image may be said to be: a hundred years, in days.
const MAX_DAYS: u32 = 36_500;

/// Which images are let in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AdmissionPolicy {
    /// The file that it was read from.
    pub file: PathBuf,
    /// The digest of that.
    pub digest: Digest,
    /// What it demands, in the order of the file.
    pub rules: Vec<PolicyRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<i64>,
    #[serde(default)]
    rule: Vec<Spanned<Written>>,
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    action: PolicyAction,
    images: Option<Vec<String>>,
    except: Option<Vec<String>>,
    allowed_registries: Option<Vec<String>>,
    denied_registries: Option<Vec<String>>,
    allowed_images: Option<Vec<String>>,
    denied_images: Option<Vec<String>>,
    denied_tags: Option<Vec<String>>,
    by_digest: Option<bool>,
    max_image_size: Option<String>,
    max_bundle_size: Option<String>,
    max_age_days: Option<u32>,
    platforms: Option<Vec<String>>,
    no_root: Option<bool>,
    labels: Option<BTreeMap<String, String>>,
    carries: Option<Vec<String>>,
    attested_by: Option<Vec<String>>,
    signed_by: Option<Vec<String>>,
    any_signed_name: Option<bool>,
}

/// How the file of a key is read that a policy names.
pub type ReadKey<'r> = dyn Fn(&str) -> Result<Vec<u8>> + 'r;

impl AdmissionPolicy {
    /// Reads the policy in `bytes`, which are those of `file`, and the files of keys that it names, with `key`.
    ///
    /// # Errors
    /// [`Class::Usage`] with the line, for what is no TOML, for another version, for a member that is
    /// unknown or stands twice, and for one that means nothing; as `key`.
    pub fn read(file: &Path, bytes: &[u8], key: &ReadKey<'_>) -> Result<AdmissionPolicy> {
        let fault = |line: usize, why: &str| {
            let text = format!("{}: line {line}: {why}", file.display());
            Error::new(Class::Usage, text)
                .subject(Subject::Path(file.to_owned()))
                .hint("repair the policy; docs/policy.md says what may stand in it")
        };
        if bytes.len() as u64 > MAX_POLICY {
            let text = format!("{} is larger than {MAX_POLICY} bytes", file.display());
            return Err(Error::new(Class::Usage, text).subject(Subject::Path(file.to_owned())));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|e| fault(line_at(bytes, e.valid_up_to()), "it is no text in UTF-8"))?;
        let written: File = toml::from_str(text).map_err(|e| {
            fault(line_at(bytes, e.span().map_or(0, |span| span.start)), e.message())
        })?;
        if *written.version.get_ref() != VERSION {
            let line = line_at(bytes, written.version.span().start);
            return Err(fault(line, &format!("only version {VERSION} of a policy is known here")));
        }
        let (mut rules, mut names) = (Vec::new(), BTreeSet::new());
        for rule in written.rule {
            let line = line_at(bytes, rule.span().start);
            let rule = rule.into_inner();
            let name = rule.name.clone();
            let of_rule = |why: String| fault(line, &format!("rule {name:?}: {why}"));
            if !names.insert(rule.name.clone()) {
                return Err(of_rule("another one has that name".to_owned()));
            }
            rules.push(of_written(rule, key).map_err(|e| of_rule(e.spelled()))?);
        }
        match rules.is_empty() {
            true => Err(fault(1, "it has no rule")),
            false => {
                Ok(AdmissionPolicy { file: file.to_owned(), digest: Digest::of(bytes), rules })
            }
        }
    }
}

fn line_at(bytes: &[u8], at: usize) -> usize {
    bytes[..at.min(bytes.len())].iter().filter(|c| **c == b'\n').count() + 1
}

fn bad(why: impl Into<String>) -> Error {
    Error::new(Class::Usage, why.into())
}

fn of_written(rule: Written, key: &ReadKey<'_>) -> Result<PolicyRule> {
    let is_inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if rule.name.is_empty() || rule.name.len() > MAX_NAME || !rule.name.bytes().all(is_inner) {
        let text = format!("a name has a-z, 0-9 and -, at most {MAX_NAME} of them");
        return Err(bad(text));
    }
    let names = match yes("any-signed-name", rule.any_signed_name)? {
        true => SignedNames::Any,
        false => SignedNames::Own,
    };
    let demands = Demanded {
        allowed_registries: list("allowed-registries", rule.allowed_registries, registry)?,
        denied_registries: list("denied-registries", rule.denied_registries, registry)?,
        allowed_images: list("allowed-images", rule.allowed_images, pattern)?,
        denied_images: list("denied-images", rule.denied_images, pattern)?,
        denied_tags: list("denied-tags", rule.denied_tags, tag)?,
        by_digest: yes("by-digest", rule.by_digest)?,
        max_image_size: size("max-image-size", rule.max_image_size)?,
        max_bundle_size: size("max-bundle-size", rule.max_bundle_size)?,
        max_age_days: match rule.max_age_days {
            Some(days) if !(1..=MAX_DAYS).contains(&days) => {
                return Err(bad(format!("max-age-days is from 1 to {MAX_DAYS}")));
            }
            days => days,
        },
        platforms: list("platforms", rule.platforms, |text| text.parse::<Platform>())?,
        no_root: yes("no-root", rule.no_root)?,
        labels: labels(rule.labels)?,
        carries: list("carries", rule.carries, kind)?,
        attested_by: keys("attested-by", rule.attested_by, key)?,
        signed_by: keys("signed-by", rule.signed_by, key)?.map(|keys| (keys, names)),
    };
    let images = list("images", rule.images, pattern)?;
    let except = list("except", rule.except, pattern)?;
    if demands.max_bundle_size.is_some() && !(images.is_empty() && except.is_empty()) {
        return Err(bad(
            "max-bundle-size is about all images, and goes with neither images nor except",
        ));
    }
    if names == SignedNames::Any && demands.signed_by.is_none() {
        return Err(bad("any-signed-name goes with signed-by"));
    }
    let is_signature = demands.carries.iter().any(|kind| kind == "signature");
    if demands.attested_by.is_some() && (demands.carries.is_empty() || is_signature) {
        return Err(bad("attested-by goes with carries, for anything but a signature"));
    }
    if !demands.are_any() {
        return Err(bad("it demands nothing"));
    }
    Ok(PolicyRule { name: rule.name, action: rule.action, images, except, demands })
}

impl Demanded {
    fn are_any(&self) -> bool {
        let lists =
            [&self.allowed_registries, &self.denied_registries, &self.denied_tags, &self.carries];
        lists.iter().any(|list| !list.is_empty())
            || !self.allowed_images.is_empty()
            || !self.denied_images.is_empty()
            || !self.platforms.is_empty()
            || !self.labels.is_empty()
            || self.by_digest
            || self.no_root
            || self.max_image_size.or(self.max_bundle_size).is_some()
            || self.max_age_days.is_some()
            || self.signed_by.is_some()
    }
}

/// The entries of a list, which has some where it is there.
fn list<T>(
    member: &str,
    written: Option<Vec<String>>,
    read: impl Fn(&str) -> Result<T>,
) -> Result<Vec<T>> {
    let Some(written) = written else { return Ok(Vec::new()) };
    if written.is_empty() {
        return Err(bad(format!("{member} is empty")));
    }
    written.iter().map(|text| read(text).map_err(|e| e.context(member))).collect()
}

fn yes(member: &str, written: Option<bool>) -> Result<bool> {
    match written {
        Some(false) => Err(bad(format!("{member} is true, or left out"))),
        other => Ok(other.is_some()),
    }
}

fn size(member: &str, written: Option<String>) -> Result<Option<u64>> {
    written.map(|text| parse_size(&text).map_err(|e| e.context(member))).transpose()
}

/// A pattern for names. One that is nothing but a registry would be read as a repository of Docker Hub.
fn pattern(text: &str) -> Result<Pattern> {
    let host = text.split_once(':').map_or(text, |(host, _)| host);
    if !text.contains(['/', '*', '?']) && (host.contains('.') || host == "localhost") {
        return Err(bad(format!("{text:?} is a registry: {text}/* stands for all that is in it")));
    }
    Pattern::parse(text)
}

/// A registry, or a glob for registries.
fn registry(text: &str) -> Result<String> {
    match text.contains(['*', '?']) {
        false => Ok(text.parse::<Registry>()?.as_str().to_owned()),
        true => {
            let is_inner = |c: u8| c.is_ascii_alphanumeric() || b".-:[]*?".contains(&c);
            match text.bytes().all(is_inner) && text.len() <= 255 {
                true => Ok(text.to_ascii_lowercase()),
                false => Err(bad(format!("{text:?} is no registry, and no pattern for any"))),
            }
        }
    }
}

/// A tag, or a glob for tags.
fn tag(text: &str) -> Result<String> {
    let is_inner = |c: u8| c.is_ascii_alphanumeric() || b"._-*?".contains(&c);
    match !text.is_empty() && text.len() <= 128 && text.bytes().all(is_inner) {
        true => Ok(text.to_owned()),
        false => Err(bad(format!("{text:?} is no tag, and no pattern for any"))),
    }
}

/// A word for what comes along, or its type.
fn kind(text: &str) -> Result<String> {
    let is_word = ["signature", "sbom", "attestation"].contains(&text);
    let is_type =
        text.contains('/') && text.len() <= 255 && text.bytes().all(|c| c.is_ascii_graphic());
    match is_word || is_type {
        true => Ok(text.to_owned()),
        false => Err(bad(format!(
            "{text:?} is neither signature, sbom or attestation nor a type, as in application/spdx+json"
        ))),
    }
}

/// The keys in the files that are named.
fn keys(
    member: &str,
    written: Option<Vec<String>>,
    read: &ReadKey<'_>,
) -> Result<Option<PolicyKeys>> {
    let keys = list(member, written, |file| {
        let bytes = read(file)?;
        let pem = std::str::from_utf8(&bytes).map_err(|_| bad(format!("{file:?} is no text")))?;
        ImageKey::all_from_pem(pem).map_err(|e| e.context(file))
    })?;
    let keys: Vec<ImageKey> = keys.into_iter().flatten().collect();
    Ok((!keys.is_empty()).then_some(PolicyKeys { keys }))
}

fn labels(written: Option<BTreeMap<String, String>>) -> Result<BTreeMap<String, String>> {
    match written {
        Some(labels) if labels.is_empty() => Err(bad("labels is empty")),
        Some(labels) if labels.contains_key("") => Err(bad("a label has no name")),
        Some(labels) => Ok(labels),
        None => Ok(BTreeMap::new()),
    }
}
