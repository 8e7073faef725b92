//! [`Sound`]: which blobs were read whole and found right, as long as their files stay the same.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use super::mutex::lock;
use super::stretch::{Stretch, StretchState};
use crate::words::digest::Digest;

/// Smaller blobs are not remembered: to read them again costs next to nothing, and a bundle may
/// have a million of them. What is larger costs more to read than to remember.
const SMALL: u64 = 1 << 20;

/// What was found right. Shared by all who read the same files.
#[derive(Debug, Default)]
pub struct Sound {
    states: Mutex<HashMap<Digest, StretchState>>,
    /// The last file that was steady: in a packed bundle all blobs lie in one.
    steady: Mutex<Option<StretchState>>,
    /// What was found wrong, and not right since.
    wrong: Mutex<HashSet<Digest>>,
}

impl Sound {
    /// What all of these know. Of a blob that several of them found, what the first of them says.
    #[must_use]
    pub fn joined<'s>(all: impl DoubleEndedIterator<Item = &'s Sound>) -> Sound {
        let sound = Sound::default();
        for one in all.rev() {
            lock(&sound.states).extend(lock(&one.states).iter());
            lock(&sound.wrong).extend(lock(&one.wrong).iter());
        }
        sound
    }

    /// Asked before a blob in `stretch` is read whole, for [`found`](Sound::found) afterwards.
    /// Nothing when the file cannot tell whether it changes meanwhile and later.
    #[must_use]
    pub fn begin(&self, stretch: &Stretch) -> Option<StretchState> {
        if stretch.size() <= SMALL {
            return None;
        }
        let known = self.steady.lock().ok().and_then(|steady| *steady);
        let state = stretch.steady(known)?;
        if let Ok(mut steady) = self.steady.lock() {
            *steady = Some(state);
        }
        Some(state)
    }

    /// Hears that all of `stretch` was read since [`begin`](Sound::begin) answered `before`, and
    /// is `blob`. It is remembered if the file is still in that state.
    pub fn found(&self, blob: Digest, stretch: &Stretch, before: Option<StretchState>) {
        let Some(state) = before.filter(|before| stretch.state() == Some(*before)) else { return };
        if let Ok(mut states) = self.states.lock() {
            states.insert(blob, state);
        }
    }

    /// Hears that `blob` was read whole, and is not what it should be.
    pub fn found_wrong(&self, blob: Digest) {
        if let Ok(mut wrong) = self.wrong.lock() {
            wrong.insert(blob);
        }
    }

    /// Hears that `blob` is as it should be, whatever it was before.
    pub fn found_right(&self, blob: &Digest) {
        if let Ok(mut wrong) = self.wrong.lock() {
            wrong.remove(blob);
        }
    }

    /// Whether `blob` was wrong when it was read last.
    #[must_use]
    pub fn is_wrong(&self, blob: &Digest) -> bool {
        self.wrong.lock().is_ok_and(|wrong| wrong.contains(blob))
    }

    /// The state in which `stretch` was found to be `blob`, if it is in that state now.
    #[must_use]
    pub fn holds(&self, blob: &Digest, stretch: &Stretch) -> Option<StretchState> {
        let known = self.states.lock().ok()?.get(blob).copied()?;
        stretch.state().filter(|now| *now == known)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;

    /// Waits until the file is old enough; nothing on a file system that does not tell changes.
    fn begun(sound: &Sound, stretch: &Stretch) -> Option<StretchState> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) {
            if let Some(state) = sound.begin(stretch) {
                return Some(state);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    fn stretch(file: &Path) -> Stretch {
        Stretch::new(Arc::new(File::open(file).unwrap()), 0, SMALL + 1)
    }

    #[test]
    fn what_was_found_holds_until_anything_happens_to_the_file() {
        // Not in /tmp, which is memory on some machines.
        let beside = std::env::current_exe().unwrap();
        let folder = tempfile::tempdir_in(beside.parent().unwrap()).unwrap();
        let (path, digest) = (folder.path().join("blob"), Digest::of(b""));
        let file = tempfile::NamedTempFile::new_in(folder.path()).unwrap();
        file.as_file().set_len(SMALL + 1).unwrap();
        file.persist(&path).unwrap();
        let (sound, file) = (Sound::default(), stretch(&path));
        assert!(sound.begin(&file).is_none(), "the last change is too young");
        let Some(before) = begun(&sound, &file) else { return };

        assert!(sound.holds(&digest, &file).is_none());
        sound.found(digest, &file, None);
        assert!(sound.holds(&digest, &file).is_none(), "nobody looked before it was read");
        sound.found(digest, &file, Some(before));
        assert_eq!(sound.holds(&digest, &file), Some(before));
        assert_eq!(sound.holds(&digest, &stretch(&path)), Some(before), "opened again");

        let writer = File::options().write(true).open(&path).unwrap();
        writer.write_all_at(b"x", SMALL).unwrap();
        assert!(sound.holds(&digest, &file).is_none(), "written to");
        sound.found(digest, &file, Some(before));
        assert!(sound.holds(&digest, &file).is_none(), "changed while it was read");

        // As a thief of time would do it: the old times are set again.
        let times = std::fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
        writer.set_times(times).unwrap();
        let before = begun(&sound, &file);
        sound.found(digest, &file, before);
        writer.write_all_at(b"y", 0).unwrap();
        writer.set_times(times).unwrap();
        assert!(sound.holds(&digest, &file).is_none(), "written to, and the time set back");
    }

    #[test]
    fn small_blobs_are_not_remembered() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let small = Stretch::new(Arc::new(file.reopen().unwrap()), 0, SMALL);

        assert!(Sound::default().begin(&small).is_none());
    }
}
