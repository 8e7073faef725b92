//! What an export would change, held against what the other side has.

use super::heard::bundle_of_line;
use super::request::Request;
use super::since::Since;
use crate::bundle::check::Trust;
use crate::bundle::contents::Contents;
use crate::bundle::keys::PublicKey;
use crate::bundle::receipt::{ReadReceipt, Receipt};
use crate::bundle::record::Record;
use crate::words::error::Result;
use crate::words::moment::Moment;
use crate::work::diff::{Difference, HeldParts, ImageSet};
use crate::work::mapping::{Mapping, Naming};

/// What one of those that were asked tells.
struct Told {
    made: Moment,
    set: ImageSet,
    /// How images are called there, where that is a place.
    naming: Option<Naming>,
}

/// How `contents` differ from what all of `request` tell that the other side has; nothing where
/// nothing was asked to tell that. Of two that know a name the younger is right. Where a receipt says
/// what images are called at its place, they are called so.
///
/// # Errors
/// Where one of them cannot be read.
pub(super) fn change(request: &Request, contents: &Contents) -> Result<Option<Difference>> {
    let told = request.since.iter().map(|since| told(since, &request.since_keys));
    let mut all: Vec<Told> = told.collect::<Result<_>>()?;
    all.sort_by_key(|told| told.made);
    let naming = all.iter().find_map(|told| told.naming.clone());
    let called = |set: ImageSet| match &naming {
        Some(naming) => set.renamed(&Mapping::new(naming.clone())),
        None => Ok(set),
    };
    let mut before: Option<ImageSet> = None;
    for told in all {
        let set = if told.naming.is_some() { told.set } else { called(told.set)? };
        before = Some(match before {
            Some(older) => older.over(set),
            None => set,
        });
    }
    let Some(before) = before else { return Ok(None) };
    Ok(Some(Difference::between(&before, &called(ImageSet::of(contents))?)))
}

fn told(since: &Since, keys: &[PublicKey]) -> Result<Told> {
    match since {
        Since::Bundle(medium) => Ok(brought(&Record::read(medium, &Trust::UnsafeAnySigner)?)),
        Since::Line(line, history) => Ok(brought(&bundle_of_line(line, history)?)),
        Since::Receipt(path) => {
            let Receipt { about, content, .. } = ReadReceipt::at(path, keys)?.receipt;
            let (made, naming) = (about.created_at, Naming::of_receipt(&about));
            Ok(Told { made, set: ImageSet::held(&content, &HeldParts::default()), naming })
        }
    }
}

/// What the bundle of `record` brought, and when it was made.
fn brought(record: &Record) -> Told {
    let made = record.statement().predicate.created_at;
    Told { made, set: ImageSet::of(record.contents()), naming: None }
}
