//! Regular expressions in rules for tags, as they stand in a list: `/^3\.\d+$/ not /-rc/`.

use regex_lite::Regex;

/// Longest expression, in bytes. A tag has 128.
const MAX_EXPRESSION: usize = 1024;
/// Behind it stands an expression that no tag may match.
const NOT: &str = "not";
const ALONE: &str = "an expression has a / before and behind it, and space around these";

/// Where the colon stands behind which `name` goes on with an expression.
pub(super) fn begin(name: &str) -> Option<usize> {
    name.match_indices(':').map(|(at, _)| at).find(|at| {
        let behind = name[at + 1..].trim_start();
        let behind = behind.strip_prefix(NOT).map_or(behind, str::trim_start);
        behind.starts_with('/') && !behind.starts_with("//")
    })
}

/// A rule, and the expressions that stood in it.
#[derive(Debug, Default)]
pub(super) struct SplitRule {
    pub(super) allowed: Vec<String>,
    pub(super) denied: Vec<String>,
    /// What else the rule says.
    pub(super) rest: String,
}

/// What `rule` has between slashes.
///
/// # Errors
/// Why one is none.
pub(super) fn take(rule: &str) -> Result<SplitRule, String> {
    let mut taken = SplitRule::default();
    let mut behind = rule;
    while let Some((before, from)) = behind.split_once('/') {
        let mut is_escaped = false;
        let end = from.find(|c| {
            let is_end = c == '/' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        });
        let is_apart = before.is_empty() || before.ends_with(char::is_whitespace);
        let end = end.filter(|_| is_apart).ok_or(ALONE)?;
        let one = read(&from[..end])?;
        let before = before.trim_end();
        let denied = before.strip_suffix(NOT).filter(|it| it.is_empty() || it.ends_with(' '));
        match denied {
            Some(_) => taken.denied.push(one),
            None => taken.allowed.push(one),
        }
        taken.rest.push_str(denied.unwrap_or(before));
        taken.rest.push(' ');
        behind = &from[end + 1..];
        if !(behind.is_empty() || behind.starts_with(char::is_whitespace)) {
            return Err(ALONE.to_owned());
        }
    }
    taken.rest.push_str(behind);
    Ok(taken)
}

/// `text`, where it is an expression that a list can have.
///
/// # Errors
/// Why it is none.
pub(super) fn read(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("an expression is empty".to_owned());
    }
    if text.len() > MAX_EXPRESSION {
        return Err(format!("an expression is longer than {MAX_EXPRESSION} bytes"));
    }
    if let Some(odd) = text.chars().find(|c| !matches!(c, ' '..='~') || *c == '#') {
        return Err(format!("{text:?} has {odd:?}, which no tag has"));
    }
    match Regex::new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(e) => Err(format!("{text:?} is no regular expression: {e}")),
    }
}

/// `expression` between slashes.
pub(super) fn written(expression: &str) -> String {
    let (mut written, mut is_escaped) = ("/".to_owned(), false);
    for c in expression.chars() {
        if c == '/' && !is_escaped {
            written.push('\\');
        }
        written.push(c);
        is_escaped = c == '\\' && !is_escaped;
    }
    written + "/"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_slashes_is_taken_out() {
        let taken = take(r">=1 /^3\.\d+$/ not /a\/b/ not /[ x]/ newest 2").unwrap();

        assert_eq!(taken.allowed, [r"^3\.\d+$"]);
        assert_eq!(taken.denied, [r"a\/b", "[ x]"]);
        let rest: Vec<&str> = taken.rest.split_whitespace().collect();
        assert_eq!(rest, [">=1", "newest", "2"]);
        for bad in [
            "/a",
            "a/b",
            "a/b/ c",
            "/a/b",
            "//",
            "/(/",
            "/a#/",
            "/\u{200b}/",
            &format!("/{}/", "x".repeat(2000)),
        ] {
            assert!(take(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["^3", "a/b", r"a\/b", r"\\", "[/]"] {
            let again = take(&written(text)).unwrap();
            assert_eq!(again.allowed.len(), 1, "{text}");
            assert_eq!(written(&again.allowed[0]), written(text));
        }
        assert_eq!(begin("host:5000/a/b:not /x/"), Some(13));
        assert_eq!(begin("docker://a/b:/x/"), Some(12));
        assert_eq!(begin("docker://a/b:1"), None);
    }
}
