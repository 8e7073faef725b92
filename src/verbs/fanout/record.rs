//! [`FanoutRecord`]: which nodes hold a bundle, as far as earlier runs know.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::places::nodes::NodeName;
use crate::tools::file::write_whole;
use crate::tools::folder::Folder;
use crate::tools::lock::lock_folder;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Permissions: which machines there are is nobody else's business.
const PRIVATE: u32 = 0o700;
const MODE: u32 = 0o600;
/// Its name in its folder.
const FILE: &str = "nodes.json";
/// Largest one that is read: the most nodes there may be, each with the longest name, have half of it.
const MAX_FILE: u64 = 16 << 20;
/// What it is written in.
const VERSION: u32 = 1;

/// Which nodes hold a bundle, at one place of theirs. No other run writes it as long as this one does.
#[derive(Debug)]
pub(super) struct FanoutRecord {
    folder: Option<Folder>,
    known: Known,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Known {
    version: u32,
    /// The run that is under way, or was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The queue in which its tasks lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    /// Since when each node holds all of it.
    held: BTreeMap<NodeName, Moment>,
}

impl FanoutRecord {
    /// That of `key` in the folder `all`, which are made where they are missing, and kept from others.
    ///
    /// # Errors
    /// [`Class::Busy`] while another run has it; those of the disk; when it cannot be understood.
    pub(super) fn open(all: &Path, key: &Digest) -> Result<FanoutRecord> {
        let path = all.join(key.hex());
        let folder = Folder::make(&path, PRIVATE);
        let folder = folder.map_err(|e| Error::io(format!("cannot make {}", path.display()), e))?;
        lock_folder(&folder)?;
        let known = read(&folder)?;
        Ok(FanoutRecord { folder: Some(folder), known })
    }

    /// The same to look at.
    ///
    /// # Errors
    /// As [`open`](FanoutRecord::open).
    pub(super) fn look(all: &Path, key: &Digest) -> Result<FanoutRecord> {
        let path = all.join(key.hex());
        let known = match Folder::open(&path) {
            Ok(folder) => read(&folder)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Known::default(),
            Err(e) => return Err(Error::io(format!("cannot open {}", path.display()), e)),
        };
        Ok(FanoutRecord { folder: None, known })
    }

    /// Since when `node` holds all of it.
    pub(super) fn held(&self, node: &NodeName) -> Option<Moment> {
        self.known.held.get(node).copied()
    }

    /// The run that was killed before it had ended.
    pub(super) fn unfinished(&self) -> Option<&str> {
        self.known.run.as_deref()
    }

    /// In which queue that lies, as far as it is known.
    pub(super) fn queue(&self) -> Option<&str> {
        self.known.queue.as_deref()
    }

    /// Takes notice that `run` begins, before anything of it does; and in which `queue`.
    pub(super) fn begin(&mut self, run: Option<&str>, queue: &str) -> Result<()> {
        self.known.run = run.map(str::to_owned);
        self.known.queue = run.map(|_| queue.to_owned());
        self.write()
    }

    /// Takes notice that nothing is left of the run.
    pub(super) fn end(&mut self) -> Result<()> {
        (self.known.run, self.known.queue) = (None, None);
        self.write()
    }

    /// Those in the folder `all` beside that of `key` whose run was killed. What cannot be read is none.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(super) fn killed(all: &Path, key: &Digest) -> Result<Vec<FanoutRecord>> {
        let fault = |e| Error::io(format!("cannot read {}", all.display()), e);
        let mut killed = Vec::new();
        for name in Folder::open(all).and_then(|it| it.names()).map_err(fault)? {
            let other = name.to_str().and_then(|hex| Digest::from_hex(hex).ok());
            let Some(other) = other.filter(|other| other != key) else { continue };
            let is_unfinished = |it: &FanoutRecord| it.unfinished().is_some();
            if !FanoutRecord::look(all, &other).is_ok_and(|it| is_unfinished(&it)) {
                continue;
            }
            // One that is locked is under way.
            killed.extend(FanoutRecord::open(all, &other).ok().filter(is_unfinished));
        }
        Ok(killed)
    }

    /// Takes notice that of the nodes `asked` these hold all of it, since `now`. The others do not, whatever
    /// was known of them.
    pub(super) fn note(&mut self, asked: &[(NodeName, bool)], now: Moment) -> Result<()> {
        for (node, is_held) in asked {
            match is_held {
                true => self.known.held.insert(node.clone(), now),
                false => self.known.held.remove(node),
            };
        }
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        self.known.version = VERSION;
        let bytes = serde_json::to_vec(&self.known).map_err(|e| {
            Error::new(Class::Other, "cannot write down which nodes hold it").source(e)
        })?;
        write_whole(folder, FILE, MODE, &bytes)
    }
}

fn read(folder: &Folder) -> Result<Known> {
    let path = folder.at(FILE);
    let file = match folder.file(FILE) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Known::default()),
        other => other.map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?,
    };
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?;
    let known = match bytes.len() as u64 > MAX_FILE {
        true => None,
        false => serde_json::from_slice::<Known>(&bytes).ok().filter(|it| it.version == VERSION),
    };
    known.ok_or_else(|| {
        let text = format!("{} does not say which nodes hold the bundle", path.display());
        Error::new(Class::Other, text).hint(phrase![
            "a newer sealift may have written it; remove it, or name another folder with ",
            Remedy::FanoutRecord,
            ", and every node is asked again"
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::moment::moment;

    fn node(name: &str) -> NodeName {
        name.parse().unwrap()
    }

    #[test]
    fn what_one_run_noted_the_next_one_knows_and_no_two_write_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (key, other) = (Digest::of(b"a"), Digest::of(b"b"));
        let now = moment("2026-11-27T12:00:00Z");
        let mut record = FanoutRecord::open(folder.path(), &key).unwrap();
        record.begin(Some("run1"), "slurm").unwrap();
        record.note(&[(node("n1"), true), (node("n2"), false)], now).unwrap();

        assert_eq!(FanoutRecord::open(folder.path(), &key).unwrap_err().class(), Class::Busy);
        let look = FanoutRecord::look(folder.path(), &key).unwrap();
        assert_eq!((look.held(&node("n1")), look.held(&node("n2"))), (Some(now), None));
        assert_eq!(look.unfinished(), Some("run1"));
        assert!(FanoutRecord::look(folder.path(), &other).unwrap().held(&node("n1")).is_none());

        // Nobody takes back what is under way; once it was killed, whoever runs another one does.
        let killed = || FanoutRecord::killed(folder.path(), &other).unwrap();
        assert_eq!(killed().len(), 0);
        drop(record);
        let mut left = killed();
        assert_eq!((left[0].unfinished(), left[0].queue()), (Some("run1"), Some("slurm")));
        left[0].end().unwrap();
        drop(left);
        assert_eq!(killed().len(), 0);
        let mut record = FanoutRecord::open(folder.path(), &key).unwrap();
        record.begin(Some("run2"), "slurm").unwrap();
        assert_eq!(FanoutRecord::killed(folder.path(), &key).unwrap().len(), 0, "its own");

        // A node that lost it is asked again from then on.
        record.note(&[(node("n1"), false)], now).unwrap();
        drop(record);
        let record = FanoutRecord::open(folder.path(), &key).unwrap();
        assert_eq!(record.held(&node("n1")), None);
    }

    #[test]
    fn one_that_cannot_be_understood_is_no_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let key = Digest::of(b"a");
        drop(FanoutRecord::open(folder.path(), &key).unwrap());
        let path = folder.path().join(key.hex()).join(FILE);
        for text in [
            "{}",
            "",
            "{\"version\":2,\"held\":{}}",
            "{\"version\":1,\"held\":{\"-x\":\"2026-11-27T12:00:00Z\"}}",
        ] {
            std::fs::write(&path, text).unwrap();
            let error = FanoutRecord::open(folder.path(), &key).unwrap_err();
            assert!(error.message().contains("does not say which nodes"), "{text}: {error}");
        }
    }
}
