//! [`SigningCertificate`]: what a certificate of a Fulcio says (fulcio, `certificate-specification.md`).

use pkcs8::der::asn1::AnyRef;
use pkcs8::der::{Decode as _, Reader as _, SliceReader};

use super::image_key::ImageKey;

/// Largest certificate that is read: those of Fulcio have one to two KiB.
const MAX_CERTIFICATE: usize = 64 << 10;
/// The extension with the names of who it was issued to: `2.5.29.17`, in DER.
const SUBJECT_NAMES: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x11];
/// Extensions with who said so: `1.3.6.1.4.1.57264.1.8`, a text in DER; and its predecessor `.1.1`, a bare text.
const ISSUER: &[u8] = &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x08];
const OLDER_ISSUER: &[u8] =
    &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x01];
/// The tags of a mail address and of a URI among names, of the list of extensions, and of the version.
const MAIL: u8 = 0x81;
const URI: u8 = 0x86;
const EXTENSIONS: u8 = 0xa3;
const VERSION: u8 = 0xa0;
/// Where the key stands behind the version.
const KEY: usize = 5;

/// A certificate. Who issued it, and when it held, is asked elsewhere.
#[derive(Debug)]
pub(super) struct SigningCertificate {
    /// The key that it is for.
    pub(super) key: ImageKey,
    /// To whom it was issued: the one mail address or URI that it names.
    pub(super) identity: String,
    /// Who vouched for that.
    pub(super) issuer: String,
}

impl SigningCertificate {
    /// Reads what stands in `der`. Believed once a chain leads to it.
    pub(super) fn parse(der: &[u8]) -> Result<SigningCertificate, String> {
        if der.len() > MAX_CERTIFICATE {
            return Err("its certificate is too large".to_owned());
        }
        let [body, ..] = *children(der).unwrap_or_default() else {
            return Err("its certificate is unreadable".to_owned());
        };
        let mut parts = children(body).ok_or("its certificate is unreadable")?;
        if parts.first().is_some_and(|part| part.first() == Some(&VERSION)) {
            parts.remove(0);
        }
        let key = parts.get(KEY).ok_or("its certificate has no key")?;
        let key = ImageKey::from_der(key).map_err(|e| e.to_string())?;
        let list = parts.iter().find(|part| part.first() == Some(&EXTENSIONS));
        let list = list.and_then(|list| children(list)).unwrap_or_default();
        let all = list.first().and_then(|all| children(all)).unwrap_or_default();
        let identity = identity(extension(&all, SUBJECT_NAMES)?.ok_or("it names nobody")?);
        let issuer = match extension(&all, ISSUER)? {
            Some(text) => content(text),
            None => extension(&all, OLDER_ISSUER)?,
        };
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes?.to_vec()).ok();
        match (identity, text(issuer)) {
            (Some(identity), Some(issuer)) => Ok(SigningCertificate { key, identity, issuer }),
            _ => Err("its certificate does not name one signer and one issuer".to_owned()),
        }
    }
}

/// The one mail address or URI of a list of names.
fn identity(names: &[u8]) -> Option<String> {
    let names = children(names)?;
    let [name] = names.as_slice() else { return None };
    let known = [MAIL, URI].contains(name.first()?);
    String::from_utf8(content(name).filter(|_| known)?.to_vec()).ok()
}

/// The value of the extension `id` among `all`, which has it at most once.
fn extension<'d>(all: &[&'d [u8]], id: &[u8]) -> Result<Option<&'d [u8]>, String> {
    let parts = all.iter().filter_map(|extension| children(extension));
    let mut found = parts.filter(|parts| parts.first() == Some(&id));
    let one = found.next();
    match found.next() {
        Some(_) => Err("its certificate says something twice".to_owned()),
        None => Ok(one.and_then(|parts| content(parts.last()?))),
    }
}

/// What is inside of one element of DER.
fn content(element: &[u8]) -> Option<&[u8]> {
    AnyRef::from_der(element).ok().map(|it| it.value())
}

/// The elements inside of one.
fn children(element: &[u8]) -> Option<Vec<&[u8]>> {
    let mut reader = SliceReader::new(content(element)?).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(reader.tlv_bytes().ok()?);
    }
    Some(found)
}
