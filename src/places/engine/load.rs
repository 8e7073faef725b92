//! Loading an archive into an engine through its standard input, for one that cannot pull from
//! here.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd as _;
use std::process::{ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::answers::HANGS;
use super::driver::Driver;
use super::named::Engine;
use crate::tools::process::{Keep, Program};
use crate::words::error::{Error, Result};

/// A pipe into a program that tells whether the program still listens.
struct Pipe {
    input: ChildStdin,
    closed: Arc<AtomicBool>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.input.write(bytes);
        if written.as_ref().is_err_and(|e| e.kind() == ErrorKind::BrokenPipe) {
            self.closed.store(true, Ordering::Relaxed);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.flush()
    }
}

/// Has `engine` load what `write` writes.
pub(super) fn load(
    engine: &Driver,
    write: impl FnOnce(Box<dyn Write + Send>) -> Result<()>,
) -> Result<()> {
    let mut command = engine.command();
    match engine.engine() {
        Engine::Podman { .. } | Engine::Docker => command.args(["load", "--quiet"]),
        Engine::Containerd { .. } => command.args(["images", "import", "-"]),
    };
    feed(engine, command, write, &format!("{engine} cannot load the images"))
}

fn feed(
    engine: &Driver,
    mut command: std::process::Command,
    write: impl FnOnce(Box<dyn Write + Send>) -> Result<()>,
    what: &str,
) -> Result<()> {
    command.stdin(Stdio::piped());
    let mut program = Program::start(command, Keep::End, engine.cancel())?;
    if let Some(input) = program.input() {
        let fault = |e| Error::io(what, e);
        // Held open: the end of the pipe would look like that of the archive.
        let held = input.as_fd().try_clone_to_owned().map_err(fault)?;
        let closed = Arc::new(AtomicBool::new(false));
        let written = write(Box::new(Pipe { input, closed: Arc::clone(&closed) }));
        match written {
            // Why it listens no more it says itself.
            Err(_) if closed.load(Ordering::Relaxed) => {}
            Err(error) => {
                drop(program);
                return Err(error);
            }
            Ok(()) => {}
        }
        drop(held);
    }
    let watch = &mut || engine.cancel().check().map(|()| false);
    let ended = program.wait(Duration::from_secs(HANGS), watch)?;
    match ended.success {
        true => Ok(()),
        false => Err(ended.failure(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::engine::samples::{docker, sh};
    use crate::words::error::Class;

    fn megabytes(mut out: Box<dyn Write + Send>) -> Result<()> {
        (0..8).try_for_each(|_| out.write_all(&[7; 1 << 20])).map_err(|e| Error::io("x", e))
    }

    #[test]
    fn what_is_written_comes_in_whole_and_an_engine_that_stops_listening_says_why() {
        feed(&docker(), sh("test $(wc -c) = 8388608"), megabytes, "x").unwrap();

        let error = feed(
            &docker(),
            sh("head -c 9 > /dev/null; echo full >&2; exit 1"),
            megabytes,
            "cannot",
        );
        assert_eq!(error.unwrap_err().to_string(), "cannot: full");
    }

    #[test]
    fn an_archive_that_breaks_off_has_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().join("end");
        let script = format!("cat > /dev/null; touch {}", seen.display());

        let error = feed(
            &docker(),
            sh(&script),
            |mut out| {
                out.write_all(b"half").map_err(|e| Error::io("x", e))?;
                Err(Error::new(Class::Damaged, "bad layer"))
            },
            "x",
        );

        assert_eq!(error.unwrap_err().class(), Class::Damaged);
        assert!(!seen.exists());
    }
}
