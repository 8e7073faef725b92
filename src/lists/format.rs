//! [`ListFormat`]: a kind of list, and how it is told from others.

use std::fmt::Debug;

use super::around::Around;
use super::list_text::ListText;
use super::reading::Reading;

/// A kind of list.
pub trait ListFormat: Debug + Send + Sync {
    /// What it is called on a command line, as in `compose`.
    fn name(&self) -> &'static str;

    /// What it is, as in `a Compose file`.
    fn title(&self) -> &'static str;

    /// Whether `list` is one, by what it says.
    fn is(&self, list: &ListText) -> bool;

    /// What `lists` ask for. It is one list, but where [`merges`](ListFormat::merges).
    fn read(&self, lists: &[ListText], around: &dyn Around) -> Reading;

    /// Whether lists in one folder belong together, each over those before it.
    fn merges(&self) -> bool {
        false
    }
}
