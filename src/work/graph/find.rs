//! [`find`]: which of the images that are asked for are there. One that is not stops no other.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use super::asked::{Origin, Wanted};
use super::weight::keep;
use crate::tools::parallel;
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::{Class, Error, Result, Side};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Registry;

/// What is there of the images that are asked for.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Resolved {
    /// What each name stands for, in their order; nothing where that could not be had.
    pub roots: Vec<Option<Document>>,
    /// Why not, with the place of the name. Of a registry that fails as a whole only what it failed
    /// with first.
    pub faults: Vec<(At<Wanted>, Error)>,
}

/// Resolves `wanted`, on `jobs` threads.
///
/// # Errors
/// [`Class::Interrupted`] alone.
pub fn find(
    origins: &[Origin],
    wanted: &[Wanted],
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Resolved> {
    let items = wanted.len() as u64;
    progress.event(Event::Phase { name: "reading manifests", bytes: 0, items });
    let (held, roots) = (AtomicU64::new(0), Mutex::<BTreeMap<Digest, Document>>::default());
    let failing: Mutex<BTreeSet<Registry>> = Mutex::default();
    let found = parallel::map(jobs, wanted, |wanted| {
        let registry = &wanted.name.registry;
        if failing.lock().is_ok_and(|failing| failing.contains(registry)) {
            return Ok(None);
        }
        match wanted.origin.of(origins).source.resolve(&wanted.name) {
            Ok(root) => {
                // One image under many names is held once.
                let root = match roots.lock() {
                    Ok(mut roots) => match roots.entry(root.descriptor().digest) {
                        Entry::Occupied(same) => same.get().clone(),
                        Entry::Vacant(new) => {
                            keep(&held, &root)?;
                            new.insert(root).clone()
                        }
                    },
                    Err(_) => root,
                };
                progress.event(Event::Finished { digest: root.descriptor().digest });
                Ok(Some(Ok(root)))
            }
            Err(error) if error.class() == Class::Interrupted => Err(error),
            Err(error) => {
                // What is wrong with more than one name would be waited for with each.
                if error.class() == Class::Other
                    && let Ok(mut failing) = failing.lock()
                {
                    failing.insert(registry.clone());
                }
                Ok(Some(Err(wanted.placed(error.on_unless_noted(Side::Source)))))
            }
        }
    })?;
    let mut all = Resolved::default();
    for (at, found) in found.into_iter().enumerate() {
        match found {
            Some(Ok(root)) => all.roots.push(Some(root)),
            Some(Err(fault)) => {
                all.roots.push(None);
                all.faults.push((At::nth(at), fault));
            }
            None => all.roots.push(None),
        }
    }
    Ok(all)
}

impl Wanted {
    /// `error`, with the place where the image is asked for.
    fn placed(&self, error: Error) -> Error {
        match &self.place {
            Some(place) => error.context(place),
            None => error,
        }
    }
}
