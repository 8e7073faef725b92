//! Where named files are read from: a folder, a tar in place, or a tar from its beginning.

pub mod tree;
