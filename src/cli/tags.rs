//! `sealift tags`.

use std::process::ExitCode;

use clap::Args;

use super::idle;
use super::printer::Printer;
use super::registries::Registries;
use crate::verbs::tags::tags;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// List the tags of a repository, all of them, one a line
///
/// Numbers in tags are in the order of numbers: 1.9 comes before 1.10.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift tags alpine
  sealift tags quay.io/prometheus/node-exporter --format json
  sealift tags harbor.example/group/app")]
pub(super) struct ListTags {
    /// The repository, without tag or digest
    #[arg(value_name = "REPO", value_parser = repository)]
    repository: Reference,
    #[command(flatten)]
    registries: Registries,
}

/// A name that ends with the repository.
fn repository(text: &str) -> Result<Reference> {
    let bare = text.strip_prefix("docker://").unwrap_or(text);
    let last = bare.rsplit('/').next().unwrap_or(bare);
    if bare.contains('@') || last.contains(':') {
        // clap shows no hint.
        let text = format!("{text:?} has a tag or a digest; name the repository alone");
        return Err(Error::new(Class::Usage, text));
    }
    bare.parse()
}

impl ListTags {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        idle::tell(&self.registries.given_for_blobs(), "no blob is moved", printer);
        let client = self.registries.client(printer.progress())?;
        let listing = tags(&self.repository, &client)?;
        printer.result(&listing, || listing.tags.iter().map(ToString::to_string).collect())?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_neither_tag_nor_digest() {
        assert_eq!(repository("alpine").unwrap().name(), "docker.io/library/alpine");
        assert_eq!(repository("docker://h.example:5000/a").unwrap().name(), "h.example:5000/a");
        for bad in ["alpine:3", "a@sha256:1", "https://h.example/a", ""] {
            assert!(repository(bad).is_err(), "{bad}");
        }
    }
}
