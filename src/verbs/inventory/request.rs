//! [`Request`]: which places to look at, and what for.

use std::io::Read;
use std::path::PathBuf;

use crate::bundle::check::Trust;
use crate::bundle::record::Record;
use crate::medium::Medium;
use crate::places::location::Place;
use crate::tools::pace::Jobs;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::work::mapping::NameRule;

/// Opens standard input, for the archive that is called `-`.
pub type Stdin = fn() -> Result<Box<dyn Read>>;

/// Which places to look at, and what for.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The places.
    pub places: Vec<Place>,
    /// Where the receipt is to lie; nowhere, if the report is enough.
    pub output: Option<PathBuf>,
    /// The bundles that alone it is about.
    pub against: Option<Against>,
    /// The receipt's time.
    pub created_at: Moment,
    /// Requests at a time.
    pub jobs: Jobs,
    /// Whether images that cannot be read are passed over; the receipt says which.
    pub keep_going: bool,
    /// Opens standard input.
    pub stdin: Stdin,
}

/// Bundles, and what they are called at the place.
#[derive(Debug)]
#[non_exhaustive]
pub struct Against {
    /// The bundles, or their records.
    pub bundles: Vec<Medium>,
    /// Whom to believe: who makes a list can ask what of it is held.
    pub trust: Trust,
    /// How names were mapped when they were imported.
    pub rules: Vec<NameRule>,
    /// Whether only the last part of each name was kept.
    pub flatten: bool,
}

impl Request {
    /// Looks at all that `places` hold, for a receipt dated `created_at`. The fields say otherwise.
    #[must_use]
    pub fn new(places: Vec<Place>, output: Option<PathBuf>, created_at: Moment) -> Request {
        Request {
            places,
            output,
            against: None,
            created_at,
            jobs: Jobs::default(),
            keep_going: false,
            stdin: || Err(Error::new(Class::Usage, "there is no standard input to read from")),
        }
    }
}

impl Against {
    /// The `bundles`, signed as `trust` says, imported under their names.
    #[must_use]
    pub fn new(bundles: Vec<Medium>, trust: Trust) -> Against {
        Against { bundles, trust, rules: Vec::new(), flatten: false }
    }

    /// What they say of themselves.
    pub(super) fn read(&self) -> Result<Vec<Record>> {
        self.bundles.iter().map(|medium| Record::read(medium, &self.trust)).collect()
    }
}
