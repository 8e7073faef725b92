//! Names that cannot be read, told with those that are not there.

use std::sync::Arc;

use super::open_places::{OpenPlaces, is_about_content};
use super::request::Request;
use super::sources;
use crate::places::registry::Client;
use crate::words::error::{Class, Error, Result};
use crate::words::misnamed;
use crate::words::progress::Progress;
use crate::work::graph;

/// Everything that is wrong with the names of a `request`, some of which could not even be read, for
/// the reasons in `misread`: those, and all that are not there. Changes nothing.
pub fn misnamed(
    request: &Request,
    mut misread: Vec<Error>,
    client: &Client,
    progress: &dyn Progress,
) -> Error {
    let (asked, unread) = (request.images.len() + misread.len(), misread.len());
    let faults = || -> Result<Vec<Error>> {
        if request.images.is_empty() {
            return Ok(Vec::new());
        }
        let OpenPlaces { origins, wanted, faults, .. } =
            sources::open(request, &Arc::default(), client, progress)?;
        let found = graph::find(&origins, &wanted, request.jobs.most, progress)?;
        let faults = faults.into_iter().map(|fault| fault.error);
        Ok(faults.chain(found.faults.into_iter().map(|(_, error)| error)).collect())
    };
    match faults() {
        Err(error) if error.class() == Class::Interrupted => return error,
        // A registry that does not answer says nothing of a name.
        faults => misread.extend(faults.unwrap_or_default().into_iter().filter(is_about_content)),
    }
    let summary = |count| match count == unread {
        true => format!("{count} of the names cannot be read"),
        false => format!("{count} of the {asked} names asked for cannot be had"),
    };
    misnamed::misnamed(misread, summary)
        .unwrap_or_else(|| Error::new(Class::Usage, "no name is wrong"))
}
