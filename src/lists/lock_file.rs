//! Locks: names of images with what they stood for, each told with who asked for it.

use super::around::Around;
use super::entry::Entry;
use super::format::ListFormat;
use super::list_text::ListText;
use super::lock::LockedList;
use super::reading::Reading;

/// A lock.
#[derive(Debug)]
pub(super) struct LockFile;

impl ListFormat for LockFile {
    fn name(&self) -> &'static str {
        "lock"
    }

    fn title(&self) -> &'static str {
        "a lock"
    }

    fn is(&self, list: &ListText) -> bool {
        LockedList::form_of(list).is_some()
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            match LockedList::read_lines(list) {
                Ok((lock, lines)) => {
                    for (image, line) in lock.images.iter().zip(lines) {
                        let what = match image.asked.is_empty() {
                            true => String::new(),
                            false => format!("asked for by {}", image.askers()),
                        };
                        let spot = list.spot(line, what);
                        reading.add(Entry::image(image.exact().to_string(), spot));
                    }
                    reading.locks.extend(list.digest());
                }
                Err((line, error)) => reading.fault(list.spot(line, ""), error),
            }
        }
        reading
    }
}
