//! What the ledger is told of an import.

use super::leave_behind::LeaveBehind;
use super::outcome::Outcome;
use super::request::Request;
use crate::bundle::ledger::{LedgerEvent, LedgerImage, LedgerMapping, LedgerOverride};
use crate::bundle::memory::Verdict;
use crate::verbs::freshness::Fresh;
use crate::verbs::recording::of_request;
use crate::words::error::Error;
use crate::work::mapping::NameRule;
use crate::work::plan::{NameAction, OnExisting, Plan};

/// What is asked for.
pub(super) fn asked(event: &mut LedgerEvent, request: &Request) {
    of_request(event, request.bundle.path(), &request.trust);
    event.place = Some(request.to.to_string());
    event.mapping = Some(LedgerMapping {
        flatten: request.flatten,
        rules: request.rules.iter().map(NameRule::to_string).collect(),
        rewrite_index: request.rewrite.smaller,
        to_oci: request.rewrite.to_oci,
        ..LedgerMapping::default()
    });
    // As counts, which readers of before take as well.
    if let Some(shard) = request.sharing.shard() {
        let (number, of) = shard.number_of();
        event.counts.extend([("shard".to_owned(), number), ("shards".to_owned(), of)]);
    }
    let existing = match request.existing {
        OnExisting::Error => None,
        OnExisting::Overwrite => Some("overwrite"),
        OnExisting::Skip => Some("skip"),
        OnExisting::KeepDigest => Some("keepDigest"),
        OnExisting::DigestTag => Some("digestTag"),
    };
    let left = match request.leave_behind {
        LeaveBehind::Nothing => None,
        LeaveBehind::Unsound => Some("onlyIntact"),
        LeaveBehind::Anything => Some("keepGoing"),
    };
    let quota = request.projects.ignore_quota.then_some("ignoreQuota");
    let all = existing.into_iter().chain(left).chain(quota);
    event.overrides.extend(all.map(|what| LedgerOverride::new(what, None)));
}

/// What was taken though another bundle was expected.
pub(super) fn excepted(event: &mut LedgerEvent, fresh: Option<&Fresh>) {
    let reasons = fresh.map(Fresh::excepted).unwrap_or_default();
    event.overrides.extend(reasons.iter().map(|(verdict, reason)| {
        let what = match verdict {
            Verdict::NewEpoch => "newEpoch",
            _ => "gap",
        };
        LedgerOverride::new(what, Some(reason))
    }));
}

/// The images whose names `plan` makes.
pub(super) fn images(plan: &Plan) -> Vec<LedgerImage> {
    let names = plan.repositories.iter().flat_map(|repository| &repository.names);
    let images = names.filter(|step| !step.is_list() && step.action != NameAction::Keep);
    images
        .map(|step| {
            let mut image = LedgerImage::new(&step.name, step.digest);
            image.to = Some(step.arrives_as().to_string());
            image.was = step.now.filter(|_| step.action == NameAction::Replace);
            image
        })
        .collect()
}

/// What came of it.
pub(super) fn outcome(event: LedgerEvent, outcome: &Outcome) -> (LedgerEvent, Option<Error>) {
    let Outcome::Done(summary) = outcome else { return (event, None) };
    let mut event = event
        .count("images", summary.images.len() as u64)
        .count("failed", summary.failed.len() as u64)
        .count("copiedBlobs", summary.copied.blobs)
        .count("copiedBytes", summary.copied.bytes)
        .count("mountedBlobs", summary.mounted.blobs)
        .count("presentBlobs", summary.present.blobs);
    event.receipt = summary.receipt.as_ref().map(|receipt| receipt.digest);
    (event, summary.failure())
}
