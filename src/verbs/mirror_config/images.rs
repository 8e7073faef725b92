//! The images with the names that they have at the private registry.

use std::collections::BTreeMap;
use std::path::Path;

use super::request::{MirrorSource, Request};
use crate::bundle::contents::{Contents, Image};
use crate::bundle::keys::PublicKey;
use crate::bundle::receipt::{ReadReceipt, ReceivedImage, ReceivedState};
use crate::bundle::record::Record;
use crate::places::location::Destination;
use crate::verbs::inspect::{Sized, sized};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::phrase;
use crate::words::reference::{Reference, Registry};
use crate::words::remedy::Remedy;
use crate::work::choice::Choice;
use crate::work::clash::Clash;
use crate::work::mapping::{Mapping, Naming};
use crate::work::mirror::MirroredImage;

/// The private registry, and what of the images that `request` chooses lies where in it.
pub(super) fn of(request: &Request) -> Result<(Registry, Vec<MirroredImage>)> {
    let choice = &request.choice;
    match &request.source {
        MirrorSource::Bundle(bundle) => {
            let (registry, naming) = registry(&bundle.to)?;
            let record = Record::read(&bundle.medium, &bundle.trust)?;
            let chosen = choice.of(record.contents())?;
            let contents = chosen.as_ref().unwrap_or_else(|| record.contents());
            let (flatten, rules) = (bundle.flatten, bundle.rules.clone());
            let mapping = Mapping { flatten, rules, ..Mapping::new(naming) };
            Ok((registry, mapped(contents, &mapping)?))
        }
        MirrorSource::Receipt { path, keys } => received(path, keys, choice),
    }
}

/// The registry that `to` is, and how names are made there.
fn registry(to: &Destination) -> Result<(Registry, Naming)> {
    match to {
        Destination::Registry { registry, prefix } => {
            let naming = Naming::Registry { registry: registry.clone(), prefix: prefix.clone() };
            Ok((registry.clone(), naming))
        }
        other => Err(Error::new(Class::Usage, format!("{other} is no registry"))
            .hint("clients pull from a registry: name it as docker://HOST[/PREFIX]")),
    }
}

/// The images of `contents` under the names that `mapping` gives, as an import gives them: what runs comes
/// first, and of that the smallest, since one of them is pulled where that is wanted.
fn mapped(contents: &Contents, mapping: &Mapping) -> Result<Vec<MirroredImage>> {
    let images = &contents.images;
    match mapping.apply_all(images.iter().map(|image| &image.name)) {
        Ok(names) => {
            let mut pairs: Vec<(Sized, Reference)> =
                sized(contents).into_iter().zip(names).collect();
            pairs.sort_by_key(|(image, _)| (image.image.platforms.is_empty(), image.bytes));
            let mirrored = |(sized, to): (Sized, Reference)| {
                MirroredImage::new(sized.image.name, to, Some(sized.image.digest))
            };
            Ok(pairs.into_iter().map(mirrored).collect())
        }
        Err(clashes) => Err(Clash::failure(clashes)
            .unwrap_or_else(|| Error::new(Class::Other, "names cannot be mapped"))),
    }
}

/// What the receipt of an import at `path` says that lies at its registry, where that is whole.
fn received(
    path: &Path,
    keys: &[PublicKey],
    choice: &Choice,
) -> Result<(Registry, Vec<MirroredImage>)> {
    let about = |error: Error| error.subject(Subject::Path(path.to_owned()));
    let receipt = ReadReceipt::at(path, keys)?.receipt;
    let (Some(_), [place]) = (&receipt.about.images, &receipt.about.places[..]) else {
        let text = format!("{} is not the receipt of an import", path.display());
        return Err(about(Error::new(Class::Usage, text))
            .hint("name the bundle and where it was imported to"));
    };
    let to: Destination = place.parse().map_err(about)?;
    let (registry, _) = registry(&to).map_err(about)?;
    // What refers to images has no name that a client asks for.
    let images: Vec<&ReceivedImage> =
        receipt.images.iter().filter(|image| image.name.tag.is_some()).collect();
    let all =
        Contents { images: images.iter().map(|it| named(it)).collect(), ..Contents::default() };
    let chosen = choice.of(&all)?.unwrap_or(all);
    let found: BTreeMap<&Reference, &ReceivedImage> =
        images.iter().map(|image| (&image.name, *image)).collect();
    let (mut there, mut lacking) = (Vec::new(), Vec::new());
    for image in chosen.images.iter().filter_map(|image| found.get(&image.name)) {
        match (&image.to, image.state) {
            (Some(to), ReceivedState::Complete) => {
                there.push(MirroredImage::new(image.name.clone(), to.clone(), image.there));
            }
            _ => lacking.push(format!("{} is {} there", image.name, image.state.name())),
        }
    }
    if !lacking.is_empty() {
        let text = "the receipt says that images are not there as they were brought";
        let hint = phrase!["import the bundle again, or leave them out with ", Remedy::Except];
        return Err(about(Error::new(Class::Incomplete, text)).details(lacking).hint(hint));
    }
    Ok((registry, there))
}

/// What is known of an image by a receipt, as far as a choice asks.
fn named(image: &ReceivedImage) -> Image {
    Image {
        name: image.name.clone(),
        digest: image.signed,
        media_type: String::new(),
        size: 0,
        platforms: Vec::new(),
        source: String::new(),
        left_out: Vec::new(),
        rewritten_from: None,
        made: false,
    }
}
