//! What was signed, when and by whom, in lines for people.

use crate::bundle::keys::KeyId;
use crate::bundle::position::StreamPosition;
use crate::verbs::evidence::Evidence;
use crate::words::escape::Safe;

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

/// By which root of trust it was judged, and who of whom has signed, where a root was asked.
pub(super) fn by_root(of: &Evidence) -> Vec<String> {
    let Some(standing) = &of.trust else { return Vec::new() };
    let (version, folder) = (standing.version, Safe(&standing.folder));
    let mut lines = vec![format!("{} (root {version} of {folder})", standing.tally.in_words())];
    if !standing.brought.is_empty() {
        let brought: Vec<String> = standing.brought.iter().map(u64::to_string).collect();
        let kept = match standing.kept {
            true => "is kept",
            false => "cannot be written there, and counts for this run alone",
        };
        lines.push(format!("the bundle brought root {}, which {kept}", brought.join(", ")));
    }
    lines
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
