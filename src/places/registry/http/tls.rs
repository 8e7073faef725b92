//! Whom to trust, and who to be, when speaking TLS with a host.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls_native_certs::load_native_certs;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::access::Access;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// The system's certificate authorities, loaded when first needed.
#[derive(Debug, Default)]
pub(crate) struct Roots(OnceLock<Vec<Certificate<'static>>>);

/// A client certificate chain and its key.
type Identity = (Vec<Certificate<'static>>, PrivateKey<'static>);

impl Roots {
    /// The TLS settings for a host: the system's roots, those that `folders` hold as `*.crt` and
    /// those of `access`; and, when `identify`, the client certificate of `access`, else `*.cert`
    /// with its `*.key`.
    ///
    /// # Errors
    /// [`Class::Usage`] for a file that cannot be read or understood. Folders that do not exist
    /// are no fault.
    pub(crate) fn config(
        &self,
        folders: &[PathBuf],
        access: &Access,
        identify: bool,
    ) -> Result<TlsConfig> {
        let system = self.0.get_or_init(|| {
            let found = load_native_certs().certs;
            found.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
        });
        let mut roots = system.clone();
        for path in &access.authorities {
            roots.extend(certificates(path)?);
        }
        let mut identity = match &access.identity {
            Some((certificate, key)) if identify => Some(read_identity(certificate, key)?),
            _ => None,
        };
        for folder in folders {
            for path in files_in(folder)? {
                match path.extension().and_then(|e| e.to_str()) {
                    Some("crt") => roots.extend(certificates(&path)?),
                    Some("cert") if identify && identity.is_none() => {
                        identity = Some(read_identity(&path, &path.with_extension("key"))?);
                    }
                    _ => {}
                }
            }
        }
        let identity = identity.map(|(chain, key)| ClientCert::new_with_certs(&chain, key));
        Ok(TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .client_cert(identity)
            .disable_verification(access.insecure)
            .build())
    }
}

/// The files in `folder`, in the order of their names.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Like docker and podman: a folder of another user is nothing to stumble over.
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(Error::io(format!("cannot read {}", folder.display()), e)),
    };
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(|e| Error::io(format!("cannot read {}", folder.display()), e))?;
    paths.sort();
    Ok(paths)
}

fn bad(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(Class::Usage, format!("certificate file {}: {why}", path.display()))
        .hint(phrase!["certificates and keys are PEM files; see ", Remedy::CertDir])
}

fn items(path: &Path) -> Result<Vec<PemItem<'static>>> {
    let bytes = std::fs::read(path).map_err(|e| bad(path, e))?;
    parse_pem(&bytes).collect::<Result<_, _>>().map_err(|_| bad(path, "is no PEM file"))
}

/// Every certificate in `path`; at least one.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let found: Vec<_> = items(path)?
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    match found.is_empty() {
        true => Err(bad(path, "holds no certificate")),
        false => Ok(found),
    }
}

/// The chain in `path` with the key in `key_path`.
fn read_identity(path: &Path, key_path: &Path) -> Result<Identity> {
    let chain = certificates(path)?;
    let key = items(key_path)?.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    let key = key.ok_or_else(|| bad(key_path, "holds no private key"))?;
    check_pair(&chain, &key).map_err(|e| bad(key_path, e))?;
    Ok((chain, key))
}

/// Whether there is somebody who does the cryptography of TLS. ureq takes that for granted and would
/// panic.
///
/// # Errors
/// In a build without the feature `ring` whose user installed no provider.
pub(crate) fn check_provider() -> Result<()> {
    let installed = || rustls::crypto::CryptoProvider::get_default().is_some();
    match cfg!(feature = "ring") || installed() {
        true => Ok(()),
        false => Err(Error::new(Class::Other, "this build of sealift brings no TLS along")
            .hint("build it with the feature ring, or install a default provider of rustls first")),
    }
}

/// Whether the key belongs to the certificate. ureq takes that for granted and would panic.
#[cfg(feature = "ring")]
fn check_pair(chain: &[Certificate<'static>], key: &PrivateKey<'static>) -> Result<(), String> {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let der = PrivateKeyDer::try_from(key.der()).map_err(str::to_owned)?.clone_key();
    let chain = chain.iter().map(|c| CertificateDer::from(c.der().to_vec())).collect();
    let provider = rustls::crypto::ring::default_provider();
    match rustls::sign::CertifiedKey::from_der(chain, der, &provider) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(not(feature = "ring"))]
fn check_pair(_: &[Certificate<'static>], _: &PrivateKey<'static>) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_certificate_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_owned(), folder.path().join("absent")];
        let roots = Roots::default();

        assert!(roots.config(&folders, &Access::default(), true).is_ok(), "an empty folder");
        std::fs::write(folder.path().join("README"), "not looked at").unwrap();
        assert!(roots.config(&folders, &Access::default(), true).is_ok());
        std::fs::write(folder.path().join("client.cert"), "no certificate").unwrap();
        assert!(roots.config(&folders, &Access::default(), false).is_ok(), "not asked to identify");
        let error = roots.config(&folders, &Access::default(), true).unwrap_err();
        assert!(error.to_string().contains("client.cert"), "{error}");
        std::fs::write(folder.path().join("ca.crt"), "no certificate").unwrap();
        let error = roots.config(&folders, &Access::default(), false).unwrap_err();
        assert!(error.to_string().contains("ca.crt"), "{error}");
        assert_eq!(error.class(), Class::Usage);
    }
}
