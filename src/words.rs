//! The vocabulary: digests, references, platforms, OCI documents, errors, progress events.
//!
//! Nothing here does I/O. Strings from outside become these types where they enter, and go back
//! to strings only when they are printed.

pub mod at;
pub mod bytes;
pub mod cancel;
pub mod config;
pub mod count;
pub mod descriptor;
pub mod digest;
pub mod document;
pub mod error;
pub mod escape;
pub mod foreign;
pub mod glob;
pub mod json;
pub mod media;
pub mod misnamed;
pub mod moment;
pub mod packing;
pub mod phrase;
pub mod platform;
pub mod progress;
pub mod reference;
pub mod remedy;
pub mod run_config;
mod shape;
pub mod size;
pub mod stream;
