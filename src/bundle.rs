//! The bundle: a valid OCI image layout with a signed inventory, and the stages it goes through.
//!
//! ```text
//! Contents ── Head::make(key) ──> Draft ── seal ──>  a bundle on a medium
//! Sealed::open ── examine(trust) ──> Examined ── into_trusted ──> Trusted ── verify ──> Verified
//! ```
//!
//! Nothing here opens a socket. What must not happen does not compile: an import takes a
//! [`Trusted`](check::Trusted) bundle (signature, file list and graph hold; bytes are hashed on
//! their way), a server takes a [`Verified`](check::Verified) one (every byte was read).

pub mod base;
pub mod bases;
pub mod blob_list;
pub mod check;
pub mod contents;
pub mod cut;
pub mod docker;
pub mod draft;
pub mod envelope;
pub mod head;
pub mod history;
pub mod image_signature;
mod in_toto;
pub mod inventory;
pub mod keys;
pub mod known;
pub mod labels;
pub mod ledger;
pub mod limits;
pub mod line;
pub mod memory;
mod needed;
pub mod position;
pub mod problem;
pub mod proof;
pub mod receipt;
pub mod record;
pub mod recovery;
mod referrer;
pub mod roots;
#[cfg(test)]
pub(crate) mod samples;
pub mod screening;
pub mod signed_table;
pub mod statement;
pub mod subset;
