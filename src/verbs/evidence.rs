//! [`Evidence`]: which bundle a result is about: what was signed, when, and by whom.

use serde::Serialize;

use crate::bundle::check::Examined;
use crate::bundle::keys::KeyId;
use crate::bundle::position::StreamPosition;
use crate::bundle::statement::expired;
use crate::medium::Medium;
use crate::verbs::freshness::Freshness;
use crate::words::digest::Digest;
use crate::words::error::Error;
use crate::words::moment::Moment;

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
    /// Whose signatures count; empty when none was asked for.
    pub signers: Vec<KeyId>,
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
            signers: examined.signers().to_vec(),
            created_at: about.created_at,
            in_future: about.created_at > now,
            expires_at: about.expires_at,
            expired: statement.not_expired(now).is_err(),
            freshness: None,
        }
    }

    /// Why it is not to be used any more, if it has expired.
    #[must_use]
    pub fn stale(&self) -> Option<Error> {
        let until = self.expires_at.filter(|_| self.expired)?;
        Some(expired(until).context(&self.bundle))
    }
}
