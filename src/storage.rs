//! What a place of images has to offer: what can be asked of it, what can be read from it and what
//! can be put there, and the streams that check every byte on its way.

pub mod checked;
pub mod content;
pub mod documents;
pub mod holdings;
pub mod raw;
pub mod reading;
pub mod removal;
pub mod resuming;
#[cfg(test)]
mod samples;
pub mod store;
pub mod verifying;
