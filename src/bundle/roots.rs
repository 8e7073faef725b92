//! Who may sign, said in one document that is itself signed: the root of trust, its successors, and the
//! folder in which a site keeps them.

mod denials;
mod document;
mod faults;
mod folder;
mod named_key;
mod revoked;
mod role;
mod ruling;
mod signed;
mod standing;
mod succession;

pub use self::denials::{Denials, DeniedDigest, DeniedRepository};
pub use self::document::{OTHERS, OUTSIDE, Root};
pub use self::folder::{CURRENT, POLICY, TrustFolder, beside_root, is_root_file, root_file};
pub use self::named_key::{MAX_SIGNER_NAME, NamedKey, SignerName};
pub use self::revoked::RevokedKey;
pub use self::role::{RoleSigner, RoleTally, SigningRole};
pub use self::ruling::{BrokenRule, Ruling, TrustRule};
pub use self::signed::{MAX_ROOT, ROOT_PAYLOAD_TYPE, SignedRoot};
pub use self::standing::RootStanding;

#[cfg(test)]
mod tests;
