//! What an export would change, held against what the other side has.

use super::heard::bundle_of_line;
use super::request::Request;
use super::since::Since;
use crate::bundle::check::Trust;
use crate::bundle::contents::Contents;
use crate::bundle::receipt::{ReadReceipt, Receipt};
use crate::bundle::record::Record;
use crate::words::error::Result;
use crate::words::moment::Moment;
use crate::work::diff::{Difference, ImageSet};

/// How `contents` differ from what all of `request` tell that the other side has; nothing where
/// nothing was asked to tell that. Of two that know a name the younger is right.
///
/// # Errors
/// Where one of them cannot be read.
pub(super) fn change(request: &Request, contents: &Contents) -> Result<Option<Difference>> {
    let mut told: Vec<(Moment, ImageSet)> =
        request.since.iter().map(held).collect::<Result<_>>()?;
    told.sort_by_key(|(made, _)| *made);
    let before = told.into_iter().map(|(_, set)| set).reduce(ImageSet::over);
    Ok(before.map(|before| Difference::between(&before, &ImageSet::of(contents))))
}

/// What the other side has as `since` tells, and when that was.
fn held(since: &Since) -> Result<(Moment, ImageSet)> {
    match since {
        Since::Bundle(medium) => Ok(brought(&Record::read(medium, &Trust::UnsafeAnySigner)?)),
        Since::Line(line, history) => Ok(brought(&bundle_of_line(line, history)?)),
        Since::Receipt(path) => {
            let Receipt { about, content, .. } = ReadReceipt::at(path)?.receipt;
            Ok((about.created_at, ImageSet::held(&content)))
        }
    }
}

/// What the bundle of `record` brought, and when it was made.
fn brought(record: &Record) -> (Moment, ImageSet) {
    (record.statement().predicate.created_at, ImageSet::of(record.contents()))
}
