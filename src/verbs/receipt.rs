//! `receipt verify`: whose word a receipt is and what it says, and whether it tells of all of a bundle.

mod against;
mod report;

use std::path::PathBuf;

pub use self::against::{NotTold, ToldBundle};
pub use self::report::{ReceiptKind, ReceiptReport};
use crate::bundle::check::Trust;
use crate::bundle::keys::PublicKey;
use crate::bundle::receipt::ReadReceipt;
use crate::bundle::record::Record;
use crate::medium::Medium;
use crate::words::error::Result;

/// Which receipt is looked at, and what for.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The receipt.
    pub path: PathBuf,
    /// The keys of which one has to have signed it.
    pub keys: Vec<PublicKey>,
    /// Whether it counts whoever signed it, if anybody did.
    pub any_signer: bool,
    /// The bundle, or the record of one, of which it is to tell, and whom to believe that.
    pub against: Option<(Medium, Trust)>,
}

impl Request {
    /// Looks at the receipt at `path`, which one of the `keys` has to have signed. The fields say otherwise.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, keys: Vec<PublicKey>) -> Request {
        Request { path: path.into(), keys, any_signer: false, against: None }
    }
}

/// Reads the receipt of `request`, and holds it against the bundle that is named.
///
/// # Errors
/// For what is no receipt, or signed by none of the keys; for a bundle that is not believed. That something
/// is not held is none: the report says so.
pub fn verify(request: &Request) -> Result<ReceiptReport> {
    // 1. Whose word is it, and is it all there?
    let read = ReadReceipt::at(&request.path, &request.keys)?;

    // 2. Does it tell of all that the bundle brought?
    let against = request.against.as_ref().map(|(medium, trust)| -> Result<ToldBundle> {
        let record = Record::read(medium, trust)?;
        ToldBundle::of(medium, &record, &read.receipt)
    });
    let against = against.transpose()?;

    // 3. What does it say?
    Ok(ReceiptReport::of(request, read, against))
}
