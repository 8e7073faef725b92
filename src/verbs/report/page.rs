//! The report as a page of HTML, for a file and for a server.

use std::io::{self, Write};

use askama::Template;

use super::bundle_report::BundleReport;
use super::picture::WIDTH;
use super::view::View;
use crate::words::error::{Error, Result};

/// Most bytes of a page that is served, which stays in memory: more than five thousand images have.
const MAX_SERVED: usize = 32 << 20;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'r> {
    view: View<'r>,
    report: &'r BundleReport,
}

/// The bundles that a server has, by what they are called.
#[derive(Template)]
#[template(path = "bundles.html")]
struct BundlesPage<'r> {
    names: &'r [String],
}

/// The page of a server that has several bundles, called `names`: it leads to the page of each, at
/// `/bundles/1` and on.
#[must_use]
pub fn served_bundles(names: &[String]) -> Option<String> {
    BundlesPage { names }.render().ok()
}

/// Writes `report` as one page of HTML, which needs nothing besides and runs nothing.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_page(report: &BundleReport, out: &mut dyn Write) -> Result<()> {
    let mut out = io::BufWriter::new(out);
    let written = Page { view: View::of(report, None), report }.write_into(&mut out);
    let written = written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    written.map_err(|e| Error::io("cannot write the report", e))
}

/// `report` as a page of the server at `address`, by TLS or not, which says how each image is pulled from there;
/// nothing where it is so large that nobody reads it, which would only take memory.
#[must_use]
pub fn served_page(report: &BundleReport, address: &str, by_tls: bool) -> Option<String> {
    let view = View { by_tls, ..View::of(report, Some(address)) };
    let page = Page { view, report }.render().ok()?;
    (page.len() <= MAX_SERVED).then_some(page)
}
