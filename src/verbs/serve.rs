//! `serve`: a verified bundle as a read-only registry, for clusters that pull from it directly.
//!
//! The pull half of distribution-spec 1.1 over plain HTTP/1.1, without credentials: what a bundle
//! holds is public to whoever reaches the address. Nothing is ever written; a request's body is
//! never read.
//!
//! The only place with an asynchronous runtime. [`serve`] builds it and takes it down; files are
//! read on threads that may block.

mod answer;
mod asked_for;
mod body;
mod front;
mod lane;
mod ledger;
mod loopback;
mod order;
mod page;
mod patience;
mod peer;
mod queues;
mod range;
mod receive;
mod route;
#[cfg(test)]
mod samples;
mod seats;
mod shelf;
#[cfg(test)]
mod tests;
mod waiting;

use std::net::TcpListener;
use std::sync::Arc;

use self::answer::Desk;
pub use self::ledger::Ledger;
pub use self::loopback::Loopback;
pub use self::receive::MAX_CONNECTIONS;
use self::receive::{receive_until, usable};
pub use self::shelf::Shelf;
use crate::bundle::check::{Trusted, Verified};
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::work::plan::MissingBlob;

/// The shelf of a verified bundle: its images under their signed names, and the referrers that
/// have a tag under that.
#[must_use]
pub fn shelf(bundle: Verified) -> Shelf {
    let contents = bundle.trusted().contents();
    let images = contents.images.iter().map(|image| (image.name.clone(), image.digest));
    let tagged = contents.referrers.iter().filter_map(|r| Some((r.name()?, r.digest)));
    let names = images.chain(tagged).collect();
    let documents = contents.documents.values().cloned().collect();
    let blobs = contents.blobs.carried().cloned().collect();
    let sound = Arc::clone(bundle.sound());
    Shelf::new(names, documents, blobs, Arc::new(bundle), sound)
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
/// close, and answers under way have ten seconds to end. (Layers under way break off at once when
/// the stop is that of `log`, which ends all reading.)
///
/// A fault of one connection, of the medium, or of accepting (too many open files) is told to
/// `log` and ends nothing else. `log` also gets a note a request, `GET /v2/... 200 123`.
///
/// # Errors
/// Only when it cannot begin: no threads, or no usable listener.
pub fn serve(
    shelf: Shelf,
    listener: TcpListener,
    stop: impl Fn() -> bool,
    log: Arc<dyn Progress>,
) -> Result<()> {
    let local =
        listener.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback());
    let (runtime, listener) = usable(listener)?;
    let desk = Desk::new(shelf, log, local);
    receive_until(runtime, listener, desk, |_| true, stop)
}
