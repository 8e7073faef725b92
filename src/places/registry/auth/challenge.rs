//! [`Challenge`]: what a registry asks for when it answers 401 (RFC 9110, 11.6.1; distribution
//! project, "Token Authentication Specification").

/// One way in which the registry would accept a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A token from `realm`.
    Bearer {
        /// The address of the token server.
        realm: String,
        /// Whom the token is for.
        service: Option<String>,
        /// What it has to allow.
        scope: Option<String>,
        /// Why the one that was sent did not do.
        error: Option<String>,
    },
    /// User name and password.
    Basic,
}

impl Challenge {
    /// Whether the token was good but allowed too little.
    pub(crate) fn is_insufficient_scope(&self) -> bool {
        matches!(self, Challenge::Bearer { error: Some(error), .. } if error == "insufficient_scope")
    }
}

/// Most parameters that are read, of all challenges together; real ones have four.
const MAX_PARAMS: usize = 64;

/// Every challenge in the values of all `WWW-Authenticate` headers, in their order. Schemes other
/// than Bearer and Basic, and a Bearer without a realm, are left out.
pub(crate) fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    let mut out = Vec::new();
    for header in headers {
        let mut scheme: Option<String> = None;
        let mut params: Vec<(String, String)> = Vec::new();
        let mut rest = Scanner(header);
        while let Some(word) = rest.word() {
            match rest.value() {
                Some(value) if params.len() < MAX_PARAMS => params.push((word, value)),
                Some(_) => {}
                None => {
                    out.extend(challenge(scheme.replace(word), std::mem::take(&mut params)));
                }
            }
        }
        out.extend(challenge(scheme, params));
    }
    out
}

fn challenge(scheme: Option<String>, params: Vec<(String, String)>) -> Option<Challenge> {
    let find = |name: &str| {
        let found = params.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    };
    match scheme?.to_ascii_lowercase().as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer {
            realm: find("realm")?,
            service: find("service"),
            scope: find("scope"),
            error: find("error"),
        }),
        _ => None,
    }
}

/// Walks over a header's value.
struct Scanner<'a>(&'a str);

impl Scanner<'_> {
    /// The next scheme, parameter name or token68; `None` at the end.
    fn word(&mut self) -> Option<String> {
        loop {
            self.0 = self.0.trim_start_matches([' ', '\t', ',']);
            let end = self.0.find([' ', '\t', ',', '=', '"']).unwrap_or(self.0.len());
            let (word, rest) = self.0.split_at(end);
            self.0 = rest;
            match (word.is_empty(), rest.chars().next()) {
                (false, _) => return Some(word.to_owned()),
                (true, None) => return None,
                // A stray quote or equals sign: nothing that any reader could agree on.
                (true, Some(c)) => self.0 = &rest[c.len_utf8()..],
            }
        }
    }

    /// The value after a `=`; `None` when the word was no parameter.
    fn value(&mut self) -> Option<String> {
        let rest = self.0.trim_start_matches([' ', '\t']).strip_prefix('=')?;
        let rest = rest.trim_start_matches([' ', '\t']);
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find([' ', '\t', ',']).unwrap_or(rest.len());
            self.0 = &rest[end..];
            return Some(rest[..end].to_owned());
        };
        let (mut value, mut escaped) = (String::new(), false);
        for (at, c) in quoted.char_indices() {
            match c {
                _ if escaped => {
                    value.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some(value);
                }
                _ => value.push(c),
            }
        }
        self.0 = "";
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: &str, scope: &str, error: &str) -> Challenge {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: some(service),
            scope: some(scope),
            error: some(error),
        }
    }

    #[test]
    fn every_spelling_of_a_challenge_is_understood() {
        let full = r#"Bearer realm="https://a/t",service="s",scope="repository:x:pull,push""#;
        let want = bearer("https://a/t", "s", "repository:x:pull,push", "");
        for (headers, challenges) in [
            (vec![full], vec![want.clone()]),
            (
                vec![r#"bearer REALM = "https://a/t" , Service=s, scope="repository:x:pull,push""#],
                vec![want.clone()],
            ),
            (vec!["Basic realm=\"x\"", full], vec![Challenge::Basic, want.clone()]),
            (
                vec![r#"Basic realm="a, b", Bearer realm="https://a/t""#],
                vec![Challenge::Basic, bearer("https://a/t", "", "", "")],
            ),
            (
                vec![r#"Bearer realm="https://a/t", Basic"#],
                vec![bearer("https://a/t", "", "", ""), Challenge::Basic],
            ),
            (vec!["Negotiate abc==, Basic realm=x"], vec![Challenge::Basic]),
            (vec![r#"Bearer realm="q\"u\\o""#], vec![bearer("q\"u\\o", "", "", "")]),
            (
                vec![r#"Bearer realm="u",error="insufficient_scope""#],
                vec![bearer("u", "", "", "insufficient_scope")],
            ),
            (vec!["Bearer", "Digest realm=x", "", ",,", "=", "\"", "Bearer realm=\"\""], vec![]),
            (vec!["Bearer realm=\"open"], vec![bearer("open", "", "", "")]),
        ] {
            assert_eq!(parse(headers.iter().copied()), challenges, "{headers:?}");
        }
    }
}
