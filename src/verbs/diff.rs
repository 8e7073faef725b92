//! `diff`: what changes from one set of images to another, and what that weighs.

mod compared;
mod side;

use serde::Serialize;

pub use self::compared::Compared;
pub use self::side::Side;
use crate::bundle::check::Trust;
use crate::words::error::{Class, Error, ErrorKind, Result};
use crate::words::moment::Moment;
use crate::work::diff::Difference;

/// What to compare, and whom to believe.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// What there was.
    pub before: Side,
    /// What there is, or will be.
    pub after: Side,
    /// Whom to believe.
    pub trust: Trust,
    /// The time, for the expiry.
    pub now: Moment,
}

impl Request {
    /// Compares `before` with `after`, what is signed of them against `trust`, at the time `now`.
    #[must_use]
    pub fn new(before: Side, after: Side, trust: Trust, now: Moment) -> Request {
        Request { before, after, trust, now }
    }
}

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
    /// Why what was compared is not as it should be, if it is not. That a bundle has expired is
    /// none: it is compared, not used.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        [&self.before, &self.after].into_iter().find_map(Compared::error)
    }

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
/// use std::time::SystemTime;
///
/// use sealift::bundle::check::Trust;
/// use sealift::verbs::diff::{Request, Side, diff};
///
/// let list = Side::List { path: "images.txt".into(), names: vec!["acme/list:1.0".parse()?] };
/// let bundle = Side::Bundle("testdata/formats/v1/folder".into());
/// let now = SystemTime::now().try_into()?;
/// let told = diff(&Request::new(list, bundle, Trust::UnsafeAnySigner, now))?;
/// assert_eq!(told.difference.counts.removed, 0, "the bundle has all of the list");
/// assert_eq!(told.difference.new, None, "what the list stands for is not known");
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// As [`check::examine_expired`](crate::bundle::check::examine_expired), of either.
pub fn diff(request: &Request) -> Result<Comparison> {
    // 1. What does each hold? One at a time: of a bundle that was read, little is kept.
    let (before, old) = request.before.look(&request.trust, request.now)?;
    let (after, now) = request.after.look(&request.trust, request.now)?;

    // 2. How do they differ?
    Ok(Comparison { difference: Difference::between(&old, &now), before, after })
}

#[cfg(test)]
mod tests;
