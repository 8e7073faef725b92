//! The codes of a refusal, as a registry gives them to programs (distribution-spec, "Error Codes").

use serde_json::Value;

/// Codes by which registries say that a document names what they do not have. distribution has the
/// first for blobs and manifests alike; others the second or the third, after what is missing; some
/// know the last alone.
const OF_PARTS: [&str; 4] =
    ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "MANIFEST_INVALID"];

/// Codes by which registries say that a body was not what was announced.
const OF_CHANGES: [&str; 2] = ["DIGEST_INVALID", "SIZE_INVALID"];

/// Whether one of the errors in `body`, the answer to a blob that was sent, is that another one
/// arrived.
pub(super) fn tell_of_changes(body: &[u8]) -> bool {
    have(body, &OF_CHANGES)
}

/// Whether one of the errors in `body`, the answer to a document that was sent, is about parts that
/// are not there. docker-registry names first what else it did not like of them.
pub(super) fn lack_parts(body: &[u8]) -> bool {
    have(body, &OF_PARTS)
}

fn have(body: &[u8], wanted: &[&str]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return false };
    let errors = answer.get("errors").and_then(Value::as_array);
    let mut codes = errors.into_iter().flatten().filter_map(|error| error.get("code")?.as_str());
    codes.any(|code| wanted.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_decide_wherever_they_stand_and_words_never() {
        let unknown = r#"{"code":"UNKNOWN","message":null,"detail":{"x":[1]}}"#.to_owned();
        let last = r#"{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown","detail":{}}"#;
        let many = vec![unknown; 300].join(",");

        assert!(lack_parts(format!(r#"{{"errors":[{many},{last}]}}"#).as_bytes()));
        assert!(lack_parts(br#"{"errors":[{"code":"MANIFEST_INVALID"}]}"#));
        for other in [
            r#"{"errors":[{"code":"DENIED","message":"MANIFEST_BLOB_UNKNOWN"}]}"#,
            r#"{"errors":{"code":"MANIFEST_INVALID"}}"#,
            r#"{"errors":[{"code":7},"MANIFEST_INVALID",null]}"#,
            r#"{"code":"MANIFEST_INVALID"}"#,
            "MANIFEST_BLOB_UNKNOWN",
            "",
        ] {
            assert!(!lack_parts(other.as_bytes()), "{other}");
        }
    }
}
