//! [`Clash`]: images that cannot be brought as they are asked for, since they would land on one
//! another, or nowhere. Pure.

use std::collections::BTreeMap;

use crate::bundle::contents::Image;
use crate::words::at::At;
use crate::words::error::{Class, Error};
use crate::words::phrase::Phrase;
use crate::words::reference::Reference;

/// Images that would land on one another, or one that has nowhere to land.
#[derive(Debug)]
#[non_exhaustive]
pub struct Clash {
    /// Their places among all images.
    pub images: Vec<At<Image>>,
    /// What is wrong, with the names of all of them.
    pub error: Error,
    /// The same as it is told of each of them.
    pub reason: Error,
}

impl Clash {
    /// The image at a place that has nowhere to land.
    #[must_use]
    pub fn alone(image: At<Image>, error: Error) -> Clash {
        Clash { images: vec![image], reason: error.clone(), error }
    }

    /// All images that share a landing, as in `become h.example/a:1`, with others, in their order.
    /// `images` are their places with their names.
    #[must_use]
    pub fn find<'n>(
        images: impl Iterator<Item = (At<Image>, &'n Reference, String)>,
        hint: impl Into<Phrase>,
    ) -> Vec<Clash> {
        let mut landings: BTreeMap<String, Vec<(At<Image>, &Reference)>> = BTreeMap::new();
        for (at, name, landing) in images {
            landings.entry(landing).or_default().push((at, name));
        }
        let mut shared: Vec<_> = landings.into_iter().filter(|(_, all)| all.len() > 1).collect();
        shared.sort_by_key(|(_, all)| all[0].0);
        let hint = hint.into();
        let clash = |(landing, all): (String, Vec<(At<Image>, &Reference)>)| {
            let names: Vec<String> = all.iter().map(|(_, name)| name.to_string()).collect();
            let (last, others) =
                names.split_last().map_or((String::new(), &[][..]), |(last, o)| (last.clone(), o));
            let all_of_them = if names.len() == 2 { "both" } else { "all" };
            let text = format!("{} and {last} would {all_of_them} {landing}", others.join(", "));
            let reason = format!("{} images would {landing}", names.len());
            Clash {
                images: all.into_iter().map(|(at, _)| at).collect(),
                error: Error::new(Class::Usage, text).hint(&hint),
                reason: Error::new(Class::Usage, reason).hint(&hint),
            }
        };
        shared.into_iter().map(clash).collect()
    }

    /// All of them as one failure; nothing when there are none.
    #[must_use]
    pub fn failure(clashes: Vec<Clash>) -> Option<Error> {
        let images: usize = clashes.iter().map(|clash| clash.images.len()).sum();
        let errors = clashes.into_iter().map(|clash| clash.error).collect();
        let summary = |_| (Class::Usage, format!("{images} images cannot be brought as they are"));
        Error::all(errors, summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_land_on_one_another_are_found_and_named() {
        let names: Vec<Reference> =
            ["d:1", "a:1", "b:1", "c:1", "e:1"].iter().map(|n| n.parse().unwrap()).collect();
        let landings = ["x", "y", "x", "y", "z"];
        let images = names
            .iter()
            .enumerate()
            .map(|(at, n)| (At::nth(at), n, format!("be {}", landings[at])));

        let mut clashes = Clash::find(images, "mend it");
        clashes.push(Clash::alone(At::nth(4), Error::new(Class::Usage, "e is odd")));

        let place = |at: &At<Image>| at.place();
        let places = clashes.iter().map(|clash| clash.images.iter().map(place).collect());
        let places: Vec<Vec<usize>> = places.collect();
        assert_eq!(places, [&[0, 2][..], &[1, 3], &[4]]);
        assert_eq!(clashes[0].reason.message(), "2 images would be x");
        let error = Clash::failure(clashes).unwrap();
        assert_eq!(error.message(), "5 images cannot be brought as they are");
        assert_eq!(error.class(), Class::Usage);
        assert_eq!(error.way_out(), Some("mend it"));
        let both = |one, two, at| {
            format!("docker.io/library/{one}:1 and docker.io/library/{two}:1 would both be {at}")
        };
        assert_eq!(error.findings(), [both("d", "b", "x"), both("a", "c", "y"), "e is odd".into()]);
        assert!(Clash::failure(Vec::new()).is_none());
    }
}
