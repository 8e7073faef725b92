//! [`Recipients`]: to whom a file is encrypted, and [`Seal`], which encrypts it.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::io::{self, Write};

use age::secrecy::{ExposeSecret as _, SecretString};
use age::stream::StreamWriter;
use age::{EncryptError, Encryptor, Recipient, scrypt, ssh, x25519};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use zeroize::Zeroizing;

use crate::words::error::{Class, Error, Result};

/// What a passphrase costs to try, as the power of two that scrypt calls N: what `age -p` takes.
const WORK: u8 = 18;

/// Most recipients of a file that has to fit somewhere: each takes some hundred bytes of its header.
pub const MAX_RECIPIENTS: usize = 64;

/// To whom a file is encrypted: public keys, or a passphrase.
#[derive(Default)]
pub struct Recipients(Vec<Box<dyn Recipient + Send + Sync>>);

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipients({})", self.0.len())
    }
}

impl Recipients {
    /// Whoever knows `passphrase`.
    #[must_use]
    pub fn knowing(passphrase: &str) -> Recipients {
        let mut one = scrypt::Recipient::new(SecretString::from(passphrase));
        one.set_work_factor(WORK);
        Recipients(vec![Box::new(one)])
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the public key that `text` is: `age1...`, or `ssh-ed25519 ...`.
    ///
    /// # Errors
    /// [`Class::Usage`] for anything else.
    pub fn add(&mut self, text: &str) -> Result<()> {
        let text = text.trim();
        let key: Box<dyn Recipient + Send + Sync> = match text.split_once(' ') {
            Some(("ssh-ed25519", _)) => {
                Box::new(text.parse::<ssh::Recipient>().map_err(|_| no_recipient(text))?)
            }
            _ => Box::new(text.parse::<x25519::Recipient>().map_err(|_| no_recipient(text))?),
        };
        self.0.push(key);
        Ok(())
    }

    /// Begins a file in `output`, to be read by all of them.
    ///
    /// # Errors
    /// Those of writing.
    pub fn seal<W: Write>(&self, output: W) -> io::Result<Seal<W>> {
        let heard = RefCell::default();
        let mut all = self.0.iter();
        let first = all.next().map(|inner| Hearing { inner: &**inner, key: &heard });
        let first = first.iter().map(|it| it as &dyn Recipient);
        let all = first.chain(all.map(|it| &**it as &dyn Recipient));
        let encryptor = Encryptor::with_recipients(all).map_err(io::Error::other)?;
        let stream = encryptor.wrap_output(output)?;
        let key = heard.into_inner().ok_or_else(|| io::Error::other("nobody could read it"))?;
        Ok(Seal { stream, key: LockKey(key) })
    }
}

fn no_recipient(text: &str) -> Error {
    let what = match text {
        "" => "is empty",
        _ if text.starts_with("AGE-SECRET-KEY-") => "is a private key, which stays with its owner",
        _ if text.starts_with("ssh-") || text.starts_with("ecdsa-") => {
            "is an ssh key of another kind than ssh-ed25519, or not whole"
        }
        _ => "is no recipient",
    };
    // A private key is not shown.
    let shown: String = match text.starts_with("AGE-SECRET-KEY-") {
        true => "it".to_owned(),
        false => text.chars().take(40).collect(),
    };
    Error::new(Class::Usage, format!("{shown} {what}")).hint(
        "age-keygen -y FILE shows the recipient of an identity; an ssh key is the line in its .pub",
    )
}

/// The key of one encrypted file, which opens that file and no other.
pub struct LockKey(pub(super) Zeroizing<[u8; FILE_KEY_BYTES]>);

impl fmt::Debug for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockKey")
    }
}

/// Encrypts what is written into it, from the first byte to the last.
pub struct Seal<W> {
    stream: StreamWriter<W>,
    key: LockKey,
}

impl<W> fmt::Debug for Seal<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

impl<W: Write> Seal<W> {
    /// Writes what is left: without that it is no file. Gives the key that opens it.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(self) -> io::Result<LockKey> {
        self.stream.finish()?.flush()?;
        Ok(self.key)
    }
}

impl<W: Write> Write for Seal<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A recipient that notes the key of the file, for the file to be read once more before it gets its name.
struct Hearing<'r> {
    inner: &'r (dyn Recipient + Send + Sync),
    key: &'r RefCell<Option<Zeroizing<[u8; FILE_KEY_BYTES]>>>,
}

impl Recipient for Hearing<'_> {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        *self.key.borrow_mut() = Some(Zeroizing::new(*file_key.expose_secret()));
        self.inner.wrap_file_key(file_key)
    }
}
