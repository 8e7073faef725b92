//! [`SentBundle`]: a bundle that goes along with a task, for nodes that do not see it where it lies.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::tools::buffer::BUFFER;
use crate::tools::file::open_regular;
use crate::words::error::{Class, Error, Result};

/// A bundle of one file that goes along with a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentBundle {
    path: PathBuf,
    name: String,
    size: u64,
}

/// As long as it lives, the input that it belongs to does not end.
pub(super) type HeldInput = Sender<()>;

impl SentBundle {
    /// The file at `path`, from the root on.
    ///
    /// # Errors
    /// [`Class::Usage`] for what is no single file with a name in UTF-8; those of the disk.
    pub fn at(path: &Path) -> Result<SentBundle> {
        let name = path.file_name().and_then(|name| name.to_str());
        let (Some(name), true) = (name, path.is_file()) else {
            let text =
                format!("{} is no single file, and only such a one is sent along", path.display());
            return Err(Error::new(Class::Usage, text).hint(
                "make one file of it: sealift pack; or name it as it lies, without volumes",
            ));
        };
        let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
        let size = open_regular(path).and_then(|file| file.metadata()).map_err(fault)?.len();
        Ok(SentBundle { path: path.to_owned(), name: name.to_owned(), size })
    }

    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it lies here.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Writes it into `input`, on a thread of its own, and holds that open from then on as long as the value
    /// that comes back is there.
    ///
    /// # Errors
    /// When it cannot be opened, or the system has no thread.
    pub(super) fn pour(&self, input: ChildStdin) -> Result<HeldInput> {
        let fault = |e| Error::io(format!("cannot read {}", self.path.display()), e);
        let file = open_regular(&self.path).map_err(fault)?;
        let (held, free) = channel();
        let (name, size) = ("sent bundle".to_owned(), self.size);
        let thread = std::thread::Builder::new().name(name);
        let pouring = thread.spawn(move || poured(file, size, input, &free));
        pouring.map_err(|e| Error::io("cannot begin to send the bundle", e))?;
        Ok(held)
    }
}

/// Writes `size` bytes of `file`, and waits until nobody holds the input any more. Where that fails the input
/// ends, and whoever reads it sees that something is missing.
fn poured(file: File, size: u64, mut input: ChildStdin, free: &Receiver<()>) {
    let mut file = file.take(size);
    let mut buffer = vec![0; BUFFER];
    let copied = loop {
        match file.read(&mut buffer) {
            Ok(0) => break file.limit() == 0,
            Ok(got) => {
                if input.write_all(&buffer[..got]).is_err() {
                    break false;
                }
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => break false,
        }
    };
    if copied && io::Write::flush(&mut input).is_ok() {
        let _ = free.recv();
    }
}
