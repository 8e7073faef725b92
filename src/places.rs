//! Where images live. Each place implements the seams, and none knows another.

pub mod engine;
pub mod layout;
pub mod location;
pub mod registry;
pub mod tree;
