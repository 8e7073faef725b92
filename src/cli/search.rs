//! `sealift search`.

use std::process::ExitCode;

use clap::Args;

use super::idle;
use super::printer::Printer;
use super::registries::Registries;
use super::report::exit_code;
use super::table::{bytes, platforms, titled};
use crate::places::registry::SearchBy;
use crate::verbs::search::{Answers, Request, Searched, search};
use crate::words::count::count as counted;
use crate::words::error::{Error, Result};
use crate::words::escape::safe;
use crate::words::reference::{Registry, Tag};

/// How much of a description has room in a line.
const MAX_DESCRIPTION: usize = 60;

/// Search registries for repositories
///
/// Docker Hub, Quay and Harbor are asked by their own search, and so is what speaks docker's;
/// of any other registry the list of all repositories is read, where it shows one. A registry
/// that can do neither is named, and the exit code is 6.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift search alpine
  sealift search quay.io/alpine
  sealift search alpine --registry quay.io --registry harbor.example
  sealift search app --registry harbor.example --format json
  sealift search alpine --registry quay.io --limit 5 --details

Nobody is asked but the registries named, or Docker Hub when none is. With --details at most 1000 further
requests are made; a repository that cannot be read is named, and the others are told.")]
pub(super) struct Search {
    /// What to look for; HOST/TERM, as podman has it, where no --registry is named, and HOST/ for
    /// all that the host shows
    #[arg(value_name = "TERM", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    term: String,
    /// Where to look (can be repeated) [default: docker.io]
    #[arg(long, value_name = "HOST[:PORT]")]
    registry: Vec<Registry>,
    /// Most repositories to show of each registry
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Ask each repository for its newest tags, by version, and what the newest one runs on and weighs; at
    /// Docker Hub, which counts that as two pulls, it is weighed for one platform
    #[arg(long)]
    details: bool,
    #[command(flatten)]
    registries: Registries,
}

impl Search {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let [rate, jobs] = self.registries.given_for_blobs();
        idle::tell(&[rate], "no blob is moved", printer);
        if !self.details {
            idle::tell(&[jobs], "registries are searched one after the other", printer);
        }
        let client = self.registries.client(printer.progress())?;
        let limit = self.limit.into();
        let (term, registries) = match self.registry.is_empty() {
            true => split(&self.term)?,
            false => (self.term, self.registry),
        };
        let (details, jobs) = (self.details, self.registries.jobs());
        let request = Request { limit, details, jobs, ..Request::new(term, registries) };
        let outcome = search(&request, &client)?;
        let failed = || outcome.registries.iter().flat_map(failures);
        let error = failed().next();
        printer.ending(&outcome, error, || text(&outcome))?;
        if !printer.is_json() {
            counts(&outcome).iter().for_each(|line| printer.note(line));
        }
        failed().for_each(|error| printer.complain(error));
        Ok(error.map_or(ExitCode::SUCCESS, |error| exit_code(error.class())))
    }
}

/// Why a registry, or the details of one of its repositories, are not told.
fn failures(searched: &Searched) -> impl Iterator<Item = &Error> {
    let details = searched.details.iter().flatten().filter_map(|of| of.error.as_ref());
    searched.error.iter().chain(details)
}

/// The term and the registry that it begins with, which is Docker Hub where it begins with none. A
/// registry alone, with its slash, is asked for everything.
fn split(text: &str) -> Result<(String, Vec<Registry>)> {
    let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
    match text.split_once('/') {
        Some((host, term)) if is_host(host) => Ok((term.to_owned(), vec![host.parse()?])),
        _ => Ok((text.to_owned(), vec!["docker.io".parse()?])),
    }
}

fn text(outcome: &Answers) -> Vec<String> {
    if outcome.requests.is_some() {
        return detailed(outcome);
    }
    let mut rows = vec![["NAME", "STARS", "DESCRIPTION"].map(str::to_owned).to_vec()];
    for found in outcome.registries.iter().flat_map(|searched| &searched.repositories) {
        let stars = found.stars.map_or("-".to_owned(), |stars| stars.to_string());
        rows.push(vec![found.name.clone(), stars, safe(&found.description, MAX_DESCRIPTION)]);
    }
    match rows.len() {
        1 => Vec::new(),
        _ => titled(&rows),
    }
}

/// The same with what is known of each.
fn detailed(outcome: &Answers) -> Vec<String> {
    let head = ["NAME", "NEWEST", "TAGS", "SIZE", "PLATFORMS", "DESCRIPTION"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for searched in &outcome.registries {
        for (found, of) in searched.repositories.iter().zip(searched.details.iter().flatten()) {
            let newest: Vec<&str> = of.newest.iter().map(Tag::as_str).collect();
            let size = of.platforms.iter().find_map(|platform| platform.bytes);
            let all: Vec<_> = of.platforms.iter().filter_map(|it| it.platform.clone()).collect();
            let more = if of.more_tags { "+" } else { "" };
            rows.push(vec![
                found.name.clone(),
                if newest.is_empty() { "-".to_owned() } else { newest.join(", ") },
                format!("{}{more}", of.tag_count),
                size.map_or("-".to_owned(), bytes),
                platforms(&all),
                safe(&found.description, MAX_DESCRIPTION),
            ]);
        }
    }
    match rows.len() {
        1 => Vec::new(),
        _ => titled(&rows),
    }
}

/// What came of it, registry by registry.
fn counts(outcome: &Answers) -> Vec<String> {
    let mut lines = Vec::new();
    for searched in &outcome.registries {
        let by = match searched.searched_by {
            None => continue,
            Some(SearchBy::Catalog) => "in its list of all repositories",
            Some(SearchBy::Docker | SearchBy::Quay | SearchBy::Harbor) => "by its search",
        };
        let count = match (searched.repositories.len(), searched.more) {
            (0, _) => "nothing".to_owned(),
            (count, false) => format!("{count} found"),
            (count, true) => format!("{count} of more (--limit)"),
        };
        lines.push(format!("{}: {count}, {by}", searched.registry));
    }
    lines.extend(outcome.requests.map(|made| format!("details: {}", counted(made, "request"))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_may_begin_with_its_registry_as_podman_has_it() {
        for (text, term, registry) in [
            ("alpine", "alpine", "docker.io"),
            ("library/alpine", "library/alpine", "docker.io"),
            ("quay.io/org/app", "org/app", "quay.io"),
            ("localhost:5000/x", "x", "localhost:5000"),
            ("quay.io/", "", "quay.io"),
            ("harbor.example:5000/", "", "harbor.example:5000"),
            ("library/", "library/", "docker.io"),
        ] {
            assert_eq!(split(text).unwrap(), (term.to_owned(), vec![registry.parse().unwrap()]));
        }
    }
}
