//! [`Journal`]: which uploads are under way, kept on disk so that the next run goes on with them.
//!
//! It is a convenience and never a condition: whatever is wrong with it, the import goes on, and
//! sends what the registry does not have. What it says is believed by nobody; the registry is
//! asked how far an upload got, and the digest decides in the end.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::tools::file::write_whole;
use crate::tools::folder::{FileInfo, Folder};
use crate::tools::lock::lock;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::moment::Moment;

/// How long a journal is of use, in seconds: registries drop uploads that nobody finished after a
/// week (distribution's `uploadpurging`), so what is nearly as old is not worth asking for.
const STALE: i64 = 6 * 24 * 60 * 60;
/// Most uploads that are remembered: more than ever run at once (`--jobs` ends at 64).
const MAX_UPLOADS: usize = 256;
/// Longest address that is kept. With the number of uploads it bounds the file.
const MAX_ADDRESS: usize = 4 << 10;
/// Largest file that is read: all that one can hold, and its names.
const MAX_FILE: u64 = 2 << 20;
/// How many old files are looked at before an import, so that a full folder costs no time.
const MAX_SWEEP: usize = 1000;

/// The form of the file. Another version is left alone and begun anew.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalFile {
    version: u32,
    destination: String,
    statement: Digest,
    /// `repository@digest`, and the address of the upload at the registry.
    uploads: BTreeMap<String, String>,
}

/// The uploads of one bundle to one destination.
pub(crate) struct Journal {
    folder: Folder,
    /// Its name without an ending.
    name: String,
    /// Held so that two imports of the same never go on with the same upload.
    _lock: File,
    content: Mutex<JournalFile>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Journal {
    /// Opens what an earlier import of `statement` to `destination` left in `folder`. Old files
    /// of any import are removed; The remark, if there is one, is for
    /// people.
    ///
    /// # Errors
    /// When the folder cannot be written, or another import of the same runs.
    pub(crate) fn open(
        folder: &Path,
        destination: &str,
        statement: &Digest,
        now: Moment,
    ) -> Result<(Journal, Option<String>)> {
        let fault = |e| Error::io(format!("cannot write {}", folder.display()), e);
        let folder = Folder::make(folder, 0o700).map_err(fault)?;
        sweep(&folder, now);
        let key = Digest::of(format!("{destination}\n{statement}").as_bytes());
        let name = key.hex()[..32].to_owned();
        let guard = format!("{name}.lock");
        let held = match folder.create(&guard, 0o600) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => folder.file_to_write(&guard),
            other => other,
        };
        let held = held.map_err(fault)?;
        FileInfo::of(&held).map_err(fault)?.refuse_foreign(&folder, &folder.at(&guard))?;
        lock(&held, &folder, &guard)?;
        let (found, remark) = match read(&folder, &name) {
            Ok(found) => (found, None),
            Err(why) => {
                let path = folder.at(file_name(&name));
                (None, Some(format!("{} is begun anew: {why}", path.display())))
            }
        };
        let found = found.filter(|c| c.destination == destination && c.statement == *statement);
        let content = found.unwrap_or_else(|| JournalFile {
            version: VERSION,
            destination: destination.to_owned(),
            statement: *statement,
            uploads: BTreeMap::new(),
        });
        Ok((Journal { folder, name, _lock: held, content: Mutex::new(content) }, remark))
    }

    /// Whether it is that of the import of `statement` to `destination`.
    pub(crate) fn is_of(&self, destination: &str, statement: &Digest) -> bool {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.destination == destination && content.statement == *statement
    }

    /// The address of the unfinished upload of `blob` to `repository`.
    pub(crate) fn find(&self, repository: &str, blob: &Digest) -> Option<String> {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.uploads.get(&format!("{repository}@{blob}")).cloned()
    }

    /// Notes where the upload of `blob` is, or with `None` that there is none any more.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(crate) fn note(
        &self,
        repository: &str,
        blob: &Digest,
        address: Option<&str>,
    ) -> Result<()> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{repository}@{blob}");
        let changed = match address.filter(|address| address.len() <= MAX_ADDRESS) {
            Some(address) => {
                let room = content.uploads.len() < MAX_UPLOADS;
                if room || content.uploads.contains_key(&key) {
                    content.uploads.insert(key, address.to_owned());
                }
                true
            }
            None => content.uploads.remove(&key).is_some(),
        };
        if !changed {
            return Ok(());
        }
        if content.uploads.is_empty() {
            let file = file_name(&self.name);
            return self.folder.remove(&file).map_err(|e| {
                Error::io(format!("cannot remove {}", self.folder.at(&file).display()), e)
            });
        }
        let json = serde_json::to_vec(&*content)
            .map_err(|e| Error::io("cannot write JSON", io::Error::other(e)))?;
        // While it is locked: a later state must not be overtaken by an earlier one.
        write_whole(&self.folder, &file_name(&self.name), 0o600, &json)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        if content.uploads.is_empty() {
            // A lock that stays behind is removed by its age.
            let _ = self.folder.remove(format!("{}.lock", self.name));
        }
    }
}

fn file_name(name: &str) -> String {
    format!("{name}.json")
}

/// What the file says; nothing when there is none, or one of another version. What another user
/// may have written is not read.
fn read(folder: &Folder, name: &str) -> Result<Option<JournalFile>, String> {
    let file = match folder.file(file_name(name)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|e| e.to_string())?,
    };
    let about = FileInfo::of(&file).map_err(|e| e.to_string())?;
    about.refuse_foreign(folder, &folder.at(file_name(name))).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MAX_FILE {
        return Err("it is too long".to_owned());
    }
    let content: JournalFile = serde_json::from_slice(&bytes).map_err(|e| e.to_string())?;
    Ok((content.version == VERSION && content.uploads.len() <= MAX_UPLOADS).then_some(content))
}

/// Removes files of imports that nobody went on with. What cannot be removed stays.
fn sweep(folder: &Folder, now: Moment) {
    for name in folder.names().unwrap_or_default().into_iter().take(MAX_SWEEP) {
        let end = Path::new(&name).extension();
        if !end.is_some_and(|end| end == "json" || end == "lock") {
            continue;
        }
        let about = folder.look(&name).ok().flatten();
        if about.is_some_and(|about| about.is_own(folder) && now.unix() - about.changed > STALE) {
            let _ = folder.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use std::time::SystemTime;

    use super::*;

    fn path(journal: &Journal) -> PathBuf {
        journal.folder.at(file_name(&journal.name))
    }

    const TO: &str = "docker://harbor.example/group";

    fn now() -> Moment {
        SystemTime::now().try_into().unwrap()
    }

    fn open(folder: &Path) -> (Journal, Option<String>) {
        Journal::open(folder, TO, &Digest::of(b"bundle"), now()).unwrap()
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn what_is_noted_is_found_by_the_next_import_of_the_same_and_by_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("state/uploads");
        let blob = Digest::of(b"layer");
        let (first, _) = open(&folder);
        first.note("group/app", &blob, Some("https://h/v2/u/1?_state=a")).unwrap();
        first.note("group/app", &blob, Some("https://h/v2/u/1?_state=b")).unwrap();
        // As after `kill -9`: nothing is cleaned up, and the lock is gone with the process.
        let kept = fs::read(path(&first)).unwrap();
        let path = path(&first);
        drop(first);
        assert_eq!(fs::read(&path).unwrap(), kept);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let (again, remark) = open(&folder);
        let found = again.find("group/app", &blob);

        assert_eq!((found.as_deref(), remark), (Some("https://h/v2/u/1?_state=b"), None));
        assert_eq!(again.find("group/other", &blob), None);
        let (other, _) = Journal::open(&folder, TO, &Digest::of(b"other"), now()).unwrap();
        assert_eq!(other.find("group/app", &blob), None);
        again.note("group/app", &blob, None).unwrap();
        drop((again, other));
        assert_eq!(files(&folder), [] as [PathBuf; 0], "nothing is left of what is done");
    }

    #[test]
    fn two_imports_of_the_same_do_not_share_an_upload() {
        let dir = tempfile::tempdir().unwrap();
        let (_first, _) = open(dir.path());

        let second = Journal::open(dir.path(), TO, &Digest::of(b"bundle"), now());

        assert!(second.unwrap_err().to_string().contains("another sealift"));
    }

    #[test]
    fn a_broken_journal_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&open(dir.path()).0);
        let huge = vec![b' '; usize::try_from(MAX_FILE).unwrap() + 1];
        for bad in [&b"{"[..], b"", b"[]", br#"{"version":1,"extra":1}"#, &huge] {
            fs::write(&path, bad).unwrap();

            let (journal, remark) = open(dir.path());

            assert!(remark.unwrap().contains("begun anew"));
            assert_eq!(journal.find("a", &Digest::of(b"x")), None);
            journal.note("a", &Digest::of(b"x"), Some("https://h/1")).unwrap();
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        assert!(open(dir.path()).1.is_some(), "a link is not followed");
    }

    #[test]
    fn what_others_may_write_is_neither_read_nor_locked() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = open(dir.path());
        let (blob, file) = (Digest::of(b"x"), path(&journal));
        let guard = file.with_extension("lock");
        journal.note("a", &blob, Some("https://h/1")).unwrap();
        drop(journal);
        let lend = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };

        lend(&file, 0o666);
        let (journal, remark) = open(dir.path());
        assert!(remark.unwrap().contains("can be written by other users"));
        assert_eq!(journal.find("a", &blob), None);
        drop(journal);
        lend(&file, 0o600);
        fs::write(&guard, "").unwrap();
        lend(&guard, 0o666);
        let again = || Journal::open(dir.path(), TO, &Digest::of(b"bundle"), now());
        assert!(again().unwrap_err().to_string().contains(".lock"));
        fs::remove_file(&guard).unwrap();
        std::os::unix::fs::symlink(dir.path().join("made"), &guard).unwrap();
        again().unwrap_err();
        assert!(!dir.path().join("made").exists(), "a link is not written through");
    }

    #[test]
    fn it_is_bounded_and_old_files_go() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = open(dir.path());
        for n in 0..MAX_UPLOADS + 10 {
            let blob = Digest::of(n.to_string().as_bytes());
            journal.note("a", &blob, Some(&"x".repeat(MAX_ADDRESS + n % 2))).unwrap();
        }
        assert!(journal.content.lock().unwrap().uploads.len() <= MAX_UPLOADS);
        assert!(fs::metadata(path(&journal)).unwrap().len() <= MAX_FILE);
        drop(journal);
        let other = dir.path().join("somebody-elses.txt");
        fs::write(&other, "").unwrap();

        let later = Moment::from_unix(now().unix() + STALE + 60).unwrap();
        drop(Journal::open(dir.path(), TO, &Digest::of(b"new"), later).unwrap());

        assert_eq!(files(dir.path()), [other]);
    }
}
