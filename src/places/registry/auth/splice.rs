//! Edits one member of a JSON text and leaves every other byte as it is.
//!
//! Credentials files belong to other programs as well, which keep members there that sealift does
//! not know, in an order and an indentation of their own.

use serde::de::IgnoredAny;

/// Deepest indentation that is copied, in bytes; a file with more is written with tabs.
const MAX_INDENT: usize = 256;

/// One member of an object: its name, where it begins (at the name's quote), and its value.
struct Member {
    name: String,
    start: usize,
    value: (usize, usize),
}

/// `text` with the member at `path` set to `value`, a JSON text; objects that are not there are
/// made.
///
/// # Errors
/// Why not: the text is no JSON object, or a member on the way is none, or stands there twice.
pub(crate) fn set(text: &str, path: &[&str], value: &str) -> Result<String, &'static str> {
    check(text)?;
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let start = text.len() - text.trim_start().len();
    set_in(text, start, path, value, 1)
}

/// `text` without the member at `path`; `None` when there is no such member.
///
/// # Errors
/// As [`set`].
pub(crate) fn remove(text: &str, path: &[&str]) -> Result<Option<String>, &'static str> {
    check(text)?;
    let Some((name, above)) = path.split_last() else { return Ok(None) };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let mut at = text.len() - text.trim_start().len();
    for step in above {
        match find(text, at, step)? {
            Some(member) if !text[member.value.0..].starts_with("null") => at = member.value.0,
            _ => return Ok(None),
        }
    }
    let members = members(text, at)?;
    let Some(index) = only(&members, name)? else { return Ok(None) };
    // The comma after the first, else the one before: exactly one goes with its member.
    let (from, to) = match (index, members.get(index + 1)) {
        (_, Some(next)) => (members[index].start, next.start),
        (0, None) => (at + 1, close(text, members[0].value.1)),
        (_, None) => (members[index - 1].value.1, members[index].value.1),
    };
    Ok(Some(format!("{}{}", &text[..from], &text[to..])))
}

fn check(text: &str) -> Result<(), &'static str> {
    match text.trim().is_empty() || serde_json::from_str::<IgnoredAny>(text).is_ok() {
        true => Ok(()),
        false => Err("it is no JSON"),
    }
}

/// Sets `path` below the object at `start`, which is `depth` levels deep.
fn set_in(
    text: &str,
    start: usize,
    path: &[&str],
    value: &str,
    depth: usize,
) -> Result<String, &'static str> {
    let Some((name, rest)) = path.split_first() else { return Ok(text.to_owned()) };
    let members = members(text, start)?;
    let found = only(&members, name)?.map(|index| members[index].value);
    if let Some((from, to)) = found {
        let old = &text[from..to];
        if !rest.is_empty() && old != "null" {
            return set_in(text, from, rest, value, depth + 1);
        }
        let new = nested(rest, value, depth);
        return Ok(format!("{}{new}{}", &text[..from], &text[to..]));
    }
    let name = serde_json::to_string(name).map_err(|_| "a name is no text")?;
    let member = format!("{name}: {}", nested(rest, value, depth));
    let (at, new) = match members.last() {
        Some(last) => {
            let gap = &text[start + 1..members[0].start];
            let gap = if gap.len() > MAX_INDENT { "\n" } else { gap };
            (last.value.1, format!(",{gap}{member}"))
        }
        None => {
            let (inner, outer) = ("\t".repeat(depth), "\t".repeat(depth - 1));
            let end = close(text, start + 1);
            let new = format!("\n{inner}{member}\n{outer}");
            return Ok(format!("{}{new}{}", &text[..start + 1], &text[end..]));
        }
    };
    Ok(format!("{}{new}{}", &text[..at], &text[at..]))
}

/// `value` inside of the objects that `path` names, as docker indents them.
fn nested(path: &[&str], value: &str, depth: usize) -> String {
    let Some((name, rest)) = path.split_first() else { return value.to_owned() };
    let name = serde_json::Value::from(*name);
    let (inner, outer) = ("\t".repeat(depth + 1), "\t".repeat(depth));
    format!("{{\n{inner}{name}: {}\n{outer}}}", nested(rest, value, depth + 1))
}

/// The one member called `name`.
fn find(text: &str, start: usize, name: &str) -> Result<Option<Member>, &'static str> {
    let mut members = members(text, start)?;
    Ok(only(&members, name)?.map(|index| members.swap_remove(index)))
}

fn only(members: &[Member], name: &str) -> Result<Option<usize>, &'static str> {
    let mut found = members.iter().enumerate().filter(|(_, member)| member.name == name);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err("a member stands there twice"),
        (first, None) => Ok(first.map(|(index, _)| index)),
    }
}

/// The members of the object that begins at `start`. The text is known to be JSON.
fn members(text: &str, start: usize) -> Result<Vec<Member>, &'static str> {
    const BROKEN: &str = "it is no JSON";
    if !text[start..].starts_with('{') {
        return Err("a member that should be an object is none");
    }
    let mut out = Vec::new();
    let mut at = start + 1;
    loop {
        at = skip(text, at, |c| c.is_ascii_whitespace() || c == b',');
        if text[at..].starts_with('}') {
            return Ok(out);
        }
        let end = value_end(text, at).ok_or(BROKEN)?;
        let name = serde_json::from_str(&text[at..end]).map_err(|_| BROKEN)?;
        let from = skip(text, end, |c| c.is_ascii_whitespace() || c == b':');
        let to = value_end(text, from).ok_or(BROKEN)?;
        out.push(Member { name, start: at, value: (from, to) });
        at = to;
    }
}

/// Where the brace that closes an object is, after the last value, which ends at `at`.
fn close(text: &str, at: usize) -> usize {
    skip(text, at, |c| c.is_ascii_whitespace())
}

fn skip(text: &str, at: usize, over: impl Fn(u8) -> bool) -> usize {
    let rest = &text.as_bytes()[at..];
    at + rest.iter().position(|c| !over(*c)).unwrap_or(rest.len())
}

/// The end of the value that begins at `at`: brackets are counted outside of strings.
fn value_end(text: &str, at: usize) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (i, c) in text.as_bytes().iter().enumerate().skip(at) {
        if quoted {
            match c {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    quoted = false;
                    if depth == 0 {
                        return Some(i + 1);
                    }
                }
                _ => {}
            }
            continue;
        }
        match c {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            // The end of a number or word is the end of what holds it.
            b'}' | b']' if depth == 0 => return Some(i),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(i + 1);
                }
            }
            b',' if depth == 0 => return Some(i),
            c if depth == 0 && c.is_ascii_whitespace() => return Some(i),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKER: &str = "{\n\t\"auths\": {\n\t\t\"a.example\": {\n\t\t\t\"auth\": \"eA==\"\n\t\t}\n\t},\n\
                          \t\"HttpHeaders\": {\"User-Agent\": \"x } \\\" , y\"},\n\t\"n\": 1.50e3\n}";

    #[test]
    fn one_member_changes_and_no_other_byte() {
        let more = set(DOCKER, &["auths", "b.example"], "{}").unwrap();
        let other = set(&more, &["auths", "a.example"], "7").unwrap();
        let back = remove(&more, &["auths", "b.example"]).unwrap().unwrap();

        assert_eq!(more, DOCKER.replace("\t\t}\n", "\t\t},\n\t\t\"b.example\": {}\n"));
        assert!(
            other.contains("\"a.example\": 7,\n\t\t\"b.example\": {}\n\t},\n\t\"HttpHeaders\"")
        );
        assert_eq!(back, DOCKER);
    }

    #[test]
    fn what_is_not_there_is_made() {
        let whole = "{\n\t\"auths\": {\n\t\t\"h\": {}\n\t}\n}\n";
        for (text, want) in [
            ("", whole),
            (" \n", whole),
            ("{}\n", whole),
            ("{ }\n", whole),
            ("{\n\t\"auths\": {}\n}\n", whole),
            ("{\n\t\"auths\": null\n}\n", whole),
            (
                r#"{"x":[1,{"y":"]"}]}"#,
                "{\"x\":[1,{\"y\":\"]\"}],\"auths\": {\n\t\t\"h\": {}\n\t}}",
            ),
            (r#"{"auths":{"a":true}}"#, r#"{"auths":{"a":true,"h": {}}}"#),
        ] {
            assert_eq!(set(text, &["auths", "h"], "{}").unwrap(), want, "{text}");
        }
    }

    #[test]
    fn a_member_leaves_with_its_comma() {
        let without = |text: &str, name: &str| remove(text, &["auths", name]).unwrap();
        let three = r#"{"auths": {"a": {"x":1}, "b": [2], "c":3 }, "k":"v"}"#;

        assert_eq!(without(three, "a").unwrap(), r#"{"auths": {"b": [2], "c":3 }, "k":"v"}"#);
        assert_eq!(without(three, "b").unwrap(), r#"{"auths": {"a": {"x":1}, "c":3 }, "k":"v"}"#);
        assert_eq!(
            without(three, "c").unwrap(),
            r#"{"auths": {"a": {"x":1}, "b": [2] }, "k":"v"}"#
        );
        assert_eq!(without(r#"{"auths": { "a": 1 } }"#, "a").unwrap(), r#"{"auths": {} }"#);
        assert_eq!(without(three, "d"), None);
        assert_eq!(without("{}", "a"), None);
        assert_eq!(without("", "a"), None);
        assert_eq!(without(r#"{"auths":null}"#, "a"), None);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_left_alone() {
        for text in ["{", "[]", "7", r#"{"auths":[]}"#, r#"{"auths":{},"auths":{}}"#, "{} {}"] {
            assert!(set(text, &["auths", "h"], "{}").is_err(), "{text}");
        }
        assert!(set(r#"{"auths":{"h":1,"h":2}}"#, &["auths", "h"], "{}").is_err());
        assert!(remove(r#"{"auths":{"h":1,"h":2}}"#, &["auths", "h"]).is_err());
    }

    #[test]
    fn a_name_is_found_however_it_is_spelled() {
        let text = r#"{"auths":{"a\u002eexample":{"auth":"x"}}}"#;

        assert_eq!(remove(text, &["auths", "a.example"]).unwrap().unwrap(), r#"{"auths":{}}"#);
    }
}
