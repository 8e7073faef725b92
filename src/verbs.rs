//! What sealift does, one verb a file.

pub mod serve;
