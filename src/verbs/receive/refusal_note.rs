//! [`RefusalNote`]: why a parcel was not taken, in a file beside it.

use serde::Serialize;

use super::report::MAX_FINDINGS;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::moment::Moment;

/// Why a parcel was not taken. Texts are fit to be shown at a terminal as they are.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefusalNote {
    bundle: String,
    refused_at: Moment,
    class: Class,
    reason: String,
    findings: Vec<String>,
}

impl RefusalNote {
    /// That `bundle` was refused `at` a time because of `error`.
    pub(super) fn of(bundle: &str, error: &Error, at: Moment) -> RefusalNote {
        let safe = |text: &str| Safe(text).to_string();
        let findings = error.findings().iter().take(MAX_FINDINGS);
        RefusalNote {
            bundle: safe(bundle),
            refused_at: at,
            class: error.class(),
            reason: safe(&error.spelled()),
            findings: findings.map(|finding| safe(finding)).collect(),
        }
    }

    /// As it is written.
    ///
    /// # Errors
    /// None that is known of.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::new(Class::Other, format!("cannot write a reason: {e}")))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
