//! What was signed, when and by whom, in lines for people.

use crate::bundle::keys::KeyId;
use crate::bundle::position::StreamPosition;
use crate::verbs::evidence::Evidence;

/// Key ids, whole or shortened.
pub(super) fn ids(signers: &[KeyId], long: bool) -> String {
    let shown = |id: &KeyId| if long { id.hex() } else { id.short() };
    signers.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// Who signed, when, and until when it counts.
pub(super) fn signed(of: &Evidence, long: bool) -> String {
    let by = match of.signers.is_empty() {
        true => "not asked who signed (--insecure-no-verify); it says it was made at ".to_owned(),
        false => format!("signed by {} at ", ids(&of.signers, long)),
    };
    format!("{by}{}; {}", of.created_at, expiry(of))
}

/// Where in a stream it stands.
pub(super) fn in_words(position: &StreamPosition) -> String {
    let StreamPosition { stream, epoch, sequence } = position;
    format!("number {sequence} of stream {stream}, epoch {epoch}")
}

/// When it expires, in a clause.
pub(super) fn expiry(of: &Evidence) -> String {
    match (of.expires_at, of.expired) {
        (None, _) => "does not expire".to_owned(),
        (Some(until), false) => format!("expires at {until}"),
        (Some(until), true) => format!("EXPIRED at {until}"),
    }
}

/// A remark on a date that cannot be.
pub(super) fn ahead(of: &Evidence) -> Option<String> {
    of.in_future.then(|| {
        format!(
            "its date, {}, is in the future: see whether the clock here is right, and the sender's",
            of.created_at
        )
    })
}
