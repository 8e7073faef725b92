//! [`Unlocked`]: an encrypted file that somebody could open, to be read by position.

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use age::secrecy::ExposeSecret as _;
use age::stream::StreamReader;
use age::{DecryptError, Decryptor, Identity};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use zeroize::Zeroizing;

use super::identities::{Identities, Key, MARK, fault};
use super::recipients::LockKey;
use super::sealed::{Sealed, read_full};
use crate::tools::withheld;
use crate::words::error::{Class, Error, ErrorKind, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Largest header. A recipient takes a hundred bytes of it, one that quantum computers cannot read two
/// thousand; it is read before anybody is believed.
const MAX_HEADER: usize = 256 << 10;
/// Room that is reckoned for the header of a file that has to fit somewhere, and what is behind it: enough
/// for as many recipients as [`MAX_RECIPIENTS`](super::recipients::MAX_RECIPIENTS).
pub const HEADER_ROOM: u64 = 16 << 10;
/// The line behind which the header ends.
const LAST_LINE: &[u8] = b"\n--- ";
/// Behind the header: what the key of the content is made with.
const NONCE: usize = 16;
/// How many bytes are encrypted together, and how many they are then.
const CHUNK: u64 = 64 << 10;
const TAG: u64 = 16;
const SEALED: u64 = CHUNK + TAG;
/// How many readers that are not in use are kept, each with two chunks of memory.
const MAX_IDLE: usize = 16;

/// A file that was encrypted, and the key that opens it. Readers share it.
pub struct Unlocked {
    name: String,
    file: Arc<File>,
    /// The header and what is behind it, as they were when it was opened.
    head: Arc<[u8]>,
    /// Bytes of the file.
    sealed: u64,
    key: Zeroizing<[u8; FILE_KEY_BYTES]>,
    /// Bytes of what is in it.
    length: u64,
    is_whole: bool,
    /// Readers that are not in use; nothing where none are kept.
    idle: Mutex<Option<Vec<Stream>>>,
}

type Stream = StreamReader<Sealed>;

impl fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unlocked({})", self.name)
    }
}

impl Unlocked {
    /// Whether `file` is in the format.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn is_locked(file: &File) -> io::Result<bool> {
        let mut first = [0; MARK.len()];
        let mut sealed = Sealed::new(Arc::new([]), file.try_clone()?.into(), u64::MAX);
        let got = read_full(&mut sealed, &mut first)?;
        Ok(first[..got] == *MARK)
    }

    /// Opens `file`, which is called `name`, with one of `identities`.
    ///
    /// # Errors
    /// [`Class::Untrusted`] where none opens it, [`Class::Incomplete`] where its header is cut off,
    /// [`Class::Damaged`] where it is not as it was, and those of the disk.
    pub fn open(name: &str, file: Arc<File>, identities: Option<&Identities>) -> Result<Unlocked> {
        let io = |e| withheld::reading(format!("cannot read {name}"), e);
        let sealed = file.metadata().map_err(io)?.len();
        let head = read_head(name, &file).map_err(io)?;
        let decryptor = Decryptor::new_buffered(&*head).map_err(|e| fault(e, name))?;
        let passphrase;
        let keys = match identities {
            Some(identities) if decryptor.is_scrypt() => {
                passphrase = [Box::new(identities.passphrase(name)?) as Key];
                &passphrase[..]
            }
            Some(identities) if !identities.keys().is_empty() => identities.keys(),
            _ => return Err(no_identity(name)),
        };
        let noting = Noting { keys, found: RefCell::default() };
        decryptor.decrypt(std::iter::once(&noting as &dyn Identity)).map_err(|e| fault(e, name))?;
        let key = noting.found.into_inner().ok_or_else(|| no_identity(name))?;
        Unlocked::known(name, file, (head, sealed), key)
    }

    /// Opens `file`, which is called `name` and was just made, with its own key.
    ///
    /// # Errors
    /// As [`open`](Unlocked::open).
    pub fn by_key(name: &str, file: Arc<File>, key: LockKey) -> Result<Unlocked> {
        let io = |e| withheld::reading(format!("cannot read {name}"), e);
        let sealed = file.metadata().map_err(io)?.len();
        let head = read_head(name, &file).map_err(io)?;
        Unlocked::known(name, file, (head, sealed), key.0)
    }

    fn known(
        name: &str,
        file: Arc<File>,
        (head, sealed): (Vec<u8>, u64),
        key: Zeroizing<[u8; FILE_KEY_BYTES]>,
    ) -> Result<Unlocked> {
        let (name, idle) = (name.to_owned(), Mutex::new(Some(Vec::new())));
        let mut unlocked = Unlocked {
            name,
            file,
            head: head.into(),
            sealed,
            key,
            length: 0,
            is_whole: true,
            idle,
        };
        unlocked.measure()?;
        Ok(unlocked)
    }

    /// Finds out how much is in it: its last chunk says that it is the last. Where it does not, the
    /// length is what it would be if all chunks were right.
    fn measure(&mut self) -> Result<()> {
        let mut stream = self.stream()?;
        match stream.seek(SeekFrom::End(0)) {
            Ok(length) => self.length = length,
            Err(e) if is_wrong(&e) => {
                let content = self.sealed.saturating_sub(self.head.len() as u64);
                self.length = content.saturating_sub(content.div_ceil(SEALED) * TAG);
                self.is_whole = false;
            }
            Err(e) => return Err(withheld::reading(format!("cannot read {}", self.name), e)),
        }
        Ok(())
    }

    /// How many bytes the content of a file has that has `size` bytes of it, with what each chunk takes;
    /// without the header.
    #[must_use]
    pub fn sealed_size(size: u64) -> u64 {
        size.saturating_add(size.div_ceil(CHUNK).max(1).saturating_mul(TAG))
    }

    /// How many bytes at most may be in a file that has `size` bytes at most, whoever it is for.
    #[must_use]
    pub fn plain_size(size: u64) -> u64 {
        let content = size.saturating_sub(HEADER_ROOM);
        content / SEALED * CHUNK + (content % SEALED).saturating_sub(TAG)
    }

    /// The file, as it lies.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Bytes of what is in it.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether it ends as it was ended: nothing was cut off, and its last bytes are right.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn stream(&self) -> Result<Stream> {
        let sealed = Sealed::new(Arc::clone(&self.head), Arc::clone(&self.file), self.sealed);
        let known = Known(&self.key);
        Decryptor::new(sealed)
            .and_then(|decryptor| decryptor.decrypt(std::iter::once(&known as &dyn Identity)))
            .map_err(|e| fault(e, &self.name))
    }

    fn take(&self) -> Result<Stream> {
        let idle = self.idle().as_mut().and_then(Vec::pop);
        idle.map_or_else(|| self.stream(), Ok)
    }

    fn give_back(&self, stream: Stream) {
        if let Some(idle) = self.idle().as_mut().filter(|idle| idle.len() < MAX_IDLE) {
            idle.push(stream);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Stream>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps no reader from now on that is not in use: where files are many, these would take the memory.
    pub fn keep_no_readers(&self) {
        *self.idle() = None;
    }

    /// That what lies around byte `at` of what is in it cannot be decrypted.
    fn damaged(&self, at: u64) -> Error {
        let begin = self.head.len() as u64 + at / CHUNK * SEALED;
        let end = (begin + SEALED).min(self.sealed);
        let text = format!("{}: its bytes from {begin} to {end} are not as they were", self.name);
        Error::new(Class::Damaged, text)
            .hint("copy it again from where it was made")
            .of_kind(ErrorKind::CiphertextDamaged)
    }
}

/// That nobody was named who could open `name`.
fn no_identity(name: &str) -> Error {
    Error::new(Class::Untrusted, format!("{name} is encrypted with age, and no identity was named"))
        .hint(
            phrase!["name the private key of one that it was encrypted to: ", Remedy::Identities,],
        )
}

/// The header of `file`, and the nonce behind it.
fn read_head(name: &str, file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; MAX_HEADER];
    let mut sealed = Sealed::new(Arc::new([]), file.try_clone()?.into(), u64::MAX);
    let got = read_full(&mut sealed, &mut head)?;
    head.truncate(got);
    let line = head.windows(LAST_LINE.len()).position(|part| part == LAST_LINE);
    let end = line.and_then(|at| {
        let rest = &head[at + LAST_LINE.len()..];
        Some(at + LAST_LINE.len() + rest.iter().position(|byte| *byte == b'\n')? + 1 + NONCE)
    });
    match end {
        Some(end) if end <= head.len() => {
            head.truncate(end);
            Ok(head)
        }
        _ if got < MAX_HEADER => {
            let text = format!("{name} ends at byte {got}, within its age header");
            Err(Error::new(Class::Incomplete, text)
                .hint("it was cut off; copy it again from where it was made")
                .into_io())
        }
        _ => {
            let text = format!("{name} has an age header of more than {MAX_HEADER} bytes");
            Err(Error::new(Class::Damaged, text)
                .hint("encrypt it to fewer recipients, or copy it again from where it was made")
                .into_io())
        }
    }
}

/// Whether `error` says that bytes are not what was encrypted, and not that they could not be read.
fn is_wrong(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, UnexpectedEof};
    error.raw_os_error().is_none() && matches!(error.kind(), InvalidData | UnexpectedEof)
}

/// Reads what is in an [`Unlocked`] file from some position on. It holds memory only while it is read.
pub struct Plain {
    from: Arc<Unlocked>,
    at: u64,
    end: u64,
    stream: Option<Stream>,
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plain({} at {})", self.from.name, self.at)
    }
}

impl Plain {
    /// The bytes of `from` from `at` on, up to `end`.
    #[must_use]
    pub fn new(from: Arc<Unlocked>, at: u64, end: u64) -> Plain {
        Plain { from, at, end, stream: None }
    }

    /// Goes to `at`, in whichever direction.
    pub fn go_to(&mut self, at: u64) {
        if at != self.at {
            self.let_go();
            self.at = at;
        }
    }

    fn let_go(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.from.give_back(stream);
        }
    }

    /// A stream that stands at `at`.
    fn enter(&self) -> io::Result<Stream> {
        let mut stream = self.from.take().map_err(Error::into_io)?;
        // At the beginning of a chunk the stream would look at the last one again.
        match self.at % CHUNK {
            0 if self.at > 0 => {
                stream.seek(SeekFrom::Start(self.at - 1))?;
                stream.read_exact(&mut [0])?;
            }
            _ => drop(stream.seek(SeekFrom::Start(self.at))?),
        }
        Ok(stream)
    }

    fn read_on(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.enter()?,
        };
        let got = stream.read(buffer)?;
        // After a fault a stream is of no use.
        self.stream = Some(stream);
        Ok(got)
    }
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let want = left.min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        let got = self.read_on(&mut buffer[..want]).map_err(|e| match is_wrong(&e) {
            true => self.from.damaged(self.at).into_io(),
            false => withheld::reading(format!("cannot read {}", self.from.name), e).into_io(),
        })?;
        if got == 0 {
            return Err(self.from.damaged(self.at).into_io());
        }
        self.at += got as u64;
        if self.at == self.end {
            self.let_go();
        }
        Ok(got)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Opens with the first of several keys that does, and notes what it found.
struct Noting<'k> {
    keys: &'k [Key],
    found: RefCell<Option<Zeroizing<[u8; FILE_KEY_BYTES]>>>,
}

impl Identity for Noting<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        let opened = self.keys.iter().find_map(|key| key.unwrap_stanzas(stanzas));
        if let Some(Ok(key)) = &opened {
            *self.found.borrow_mut() = Some(Zeroizing::new(*key.expose_secret()));
        }
        opened
    }
}

/// The key of the file itself.
struct Known<'k>(&'k [u8; FILE_KEY_BYTES]);

impl Identity for Known<'_> {
    fn unwrap_stanza(&self, _stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        Some(Ok(FileKey::init_with_mut(|key| key.copy_from_slice(self.0))))
    }
}
