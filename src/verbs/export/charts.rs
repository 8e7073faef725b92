//! Charts of Helm repositories, fetched for an export.

use super::chart_images::{ChartImages, is_asked};
use crate::lists::IndexedChart;
use crate::places::artifact::{ChartBytes, MadeArtifact};
use crate::places::location::ChartAddress;
use crate::places::registry::{Client, WebFolder};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Side, Subject};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;

/// Largest index that is read. The largest known one had 20 MB.
const MAX_INDEX: u64 = 64 << 20;
/// Largest chart that is read: it is held in memory. Nearly all have less than a hundredth of it, and no
/// cluster keeps a release of more than one.
const MAX_CHART: u64 = 20 << 20;
/// Largest provenance that is read: it holds `Chart.yaml` and a signature.
const MAX_PROVENANCE: u64 = 1 << 20;
/// How a provenance begins.
const SIGNED: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";

/// The index that was read last: charts of one repository stand together in most lists.
#[derive(Debug, Default)]
pub(super) struct LastIndex(Option<(String, String)>);

impl LastIndex {
    /// Fetches `chart` and makes an artifact of it. The images that it names are `charted`, where they are
    /// wanted.
    ///
    /// # Errors
    /// [`Class::Incomplete`] for what the repository does not have, [`Class::Damaged`] for what is not
    /// what its index says; those of its server.
    pub(super) fn fetch(
        &mut self,
        chart: &ChartAddress,
        (charted, with_images): (&mut ChartImages, bool),
        client: &Client,
        progress: &dyn Progress,
    ) -> Result<MadeArtifact> {
        // 1. What does the repository have?
        let shown = format!("chart:{chart}");
        let at = |error: Error| error.context(&shown).subject(Subject::Image(shown.clone()));
        let folder = client.web_folder(&chart.repository)?;
        let index = self.read(&chart.repository, &folder).map_err(at)?;
        let found = IndexedChart::find(index, &chart.name, chart.version.as_deref())
            .map_err(|error| at(error.on(Side::Source)))?;
        let name = name(chart, &found.version)?;

        // 2. The first of its addresses that has it gives it; only those bytes are taken.
        let what = format!("chart {} {}", chart.name, found.version);
        let (location, tgz) = bytes(&folder, &found, &what).map_err(at)?;
        match found.digest {
            Some(digest) if digest != Digest::of(&tgz) => {
                let text =
                    format!("{what} has the digest {}, and the index {digest}", Digest::of(&tgz));
                return Err(at(Error::new(Class::Damaged, text).on(Side::Source).hint(
                    "the chart or the index was changed; ask whoever keeps the repository",
                )));
            }
            Some(_) => {}
            None => {
                let text =
                    format!("{what}: the index has no digest of it; what came is taken as it is");
                progress.event(Event::note(text));
            }
        }

        // 3. Its signature comes along.
        let provenance = provenance(&folder, &location, &tgz, &what, progress).map_err(at)?;
        let mut chart = ChartBytes::new(what.clone(), &chart.name, &found.version, tgz);
        chart.provenance = provenance;
        let files =
            chart.files(is_asked, &progress.handle()).map_err(|e| at(e.on(Side::Source)))?;
        charted.add(&what, &files, with_images, progress)?;
        MadeArtifact::of_chart(chart, name, &progress.handle()).map_err(|e| at(e.on(Side::Source)))
    }

    fn read(&mut self, repository: &str, folder: &WebFolder) -> Result<&str> {
        if self.0.as_ref().is_none_or(|(last, _)| last != repository) {
            // Two of them need not be there at a time.
            self.0 = None;
            let bytes = folder.read("index.yaml", MAX_INDEX, "index.yaml")?.ok_or_else(|| {
                Error::new(Class::Incomplete, format!("{repository} has no index.yaml")).hint(
                    "name the folder in which it is; a registry's charts are named like images",
                )
            })?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Error::new(Class::Damaged, "its index.yaml is no text in UTF-8"))?;
            self.0 = Some((repository.to_owned(), text));
        }
        Ok(self.0.as_ref().map_or("", |(_, text)| text))
    }
}

/// The bytes of the chart that was `found`, and the address that had them.
fn bytes(folder: &WebFolder, found: &IndexedChart, what: &str) -> Result<(String, Vec<u8>)> {
    for location in &found.urls {
        if let Some(bytes) = folder.read(location, MAX_CHART, what)? {
            return Ok((location.clone(), bytes));
        }
    }
    let text = format!("{what} is in the index, and not there");
    Err(Error::new(Class::Incomplete, text).details(found.urls.iter().map(String::as_str)))
}

/// The signature of the chart `tgz` at `location`, where there is one.
fn provenance(
    folder: &WebFolder,
    location: &str,
    tgz: &[u8],
    what: &str,
    progress: &dyn Progress,
) -> Result<Option<Vec<u8>>> {
    let end = location.find(['?', '#']).unwrap_or(location.len());
    let location = format!("{}.prov{}", &location[..end], &location[end..]);
    let what = format!("provenance of {what}");
    let bytes = match folder.read(&location, MAX_PROVENANCE, &what) {
        // Storage behind a repository answers so for what it does not have.
        Err(error) if error.class() == Class::Refused => {
            progress.event(Event::note(format!("{what} could not be had: {}", error.message())));
            None
        }
        bytes => bytes?,
    };
    // A page that stands for what is not there is none.
    let bytes = bytes.filter(|bytes| bytes.trim_ascii_start().starts_with(SIGNED));
    let hex = Digest::of(tgz).hex();
    let names = |bytes: &Vec<u8>| bytes.windows(hex.len()).any(|text| text == hex.as_bytes());
    if bytes.as_ref().is_some_and(|bytes| !names(bytes)) {
        progress.event(Event::note(format!("{what} is of other bytes: helm verify will say so")));
    }
    Ok(bytes)
}

/// What `chart` in `version` is called.
fn name(chart: &ChartAddress, version: &str) -> Result<Reference> {
    // As Helm: a tag has no plus.
    let tag = version.replace('+', "_");
    if let Some(called) = &chart.called {
        return match called.tag {
            Some(_) => Ok(called.clone()),
            None => Ok(called.with_tag(tag.parse()?)),
        };
    }
    let place = chart.repository.split_once("://").map_or("", |(_, rest)| rest);
    let place = place.trim_end_matches('/').to_lowercase();
    let text = format!("{place}/{}:{tag}", chart.name.to_lowercase());
    let host = place.split('/').next().unwrap_or_default();
    let name = text.parse::<Reference>().ok().filter(|name| name.registry.as_str() == host);
    name.ok_or_else(|| {
        let text =
            format!("{text:?}, where chart:{chart} is from, is no name that an image may have");
        Error::new(Class::Usage, text)
            .hint("write one behind it, as in chart:https://REPOSITORY/NAME=charts.example/name")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_called_by_where_it_is_from_or_as_is_wished() {
        let called = |text: &str, version| {
            name(&text.parse().unwrap(), version).map(|name| name.to_string())
        };
        for (text, expected) in [
            ("https://c.example/Stable/web", "c.example/stable/web:1.2.3_x"),
            ("http://127.0.0.1:8080/web:1", "127.0.0.1:8080/web:1.2.3_x"),
            ("https://c.example/web=r.example/a/web", "r.example/a/web:1.2.3_x"),
            ("https://c.example/web=r.example/a/web:x", "r.example/a/web:x"),
        ] {
            assert_eq!(called(text, "1.2.3+x").unwrap(), expected);
        }
        for text in ["https://charts/web", "https://c.example/~me/web"] {
            assert_eq!(called(text, "1").unwrap_err().class(), Class::Usage, "{text}");
        }
    }
}
