//! Foreign layers, which a bundle never holds.

use crate::bundle::contents::Contents;
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::work::transfer::no_foreign;

/// Says which images go without their foreign layers: registries may want those, or not.
pub(super) fn tell(contents: &Contents, progress: &dyn Progress) {
    let foreign: Vec<_> = contents.about_foreign().collect();
    if !foreign.is_empty() {
        foreign.into_iter().for_each(|text| progress.event(Event::note(text)));
        progress.event(Event::note(phrase!["a registry may refuse such images: ", no_foreign()]));
    }
}
