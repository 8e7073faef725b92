//! Where images live. Each place implements the traits of `storage`, and none knows another.

pub mod artifact;
pub mod at_hand;
pub mod docker_archive;
pub mod engine;
pub mod files;
pub mod kubernetes;
pub mod layout;
pub mod location;
pub mod nodes;
pub mod registry;
