//! Which repository each image goes to, and what refers to it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::bundle::contents::Contents;
use crate::words::at::At;
use crate::words::error::Result;
use crate::words::reference::Reference;
use crate::work::plan::Delivery;

/// Gathers what goes to the same repository, of which `key` tells them apart: the images of
/// `contents`, which get `names`, and what refers to them. Each is opened once.
///
/// # Errors
/// Those of `open`.
pub(super) fn gather(
    contents: &Contents,
    names: Vec<Reference>,
    key: impl Fn(&Reference) -> String,
    open: impl Fn(&Reference) -> Result<Delivery>,
) -> Result<Vec<Delivery>> {
    let mut deliveries: BTreeMap<String, Delivery> = BTreeMap::new();
    let mut at = |to: &Reference, enter: &mut dyn FnMut(&mut Delivery)| -> Result<()> {
        let delivery = match deliveries.entry(key(to)) {
            Entry::Occupied(delivery) => delivery.into_mut(),
            Entry::Vacant(free) => free.insert(open(to)?),
        };
        enter(delivery);
        Ok(())
    };
    let mut moved: BTreeMap<String, Vec<Reference>> = BTreeMap::new();
    for ((place, image), to) in At::each(&contents.images).zip(names) {
        let repositories = moved.entry(image.name.name()).or_default();
        if !repositories.iter().any(|known| known.name() == to.name()) {
            repositories.push(to.clone());
        }
        at(&to, &mut |delivery| delivery.images.push((place, to.clone())))?;
    }
    // What refers to an image goes to wherever its repository went.
    for (place, referrer) in At::each(&contents.referrers) {
        for to in moved.get(&referrer.repository).into_iter().flatten() {
            let name = referrer.tag.clone().map(|tag| to.with_tag(tag));
            at(to, &mut |delivery| delivery.referrers.push((place, name.clone())))?;
        }
    }
    Ok(deliveries.into_values().collect())
}
