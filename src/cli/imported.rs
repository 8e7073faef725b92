//! What an import did, as JSON and in lines.

use serde::Serialize;

use super::evidence::{ahead, by_root, signed};
use super::in_order::standing;
use super::plan::{untagged, word};
use super::table::{blobs, bytes, digest, table};
use crate::verbs::evidence::Evidence;
use crate::verbs::import::Summary;
use crate::words::count::count;
use crate::words::escape::Safe;
use crate::work::plan::NameAction;

/// What an import did, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct ImportReport<'a> {
    #[serde(flatten)]
    pub(super) evidence: &'a Evidence,
    #[serde(flatten)]
    pub(super) summary: &'a Summary,
}

/// The same in lines, for people.
pub(super) fn text(evidence: &Evidence, summary: &Summary) -> Vec<String> {
    let rows: Vec<Vec<String>> = summary
        .images
        .iter()
        .map(|image| {
            let file = image.file.iter().map(|file| Safe(file).to_string());
            let what = match image.before {
                Some(before) => format!("{}, was {before}", word(image.action)),
                None => word(image.action).to_owned(),
            };
            let row = [image.to.to_string(), image.digest.to_string(), what];
            row.into_iter().chain(file).collect()
        })
        .collect();
    let mut lines = table(&rows);
    lines.extend(summary.images.iter().filter_map(|image| {
        let from = image.rewritten_from?;
        Some(format!("{} is {} instead of {from}, which was signed", image.to, image.digest))
    }));
    lines.extend(summary.images.iter().filter_map(|image| {
        let from = image.smaller_than?;
        Some(format!("{} is what was signed: made smaller on export, of {from}", image.to))
    }));
    let by_digest = summary.images.iter().filter(|image| image.action == NameAction::ByDigest);
    lines.extend(untagged(by_digest.count()));
    lines.push(format!(
        "sent {} ({}), mounted {}, already there {}",
        blobs(summary.copied.blobs),
        bytes(summary.copied.bytes),
        blobs(summary.mounted.blobs),
        blobs(summary.present.blobs),
    ));
    if let Some(shard) = &summary.shard {
        lines.push(format!("shard {shard}: no name is made before --finish"));
    }
    if !summary.tried.is_empty() {
        let passed = summary.tried.iter().filter(|it| it.reason.is_none()).count();
        let all = count(summary.tried.len(), "image");
        lines.push(format!("the check passed in {passed} of {all}"));
    }
    if let Some(agent) = &summary.agent {
        let folder = agent.images.display().to_string();
        lines.push(match agent.runs {
            true => format!("the node has them now, and again at each start: {}", Safe(&folder)),
            false => {
                let socket = agent.socket.display().to_string();
                format!(
                    "nothing listens at {}: the node takes them from {}, at its start at the latest",
                    Safe(&socket),
                    Safe(&folder)
                )
            }
        });
    }
    let bundle = evidence.bundle.to_string();
    lines.push(format!("from bundle {}, statement {}", Safe(&bundle), evidence.statement));
    lines.push(signed(evidence, false));
    lines.extend(by_root(evidence));
    lines.extend(standing(evidence));
    lines.extend(ahead(evidence));
    lines.extend(summary.receipt.as_ref().map(|receipt| {
        let path = receipt.path.display().to_string();
        let signed = match &receipt.key {
            Some(key) => format!("signed by {}", key.short()),
            None => "not signed".to_owned(),
        };
        format!("receipt {} ({}), {signed}", Safe(&path), digest(&receipt.digest, false))
    }));
    // What became of a file is known when it is closed; there is nobody to ask.
    if !summary.images.is_empty() && summary.images.iter().all(|image| image.file.is_none()) {
        lines.push("every name that was written was read back".to_owned());
    }
    lines
}
