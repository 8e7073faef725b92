//! [`SimpleSigning`]: what a payload of simple signing says (containers/image, `signature-protocols.md`), in
//! the form that cosign writes.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::words::digest::Digest;
use crate::words::json::check_strict_with;

/// What cosign calls it.
const TYPE: &str = "cosign container image signature";
/// Members with a meaning.
const MEMBERS: &[&str] =
    &["critical", "identity", "docker-reference", "image", "docker-manifest-digest", "type"];

/// What was signed.
#[derive(Debug)]
pub(super) struct SimpleSigning {
    /// The image.
    pub(super) digest: Digest,
    /// The name, where it says one.
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
    // Whatever the signer noted: it decides nothing.
    #[serde(rename = "optional")]
    _optional: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: SignedImage,
    r#type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Identity {
    docker_reference: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SignedImage {
    docker_manifest_digest: String,
}

impl SimpleSigning {
    /// Reads a payload that a key vouches for. What is critical and not known is not believed.
    pub(super) fn parse(bytes: &[u8]) -> Result<SimpleSigning, String> {
        check_strict_with(bytes, MEMBERS).map_err(|e| e.to_string())?;
        let payload: Payload = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let Critical { identity, image, r#type } = payload.critical;
        if r#type != TYPE {
            return Err("its payload is of another type".to_owned());
        }
        let digest = image.docker_manifest_digest.parse();
        let digest: Digest = digest.map_err(|_| "it names no sha256 digest".to_owned())?;
        let name = Some(identity.docker_reference).filter(|name| !name.is_empty());
        Ok(SimpleSigning { digest, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(critical: &str) -> Result<SimpleSigning, String> {
        SimpleSigning::parse(format!("{{\"critical\":{critical},\"optional\":null}}").as_bytes())
    }

    #[test]
    fn only_what_is_wholly_known_is_believed() {
        let hex = "a".repeat(64);
        let good = format!(
            "{{\"identity\":{{\"docker-reference\":\"quay.io/a/b\"}},\
             \"image\":{{\"docker-manifest-digest\":\"sha256:{hex}\"}},\"type\":\"{TYPE}\"}}"
        );
        let read = payload(&good).unwrap();
        assert_eq!((read.digest.hex(), read.name.as_deref()), (hex.clone(), Some("quay.io/a/b")));
        assert_eq!(payload(&good.replace("quay.io/a/b", "")).unwrap().name, None);

        for (from, to) in [
            (TYPE, "atomic container signature"),
            ("sha256:", "sha512:"),
            ("\"type\"", "\"Type\":\"\",\"type\""),
            ("\"type\"", "\"type\":\"\",\"type\""),
            ("\"type\"", "\"since\":1,\"type\""),
            ("\"docker-reference\"", "\"docker-reference\":\"x\",\"docker-reference\""),
            ("\"quay.io/a/b\"", "7"),
        ] {
            assert!(payload(&good.replace(from, to)).is_err(), "{from} -> {to}");
        }
        assert!(SimpleSigning::parse(b"").is_err());
    }
}
