//! [`Granted`]: what a bearer token says that it allows, where it is a JSON Web Token with the
//! claims of the distribution project ("Token Authentication Implementation", `access`).
//!
//! Nobody checks its signature here: it is the registry that decides. Its word only tells
//! beforehand what the registry would refuse.

use base64::Engine as _;
use serde::Deserialize;

/// What a token allows, thing by thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted(Vec<Grant>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Grant {
    name: String,
    /// Go writes an empty list as `null`.
    actions: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Claims {
    /// Absent where the token is of another kind, `null` where it allows nothing.
    #[serde(default, deserialize_with = "present")]
    access: Option<Option<Vec<Grant>>>,
}

/// Tells a member that is `null` from one that is not there.
fn present<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<Vec<Grant>>>, D::Error> {
    Option::<Vec<Grant>>::deserialize(from).map(Some)
}

impl Granted {
    /// What `token` says; nothing where it is of a kind that says nothing.
    pub(crate) fn read(token: &str) -> Option<Granted> {
        let mut parts = token.split('.');
        let claims = parts.nth(1)?;
        let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        Some(Granted(claims.access?.unwrap_or_default()))
    }

    /// Whether it allows `action` on `repository`.
    pub(crate) fn allows(&self, repository: &str, action: &str) -> bool {
        let mut found = self.0.iter().filter(|access| access.name == repository);
        found.any(|access| {
            let able = access.actions.as_deref().unwrap_or_default();
            able.iter().any(|able| able == action || able == "*")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.x", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_is_taken_at_its_word() {
        let access = r#"{"access":[{"type":"repository","name":"g/a","actions":["pull","push"]},
            {"type":"repository","name":"g/b","actions":null},
            {"type":"repository","name":"g/c","actions":["*"]}]}"#;
        let granted = Granted::read(&token(access)).unwrap();

        for (name, action, may) in [
            ("g/a", "push", true),
            ("g/a", "delete", false),
            ("g/b", "pull", false),
            ("g/c", "delete", true),
            ("g/d", "pull", false),
        ] {
            assert_eq!(granted.allows(name, action), may, "{name} {action}");
        }
        for nothing in [r#"{"access":null}"#, r#"{"access":[]}"#] {
            assert!(!Granted::read(&token(nothing)).unwrap().allows("g/a", "pull"));
        }
    }

    #[test]
    fn a_token_of_another_kind_says_nothing() {
        for other in ["opaque", "a.b.c", "", "..", &token("{}"), &token("[]"), &token("no")] {
            assert_eq!(Granted::read(other), None, "{other}");
        }
    }
}
