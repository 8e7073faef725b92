//! What people have to say which images they want: plain lists, and the files that name images anyhow.
//!
//! A list's text becomes [`Entry`]s, each with the [`Spot`] that asks for it. Nothing here reads a file, an
//! environment or a registry: whoever calls hands over the texts ([`ListText`]) and what is [`Around`] them.
//! A format is a file here with its [`ListFormat`], and its line in [`FORMATS`].

mod apptainer;
mod around;
mod chart;
mod compose;
mod condor;
mod dockerfile;
mod entry;
mod expressions;
mod format;
mod formats;
mod hauler;
mod helm_index;
mod images_lock;
mod kubernetes;
mod kustomize;
mod list_text;
mod lock;
mod lock_file;
mod oc_mirror;
mod plain;
mod ranges;
mod reading;
mod regsync;
#[cfg(test)]
mod samples;
mod skopeo_sync;
mod spot;
mod tag_rule;
mod values;
mod version;
pub mod yaml;
mod zarf;

pub use self::around::{Around, Nothing};
pub use self::entry::{Asked, Entry};
pub use self::format::ListFormat;
pub use self::formats::{FORMATS, format_of, named, read};
pub use self::helm_index::IndexedChart;
pub use self::list_text::ListText;
pub use self::lock::{LockForm, LockedImage, LockedList, LockedReferrer, LockedWish, MAX_LOCK};
pub use self::plain::{asked, named_lines};
pub use self::reading::Reading;
pub use self::spot::Spot;
pub use self::tag_rule::TagRule;
