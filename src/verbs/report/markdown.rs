//! The report as Markdown, for a ticket or a wiki.

use std::io::{self, Write};

use askama::Template;

use super::bundle_report::BundleReport;
use super::view::View;
use crate::words::error::{Error, Result};

#[derive(Template)]
#[template(path = "report.md")]
struct Markdown<'r> {
    view: View<'r>,
    report: &'r BundleReport,
}

/// Writes `report` as Markdown.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_markdown(report: &BundleReport, out: &mut dyn Write) -> Result<()> {
    let mut out = io::BufWriter::new(out);
    let written = Markdown { view: View::of(report, None), report }.write_into(&mut out);
    let written = written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    written.map_err(|e| Error::io("cannot write the report", e))
}
