//! Lists that a registry gives in pages, and what the list of all tags tells.

pub(super) mod listed;
pub(super) mod page;
pub(super) mod tag_list;
pub(super) mod tagged;
pub(super) mod trail;
