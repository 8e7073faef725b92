//! DSSE envelopes (secure-systems-lab/dsse, protocol.md 1.0.2): one file, one signer, one
//! spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::keys::{PrivateKey, PublicKey};
use crate::words::error::{Class, Error, Result};
use crate::words::json::{only_members, parse_strict};

/// `payloadType` of an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Largest envelope that is read. A statement takes about half a kilobyte an image; this is
/// enough for twice as many as `index.json` has room for.
pub const MAX_ENVELOPE: u64 = 16 << 20;
/// Most bytes of the payload in such an envelope: four characters stand for three of them.
pub const MAX_PAYLOAD: u64 = (MAX_ENVELOPE - MAX_SIGNATURE as u64) / 4 * 3;
/// Longest part behind the payload: its type, a key id and a signature have some 300 bytes.
const MAX_SIGNATURE: usize = 4 << 10;
/// Most envelopes that a bundle may carry: far more than any two-person rule needs, and few
/// enough that checking each against each trusted key takes no time.
pub const MAX_ENVELOPES: usize = 64;

/// What is signed: the pre-authentication encoding of type and payload.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out =
        format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

/// A payload with one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    key_id: String,
    signature: Vec<u8>,
}

impl Envelope {
    /// Signs `payload`.
    #[must_use]
    pub fn sign(payload: &[u8], key: &PrivateKey) -> Envelope {
        let signature = key.sign(&pae(PAYLOAD_TYPE, payload)).to_vec();
        Envelope { payload: payload.to_owned(), key_id: key.public().id().hex(), signature }
    }

    /// How many bytes the file has, where the payload has so many, whoever signs.
    #[must_use]
    pub fn size_of(payload: usize) -> u64 {
        let (key_id, signature) = ("0".repeat(64), vec![0; 64]);
        Envelope { payload: vec![0; payload], key_id, signature }.to_bytes().len() as u64
    }

    /// The file: compact JSON, members in this order, standard base64, a line feed at the end.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let signature = json!({"keyid": self.key_id, "sig": STANDARD.encode(&self.signature)});
        format!(
            "{{\"payload\":\"{}\",\"payloadType\":\"{PAYLOAD_TYPE}\",\"signatures\":[{signature}]}}\n",
            STANDARD.encode(&self.payload)
        )
        .into_bytes()
    }

    /// Reads such a file.
    ///
    /// A signature protects the payload and its type, not the JSON around them. So that not one
    /// byte of a bundle can change unnoticed, exactly the spelling of
    /// [`to_bytes`](Envelope::to_bytes) is accepted.
    ///
    /// # Errors
    /// [`Class::Untrusted`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Envelope> {
        let bad = |why: &str| Error::new(Class::Untrusted, format!("not a signature file: {why}"));
        // Nobody is believed yet, and JSON of some megabytes can unfold to a hundred times its
        // size. The spelling is fixed, so only the short part around the signature is parsed.
        let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not text"))?;
        let split = text.strip_prefix("{\"payload\":\"").and_then(|rest| rest.split_once('"'));
        let (payload, rest) = split.ok_or_else(|| bad("it does not begin with a payload"))?;
        if rest.len() > MAX_SIGNATURE {
            return Err(bad("expected exactly one signature"));
        }
        let value = parse_strict(format!("{{\"payload\":\"\"{rest}").as_bytes())
            .map_err(|e| bad(&e.to_string()))?;
        only_members(&value, &["payload", "payloadType", "signatures"], "the envelope")
            .map_err(|e| bad(e.message()))?;
        if value["payloadType"].as_str() != Some(PAYLOAD_TYPE) {
            return Err(bad("its payload is of another type"));
        }
        let Some([Value::Object(one)]) = value["signatures"].as_array().map(Vec::as_slice) else {
            return Err(bad("expected exactly one signature"));
        };
        let text = |key: &str| one.get(key).and_then(Value::as_str);
        let (Some(payload), Some(key_id), Some(signature)) = (
            STANDARD.decode(payload).ok(),
            text("keyid").map(str::to_owned),
            text("sig").and_then(|sig| STANDARD.decode(sig).ok()),
        ) else {
            return Err(bad("a member is missing or is not base64"));
        };
        let envelope = Envelope { payload, key_id, signature };
        match envelope.to_bytes() == bytes {
            true => Ok(envelope),
            false => Err(bad("it is not spelled as sealift writes it")),
        }
    }

    /// The signed bytes. Meaningless before [`is_by`](Envelope::is_by) said yes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// As [`payload`](Envelope::payload), without a copy.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The bytes of the signature. Meaningless before [`is_by`](Envelope::is_by) said yes.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The key id as the envelope claims it.
    #[must_use]
    pub fn claimed_key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether `key` made the signature, and the envelope says so too.
    #[must_use]
    pub fn is_by(&self, key: &PublicKey) -> bool {
        key.verifies(&pae(PAYLOAD_TYPE, &self.payload), &self.signature)
            && self.key_id == key.id().hex()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pae_is_that_of_the_protocol() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("ü", b""), "DSSEv1 2 ü 0 ".as_bytes(), "lengths count bytes");
    }

    #[test]
    fn no_byte_of_an_envelope_can_change_unnoticed() {
        let key = PrivateKey::generate().unwrap();
        let bytes = Envelope::sign(b"{\"a\":1}", &key).to_bytes();
        assert!(Envelope::from_bytes(&bytes).unwrap().is_by(key.public()));

        for at in 0..bytes.len() {
            for flip in [1, 2, 0x20, 0x80] {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                let fooled = Envelope::from_bytes(&bad).is_ok_and(|e| e.is_by(key.public()));
                assert!(!fooled, "byte {at} xor {flip}");
            }
        }
        for bad in [&bytes[1..], &bytes[..bytes.len() - 1], b"", b"{}"] {
            assert!(Envelope::from_bytes(bad).is_err());
        }
    }

    #[test]
    fn another_key_and_another_payload_type_are_refused() {
        let (key, other) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let envelope = Envelope::sign(b"x", &key);

        assert!(!envelope.is_by(other.public()));
        let text = String::from_utf8(envelope.to_bytes()).unwrap();
        let swapped = text.replace(PAYLOAD_TYPE, "application/vnd.in-tote+json");
        let error = Envelope::from_bytes(swapped.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("of another type"), "{error}");
        let twice = text.replace("}]}", "},{\"keyid\":\"a\",\"sig\":\"\"}]}");
        assert!(Envelope::from_bytes(twice.as_bytes()).is_err());
    }
}
