//! What people have to say which images they want: plain lists, and the files that name images anyhow.
//!
//! A list's text becomes [`Entry`]s, each with the [`Spot`] that asks for it. Nothing here reads a file, an
//! environment or a registry: whoever calls hands over the texts ([`ListText`]) and what is [`Around`] them.
//! A format is a file here with its [`ListFormat`], and its line in [`FORMATS`].

mod around;
mod entry;
mod format;
mod images_lock;
mod list_text;
mod lock_file;
mod locked;
mod plain;
mod reading;
mod spot;
mod tag_rule;
mod version;
pub mod yaml;

pub use self::around::{Around, Nothing};
pub use self::entry::{Asked, Entry};
pub use self::format::{FORMATS, ListFormat, format_of, named, read};
pub use self::images_lock::{ImagesLock, LockForm, MAX_LOCK};
pub use self::list_text::ListText;
pub use self::locked::{LockedImage, LockedReferrer, LockedWish};
pub use self::plain::asked;
pub use self::reading::Reading;
pub use self::spot::Spot;
pub use self::tag_rule::TagRule;
