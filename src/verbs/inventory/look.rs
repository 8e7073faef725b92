//! What a place holds, whatever kind of place it is.

use std::path::Path;

use super::found::{Found, KeepGoing};
use super::local::OutputPath;
use super::request::Request;
use super::{engine, local, registry};
use crate::places::location::Place;
use crate::places::registry::Client;
use crate::words::error::Result;
use crate::words::progress::Progress;

/// All that `place` holds.
///
/// # Errors
/// When any of it cannot be read, unless that is to be passed over.
pub(super) fn all(
    place: &Place,
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Found> {
    let (jobs, keep_going) = (request.jobs.most, KeepGoing(request.keep_going));
    match place {
        Place::Registry { registry, path } => {
            registry::all((registry, path.as_ref()), client, jobs, keep_going, progress)
        }
        Place::Image(name) => registry::one(name, client, progress),
        Place::Local(source) => {
            let beside = OutputPath(request.output.as_deref().unwrap_or(Path::new("inventory")));
            local::all(source, client, keep_going, (&beside, request.stdin), progress)
        }
        Place::Engine(engine) => engine::all(engine, keep_going, progress),
    }
}
