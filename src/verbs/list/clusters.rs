//! What clusters run, and are asked to run.

use super::at::ListedAt;
use super::held::HeldImage;
use super::listing::PlaceListing;
use super::unnamable::Unnamable;
use crate::places::kubernetes::{AskedImage, Cluster, RunningImage, Workload};
use crate::verbs::inventory::Stdin;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::mapping::Naming;

/// Every image that a workload of `cluster` names or runs.
///
/// # Errors
/// When it cannot be asked, or does not say what it has.
pub(super) fn all(
    cluster: &Cluster,
    stdin: Stdin,
    progress: &dyn Progress,
) -> Result<PlaceListing> {
    let mut listing = PlaceListing::new(cluster, Naming::FullNames);
    progress.event(Event::Phase { name: "asking the cluster", bytes: 0, items: 0 });
    let told = cluster.workloads(stdin, &progress.handle(), &mut |workload| {
        let (about, images) = (ListedAt::workload(cluster, &workload), workload.images);
        images.into_iter().try_for_each(|image| add(&mut listing, &about, image))
    });
    progress.event(Event::Done);
    told.map(|()| listing.settled())
}

/// Adds `image`, which is asked for where `about` says.
fn add(listing: &mut PlaceListing, about: &ListedAt, image: AskedImage) -> Result<()> {
    let part = Some(image.part).filter(|part| !part.is_empty());
    let at = ListedAt { part, ..about.clone() };
    let held = HeldImage { at: vec![at.clone()], ..HeldImage::default() };
    let text = image.image.trim();
    if let Some(id) = id_of(text) {
        return listing.add(HeldImage { config: Some(id), ..held }.running(image.running, None));
    }
    if text.is_empty() {
        let error = Error::new(Class::Incomplete, "no name stands there");
        return listing.lack(Unnamable::new(String::new(), at, &error));
    }
    match text.parse::<Reference>() {
        Ok(name) => {
            let is_asked = name.digest.is_none();
            let named = HeldImage { at: held.at, is_asked, ..HeldImage::named(&name) };
            listing.add(named.running(image.running, Some(&name)))
        }
        Err(error) => listing.lack(Unnamable::new(text.to_owned(), at, &error)),
    }
}

/// The digest that `text` is, where it is the id of an image and no name.
fn id_of(text: &str) -> Option<Digest> {
    text.parse().ok().or_else(|| Digest::from_hex(text).ok())
}

impl HeldImage {
    /// The same, of which a node tells that it is `running`.
    fn running(mut self, running: Option<RunningImage>, name: Option<&Reference>) -> HeldImage {
        match running {
            None => {}
            Some(RunningImage::Config(config)) => self.config = Some(config),
            Some(RunningImage::Pulled { repository, digest }) => {
                // A node calls what has several names by any of them: in another repository the digest
                // may not be there.
                let is_own = name.map(Reference::name) == repository;
                match self.digest {
                    None if is_own => self.digest = Some(digest),
                    _ => {
                        self.parts.insert(digest);
                    }
                }
            }
        }
        self
    }
}

impl ListedAt {
    /// Where `workload` of `cluster` is.
    fn workload(cluster: &Cluster, workload: &Workload) -> ListedAt {
        let said = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        ListedAt {
            namespace: workload.namespace.clone(),
            kind: said(&workload.kind),
            object: said(&workload.name),
            ..ListedAt::of(cluster)
        }
    }
}
