//! What a place has to offer, and the streams through which every byte passes.

pub mod checked;
pub mod content;
pub mod file;
pub mod folder;
pub mod ground;
pub mod gzip;
pub mod holdings;
pub mod inflate;
pub mod interrupt;
pub mod medium;
mod members;
pub mod pace;
pub mod parallel;
pub mod process;
pub mod rate;
pub mod retry;
pub mod room;
pub mod sound;
pub mod store;
pub mod stream;
pub mod stretch;
