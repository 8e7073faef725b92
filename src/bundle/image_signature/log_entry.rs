//! [`LogEntry`]: what a transparency log (Rekor) promised to keep, and when.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::trusted_root::TrustedRoot;
use crate::words::digest::Digest;
use crate::words::json::check_strict_with;

/// Members with a meaning.
const MEMBERS: &[&str] =
    &["SignedEntryTimestamp", "Payload", "body", "integratedTime", "logIndex", "logID"];
/// The same of what is in an entry.
const BODY_MEMBERS: &[&str] = &[
    "apiVersion",
    "kind",
    "spec",
    "data",
    "hash",
    "algorithm",
    "value",
    "payloadHash",
    "signature",
    "signatures",
    "content",
    "publicKey",
    "verifier",
];

/// An entry, with the promise that the log signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogEntry {
    /// What was entered, in base64.
    pub(super) body: String,
    /// When, in seconds.
    pub(super) time: i64,
    /// At which place.
    pub(super) index: i64,
    /// The log: the SHA-256 of its key, in hex.
    pub(super) log: String,
    /// The promise.
    pub(super) promise: Vec<u8>,
}

/// What an entry has to be of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Logged<'a> {
    /// The payload.
    pub(super) payload: &'a [u8],
    /// The signature over it.
    pub(super) signature: &'a [u8],
    /// The certificate of its key, as DER.
    pub(super) certificate: &'a [u8],
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(rename = "SignedEntryTimestamp")]
    promise: String,
    #[serde(rename = "Payload")]
    payload: AnnotationPayload,
}

#[derive(Deserialize)]
struct AnnotationPayload {
    body: String,
    #[serde(rename = "integratedTime")]
    time: i64,
    #[serde(rename = "logIndex")]
    index: i64,
    #[serde(rename = "logID")]
    log: String,
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "apiVersion")]
    version: String,
    kind: String,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    data: Option<Data>,
    signature: Option<EnteredSignature>,
    payload_hash: Option<Hash>,
    signatures: Option<Vec<EnvelopeSignature>>,
}

#[derive(Deserialize)]
struct Data {
    hash: Hash,
}

#[derive(Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnteredSignature {
    content: String,
    public_key: EnteredKey,
}

#[derive(Deserialize)]
struct EnteredKey {
    content: String,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    signature: String,
    verifier: String,
}

impl LogEntry {
    /// Reads what cosign keeps beside a payload.
    pub(super) fn of_annotation(text: &str) -> Result<LogEntry, String> {
        check_strict_with(text.as_bytes(), MEMBERS).map_err(|e| e.to_string())?;
        let Annotation { promise, payload } =
            serde_json::from_str(text).map_err(|e| e.to_string())?;
        let promise = STANDARD.decode(promise).map_err(|_| "its promise is no base64")?;
        let AnnotationPayload { body, time, index, log } = payload;
        Ok(LogEntry { body, time, index, log, promise })
    }

    /// Whether a log of `root` promised to keep this, which is about what was `logged` and nothing else.
    pub(super) fn vouches(&self, root: &TrustedRoot, logged: Logged<'_>) -> Result<(), String> {
        self.is_promised(root)?;
        let body = STANDARD.decode(&self.body).map_err(|_| "its entry is no base64")?;
        match is_of(&body, logged)? {
            true => Ok(()),
            false => Err("its log entry is of something else".to_owned()),
        }
    }

    /// Whether a log of `root` promised to keep this.
    fn is_promised(&self, root: &TrustedRoot) -> Result<(), String> {
        let log = root.log(&self.log, self.time).ok_or("no log that is believed has it")?;
        // What is signed is JSON in its canonical form (RFC 8785): no member needs an escape.
        let plain =
            |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric() || b"+/=".contains(&c));
        if !plain(&self.body) {
            return Err("its entry is no base64".to_owned());
        }
        let promised = format!(
            "{{\"body\":\"{}\",\"integratedTime\":{},\"logID\":\"{}\",\"logIndex\":{}}}",
            self.body, self.time, self.log, self.index
        );
        match log.key.verifies(promised.as_bytes(), &self.promise) {
            true => Ok(()),
            false => Err("the log did not promise to keep it".to_owned()),
        }
    }
}

/// Whether the entry `body` is about what was `logged`.
fn is_of(body: &[u8], logged: Logged<'_>) -> Result<bool, String> {
    check_strict_with(body, BODY_MEMBERS).map_err(|e| e.to_string())?;
    let Body { version, kind, spec } = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    let (hash, signature, certificate) = match (kind.as_str(), version.as_str()) {
        ("hashedrekord", "0.0.1") => match (spec.data, spec.signature) {
            (Some(data), Some(it)) => (data.hash, it.content, it.public_key.content),
            _ => return Ok(false),
        },
        ("dsse", "0.0.1") => match (spec.payload_hash, spec.signatures.as_deref()) {
            (Some(hash), Some([it])) => (hash, it.signature.clone(), it.verifier.clone()),
            _ => return Ok(false),
        },
        _ => return Err(format!("log entries of the kind {kind} {version} are not checked")),
    };
    let certificate = STANDARD.decode(certificate).ok().and_then(|pem| der_of(&pem));
    Ok(hash.algorithm == "sha256"
        && hash.value == Digest::of(logged.payload).hex()
        && STANDARD.decode(signature).is_ok_and(|it| it == logged.signature)
        && certificate.is_some_and(|it| it == logged.certificate))
}

/// The bytes of the one certificate in `pem`.
pub(super) fn der_of(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let (label, der) = pkcs8::Document::from_pem(text).ok()?;
    (label == "CERTIFICATE").then(|| der.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::bundle::image_signature::dsse::SigstoreBundle;
    use crate::bundle::image_signature::signing_certificate::SigningCertificate;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/image-signatures/public");

    /// What sigstore's public service made, with its own root.
    fn public() -> (SigstoreBundle, TrustedRoot) {
        let read = |name: &str| std::fs::read(format!("{FOLDER}/{name}")).unwrap();
        let mut bundle: Value = serde_json::from_slice(&read("provenance.sigstore.json")).unwrap();
        // It is of version 0.1, where the certificate was a list.
        bundle["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.3+json".into();
        let material = &mut bundle["verificationMaterial"];
        material["certificate"] = material["x509CertificateChain"]["certificates"][0].clone();
        let bundle = SigstoreBundle::parse(bundle.to_string().as_bytes()).unwrap();
        (bundle, TrustedRoot::parse(&read("trusted_root.json")).unwrap())
    }

    #[test]
    fn what_the_public_service_made_is_read_and_checked_as_it_is() {
        let (bundle, root) = public();
        let [entry] = bundle.entries.as_slice() else { panic!("{:?}", bundle.entries) };
        let certificate = bundle.certificate.clone().unwrap();

        entry.is_promised(&root).unwrap();
        assert!(root.issued(&certificate, entry.time));
        let said = SigningCertificate::parse(&certificate).unwrap();
        assert_eq!(
            said.identity,
            "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main"
        );
        assert_eq!(said.issuer, "https://token.actions.githubusercontent.com");
        assert!(said.key.verifies(&bundle.envelope.message(), bundle.envelope.signature()));

        let (payload, signature) = (bundle.envelope.payload(), bundle.envelope.signature());
        let logged = Logged { payload, signature, certificate: &certificate };
        let older = entry.vouches(&root, logged).unwrap_err();
        assert!(older.contains("kind intoto 0.0.2"), "{older}");
    }

    #[test]
    fn no_part_of_a_promise_can_change_and_no_certificate_outlives_itself() {
        let (bundle, root) = public();
        let entry = bundle.entries[0].clone();
        let certificate = bundle.certificate.unwrap();
        let changed = [
            LogEntry { time: entry.time + 1, ..entry.clone() },
            LogEntry { index: entry.index + 1, ..entry.clone() },
            LogEntry { body: entry.body.replacen('e', "f", 1), ..entry.clone() },
            LogEntry { log: "00".repeat(32), ..entry.clone() },
            LogEntry { promise: Vec::new(), ..entry.clone() },
        ];
        for changed in changed {
            assert!(changed.is_promised(&root).is_err(), "{changed:?}");
        }
        for time in [entry.time - 3600, entry.time + 3600, 0, -1] {
            assert!(!root.issued(&certificate, time), "{time}");
        }
        for at in (0..certificate.len()).step_by(7) {
            let mut bad = certificate.clone();
            bad[at] ^= 1;
            assert!(!root.issued(&bad, entry.time), "byte {at}");
        }
    }
}
