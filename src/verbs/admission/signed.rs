//! [`look`]: whether an image is signed as a rule demands.

use std::collections::btree_map::Entry;

use super::reading::PartReading;
use crate::bundle::contents::{Contents, Image};
use crate::bundle::image_signature::{SignatureDemand, attested_by, signed_by};
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::work::policy::{ImageFacts, PolicyRule};

/// Enters into `facts` whether the `image` of `contents` is signed, and what is attested of it, as `rule` asks, unless another
/// rule has asked for the same. Of a smaller index, which its export made, that of the source was signed.
pub(super) fn look(
    contents: &Contents,
    image: &Image,
    rule: &PolicyRule,
    reading: &PartReading<'_>,
    facts: &mut ImageFacts,
) -> Result<()> {
    let Some(parts) = &mut facts.parts else { return Ok(()) };
    let original = image.rewritten_from.filter(|_| reading.at_source).unwrap_or(image.digest);
    let read = |blob: &Descriptor| match (reading.part)(blob)? {
        Some(bytes) => Ok(bytes.to_vec()),
        None => Err(Error::new(Class::Incomplete, format!("{} is not at hand", blob.digest))),
    };
    parts.signed_as = Some(original);
    if let Some((keys, names)) = rule.signed_by() {
        let asked = (keys.ids(), *names);
        if let Entry::Vacant(entry) = parts.signatures.entry(asked) {
            let demand = SignatureDemand { keys: &keys.keys, names: *names };
            let found = match signed_by(contents, original, &image.name, demand, &read) {
                Ok(found) => found.map_err(|why| why.in_words()),
                Err(e) if e.class() == Class::Incomplete => {
                    Err("has a signature that is not at hand".to_owned())
                }
                Err(e) => return Err(e.context(format!("signatures of {}", image.name))),
            };
            entry.insert(found);
        }
    }
    if let Some(keys) = rule.attested_by() {
        let running = parts.running().map(|it| it.digest);
        let subjects: Vec<Digest> = [original].into_iter().chain(running).collect();
        for subject in subjects {
            let told = if subject == original { image.digest } else { subject };
            let Entry::Vacant(entry) = parts.attested.entry((keys.ids(), told)) else { continue };
            let found = match attested_by(contents, subject, &keys.keys, &read) {
                Err(e) if e.class() == Class::Incomplete => Default::default(),
                found => found.map_err(|e| e.context(format!("attestations of {}", image.name)))?,
            };
            entry.insert(found.into_iter().map(|it| it.predicate_type).collect());
        }
    }
    Ok(())
}
