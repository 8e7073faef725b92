//! [`ChartBytes`]: a chart that was fetched.

use std::collections::BTreeMap;

use super::chart_archive::chart_files;
use crate::words::cancel::Cancel;
use crate::words::error::Result;

/// A chart that was fetched.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChartBytes {
    /// What it is called for people.
    pub shown: String,
    /// Its name and version, as it was asked for.
    pub is: (String, String),
    /// The `.tgz`.
    pub tgz: Vec<u8>,
    /// The `.tgz.prov`, where there is one.
    pub provenance: Option<Vec<u8>>,
}

impl ChartBytes {
    /// The chart `tgz`, which is to be the `version` of `name`; without provenance.
    #[must_use]
    pub fn new(shown: String, name: &str, version: &str, tgz: Vec<u8>) -> ChartBytes {
        let is = (name.to_owned(), version.to_owned());
        ChartBytes { shown, is, tgz, provenance: None }
    }

    /// Its files that are `wanted` by their paths below its folder, within bounds.
    ///
    /// # Errors
    /// [`Class::Damaged`](crate::words::error::Class::Damaged) for what is no chart, or unpacks to more than Helm takes.
    pub fn files(
        &self,
        wanted: impl Fn(&str) -> bool,
        cancel: &Cancel,
    ) -> Result<BTreeMap<String, Vec<u8>>> {
        chart_files(&self.tgz, &self.shown, wanted, cancel)
    }
}
