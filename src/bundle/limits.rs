//! How many images a bundle takes, told before any of them is read.

use std::collections::BTreeMap;

use super::check::MAX_INDEX;
use super::contents::{Contents, Image};
use super::envelope::MAX_PAYLOAD;
use super::head::index_json;
use super::statement::Predicate;
use crate::words::count::{are, count};
use crate::words::digest::Digest;
use crate::words::document::MAX_DOCUMENT;
use crate::words::error::{Class, Error, Result};
use crate::words::media::DOCKER_LIST;
use crate::words::moment::Moment;
use crate::words::reference::Reference;

/// Refuses more `images`, each with the place it is from, than `index.json` and the signed
/// statement have room for. What their manifests will say is not known yet: that is for
/// [`promise`](super::check::promise).
///
/// # Errors
/// [`Class::Usage`], with both numbers.
pub fn room_for<'a>(images: impl Iterator<Item = (Reference, &'a str)>) -> Result<()> {
    let images: BTreeMap<Reference, &str> = images.collect();
    let (mut index, mut payload) = sizes(&Contents::default());
    let nothing = (index, payload);
    for (before, (name, place)) in images.iter().enumerate() {
        let one = Contents { images: vec![largest(name, place)], ..Contents::default() };
        let (more, said) = sizes(&one);
        // A comma goes between two.
        index += more - nothing.0 + 1;
        payload += said - nothing.1 + 2;
        if index > MAX_INDEX || payload > MAX_PAYLOAD {
            let text = format!(
                "{} {} asked for, and one bundle takes {before} of them at most",
                count(images.len(), "image"),
                are(images.len()),
            );
            return Err(Error::new(Class::Usage, text).hint("export them into several bundles"));
        }
    }
    Ok(())
}

/// The bytes of `index.json` and of the statement.
fn sizes(contents: &Contents) -> (u64, u64) {
    let none = Digest::of(b"");
    let statement = Predicate::of(contents, Moment::EPOCH, None).to_statement(&none, &none);
    (index_json(contents).len() as u64, statement.len() as u64)
}

/// An image with the largest manifest there can be.
fn largest(name: &Reference, place: &str) -> Image {
    Image {
        name: name.clone(),
        digest: Digest::of(b""),
        media_type: DOCKER_LIST.to_owned(),
        size: MAX_DOCUMENT,
        platforms: Vec::new(),
        source: place.to_owned(),
        left_out: Vec::new(),
        rewritten_from: None,
        made: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(count: usize, place: &str) -> Result<()> {
        let name = |n: usize| format!("x.example/app:{n}").parse().unwrap();
        room_for((0..count).map(|n| (name(n), place)))
    }

    /// The number in `took N of them`.
    fn most(error: &Error) -> usize {
        let (_, rest) = error.message().split_once("takes ").unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    }

    #[test]
    fn the_number_that_is_told_is_one_that_fits() {
        let error = asked(33_600, "docker://x").unwrap_err();

        assert_eq!(error.class(), Class::Usage);
        assert!(error.message().starts_with("33600 images are asked for"), "{error}");
        let most = most(&error);
        assert!(most > 10_000, "{most}");
        let images =
            (0..most).map(|n| largest(&format!("x.example/app:{n}").parse().unwrap(), "x"));
        let contents = Contents { images: images.collect(), ..Contents::default() };
        assert!(index_json(&contents).len() as u64 <= MAX_INDEX);
        asked(most - 100, "docker://x").unwrap();
    }

    #[test]
    fn long_places_fill_the_statement_before_the_index() {
        let error = asked(10_000, &"p".repeat(4000)).unwrap_err();

        assert!((2_000..4_000).contains(&most(&error)), "{error}");
    }

    #[test]
    fn an_image_that_is_named_twice_counts_once() {
        let name: Reference = "x.example/app:1".parse().unwrap();

        room_for(std::iter::repeat_n((name, "docker://x"), 33_600)).unwrap();
    }
}
