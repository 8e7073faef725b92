//! Recovery data: PAR2 files beside a bundle, which anybody may make and nobody signs.
//!
//! Of a packed bundle they protect the one file, and lie beside it. Of a folder they protect all files but
//! themselves, and lie in `repair/`. What they say is by nobody: no name in them becomes a path, and what
//! was made with them is held against the signed list as anything else.

mod existing;
mod layout;
mod making;
mod sources;
mod spot;

pub use self::layout::{Redundancy, SetLayout};
pub use self::making::{Protection, protect};
