//! What is in the body of a refusal: codes for programs, and words for people (distribution-spec,
//! "Error Codes").

use serde::Deserialize;
use serde_json::Value;

use crate::words::escape::safe;

/// How much of a registry's own words is repeated to the user.
pub(crate) const MAX_WORDS: usize = 300;

/// Codes by which registries say that a document names what they do not have. distribution has the
/// first for blobs and manifests alike; others the second or the third, after what is missing; some
/// know the last alone.
const OF_PARTS: [&str; 4] =
    ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "MANIFEST_INVALID"];

/// Codes by which registries say that a body was not what was announced.
const OF_CHANGES: [&str; 2] = ["DIGEST_INVALID", "SIZE_INVALID"];

/// Whether one of the errors in `body`, the answer to a blob that was sent, is that another one
/// arrived.
pub(crate) fn tell_of_changes(body: &[u8]) -> bool {
    have(body, &OF_CHANGES)
}

/// Whether one of the errors in `body`, the answer to a document that was sent, is about parts that
/// are not there. docker-registry names first what else it did not like of them.
pub(crate) fn lack_parts(body: &[u8]) -> bool {
    have(body, &OF_PARTS)
}

fn have(body: &[u8], wanted: &[&str]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return false };
    let errors = answer.get("errors").and_then(Value::as_array);
    let mut codes = errors.into_iter().flatten().filter_map(|error| error.get("code")?.as_str());
    codes.any(|code| wanted.contains(&code))
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The `CODE: message` pairs of a refusal (distribution-spec, "Error Codes"). A body that is
/// something else, such as a proxy's page, says nothing that is worth repeating.
pub(crate) fn own_words(body: &[u8]) -> String {
    let Ok(Errors { errors }) = serde_json::from_slice(body) else { return String::new() };
    let parts: Vec<String> = errors
        .into_iter()
        .take(3)
        .map(|e| match (e.code.is_empty(), e.message.is_empty()) {
            (_, true) => e.code,
            (true, false) => e.message,
            (false, false) => format!("{}: {}", e.code, e.message),
        })
        .collect();
    safe(&without_secrets(&parts.join("; ")), MAX_WORDS)
}

/// What stands for a credential that a registry repeats.
const HIDDEN: &str = "(hidden)";
/// From this length on a word that begins as every JSON Web Token does is taken for one.
const TOKEN_LENGTH: usize = 32;

/// `text` without what follows `Basic` or `Bearer`, and without tokens: some registries repeat
/// the header that they did not like, and what they say ends up in logs.
fn without_secrets(text: &str) -> String {
    let mut hide = false;
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let secret = std::mem::take(&mut hide) && !bare.is_empty();
        hide = ["basic", "bearer"].iter().any(|scheme| bare.eq_ignore_ascii_case(scheme));
        match secret || (bare.starts_with("eyJ") && bare.len() >= TOKEN_LENGTH) {
            true => HIDDEN,
            false => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
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

    #[test]
    fn only_the_registrys_own_words_are_repeated() {
        let json =
            br#"{"errors":[{"code":"DENIED","message":"no","detail":{"x":1}},{"code":"A"}]}"#;

        assert_eq!(own_words(json), "DENIED: no; A");
        let echo = br#"{"errors":[{"message":"bad 'Basic dTpw', Bearer: a.b.c of basic auth"}]}"#;
        assert_eq!(own_words(echo), "bad 'Basic (hidden) Bearer: (hidden) of basic (hidden)");
        assert_eq!(own_words(b"<html>502</html>"), "");
        assert_eq!(own_words(br#"{"errors":7}"#), "");
        let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "x".repeat(9999));
        assert!(own_words(long.as_bytes()).len() < 400);
    }
}
