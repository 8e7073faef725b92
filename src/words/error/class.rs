//! [`Class`], which is the exit code of a failure, and [`Side`], the end that it happened on.

use serde::{Serialize, Serializer};

/// The kind of a failure, as far as a script has to tell them apart. Each is one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Any failure that is none of the others.
    Other,
    /// The command line or a file that steers it is wrong.
    Usage,
    /// No signature, an unknown signer, or too few of them.
    Untrusted,
    /// Bytes differ from what was signed, or from their digest.
    Damaged,
    /// A blob, a file or an image is not there.
    Incomplete,
    /// The source or the destination refuses: credentials, permission, quota, an immutable tag.
    Refused,
    /// Expired, or older than what was already accepted.
    Stale,
    /// The disk or a quota has no room.
    NoRoom,
    /// Another sealift is writing there.
    Busy,
    /// The user stopped it.
    Interrupted,
}

impl Class {
    /// The name that programs know it by. It never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::Other => "other",
            Class::Usage => "usage",
            Class::Untrusted => "untrusted",
            Class::Damaged => "damaged",
            Class::Incomplete => "incomplete",
            Class::Refused => "refused",
            Class::Stale => "stale",
            Class::NoRoom => "no-room",
            Class::Busy => "busy",
            Class::Interrupted => "interrupted",
        }
    }
}

/// Which end of a transfer failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Where bytes come from.
    Source,
    /// Where bytes go to.
    Destination,
}

impl Side {
    /// The name that programs know it by. It never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Side::Source => "source",
            Side::Destination => "destination",
        }
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for Side {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
