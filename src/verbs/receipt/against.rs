//! [`ToldBundle`]: whether a receipt tells of all that a bundle brought.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bundle::contents::Contents;
use crate::bundle::keys::KeyId;
use crate::bundle::position::StreamPosition;
use crate::bundle::receipt::{Receipt, ReceivedImage, ReceivedState};
use crate::bundle::record::Record;
use crate::medium::Medium;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::reference::Reference;

/// Whether a receipt tells of all that a bundle brought.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToldBundle {
    /// The bundle, or its record.
    pub bundle: String,
    /// The digest of its statement.
    pub statement: Digest,
    /// Where in a stream it stands, where it does.
    pub position: Option<StreamPosition>,
    /// Whose signatures count.
    pub signers: Vec<KeyId>,
    /// Whether the receipt is about it, or about no bundle in particular.
    pub is_told: bool,
    /// How many images it brought.
    pub images: u64,
    /// Those of them, and of what refers to them, of which the receipt does not tell that they are held whole.
    pub missing: Vec<NotTold>,
}

/// An image, or what refers to one, of which a receipt does not tell that it is held whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NotTold {
    /// Its name in the bundle; one by digest of what has no tag.
    pub name: Reference,
    /// Its digest in the bundle.
    pub signed: Digest,
    /// What the receipt says of it instead, where it is that of an import.
    pub told: Option<ReceivedImage>,
    /// What of it the receipt does not have, where that is one that only lists what is held.
    pub lacks: Vec<Digest>,
}

impl NotTold {
    /// What is wrong with it, for people.
    pub(super) fn words(&self) -> String {
        let NotTold { name, signed, told, lacks } = self;
        match (told, lacks.as_slice()) {
            (Some(told), _) if told.signed != *signed => {
                format!("{name} is {signed} in the bundle, and {} in the receipt", told.signed)
            }
            (Some(told), _) => match told.there.filter(|_| told.state == ReceivedState::Other) {
                Some(there) => format!("{name} is another image there: {there}"),
                None => format!("{name} is {} there", told.state.name()),
            },
            (None, []) => format!("{name} is not in it"),
            (None, [first]) => format!("{name} lacks {first}"),
            (None, [first, more @ ..]) => format!("{name} lacks {first} and {} more", more.len()),
        }
    }
}

impl ToldBundle {
    /// What `receipt` tells of the bundle of `record`, which is at `medium`.
    ///
    /// # Errors
    /// For a name that cannot be told.
    pub(super) fn of(medium: &Medium, record: &Record, receipt: &Receipt) -> Result<ToldBundle> {
        let (statement, contents) = (record.statement(), record.contents());
        let about = receipt.about.against.as_ref();
        let is_told = about.is_none_or(|all| all.iter().any(|it| it.statement == statement.digest));
        let images = contents.images.iter().map(|image| Ok((image.name.clone(), image.digest)));
        let referrers = contents.referrers.iter().filter(|it| !it.is_list());
        let referrers = referrers.map(|it| Ok((it.called()?, it.digest)));
        let roots = images.chain(referrers).collect::<Result<Vec<(Reference, Digest)>>>()?;
        let missing = match is_told {
            true => missing(contents, roots, receipt),
            false => Vec::new(),
        };
        Ok(ToldBundle {
            bundle: medium.to_string(),
            statement: statement.digest,
            position: statement.predicate.position(),
            signers: record.signers().to_vec(),
            is_told,
            images: contents.images.len() as u64,
            missing,
        })
    }
}

/// Those of `roots` of which `receipt` does not tell that they are held whole.
fn missing(
    contents: &Contents,
    roots: Vec<(Reference, Digest)>,
    receipt: &Receipt,
) -> Vec<NotTold> {
    let mut told: BTreeMap<&Reference, Vec<&ReceivedImage>> = BTreeMap::new();
    for image in &receipt.images {
        told.entry(&image.name).or_default().push(image);
    }
    let is_import = receipt.about.images.is_some();
    let untold = |(name, signed): (Reference, Digest)| {
        let not_told = |told: Option<&ReceivedImage>, lacks: Vec<Digest>| {
            Some(NotTold { name: name.clone(), signed, told: told.cloned(), lacks })
        };
        if is_import {
            let told = told.get(&name).map(Vec::as_slice).unwrap_or_default();
            let is_whole =
                |it: &&&ReceivedImage| it.state == ReceivedState::Complete && it.signed == signed;
            return match told.iter().find(|it| !is_whole(it)) {
                None if !told.is_empty() => None,
                other => not_told(other.copied(), Vec::new()),
            };
        }
        if receipt.content.names.contains(&(signed, name.clone()))
            && receipt.about.against.is_some()
        {
            return None;
        }
        let lacks = lacking(contents, signed, receipt);
        match lacks.is_empty() {
            true => None,
            false => not_told(None, lacks),
        }
    };
    roots.into_iter().filter_map(untold).collect()
}

/// What of `root` the lists of `receipt` do not have, manifests first.
fn lacking(contents: &Contents, root: Digest, receipt: &Receipt) -> Vec<Digest> {
    let all = contents.closure(root);
    let held = &receipt.content;
    let documents = all.iter().filter(|it| contents.documents.contains_key(it));
    let documents = documents.filter(|it| !held.manifests.contains_key(it));
    let needed = contents.blobs.needed().iter().map(|blob| &blob.digest);
    let blobs = needed.filter(|it| all.contains(it) && !held.blobs.contains_key(it));
    documents.chain(blobs).copied().collect()
}
