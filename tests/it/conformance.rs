//! The OCI project's own conformance suite, its pull part, against what `sealift serve` serves.

use crate::support::peers;
use crate::support::sealift::{Sealift, ran};
use crate::support::shared::Shared;

/// What the suite asks of a registry that takes no pushes.
const PULL: [&str; 9] = [
    "Ping",
    "Tag listing",
    "Blob get",
    "Blob head",
    "Manifest get by digest",
    "Manifest get by tag",
    "Manifest head by digest",
    "Manifest head by tag",
    "Referrers",
];

/// Runs the suite's pull part against `repository` of the shared bundle and gives its report.
///
/// The report is what counts, not the exit code: this version of the suite reaches into nothing
/// after it has printed it (`ReportResultsYAML`, for data that was made up and put away).
fn suite(sealift: &Sealift, port: u16, repository: &str) -> String {
    let image = Shared::get().image(repository);
    let list = |items: Vec<&str>| items.join(" ");
    let mut suite = peers::command("conformance", &sealift.at(""));
    suite
        .env("OCI_REGISTRY", format!("127.0.0.1:{port}"))
        .env("OCI_TLS", "disabled")
        .env("OCI_VERSION", "1.1")
        .env("OCI_REPO1", repository)
        .env("OCI_RESULTS_DIR", sealift.at(&format!("results-{}", repository.replace('/', "-"))))
        .env("OCI_RO_DATA_TAGS", list(image.tags.keys().map(String::as_str).collect()))
        .env(
            "OCI_RO_DATA_MANIFESTS",
            list(image.documents.iter().map(|document| document.digest.as_str()).collect()),
        )
        .env("OCI_RO_DATA_BLOBS", list(image.blobs.keys().map(String::as_str).collect()))
        .env("OCI_RO_DATA_REFERRERS", image.digest());
    for part in ["PUSH", "BLOBS_DELETE", "MANIFESTS_DELETE", "TAGS_DELETE"] {
        suite.env(format!("OCI_API_{part}"), "false");
    }
    ran(&mut suite).stdout
}

/// What stands behind `name` in the report.
fn result<'a>(report: &'a str, name: &str) -> &'a str {
    let found = report.lines().find_map(|line| {
        let (before, after) = line.trim().rsplit_once(':')?;
        (before.trim_end_matches('.') == name).then_some(after.trim())
    });
    found.unwrap_or_else(|| panic!("no {name:?} in\n{report}"))
}

#[test]
fn its_pull_part_passes_against_both_forms() {
    need!("docker-registry", "busybox", "go:conformance");
    let (shared, sealift) = (Shared::get(), Sealift::new());

    for bundle in shared.forms() {
        let served = sealift.serve(bundle, &shared.keys.public);
        for image in &shared.images {
            let report = suite(&sealift, served.port, &image.repository);
            let name = image.path();
            for part in PULL {
                assert_eq!(result(&report, part), "Pass", "{name}: {part}\n{report}");
            }
            assert_eq!(result(&report, "FAIL"), "0", "{name}\n{report}");
            assert_eq!(result(&report, "Error"), "0", "{name}\n{report}");
            assert_eq!(result(&report, "OCI Conformance Result"), "Pass", "{name}\n{report}");
        }
    }
}
