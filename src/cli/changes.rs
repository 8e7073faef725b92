//! What changes from one set of images to another, for people.

use super::table::{blobs, bytes, digest, platforms, titled};
use crate::words::platform::Platform;
use crate::work::diff::{ChangeKind, Difference, ImageChange, ImageState, OneSided};
use crate::work::plan::Count;

/// The names that changed, or `all`.
pub(super) fn table(difference: &Difference, all: bool, long: bool) -> Vec<String> {
    let head = ["IMAGE", "CHANGE", "DIGEST", "PLATFORMS", "SIZE", "ADDS", "FREES"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let images = difference.images.iter();
    let shown = images.filter(|image| all || image.change != ChangeKind::Unchanged);
    rows.extend(shown.map(|image| row(image, long)));
    match rows.len() {
        1 => Vec::new(),
        _ => titled(&rows),
    }
}

/// How many names changed, and what is new, shared and gone in all.
pub(super) fn totals(difference: &Difference) -> Vec<String> {
    let counts = &difference.counts;
    let further = [
        (counts.parts, "with other parts"),
        (counts.undecided, "of which it is not known whether they are the same"),
    ];
    let mut said = format!(
        "{} added, {} removed, {} moved, {} unchanged",
        counts.added, counts.removed, counts.moved, counts.unchanged
    );
    for (number, what) in further.into_iter().filter(|(number, _)| *number > 0) {
        said.push_str(&format!(", {number} {what}"));
    }
    let (Some(new), Some(shared), Some(gone)) =
        (&difference.new, &difference.shared, &difference.gone)
    else {
        return vec![
            said,
            "what is new and what is shared is unknown: one of the two has names without sizes"
                .to_owned(),
        ];
    };
    vec![
        said,
        format!("new: {}", sided(new, "new")),
        format!("in both: {}", amount(*shared)),
        format!("gone: {}", sided(gone, "old")),
    ]
}

fn row(image: &ImageChange, long: bool) -> Vec<String> {
    let size = |state: &ImageState| state.bytes.map_or_else(unknown, bytes);
    vec![
        image.name.to_string(),
        word(image.change).to_owned(),
        both(image, |state| match &state.digest {
            Some(it) => digest(it, long),
            None => unknown(),
        }),
        changed_platforms(image),
        both(image, size),
        amount_of(image.after.is_some(), image.adds),
        amount_of(image.before.is_some(), image.frees),
    ]
}

/// What is said of an image before and after; once where it is the same.
fn both(image: &ImageChange, said: impl Fn(&ImageState) -> String) -> String {
    let said = |state: &Option<ImageState>| state.as_ref().map(&said);
    match (said(&image.before), said(&image.after)) {
        (Some(before), Some(after)) if before != after => format!("{before} -> {after}"),
        (before, after) => after.or(before).unwrap_or_default(),
    }
}

/// What it runs on, and behind that what is new and what is gone of it.
fn changed_platforms(image: &ImageChange) -> String {
    let state = image.after.as_ref().or(image.before.as_ref());
    let Some(now) = state.and_then(|state| state.platforms.as_ref()) else { return unknown() };
    let marked = |mark: &str, these: &[Platform]| -> Vec<String> {
        these.iter().map(|platform| format!("{mark}{platform}")).collect()
    };
    let changes = [marked("+", &image.gained), marked("-", &image.lost)].concat();
    match changes.is_empty() {
        true => platforms(now),
        false => format!("{} ({})", platforms(now), changes.join(",")),
    }
}

fn word(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Moved => "moved",
        ChangeKind::Parts => "other parts",
        ChangeKind::Unchanged => "unchanged",
        ChangeKind::Undecided => "unknown",
    }
}

fn amount_of(is_there: bool, amount: Option<u64>) -> String {
    match (is_there, amount) {
        (false, _) => "-".to_owned(),
        (true, amount) => amount.map_or_else(unknown, bytes),
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn amount(count: Count) -> String {
    format!("{} ({})", blobs(count.blobs), bytes(count.bytes))
}

/// What one side alone has; `which` images need what several of them do.
fn sided(side: &OneSided, which: &str) -> String {
    let mut said = amount(side.all);
    let parts = [
        (side.of_several, format!("shared by several {which} images")),
        (side.of_referrers, "of signatures and the like".to_owned()),
    ];
    let parts = parts.into_iter().filter_map(|(count, what)| Some((count?, what)));
    let parts = parts.filter(|(count, _)| count.blobs > 0);
    let parts: Vec<String> =
        parts.map(|(count, what)| format!("{} {what}", bytes(count.bytes))).collect();
    if !parts.is_empty() {
        said.push_str(&format!(", of that {}", parts.join(", ")));
    }
    said
}
