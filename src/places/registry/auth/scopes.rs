//! What a token has to allow, in scopes (distribution project, "Token Scope Documentation").

/// What the registry asks for on top of what the request needs.
pub(super) fn widen(scopes: &[String], asked: Option<&str>) -> Vec<String> {
    let mut out = scopes.to_vec();
    for scope in asked.unwrap_or_default().split_ascii_whitespace() {
        if !out.iter().any(|have| covers(have, scope)) {
            out.push(scope.to_owned());
        }
    }
    out
}

/// Whether one scope, `TYPE:NAME:ACTION,ACTION`, allows all that the other does.
fn covers(have: &str, want: &str) -> bool {
    let split = |scope: &str| scope.rsplit_once(':').map(|(a, b)| (a.to_owned(), b.to_owned()));
    match (split(have), split(want)) {
        (Some((thing, able)), Some((other, asked))) if thing == other => {
            asked.split(',').all(|action| able.split(',').any(|able| able == action))
        }
        _ => have == want,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_allowed_already_is_asked_for_too() {
        let have = ["repository:h:5000/a:pull,push".to_owned()];
        for (asked, more) in [
            ("repository:h:5000/a:pull", ""),
            ("repository:h:5000/a:push,pull", ""),
            ("repository:h:5000/a:pull,delete", "repository:h:5000/a:pull,delete"),
            ("repository:b:pull repository:h:5000/a:pull", "repository:b:pull"),
            ("aws", "aws"),
        ] {
            assert_eq!(widen(&have, Some(asked))[1..].join(" "), more, "{asked}");
        }
    }
}
