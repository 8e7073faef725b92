//! `trust`: roots of trust, from the draft of one over its signatures to the folder of a site.

mod change;
mod drafting;
mod reading;
mod report;
mod rotating;

pub use self::change::{NamedSigner, RootChange, WhichRoles};
pub use self::drafting::{draft_first, draft_next, sign_root};
pub use self::reading::read_root;
pub use self::report::{NamedRole, RootReport};
pub use self::rotating::{begin, check_chain, rotate};
