//! [`ForeignEnvelope`] and [`SigstoreBundle`]: DSSE envelopes as others spell them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::attached::BUNDLES;
use super::image_key::ImageKey;
use super::log_entry::LogEntry;
use crate::bundle::envelope::{PAYLOAD_TYPE, pae};
use crate::words::json::check_strict_with;

/// Most entries of logs that are tried: there is one.
const MAX_ENTRIES: usize = 8;
/// Members with a meaning. Both `keyId` and `keyid` are there, of a log and of an envelope.
const MEMBERS: &[&str] = &[
    "mediaType",
    "verificationMaterial",
    "publicKey",
    "certificate",
    "rawBytes",
    "tlogEntries",
    "logIndex",
    "logId",
    "integratedTime",
    "inclusionPromise",
    "signedEntryTimestamp",
    "canonicalizedBody",
    "x509CertificateChain",
    "dsseEnvelope",
    "messageSignature",
    "payload",
    "payloadType",
    "signatures",
    "sig",
];

/// A payload of an in-toto statement with one signature.
#[derive(Debug)]
pub(super) struct ForeignEnvelope {
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A Sigstore bundle of version 0.3 (protobuf-specs, `sigstore_bundle.proto`).
#[derive(Debug)]
pub(super) struct SigstoreBundle {
    pub(super) envelope: ForeignEnvelope,
    /// Whether it says that its signer has a certificate and no key.
    pub(super) has_certificate: bool,
    /// That certificate, as DER.
    pub(super) certificate: Option<Vec<u8>>,
    /// What logs promised.
    pub(super) entries: Vec<LogEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleJson {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Option<EnvelopeJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    certificate: Option<RawBytes>,
    x509_certificate_chain: Option<IgnoredAny>,
    tlog_entries: Option<Vec<EntryJson>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryJson {
    log_index: Number,
    log_id: LogId,
    integrated_time: Option<Number>,
    inclusion_promise: Option<Promise>,
    canonicalized_body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: String,
}

/// Protobuf writes large numbers as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Plain(i64),
}

impl Number {
    fn value(&self) -> Option<i64> {
        match self {
            Number::Text(text) => text.parse().ok(),
            Number::Plain(number) => Some(*number),
        }
    }
}

impl EntryJson {
    /// The entry, where its log promised to keep it: newer ones sign checkpoints alone.
    fn entry(self) -> Option<LogEntry> {
        Some(LogEntry {
            body: STANDARD.encode(STANDARD.decode(self.canonicalized_body).ok()?),
            time: self.integrated_time?.value()?,
            index: self.log_index.value()?,
            log: hex(&STANDARD.decode(self.log_id.key_id).ok()?),
            promise: STANDARD.decode(self.inclusion_promise?.signed_entry_timestamp).ok()?,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeJson {
    payload: String,
    payload_type: String,
    signatures: Vec<SignatureJson>,
}

#[derive(Deserialize)]
struct SignatureJson {
    sig: String,
}

impl SigstoreBundle {
    /// Reads a bundle. Proofs of logs and hints at keys are not looked at.
    pub(super) fn parse(bytes: &[u8]) -> Result<SigstoreBundle, String> {
        check_strict_with(bytes, MEMBERS).map_err(|e| e.to_string())?;
        let bundle: BundleJson = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if !BUNDLES.contains(&bundle.media_type.as_str()) {
            return Err("a Sigstore bundle of another version than 0.3".to_owned());
        }
        let envelope = bundle.dsse_envelope.ok_or("a Sigstore bundle without an envelope")?;
        let material = bundle.verification_material;
        let certificate = material.certificate.as_ref();
        let decode = |it: &RawBytes| STANDARD.decode(&it.raw_bytes);
        let certificate = certificate.map(decode).transpose();
        let entries = material.tlog_entries.unwrap_or_default().into_iter().take(MAX_ENTRIES);
        Ok(SigstoreBundle {
            envelope: ForeignEnvelope::of(envelope)?,
            has_certificate: material.certificate.is_some()
                || material.x509_certificate_chain.is_some(),
            certificate: certificate.map_err(|_| "its certificate is no base64")?,
            entries: entries.filter_map(EntryJson::entry).collect(),
        })
    }
}

impl ForeignEnvelope {
    /// Reads an envelope that stands by itself.
    pub(super) fn parse(bytes: &[u8]) -> Result<ForeignEnvelope, String> {
        check_strict_with(bytes, MEMBERS).map_err(|e| e.to_string())?;
        ForeignEnvelope::of(serde_json::from_slice(bytes).map_err(|e| e.to_string())?)
    }

    fn of(envelope: EnvelopeJson) -> Result<ForeignEnvelope, String> {
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err("its payload is no in-toto statement".to_owned());
        }
        let [signature] = envelope.signatures.as_slice() else {
            return Err("its envelope has not exactly one signature".to_owned());
        };
        // Both alphabets, as the protocol asks of whoever verifies.
        let decode = |text: &str| STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok();
        match (decode(&envelope.payload), decode(&signature.sig)) {
            (Some(payload), Some(signature)) => Ok(ForeignEnvelope { payload, signature }),
            _ => Err("its envelope has something that is no base64".to_owned()),
        }
    }

    /// The one of `keys` that signed it.
    pub(super) fn by<'k>(&self, keys: &'k [ImageKey]) -> Option<&'k ImageKey> {
        let message = self.message();
        keys.iter().find(|key| key.verifies(&message, &self.signature))
    }

    /// What is signed.
    pub(super) fn message(&self) -> Vec<u8> {
        pae(PAYLOAD_TYPE, &self.payload)
    }

    /// The signature.
    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The signed bytes. Meaningless before [`by`](ForeignEnvelope::by) found a key.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(envelope: &str) -> String {
        format!(
            "{{\"mediaType\":\"{}\",\"verificationMaterial\":{{\"publicKey\":{{\"hint\":\"x\"}}}},\
             \"dsseEnvelope\":{envelope}}}",
            BUNDLES[0]
        )
    }

    #[test]
    fn a_bundle_has_one_envelope_with_one_signature() {
        let one = "{\"sig\":\"AA==\"}";
        let with = |signatures: &str| {
            let envelope = format!(
                "{{\"payload\":\"e30=\",\"payloadType\":\"{PAYLOAD_TYPE}\",\"signatures\":[{signatures}]}}"
            );
            bundle(&envelope)
        };
        let good = with(one);
        let read = SigstoreBundle::parse(good.as_bytes()).unwrap();
        assert_eq!((read.envelope.payload(), read.has_certificate), (&b"{}"[..], false));
        let certificate = good
            .replace("\"publicKey\":{\"hint\":\"x\"}", "\"certificate\":{\"rawBytes\":\"AA==\"}");
        assert!(SigstoreBundle::parse(certificate.as_bytes()).unwrap().has_certificate);

        let bad = [
            with(""),
            with(&format!("{one},{one}")),
            good.replace(PAYLOAD_TYPE, "text/plain"),
            good.replace("v0.3", "v0.4"),
            good.replace("dsseEnvelope", "messageSignature"),
            good.replace("\"sig\"", "\"Sig\""),
            good.replace("e30=", "e30"),
        ];
        for bad in bad {
            assert!(SigstoreBundle::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
