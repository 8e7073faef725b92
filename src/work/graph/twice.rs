//! Two images that are asked for under one name.

use super::asked::Wanted;
use crate::bundle::contents::Image;
use crate::words::document::Document;
use crate::words::error::{Class, Error};

/// Why `wanted`, which is `root`, cannot come beside `other` of the same name. Where the names were
/// not the user's, but stand in the places that were asked for, another one is the way out.
pub(super) fn twice(other: &Image, wanted: &Wanted, root: &Document) -> Error {
    let (name, text) = (wanted.name.kept(), &wanted.text);
    let (first, second) = (other.digest, root.descriptor().digest);
    let said = format!(
        "{name} was asked for twice: it is {first} in {}, and {second} in {text}",
        other.source
    );
    let at = |place: &String| format!("{text} is named in {place}");
    let error = Error::new(Class::Usage, said).details(wanted.place.iter().map(at));
    let places = ["docker-archive:", "oci:", "oci-archive:"];
    let is_place = |text: &&String| places.iter().any(|place| text.starts_with(place));
    match [text, &other.source].into_iter().find(is_place) {
        // The user gave a name already, and the same twice.
        Some(place) if place.contains('=') => error.hint("give them different names behind ="),
        Some(place) if wanted.is_one_of_all => error.hint(format!(
            "give one of them another name, as in {place}=NEWNAME where that is its only image, \
             else {place}:{name}=NEWNAME"
        )),
        Some(place) => error.hint(format!("give one of them another name, as in {place}=NEWNAME")),
        None => error.hint("name it once"),
    }
}
