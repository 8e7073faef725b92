//! Options that were given and have no effect here: whoever wrote them expects something.

use super::printer::Printer;
use crate::places::location::Source;

/// An option, and whether it was given.
pub(super) type Given = (&'static str, bool);

/// Says of those of `options` that were given that they have no effect, and `why`.
pub(super) fn tell(options: &[Given], why: &str, printer: &Printer) {
    let given: Vec<&str> = options.iter().filter(|(_, given)| *given).map(|(it, _)| *it).collect();
    if !given.is_empty() {
        let verb = if given.len() == 1 { "has" } else { "have" };
        printer.note(&format!("note: {} {verb} no effect here: {why}", given.join(", ")));
    }
}

/// Says of options that show more to people that programs get all of it.
pub(super) fn in_full(options: &[Given], printer: &Printer) {
    if printer.is_json() {
        tell(options, "JSON has everything in full", printer);
    }
}

/// Whether any of `images` is a place that is asked for as a whole.
pub(super) fn any_whole(images: &[Source]) -> bool {
    images.iter().any(|image| match image {
        Source::Registry(_) | Source::Chart(_) | Source::File { .. } | Source::Engine { .. } => {
            false
        }
        Source::Layout { name, called, .. } => name.is_none() && called.is_none(),
        Source::DockerArchive { image, called, .. } => image.is_none() && called.is_none(),
    })
}
