//! What a receipt tells.

use std::path::Path;

use crate::bundle::keys::PublicKey;
use crate::bundle::known::Known;
use crate::bundle::receipt::{ReadReceipt, ReceiptSigner};
use crate::words::error::Result;
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::words::remedy::Remedy;

/// What the receipt at `path` tells, which one of the `keys` has to have signed where there are any.
///
/// # Errors
/// For what is none, or not signed so.
pub(super) fn ask(path: &Path, keys: &[PublicKey], progress: &dyn Progress) -> Result<Known> {
    let read = ReadReceipt::at(path, keys)?;
    let shown = path.display();
    let all_the_same =
        "what it lists is left out all the same, and the import proves that it is there";
    match &read.signer {
        ReceiptSigner::Key(_) => {}
        ReceiptSigner::Nobody => {
            progress.event(Event::note(format!("{shown} is not signed; {all_the_same}")));
        }
        ReceiptSigner::Claimed(key) => progress.event(Event::note(phrase![
            format!("{shown} says that it is signed by {key}, which "),
            Remedy::SinceKeys,
            format!(" would check; {all_the_same}")
        ])),
    }
    Ok(Known::by_receipt(&read))
}
