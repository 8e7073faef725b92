//! [`Identities`]: the private keys by which files are opened that were encrypted to somebody.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufReader, Read as _};
use std::sync::{Arc, Mutex};

use age::secrecy::SecretString;
use age::ssh::Identity as SshIdentity;
use age::{Callbacks, DecryptError, Decryptor, IdentityFile, scrypt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::tools::mutex::lock;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// How every file in the format begins.
pub(super) const MARK: &[u8] = b"age-encryption.org/v1\n";
/// Largest work that a passphrase may ask for, as the power of two that scrypt calls N: a gigabyte of
/// memory, and some seconds. `age -p` asks for 18, a quarter of that.
const MAX_WORK: u8 = 20;
/// Most bytes of a file of identities that was decrypted. One has 75.
const MAX_IDENTITIES: u64 = 1 << 20;

/// Gives the passphrase of what it is told the name of; nothing where there is nobody to ask.
pub type Passphrases = Arc<dyn Fn(&str) -> Result<Option<Zeroizing<String>>> + Send + Sync>;

/// A private key of age.
pub(super) type Key = Box<dyn age::Identity + Send + Sync>;

/// Private keys, and who knows passphrases.
pub struct Identities {
    keys: Vec<Key>,
    passphrases: Passphrases,
    /// What was given for each set of volumes: they have one passphrase.
    of_sets: Mutex<BTreeMap<String, Zeroizing<String>>>,
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({})", self.keys.len())
    }
}

impl Identities {
    /// None yet.
    #[must_use]
    pub fn new(passphrases: Passphrases) -> Identities {
        Identities { keys: Vec::new(), passphrases, of_sets: Mutex::default() }
    }

    /// Takes those in a file of `bytes`, which is called `name`: what `age-keygen` writes, the same
    /// encrypted with a passphrase, or a private key of OpenSSH's kind ssh-ed25519.
    ///
    /// # Errors
    /// [`Class::Usage`] for what is none of these, [`Class::Untrusted`] for a wrong passphrase.
    pub fn add(&mut self, bytes: &[u8], name: &str) -> Result<()> {
        if bytes.starts_with(MARK) {
            return self.add_encrypted(bytes, name);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| no_identity(name))?;
        if text.lines().any(|line| line.starts_with("-----BEGIN AGE ENCRYPTED FILE-----")) {
            return Err(unlike(name, "is an identity that was encrypted and written as text")
                .hint("decrypt it with age, and encrypt it again without making text of it"));
        }
        if text.contains("PRIVATE KEY-----") {
            return self.add_ssh(text, name);
        }
        if let Some(line) = text.lines().find(|line| is_public(line)) {
            let what = line.split_once(' ').map_or("age1...", |(kind, _)| kind);
            return Err(unlike(name, &format!("is a public key ({what}), which opens nothing"))
                .hint("name the private key that belongs to it"));
        }
        let keys = IdentityFile::from_buffer(BufReader::new(bytes))
            .map_err(|_| no_identity(name))?
            .into_identities()
            .map_err(|_| no_identity(name))?;
        if keys.is_empty() {
            return Err(no_identity(name));
        }
        self.keys.extend(keys);
        Ok(())
    }

    fn add_ssh(&mut self, text: &str, name: &str) -> Result<()> {
        let key = SshIdentity::from_buffer(BufReader::new(text.as_bytes()), Some(name.to_owned()))
            .map_err(|_| no_identity(name))?;
        // Of the kinds that OpenSSH has only this one is safe to decrypt with.
        if !is_ed25519(text) || matches!(key, SshIdentity::Unsupported(_)) {
            return Err(unlike(name, "is an ssh key of another kind than ssh-ed25519")
                .hint("ssh-keygen makes such keys (type ed25519), and age-keygen identities"));
        }
        let asking = Asking { passphrases: Arc::clone(&self.passphrases), name: name.to_owned() };
        self.keys.push(Box::new(key.with_callbacks(asking)));
        Ok(())
    }

    fn add_encrypted(&mut self, bytes: &[u8], name: &str) -> Result<()> {
        let decryptor = Decryptor::new_buffered(bytes).map_err(|e| fault(e, name))?;
        if !decryptor.is_scrypt() {
            return Err(unlike(name, "is encrypted to a key, and not with a passphrase"));
        }
        let key = self.passphrase(name)?;
        let mut plain = Zeroizing::new(Vec::new());
        decryptor
            .decrypt(std::iter::once(&key as &dyn age::Identity))
            .map_err(|e| fault(e, name))?
            .take(MAX_IDENTITIES)
            .read_to_end(&mut plain)
            .map_err(|_| unlike(name, "was changed since it was encrypted"))?;
        match plain.starts_with(MARK) {
            true => Err(no_identity(name)),
            false => self.add(&plain, name),
        }
    }

    /// The passphrase of `name`, as what opens it.
    pub(super) fn passphrase(&self, name: &str) -> Result<scrypt::Identity> {
        let given = match set_of(name) {
            None => (self.passphrases)(name)?,
            Some(set) => {
                let mut known = lock(&self.of_sets);
                match known.get(set) {
                    Some(known) => Some(known.clone()),
                    None => (self.passphrases)(set)?.inspect(|text| {
                        known.insert(set.to_owned(), text.clone());
                    }),
                }
            }
        };
        let Some(text) = given else {
            let text = format!("{name} is encrypted with a passphrase, and none was given");
            return Err(Error::new(Class::Untrusted, text)
                .hint(phrase!["put it into the first line of a file: ", Remedy::Passphrase]));
        };
        let mut key = scrypt::Identity::new(SecretString::from(text.as_str()));
        key.set_max_work_factor(MAX_WORK);
        Ok(key)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys.
    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }
}

/// What the set is called of which a file of this name is a volume, if it is called as one.
fn set_of(name: &str) -> Option<&str> {
    let (set, number) = name.strip_suffix(".tar.age")?.rsplit_once('.')?;
    (number.len() >= 3 && number.bytes().all(|c| c.is_ascii_digit())).then_some(set)
}

/// Answers age's one question.
#[derive(Clone)]
struct Asking {
    passphrases: Passphrases,
    name: String,
}

impl Callbacks for Asking {
    fn display_message(&self, _message: &str) {}

    fn confirm(&self, _message: &str, _yes: &str, _no: Option<&str>) -> Option<bool> {
        None
    }

    fn request_public_string(&self, _description: &str) -> Option<String> {
        None
    }

    fn request_passphrase(&self, _description: &str) -> Option<SecretString> {
        let given = (self.passphrases)(&self.name).ok()??;
        Some(SecretString::from(given.as_str()))
    }
}

/// Whether a private key in OpenSSH's form is one of ed25519: its public half says so, in clear.
fn is_ed25519(text: &str) -> bool {
    const KIND: &[u8] = b"\0\0\0\x0bssh-ed25519";
    let body: String = text.lines().filter(|line| !line.contains('-')).map(str::trim).collect();
    let bytes = STANDARD.decode(body).map(Zeroizing::new).unwrap_or_default();
    bytes.windows(KIND.len()).any(|part| part == KIND)
}

/// Whether a line is the public half of a key.
fn is_public(line: &str) -> bool {
    ["age1", "ssh-", "ecdsa-"].iter().any(|kind| line.trim_start().starts_with(kind))
}

fn unlike(name: &str, what: &str) -> Error {
    Error::new(Class::Usage, format!("{name} {what}"))
}

fn no_identity(name: &str) -> Error {
    unlike(name, "holds no identity of age and no private key of ssh")
        .hint("age-keygen makes one; of ssh take an ed25519 key in OpenSSH's own form")
}

/// What `error`, met in opening `name`, amounts to.
pub(super) fn fault(error: DecryptError, name: &str) -> Error {
    let said = |class, text: String| Error::new(class, text);
    match error {
        DecryptError::Io(e) => Error::io(format!("cannot read {name}"), e),
        DecryptError::NoMatchingKeys => {
            said(Class::Untrusted, format!("{name} was encrypted to others: no identity opens it"))
                .hint(phrase![
                    "name the private key of one that it was encrypted to: ",
                    Remedy::Identities,
                ])
        }
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
            said(Class::Untrusted, format!("{name} is not opened by the passphrase that was given"))
                .hint("try again; capitals count")
        }
        DecryptError::ExcessiveWork { .. } => said(
            Class::Refused,
            format!("{name} asks for more memory to try a passphrase than anybody means"),
        )
        .hint("ask who encrypted it to do so with age's own choice"),
        // It begins as the version that is known: one that cannot be read is not as it was either.
        _ => said(Class::Damaged, format!("{name} is damaged: its age header is not as it was"))
            .hint("copy it again from where it was made"),
    }
}
