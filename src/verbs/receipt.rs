//! `receipt verify`: whose word a receipt is and what it says, and whether it tells of all of a bundle.

mod against;
mod report;
mod request;

pub use self::against::{NotTold, ToldBundle};
pub use self::report::{ReceiptKind, ReceiptReport};
pub use self::request::Request;
use crate::bundle::receipt::ReadReceipt;
use crate::bundle::record::Record;
use crate::words::error::Result;

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
