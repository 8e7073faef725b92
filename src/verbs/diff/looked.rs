//! [`look`]: what the two sides have, under names that can be compared.

use super::comparand::Comparand;
use super::compared::{CompareKind, Compared};
use super::request::Request;
use crate::bundle::receipt::ReadReceipt;
use crate::bundle::record::Record;
use crate::places::registry::Client;
use crate::verbs::inventory::held;
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::work::diff::{HeldParts, ImageSet};
use crate::work::mapping::{Mapping, NameRule, Naming};

/// What one side has.
pub(super) struct Looked {
    /// What is to be known of it.
    pub(super) about: Compared,
    /// What is held there.
    pub(super) set: ImageSet,
    /// How images are called there, where that is a place.
    naming: Option<Naming>,
}

/// What `side` of `request` holds, and what is to be known of it.
pub(super) fn look(
    side: &Comparand,
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Looked> {
    match side {
        Comparand::Bundle(medium) => {
            let record = Record::read(medium, &request.trust)?;
            let set = ImageSet::of(record.contents());
            let about = Compared::bundle(medium, &record, request.now, &set);
            Ok(Looked { about, set, naming: None })
        }
        Comparand::Receipt(path) => {
            let read = ReadReceipt::at(path, &request.trust.any_of())?;
            let set = ImageSet::held(&read.receipt.content, &HeldParts::default());
            let naming = Naming::of_receipt(&read.receipt.about);
            let about = Compared::receipt(path, &read.receipt.about, read.signer, &set);
            Ok(Looked { about, set, naming })
        }
        Comparand::Place(place) => {
            let how = (request.jobs, request.stdin);
            let (content, parts) = held(place, request.now, how, client, progress)?;
            let set = ImageSet::held(&content, &parts);
            let about = Compared::unsigned(CompareKind::Place, place, &set);
            Ok(Looked { about, set, naming: Some(Naming::at(place)) })
        }
        Comparand::List { path, names } => {
            let set = ImageSet::named(names.iter().cloned());
            let about = Compared::unsigned(CompareKind::List, path.display(), &set);
            Ok(Looked { about, set, naming: None })
        }
    }
}

/// Gives the images of one of the two the names that an import would give them at the other, where
/// that is a place which has names of its own.
pub(super) fn align(
    [mut before, mut after]: [Looked; 2],
    request: &Request,
) -> Result<[Looked; 2]> {
    let into = |naming: &Naming| Mapping {
        flatten: request.flatten,
        rules: request.rules.clone(),
        ..Mapping::new(naming.clone())
    };
    match (&before.naming, &after.naming) {
        (Some(Naming::Registry { registry, prefix }), Some(naming @ Naming::Registry { .. })) => {
            if before.naming != after.naming {
                let path = prefix.as_ref().map(|prefix| format!("{prefix}/")).unwrap_or_default();
                let rules = vec![NameRule::parse(&format!("{registry}/{path}*=*"))?];
                before.set =
                    before.set.renamed(&Mapping { rules, ..Mapping::new(naming.clone()) })?;
            }
        }
        (Some(naming @ Naming::Registry { .. }), _) | (Some(naming), None) => {
            after.set = after.set.renamed(&into(naming))?;
        }
        (_, Some(naming)) => before.set = before.set.renamed(&into(naming))?,
        (None, None) => {}
    }
    Ok([before, after])
}
