//! [`Passwords`]: who may ask, as Apache's `htpasswd -B` writes it, and docker-registry reads it.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::users::Users;
use crate::tools::file_state::FileState;
use crate::tools::mutex::lock;
use crate::words::error::{Class, Error, Result, Subject};

/// Largest file: ten thousand users and more.
const MAX_FILE: u64 = 1 << 20;
/// How many passwords are tried at a time, so that guessing leaves processors to those who pull.
const AT_ONCE: usize = 1;
/// Most right answers that are remembered, so that not every blob costs a hash. As many are forgotten at
/// once when there are more.
const REMEMBERED: usize = 4096;
/// Longest header that is looked at: a name and a password of a kilobyte each.
const MAX_HEADER: usize = 3 << 10;

/// Who may ask: the users of a file, which may be changed while it is used.
pub struct Passwords {
    file: Option<PathBuf>,
    now: Mutex<Now>,
    key: [u8; 32],
    turns: Semaphore,
}

/// The users, and what was found right of them.
struct Known {
    users: Users,
    /// By a hash with a key that nobody knows and that ends with the process. It goes with the users: who is none
    /// of the next ones is remembered by nobody.
    right: Mutex<HashSet<[u8; 32]>>,
}

struct Now {
    known: Arc<Known>,
    /// As the file was when it was looked at last, whether what it held could be used or not.
    seen: Option<FileState>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("users", &self.known().users).finish_non_exhaustive()
    }
}

impl Passwords {
    /// Those of the file at `path`: `NAME:HASH` a line, and comments.
    ///
    /// # Errors
    /// [`Class::Usage`], with the file: when it cannot be read, and as [`parse`](Passwords::parse).
    pub fn open(path: &Path) -> Result<Passwords> {
        let (seen, known) = (state(path), Known::read(path)?);
        Passwords::of(Some(path.to_owned()), Now { known, seen })
    }

    /// Those of the file `text`, for good.
    ///
    /// # Errors
    /// [`Class::Usage`], with the number of the line: for a line that is none, a hash that is not of bcrypt
    /// or costs too much, a user who is there twice, and a file without any.
    pub fn parse(text: &str) -> Result<Passwords> {
        Passwords::of(None, Now { known: Known::new(Users::parse(text)?), seen: None })
    }

    fn of(file: Option<PathBuf>, now: Now) -> Result<Passwords> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|e| Error::new(Class::Other, format!("no random numbers: {e}")))?;
        Ok(Passwords { file, now: Mutex::new(now), key, turns: Semaphore::new(AT_ONCE) })
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&lock(&self.now).known)
    }

    /// Takes up the file where it changed since the last look. Whether it did; what cannot be used
    /// leaves it at the users of before.
    ///
    /// # Errors
    /// As [`open`](Passwords::open), once for each change.
    pub(super) fn look(&self) -> Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let seen = state(file);
        let mut now = lock(&self.now);
        if now.seen == seen {
            return Ok(false);
        }
        now.seen = seen;
        now.known = Known::read(file)?;
        Ok(true)
    }

    /// Who asks with this `Authorization`; nobody where the password is wrong, or none was given.
    pub async fn user(self: &Arc<Self>, header: Option<&HeaderValue>) -> Option<String> {
        let (user, password) = said(header?)?;
        let (known, mark) = (self.known(), self.mark(&user, &password));
        if lock(&known.right).contains(&mark) {
            return Some(user);
        }
        let _turn = self.turns.acquire().await.ok()?;
        let (hash, is_user) = known.users.hash_of(&user);
        let is_it = spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false));
        let is_right = is_it.await.unwrap_or(false) && is_user;
        if !is_right {
            return None;
        }
        let mut right = lock(&known.right);
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(mark);
        Some(user)
    }

    fn mark(&self, user: &str, password: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update((user.len() as u64).to_be_bytes());
        hash.update(user);
        hash.update(password);
        hash.finalize().into()
    }
}

impl Known {
    fn new(users: Users) -> Arc<Known> {
        Arc::new(Known { users, right: Mutex::default() })
    }

    /// Those of the file at `path`.
    fn read(path: &Path) -> Result<Arc<Known>> {
        let about = |error: Error| {
            error.context(path.display().to_string()).subject(Subject::Path(path.to_owned()))
        };
        let unreadable = |e: std::io::Error| {
            let error = Error::new(Class::Usage, format!("cannot read {}", path.display()));
            let error = error.source(e).subject(Subject::Path(path.to_owned()));
            error.hint("see whether it is there, is a file, and may be read by you")
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(about(Error::new(
                Class::Usage,
                format!("it is larger than {MAX_FILE} bytes"),
            )));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| about(Error::new(Class::Usage, "it is no text")))?;
        Ok(Known::new(Users::parse(&text).map_err(about)?))
    }
}

fn state(path: &Path) -> Option<FileState> {
    FileState::of(&File::open(path).ok()?)
}

/// The name and the password that a header says (RFC 7617).
fn said(header: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let text = header.to_str().ok().filter(|text| text.len() <= MAX_HEADER)?;
    let (scheme, coded) = text.split_once(' ')?;
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    let both = STANDARD.decode(coded.trim()).ok().filter(|_| is_basic)?;
    let at = both.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(both[..at].to_vec()).ok()?;
    Some((user, both[at + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `secret`, made by `htpasswd -nbB -C 5 ann secret`.
    const HASH: &str = "$2y$05$MuTpXFYVmuXJDYURTDP0A.HjTpyst0q3K8uK690NfAWWho02uOhUC";

    fn header(user: &str, password: &str) -> HeaderValue {
        let coded = STANDARD.encode(format!("{user}:{password}"));
        HeaderValue::from_str(&format!("Basic {coded}")).unwrap()
    }

    fn asked(passwords: &Arc<Passwords>, header: Option<&HeaderValue>) -> Option<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(passwords.user(header))
    }

    #[test]
    fn a_user_is_known_by_the_right_password_alone() {
        let file = format!("# users\n\nann:{HASH}\n");
        let passwords = Arc::new(Passwords::parse(&file).unwrap());
        let asks = |header: &HeaderValue| asked(&passwords, Some(header));

        for _ in 0..2 {
            assert_eq!(asks(&header("ann", "secret")).as_deref(), Some("ann"));
            assert_eq!(asks(&header("ann", "Secret")), None);
            assert_eq!(asks(&header("bob", "secret")), None, "whose hash is that for nobody");
            assert_eq!(asks(&header("ann", "")), None);
            assert_eq!(asks(&header("ann", "secret\0")), None);
        }
        assert_eq!(lock(&passwords.known().right).len(), 1, "what is wrong is not remembered");
        assert_eq!(asked(&passwords, None), None);
        // As many as there may be are forgotten at once, and no header of any length is looked at.
        lock(&passwords.known().right).extend((0..REMEMBERED).map(|n| {
            let mut mark = [0; 32];
            mark[..8].copy_from_slice(&n.to_le_bytes());
            mark
        }));
        lock(&passwords.known().right).remove(&passwords.mark("ann", b"secret"));
        assert!(asks(&header("ann", "secret")).is_some());
        assert_eq!(lock(&passwords.known().right).len(), 1);
        let said = header("ann", "secret").to_str().unwrap().replace(' ', &" ".repeat(MAX_HEADER));
        assert_eq!(asks(&HeaderValue::from_str(&said).unwrap()), None);
        for text in ["Basic", "Basic !", "Bearer abc", "Basic YW5u", "basic"] {
            assert_eq!(asks(&HeaderValue::from_static(text)), None, "{text}");
        }
    }

    #[test]
    fn the_users_are_those_of_the_file_as_it_is_now() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("users");
        let write = |text: &str| {
            // Beside, and then renamed, so that it is another file for sure.
            std::fs::write(dir.path().join("new"), text).unwrap();
            std::fs::rename(dir.path().join("new"), &file).unwrap();
        };
        write(&format!("ann:{HASH}\n"));
        let passwords = Arc::new(Passwords::open(&file).unwrap());
        let asks = |user: &str| asked(&passwords, Some(&header(user, "secret"))).is_some();
        assert!(asks("ann") && !asks("bob"));
        assert!(!passwords.look().unwrap(), "nothing changed");

        write(&format!("bob:{HASH}\n"));
        assert!(passwords.look().unwrap());
        assert!(asks("bob") && !asks("ann"), "who was remembered is forgotten");

        // What cannot be used is told once, and changes nothing.
        write("bob:secret\n");
        let error = passwords.look().unwrap_err();
        assert!(error.to_string().contains("users: line 1: the hash of bob"), "{error}");
        assert!(!passwords.look().unwrap() && asks("bob"));
        std::fs::remove_file(&file).unwrap();
        assert!(passwords.look().unwrap_err().to_string().contains("cannot read"));
        assert!(!passwords.look().unwrap() && asks("bob"));
        write(&format!("ann:{HASH}\n"));
        assert!(passwords.look().unwrap() && asks("ann") && !asks("bob"));
        assert!(!Passwords::parse(&format!("ann:{HASH}")).unwrap().look().unwrap());
    }

    #[test]
    fn a_file_that_cannot_be_read_as_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("large"), vec![b'#'; MAX_FILE as usize + 1]).unwrap();
        std::fs::write(at("bytes"), [0xff, b':', b'x']).unwrap();
        for (name, why) in [("none", "cannot read"), ("large", "is larger"), ("bytes", "no text")] {
            let error = Passwords::open(&at(name)).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{name}");
            assert!(error.to_string().contains(name), "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
