//! `diff`: what changes from one set of images to another, and what that weighs.

mod comparand;
mod compared;
mod looked;
mod request;

use serde::Serialize;

pub use self::comparand::Comparand;
pub use self::compared::{CompareKind, Compared};
use self::looked::{align, look};
pub use self::request::Request;
use crate::places::registry::Client;
use crate::words::error::{Class, Error, ErrorKind, Result};
use crate::words::progress::Progress;
use crate::work::diff::Difference;

/// How two sets of images differ, and what was compared.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Comparison {
    /// What there was.
    pub before: Compared,
    /// What there is, or will be.
    pub after: Compared,
    /// How they differ.
    #[serde(flatten)]
    pub difference: Difference,
}

impl Comparison {
    /// That the two differ, or cannot be told to be the same, as a failure, for one who asks that.
    #[must_use]
    pub fn unlike(&self) -> Option<Error> {
        let (before, after) = (&self.before.name, &self.after.name);
        let text = format!("{before} and {after} differ");
        let error = || Error::new(Class::Other, text).of_kind(ErrorKind::Differs);
        (!self.difference.is_none()).then(error)
    }
}

/// Compares as `request` says. Layers are not read.
///
/// ```
/// use std::sync::Arc;
/// use std::time::SystemTime;
///
/// use sealift::bundle::check::Trust;
/// use sealift::places::registry::{Client, Settings};
/// use sealift::verbs::diff::{Comparand, Request, diff};
/// use sealift::words::progress::Silent;
///
/// let list = Comparand::List { path: "images.txt".into(), names: vec!["acme/list:1.0".parse()?] };
/// let bundle = Comparand::Bundle("testdata/formats/v1/folder".into());
/// let now = SystemTime::now().try_into()?;
/// let client = Client::new(Settings::default(), Arc::new(Silent))?;
/// let request = Request::new(list, bundle, Trust::UnsafeAnySigner, now);
/// let told = diff(&request, &client, &Silent)?;
/// assert_eq!(told.difference.counts.removed, 0, "the bundle has all of the list");
/// assert_eq!(told.difference.new, None, "what the list stands for is not known");
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// As [`Record::read`](crate::bundle::record::Record::read), or
/// [`ReadReceipt::at`](crate::bundle::receipt::ReadReceipt::at), of either; those of a place.
pub fn diff(request: &Request, client: &Client, progress: &dyn Progress) -> Result<Comparison> {
    // 1. What does each hold? One at a time: of a bundle that was read, little is kept.
    let before = look(&request.before, request, client, progress)?;
    let after = look(&request.after, request, client, progress)?;

    // 2. What are images of the one called at the other?
    let [before, after] = align([before, after], request)?;

    // 3. How do they differ?
    let difference = Difference::between(&before.set, &after.set);
    Ok(Comparison { before: before.about, after: after.about, difference })
}

#[cfg(test)]
mod tests;
