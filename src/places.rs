//! Where images live: each place implements the seams, and none knows another.

pub mod registry;
