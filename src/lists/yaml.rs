//! YAML 1.2 as nodes with their lines, bounded: what lists are written in. JSON is YAML, too.

mod build;
mod fault;
mod node;

pub use self::build::{Documents, documents};
pub use self::fault::Fault;
pub use self::node::Node;

/// Most nodes of a document, what its aliases repeat among them: the pods of a cluster of a thousand nodes
/// have some 300,000.
pub const MAX_NODES: usize = 1_000_000;
/// How deep documents are nested at most; real ones are below 30.
pub const MAX_DEPTH: usize = 100;

#[cfg(test)]
mod tests;
