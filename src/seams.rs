//! What a place has to offer, and the streams through which every byte passes.

pub mod file;
pub mod interrupt;
pub mod parallel;
pub mod retry;
pub mod store;
pub mod stream;
