//! `list`: what places hold, and clusters run, today, as names that an export takes.

mod at;
mod clusters;
mod engines;
mod held;
mod listing;
mod looked;
mod registries;
mod report;
mod request;
mod unnamable;
mod unused;

pub use self::at::ListedAt;
use self::listing::PlaceListing;
use self::looked::look;
pub use self::report::{ComparedBy, ComparedWith, ImageList, ListedImage, UsesCompared};
pub use self::request::{Depth, Listable, Request};
pub use self::unnamable::Unnamable;
use self::unused::{compare, idle};
use crate::places::registry::Client;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};

/// Lists what the places of `request` hold or, of that, what others do not use. Names that are none are
/// in the report, and [`ImageList::unreadable`] makes a failure of them.
///
/// ```
/// use std::sync::Arc;
///
/// use sealift::places::registry::{Client, Settings};
/// use sealift::verbs::list::{Listable, Request, list};
/// use sealift::words::progress::Silent;
///
/// let place = Listable::Place("oci:testdata/hello".parse()?);
/// let client = Client::new(Settings::default(), Arc::new(Silent))?;
/// let told = list(&Request::new(vec![place]), &client, &Silent)?;
/// assert_eq!(told.images[0].name.as_ref().unwrap().repository.last(), "hello");
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// When a place cannot be asked, or something that is compared has no image at all.
pub fn list(request: &Request, client: &Client, progress: &dyn Progress) -> Result<ImageList> {
    // 1. What do the places hold, and what do others use? Little of either is kept.
    let mut held = Vec::new();
    for place in &request.places {
        held.push(look(place, request, client, progress)?);
    }
    let mut others = Vec::new();
    for other in &request.against {
        let used = look(other, request, client, progress)?;
        if used.images.is_empty() {
            return Err(nothing(&used));
        }
        others.push(used);
    }

    // 2. Which of it is used by nobody?
    let unreadable = [&mut held, &mut others].into_iter().flatten();
    let unreadable =
        unreadable.flat_map(|listing| std::mem::take(&mut listing.unreadable)).collect();
    let told = match others.is_empty() {
        true => ImageList::of(held),
        false => {
            for rule in idle(&held, &others, request) {
                progress.event(Event::note(format!("rule {rule} fits no name")));
            }
            compare(held, &others, request)
        }
    };
    Ok(ImageList { ok: true, ..told }.lacking(unreadable))
}

/// That nothing can be called unused by what uses nothing: most likely the wrong thing was asked.
fn nothing(used: &PlaceListing) -> Error {
    let text = format!("{} has no image, so that all would be unused", used.shown);
    Error::new(Class::Incomplete, text).hint("see whether that is the one that was meant")
}
