//! [`Evidence`]: which bundle a result is about: what was signed, when, and by whom.

use serde::Serialize;

use crate::bundle::base::LeansOn;
use crate::bundle::check::Examined;
use crate::bundle::keys::KeyId;
use crate::bundle::position::StreamPosition;
use crate::bundle::roots::RootStanding;
use crate::bundle::statement::expired;
use crate::medium::Medium;
use crate::verbs::freshness::Freshness;
use crate::words::count::{are, count};
use crate::words::digest::Digest;
use crate::words::error::Error;
use crate::words::moment::Moment;
use crate::work::plan::Count;

/// What somebody writes down who has to show later what was carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Evidence {
    /// The bundle, as it was named.
    pub bundle: Medium,
    /// The digest of the signed statement, which stands for everything in it.
    pub statement: Digest,
    /// Where in a stream it stands, if in any.
    pub position: Option<StreamPosition>,
    /// What it leans on, if it does not carry all that its images need.
    pub leans_on: Vec<LeansOn>,
    /// The blobs that its images need and that it does not carry.
    pub held: Count,
    /// Whose signatures count; empty when none was asked for.
    pub signers: Vec<KeyId>,
    /// By which root of trust it was judged, and who of whom has signed, where a root was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<RootStanding>,
    /// When it was made, as its signer says.
    pub created_at: Moment,
    /// Whether that is in the future here.
    pub in_future: bool,
    /// When it expires.
    pub expires_at: Option<Moment>,
    /// Whether it has.
    pub expired: bool,
    /// How it stands to what was taken of its stream before, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness: Option<Freshness>,
}

impl Evidence {
    /// That of the bundle on `medium`, at the time `now`.
    #[must_use]
    pub fn of(medium: &Medium, examined: &Examined, now: Moment) -> Evidence {
        let statement = examined.statement();
        let about = &statement.predicate;
        Evidence {
            bundle: medium.clone(),
            statement: statement.digest,
            position: about.position(),
            leans_on: about.base.iter().flat_map(|base| base.on.clone()).collect(),
            held: held(examined),
            signers: examined.signers().to_vec(),
            trust: examined.standing().cloned(),
            created_at: about.created_at,
            in_future: about.created_at > now,
            expires_at: about.expires_at,
            expired: statement.not_expired(now).is_err(),
            freshness: None,
        }
    }

    /// A sentence about what it does not carry, if it is a delta.
    #[must_use]
    pub fn about_delta(&self) -> Option<String> {
        let held = (self.held.blobs > 0).then_some(self.held)?;
        Some(format!(
            "it is a delta: {} of {} bytes that its images need {} not carried, since the other side \
             holds them; it leans on {}",
            count(usize::try_from(held.blobs).unwrap_or(usize::MAX), "blob"),
            held.bytes,
            are(usize::try_from(held.blobs).unwrap_or(usize::MAX)),
            LeansOn::in_words(&self.leans_on)
        ))
    }

    /// Why it is not to be used any more, if it has expired.
    #[must_use]
    pub fn stale(&self) -> Option<Error> {
        let until = self.expires_at.filter(|_| self.expired)?;
        Some(expired(until).context(&self.bundle))
    }
}

/// What the statement says that it lacks, with what its manifests say of that.
fn held(examined: &Examined) -> Count {
    let Some(base) = &examined.statement().predicate.base else { return Count::default() };
    let needed = examined.contents().blobs.needed().iter();
    needed.filter(|blob| base.lacks(&blob.digest)).collect()
}
