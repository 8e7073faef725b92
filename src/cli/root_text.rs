//! Roots of trust, in lines for people.

use super::table::titled;
use crate::bundle::roots::{RoleSigner, RoleTally};
use crate::verbs::roots::RootReport;
use crate::words::digest::Digest;
use crate::words::escape::Safe;

/// The fingerprint, in groups to be read out.
fn grouped(fingerprint: &Digest) -> String {
    let hex = fingerprint.hex();
    let groups: Vec<&str> = (0..8).filter_map(|i| hex.get(8 * i..8 * i + 8)).collect();
    groups.join(" ")
}

fn titles(report: &RootReport) -> Vec<String> {
    let until = match (report.expires_at, report.expired) {
        (None, _) => "for good".to_owned(),
        (Some(until), false) => format!("until {until}"),
        (Some(until), true) => format!("NO MORE since {until}"),
    };
    vec![
        format!("root {} of {}, which holds {until}", report.version, Safe(&report.from)),
        format!("fingerprint {}", grouped(&report.fingerprint)),
    ]
}

/// A draft, and what is to be done with it.
pub(super) fn drafted(report: &RootReport) -> Vec<String> {
    let mut lines = shown(report);
    lines
        .push("nobody has signed it yet: each signer does so with `sealift trust sign`".to_owned());
    lines
}

/// All that a root says.
pub(super) fn shown(report: &RootReport) -> Vec<String> {
    let mut lines = titles(report);
    let who = |signer: &RoleSigner| format!("{} ({})", signer.name, signer.key.short());
    let rows = report.roles.iter().map(|role| {
        let what = match role.role.as_str() {
            "root" => "the next root".to_owned(),
            "*" => "bundles of every other stream".to_owned(),
            "default" => "bundles outside of any stream".to_owned(),
            stream => format!("bundles of stream {stream}"),
        };
        let takes = format!("{} of {}", role.threshold, role.signers.len());
        vec![what, takes, role.signers.iter().map(who).collect::<Vec<_>>().join(", ")]
    });
    let head = ["WHAT", "TAKES", "SIGNERS"].map(str::to_owned).to_vec();
    lines.extend(titled(&[head].into_iter().chain(rows).collect::<Vec<_>>()));
    for key in &report.revoked {
        let text = format!(
            "revoked at {}: {} ({}), {}; {} of its statements still count",
            key.at,
            key.name,
            key.id().short(),
            key.reason,
            key.accepted.len()
        );
        lines.push(Safe(&text).to_string());
    }
    let digests = report.denied.digests.iter().map(|it| (it.digest.to_string(), &it.reason));
    let names = report.denied.repositories.iter().map(|it| (it.repository.clone(), &it.reason));
    for (what, reason) in digests.chain(names) {
        lines.push(Safe(&format!("not taken: {what}, {reason}")).to_string());
    }
    lines.extend(report.signatures.iter().map(RoleTally::in_words));
    lines
}

/// Who has signed, and who has not.
pub(super) fn signatures(report: &RootReport) -> Vec<String> {
    let mut lines = titles(report);
    lines.extend(report.signatures.iter().map(RoleTally::in_words));
    if report.complete {
        lines.push("it has all signatures that it needs".to_owned());
    }
    if let [first, .., last] = &report.versions[..] {
        lines.push(format!("roots {first} to {last} follow each other"));
    }
    lines
}
