//! Files in the age format (`age-encryption.org/v1`), which are read by position: what is encrypted in
//! chunks of 64 KiB is decrypted a chunk at a time, wherever it lies, and nothing decrypted is put down.
//! Nothing else names the crate `age`.

mod identities;
mod locked;
mod recipients;
mod sealed;

pub use self::identities::{Identities, Passphrases};
pub use self::locked::{HEADER_ROOM, Plain, Unlocked};
pub use self::recipients::{LockKey, MAX_RECIPIENTS, Recipients, Seal};
