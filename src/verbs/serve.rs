//! `serve`: a verified bundle as a read-only registry, for clusters that pull from it directly.
//!
//! The pull half of distribution-spec 1.1 over HTTP/1.1, by TLS and with passwords where [`Terms`] say
//! so: else what a bundle holds is public to whoever reaches the address. Nothing is ever written; a
//! request's body is never read.
//!
//! The only place with an asynchronous runtime. [`serve`] builds it and takes it down; files are
//! read on threads that may block.

mod answer;
mod asked_for;
mod body;
mod conditions;
mod counts;
mod file_server;
mod front;
mod given;
mod lane;
mod ledger;
mod loopback;
mod order;
mod paces;
mod page;
mod passwords;
mod patience;
mod peer;
mod queues;
mod range;
mod receive;
mod replies;
mod route;
#[cfg(test)]
mod samples;
mod seats;
mod several;
mod shelf;
mod terms;
#[cfg(test)]
mod tests;
mod tls;
mod users;
mod visitor;
mod waiting;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::Arc;

use self::answer::Desk;
pub use self::file_server::FileServer;
pub use self::given::{GivenFile, GivenFiles};
pub use self::ledger::Ledger;
pub use self::loopback::Loopback;
pub use self::passwords::Passwords;
pub use self::receive::MAX_CONNECTIONS;
use self::receive::{receive_until, usable};
use self::several::Several;
pub use self::shelf::Shelf;
pub use self::terms::{Terms, Visit, Visits};
pub use self::tls::Tls;
use crate::bundle::check::{Trusted, Verified};
use crate::storage::store::BlobSource;
use crate::tools::sound::Sound;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::words::reference::{Reference, Repository};
use crate::work::plan::MissingBlob;

/// A name by which another image is given: two bundles have it, or images of several hosts share a path of
/// which one cannot be asked for by its host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hidden {
    /// The name.
    pub name: Reference,
    /// The image that it leads to, of the bundle that was given first.
    pub shown: Digest,
    /// The image that is there by its digest alone, and the bundle that has it under the name.
    pub hidden: (Digest, String),
}

/// The shelf of verified bundles: their images under their signed names, and the referrers that
/// have a tag under that. A name that several of them have is that of the first; where another one
/// means another image by it, that is told.
#[must_use]
pub fn shelf(bundles: Vec<Verified>) -> (Shelf, Vec<Hidden>) {
    let (mut names, mut documents, mut blobs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut known, mut hidden, mut told) = (HashMap::new(), Vec::new(), Vec::new());
    let (mut sources, mut sound, mut counted) = (Vec::new(), Vec::new(), Vec::new());
    let mut files = GivenFiles::default();
    for bundle in bundles {
        let about = bundle.trusted().about().name().to_owned();
        let contents = bundle.trusted().contents();
        let images = contents.images.iter().map(|image| (image.name.clone(), image.digest));
        let tagged = contents.referrers.iter().filter_map(|r| Some((r.name()?, r.digest)));
        for (name, digest) in images.chain(tagged) {
            let shown = *known.entry(name.clone()).or_insert(digest);
            if shown != digest {
                hidden.push(Hidden { name: name.clone(), shown, hidden: (digest, about.clone()) });
            }
            told.push((name.clone(), digest, about.clone()));
            names.push((name, digest));
        }
        counted.push((about, contents.images.len()));
        documents.extend(contents.documents.values().cloned());
        let carried: Vec<_> = contents.blobs.carried().cloned().collect();
        let digests = contents.blobs.carried().map(|blob| blob.digest);
        let all = digests.chain(contents.documents.keys().copied()).collect();
        blobs.extend(carried);
        sound.push(Arc::clone(bundle.sound()));
        GivenFile::of(bundle.trusted()).into_iter().for_each(|file| files.add(file));
        sources.push((Arc::new(bundle) as Arc<dyn BlobSource>, all));
    }
    told.retain(|(name, digest, _)| known.get(name) == Some(digest));
    hidden.extend(overshadowed(&told));
    let sound = Arc::new(Sound::joined(sound.iter().map(|sound| &**sound)));
    let bytes: Arc<dyn BlobSource> = Arc::new(Several::new(sources));
    (
        Shelf::new(names, documents, blobs, bytes, sound).of_bundles(counted).with_files(files),
        hidden,
    )
}

/// Those of `names` by which nobody can ask, since their host is no legal part of a repository's name
/// (see [`Shelf`]) and an image of another host has the path and tag.
fn overshadowed(names: &[(Reference, Digest, String)]) -> Vec<Hidden> {
    let of_docker = |name: &Reference| name.registry.as_str() == "docker.io";
    let mut first: HashMap<_, (&Reference, Digest)> = HashMap::new();
    for (name, digest, _) in names {
        let Some(tag) = &name.tag else { continue };
        let there = first.entry((&name.repository, tag)).or_insert((name, *digest));
        if of_docker(name) && !of_docker(there.0) {
            *there = (name, *digest);
        }
    }
    let hidden = names.iter().filter(|(name, ..)| name.name().parse::<Repository>().is_err());
    let hidden = hidden.filter_map(|(name, digest, bundle)| {
        let (_, shown) = *first.get(&(&name.repository, name.tag.as_ref()?))?;
        let hidden = (*digest, bundle.clone());
        (shown != *digest).then(|| Hidden { name: name.clone(), shown, hidden })
    });
    hidden.collect()
}

/// `bundle`, if it and the bases beside it have everything that its images need.
///
/// # Errors
/// [`Class::Incomplete`](crate::words::error::Class::Incomplete), with each image that lacks something.
pub fn whole(bundle: Trusted) -> Result<Trusted> {
    let contents = bundle.contents();
    let lacking = contents.blobs.lacking().map(|blob| blob.digest).collect();
    match MissingBlob::obstacle(&MissingBlob::among(contents, &lacking), None) {
        Some(obstacle) => Err(obstacle.error().context(bundle.about().name())),
        None => Ok(bundle),
    }
}

/// Serves `shelf` to whoever connects to `listener`, until `stop` says so.
///
/// A listener on the loopback answers only to addresses and `localhost`: a page in a browser could
/// let another name lead there.
///
/// `stop` is asked about ten times a second. Then no client is let in any more, idle connections
/// close, and answers under way have as long to end as `terms` say. (Layers under way break off at once
/// when the stop is that of `log`, which ends all reading.)
///
/// A fault of one connection, of the medium, or of accepting (too many open files) is told to
/// `log` and ends nothing else. `log` also gets a note a request, `GET /v2/... 200 123`.
///
/// # Errors
/// Only when it cannot begin: no threads, or no usable listener.
pub fn serve(
    shelf: Shelf,
    listener: TcpListener,
    terms: Terms,
    stop: impl Fn() -> bool,
    log: Arc<dyn Progress>,
) -> Result<()> {
    let local =
        listener.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback());
    let (runtime, listener) = usable(listener)?;
    let desk = Desk::new(shelf, log, local).under(&terms);
    receive_until(runtime, listener, (desk, terms), |_| true, stop)
}
