//! Recovery data: PAR2 files beside a bundle, which anybody may make and nobody signs.
//!
//! Of a packed bundle they protect the one file, and lie beside it. Of a folder they protect all files but
//! themselves, and lie in `repair/`. Each volume has its own beside it. What they say is by nobody: no name in them becomes a path, and what
//! was made with them is held against the signed list as anything else.

mod existing;
mod folder;
mod layout;
mod making;
mod parts;
mod restore;
mod sources;
mod spot;
mod survey;
mod ward;

pub use self::folder::is_head;
pub use self::layout::{Redundancy, SetLayout};
pub use self::making::{Protection, protect};
pub use self::parts::parts;
pub use self::restore::{Check, Restoring};
pub use self::survey::{SetState, Survey};
pub use self::ward::KnownBytes;
