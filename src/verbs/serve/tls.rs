//! [`Tls`]: the certificate of a server, as its files are now.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::tools::file_state::FileState;
use crate::tools::mutex::lock;
use crate::words::error::{Class, Error, Result, Subject};

/// Largest file of certificates or a key: a chain has some kilobytes.
const MAX_FILE: u64 = 1 << 20;

/// TLS 1.2 and 1.3 with a certificate that may be renewed while it is used.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    now: Mutex<Now>,
}

struct Now {
    acceptor: TlsAcceptor,
    /// As the files were when they were looked at last, whether what they held could be used or not.
    seen: [Option<FileState>; 2],
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Tls {
    /// With the chain in the file `certificate`, the server's own first, and its private `key`, both PEM.
    ///
    /// # Errors
    /// For a file that cannot be read or holds none of them, a key of another certificate, and in a build
    /// without TLS.
    pub fn open(certificate: &Path, key: &Path) -> Result<Tls> {
        let seen = [state(certificate), state(key)];
        let acceptor = acceptor(certificate, key)?;
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok(Tls { certificate, key, now: Mutex::new(Now { acceptor, seen }) })
    }

    /// What speaks TLS with the next client.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        lock(&self.now).acceptor.clone()
    }

    /// Takes up the files where they changed since the last look. Whether they did; what cannot be used
    /// leaves it at what was there before.
    ///
    /// # Errors
    /// As [`open`](Tls::open), once for each change.
    pub(super) fn look(&self) -> Result<bool> {
        let seen = [state(&self.certificate), state(&self.key)];
        let mut now = lock(&self.now);
        if now.seen == seen {
            return Ok(false);
        }
        now.seen = seen;
        now.acceptor = acceptor(&self.certificate, &self.key)?;
        Ok(true)
    }
}

fn state(path: &Path) -> Option<FileState> {
    FileState::of(&File::open(path).ok()?)
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|_| bad(certificate, "is no PEM file"))?;
    if chain.is_empty() {
        return Err(bad(certificate, "holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| bad(key, "holds no private key in PEM that is not encrypted"))?;
    let Some(provider) = CryptoProvider::get_default().cloned().or_else(built_in) else {
        return Err(Error::new(Class::Other, "this build of sealift brings no TLS along").hint(
            "build it with the feature ring, or install a default provider of rustls first",
        ));
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_no_client_auth())
        .and_then(|builder| builder.with_single_cert(chain, private));
    let mut config = config.map_err(|e| bad(key, &format!("does not serve: {e}")))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    read.map_err(|e| {
        let error = Error::new(Class::Usage, format!("cannot read {}", path.display()));
        let error = error.source(e).subject(Subject::Path(path.to_owned()));
        error.hint("see whether it is there, is a file, and may be read by you")
    })?;
    match bytes.len() as u64 > MAX_FILE {
        true => Err(bad(path, "is larger than a certificate can be")),
        false => Ok(bytes),
    }
}

fn bad(path: &Path, what: &str) -> Error {
    Error::new(Class::Usage, format!("{} {what}", path.display()))
        .hint("name the chain, the server's own certificate first, and the private key that belongs to it")
}

#[cfg(feature = "ring")]
fn built_in() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(feature = "ring"))]
fn built_in() -> Option<Arc<CryptoProvider>> {
    None
}
