//! What has to be done, decided as pure data, and the only loops that move bytes.

pub mod choice;
pub mod clash;
pub mod diff;
pub mod graph;
pub mod mapping;
pub mod merged;
pub mod mirror;
pub mod plan;
pub mod policy;
pub mod projects;
pub mod prune;
#[cfg(test)]
pub(crate) mod samples;
pub mod scan;
pub mod shard;
pub mod signature_rule;
pub mod signed_images;
pub mod template;
pub mod transfer;
pub mod weights;
