//! A Sigstore bundle, version 0.3 (sigstore/protobuf-specs, `sigstore_bundle.proto`): one DSSE envelope with
//! one signature, and the hint by which whoever checks it finds the key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::bundle::envelope::PAYLOAD_TYPE;
use crate::bundle::keys::KeyId;

/// What it says it is.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The bundle of the `signature` of `payload` by `key`. The hint is the key id of the envelope, as the
/// specification asks; there is no entry of a log, and no time stamp.
pub(super) fn bundle(payload: &[u8], key: &KeyId, signature: &[u8]) -> Vec<u8> {
    let bundle = json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key.hex()}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": STANDARD.encode(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": key.hex(), "sig": STANDARD.encode(signature)}],
        },
    });
    format!("{bundle}\n").into_bytes()
}
