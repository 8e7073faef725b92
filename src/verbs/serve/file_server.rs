//! [`FileServer`]: a bundle given to other machines as the file that it is, for as long as the value lives.

use std::fmt;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::answer::Desk;
use super::given::{GivenFile, GivenFiles};
use super::receive::{receive_until, usable};
use super::several::Several;
use super::shelf::Shelf;
use super::terms::Terms;
use crate::tools::sound::Sound;
use crate::words::error::{Error, Result};
use crate::words::progress::{Event, Progress};

/// A server that gives one file, as it lies, and nothing else.
pub struct FileServer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for FileServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileServer")
    }
}

/// Hears of what went wrong, and not of each request.
struct Faults(Arc<dyn Progress>);

impl Progress for Faults {
    fn event(&self, event: Event) {
        if !matches!(event, Event::Answered(_)) {
            self.0.event(event);
        }
    }
}

impl FileServer {
    /// Gives `file` to whoever connects to `listener`, on these `terms`; `log` hears of faults. What is under
    /// way when the value goes has as long to end as the terms say.
    ///
    /// # Errors
    /// When it cannot begin: no threads, or no usable listener.
    pub fn open(
        file: GivenFile,
        listener: TcpListener,
        terms: Terms,
        log: Arc<dyn Progress>,
    ) -> Result<FileServer> {
        let fault = |e| Error::io("cannot start serving", e);
        let address = listener.local_addr().map_err(fault)?;
        let nothing = Arc::new(Several::new(Vec::new()));
        let shelf =
            Shelf::new(Vec::new(), Vec::new(), Vec::new(), nothing, Arc::<Sound>::default());
        let shelf = shelf.with_files(GivenFiles::only(file));
        let is_local = address.ip().to_canonical().is_loopback();
        let desk = Desk::new(shelf, Arc::new(Faults(log)), is_local).under(&terms);
        let (runtime, listener) = usable(listener)?;
        let stop = Arc::<AtomicBool>::default();
        let asked = Arc::clone(&stop);
        // What fails here is seen by those who read, and they say so.
        let serve = move || {
            let stop = || asked.load(Ordering::Relaxed);
            drop(receive_until(runtime, listener, (desk, terms), |_| true, stop));
        };
        let thread = std::thread::Builder::new().name("file server".to_owned()).spawn(serve);
        Ok(FileServer { stop, thread: Some(thread.map_err(fault)?) })
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
