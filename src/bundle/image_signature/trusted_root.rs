//! [`TrustedRoot`]: whom signatures by certificate lead to (protobuf-specs, `sigstore_trustroot.proto`).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, UnixTime};
use serde::Deserialize;

use super::image_key::ImageKey;
use crate::tools::verifying_algorithms::verifying_algorithms;
use crate::words::error::{Class, Error, Result};
use crate::words::json::check_strict_with;
use crate::words::moment::Moment;

/// Largest file that is read: that of sigstore's public service has 7 KiB.
pub const MAX_ROOT: u64 = 1 << 20;
/// What such a file calls itself.
const TYPES: [&str; 2] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];
/// Most authorities and logs of one file.
const MAX_LISTED: usize = 64;
/// The purpose that a certificate has to be for: to sign code (`1.3.6.1.5.5.7.3.3`).
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
/// Members with a meaning.
const MEMBERS: &[&str] = &[
    "mediaType",
    "tlogs",
    "certificateAuthorities",
    "certChain",
    "certificates",
    "rawBytes",
    "publicKey",
    "validFor",
    "start",
    "end",
];

/// The authorities and the logs that somebody decided to believe.
#[derive(Debug, Clone)]
pub struct TrustedRoot {
    authorities: Vec<Authority>,
    logs: Vec<TrustedLog>,
}

#[derive(Debug, Clone)]
struct Authority {
    /// The one that is believed is the last.
    chain: Vec<CertificateDer<'static>>,
    valid: Validity,
}

/// A transparency log.
#[derive(Debug, Clone)]
pub(super) struct TrustedLog {
    pub(super) key: ImageKey,
    valid: Validity,
}

#[derive(Debug, Clone, Copy)]
struct Validity {
    start: i64,
    end: Option<i64>,
}

impl Validity {
    fn holds(self, time: i64) -> bool {
        self.start <= time && self.end.is_none_or(|end| time <= end)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RootJson {
    media_type: String,
    tlogs: Vec<LogJson>,
    certificate_authorities: Vec<AuthorityJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogJson {
    public_key: KeyJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyJson {
    raw_bytes: String,
    valid_for: Option<PeriodJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorityJson {
    cert_chain: ChainJson,
    valid_for: Option<PeriodJson>,
}

#[derive(Deserialize)]
struct ChainJson {
    certificates: Vec<RawJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawJson {
    raw_bytes: String,
}

#[derive(Deserialize)]
struct PeriodJson {
    start: Option<String>,
    end: Option<String>,
}

impl TrustedRoot {
    /// Reads a `trusted_root.json`. Logs with keys of kinds that cannot be checked are left out.
    ///
    /// # Errors
    /// [`Class::Usage`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<TrustedRoot> {
        check_strict_with(bytes, MEMBERS).map_err(|e| bad(&e.to_string()))?;
        let root: RootJson = serde_json::from_slice(bytes).map_err(|e| bad(&e.to_string()))?;
        if !TYPES.contains(&root.media_type.as_str()) {
            return Err(bad("it is of another type"));
        }
        if root.tlogs.len().max(root.certificate_authorities.len()) > MAX_LISTED {
            return Err(bad("it lists too much"));
        }
        let mut logs = Vec::new();
        for LogJson { public_key } in root.tlogs {
            let valid = period(public_key.valid_for)?;
            let key = ImageKey::from_der(&decoded(&public_key.raw_bytes)?);
            logs.extend(key.ok().map(|key| TrustedLog { key, valid }));
        }
        let mut authorities = Vec::new();
        for AuthorityJson { cert_chain, valid_for } in root.certificate_authorities {
            let chain = cert_chain.certificates.iter().map(|it| decoded(&it.raw_bytes));
            let chain: Result<Vec<_>> = chain.map(|it| it.map(CertificateDer::from)).collect();
            authorities.push(Authority { chain: chain?, valid: period(valid_for)? });
        }
        match logs.is_empty() || authorities.is_empty() {
            true => Err(bad("it has no authority, or no log")),
            false => Ok(TrustedRoot { authorities, logs }),
        }
    }

    /// The log that has this id, the SHA-256 of its key, where it is believed for `time`.
    pub(super) fn log(&self, id: &str, time: i64) -> Option<&TrustedLog> {
        self.logs.iter().find(|log| log.key.id().hex() == id && log.valid.holds(time))
    }

    /// Whether an authority that is believed issued the certificate `der`, to sign code, and it held at
    /// `time`.
    pub(super) fn issued(&self, der: &[u8], time: i64) -> bool {
        let Ok(seconds) = u64::try_from(time) else { return false };
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let der = CertificateDer::from(der);
        let Ok(certificate) = webpki::EndEntityCert::try_from(&der) else { return false };
        let authorities = self.authorities.iter().filter(|it| it.valid.holds(time));
        authorities.filter_map(|it| it.chain.split_last()).any(|(root, between)| {
            let Ok(anchor) = webpki::anchor_from_trusted_cert(root) else { return false };
            let purpose = webpki::KeyUsage::required(CODE_SIGNING);
            let algorithms = verifying_algorithms();
            certificate
                .verify_for_usage(algorithms, &[anchor], between, at, purpose, None, None)
                .is_ok()
        })
    }
}

fn period(json: Option<PeriodJson>) -> Result<Validity> {
    let time = |text: &str| -> Result<i64> {
        let moment = Moment::of_rfc3339(text).ok_or_else(|| bad("it has a time that is none"))?;
        Ok(moment.unix())
    };
    let (start, end) = json.map_or((None, None), |it| (it.start, it.end));
    let start = start.as_deref().map(time).transpose()?.ok_or_else(|| bad("it lacks a start"))?;
    Ok(Validity { start, end: end.as_deref().map(time).transpose()? })
}

fn decoded(text: &str) -> Result<Vec<u8>> {
    STANDARD.decode(text).map_err(|_| bad("it has something that is no base64"))
}

fn bad(why: &str) -> Error {
    Error::new(Class::Usage, format!("not a usable root for certificates: {why}"))
        .hint("name a trusted_root.json, as cosign trusted-root create writes it")
}
