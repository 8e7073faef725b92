//! YAML 1.2 as nodes with their lines, bounded: what lists are written in. JSON is YAML, too.

mod build;
mod fault;
mod node;
mod pick;

pub use self::build::{
    Documents, MAX_DEPTH, MAX_NODES, documents, documents_after, documents_within,
};
pub use self::fault::Fault;
pub use self::node::Node;
pub use self::pick::pick;

#[cfg(test)]
mod tests;
