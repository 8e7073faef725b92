//! How blobs are sent: whole or in pieces, and gone on with by the next run.

pub(super) mod journal;
pub(super) mod pieces;
pub(super) mod sending;
pub(super) mod upload;
