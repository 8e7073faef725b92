//! What programs read, held to what was promised them: `testdata/json` has the JSON of every verb,
//! with what differs from run to run replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use super::sealift::Ran;

/// The variable that has a snapshot written anew.
const ACCEPT: &str = "SEALIFT_ACCEPT_JSON";
/// Members that are sentences for people, whose words are no promise.
const WORDS: [&str; 7] = ["message", "findings", "hint", "detail", "reason", "what", "error"];

/// Where the snapshots are.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/json")
}

/// Asserts that the standard output of `ran` is one JSON value, the one in the snapshot `name` once
/// what stands on the left in `varying` is replaced by what stands on the right.
#[track_caller]
pub fn check(name: &str, ran: &Ran, varying: &[(&str, &str)]) {
    let mut text = ran.stdout.clone();
    for (given, placeholder) in varying {
        text = text.replace(given, placeholder);
    }
    let mut now: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{name}: {error}: not one value: {ran:?}"));
    // Readers differ in which of two members of one name they take.
    sealift::words::json::check_strict_with(text.as_bytes(), &[]).unwrap();
    assert_eq!(now["ok"], ran.code == 0, "{name}: {ran:?}");
    assert_eq!(now.get("error").is_some(), ran.code != 0, "{name}: {ran:?}");
    wordless(&mut now);
    let file = folder().join(format!("{name}.json"));
    let shown = serde_json::to_string_pretty(&now).unwrap() + "\n";
    let Ok(kept) = std::fs::read_to_string(&file) else {
        assert!(accepting(), "{name} has no snapshot; it is written with {ACCEPT}=1:\n{shown}");
        return std::fs::write(&file, shown).unwrap();
    };
    let before: Value = serde_json::from_str(&kept).unwrap();
    if now == before {
        return;
    }
    let broken = broken(&members(&before), &members(&now));
    assert!(
        broken.is_empty(),
        "{name}: readers of docs/json.md are broken. A member is never renamed, removed or made \
         another type: {broken:?}\n{shown}"
    );
    assert!(
        accepting(),
        "{name} is another one now. If members or values were added, and no reader that ignores \
         what it does not know is misled, describe them in docs/json.md and accept them with\n    \
         {ACCEPT}=1 cargo test --test it json::\nIt was\n{kept}and is\n{shown}"
    );
    std::fs::write(&file, shown).unwrap();
}

fn accepting() -> bool {
    std::env::var_os(ACCEPT).is_some()
}

/// Puts a placeholder in place of sentences.
fn wordless(value: &mut Value) {
    fn blank(value: &mut Value) {
        match value {
            Value::String(text) if text.contains(' ') => *text = "<words>".to_owned(),
            Value::Array(all) => all.iter_mut().for_each(blank),
            other => wordless(other),
        }
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match WORDS.contains(&name.as_str()) {
                    true => blank(member),
                    false => wordless(member),
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(wordless),
        _ => {}
    }
}

/// The members of a value by their paths, each with the types that it has.
pub fn members(value: &Value) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut found = BTreeMap::new();
    collect(value, "", &mut found);
    found
}

fn collect(value: &Value, path: &str, found: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    found.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(all) => all.iter().for_each(|it| collect(it, &format!("{path}[]"), found)),
        Value::Object(members) => {
            for (name, member) in members {
                collect(member, &format!("{path}.{name}"), found);
            }
        }
        _ => {}
    }
}

/// What a reader of `before` misses in `now`, or finds to be of a type that it did not know.
fn broken(
    before: &BTreeMap<String, BTreeSet<&'static str>>,
    now: &BTreeMap<String, BTreeSet<&'static str>>,
) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, kinds) in before {
        match now.get(path) {
            None => broken.push(format!("{path} is gone")),
            Some(other) if !other.is_subset(kinds) => {
                broken.push(format!("{path} was {kinds:?} and is {other:?}"));
            }
            Some(_) => {}
        }
    }
    broken
}

#[test]
fn what_readers_would_miss_is_told_and_what_is_new_is_not() {
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let before = value(r#"{"ok": true, "images": [{"name": "a", "size": 1}], "hint": null}"#);
    for (now, expected) in [
        (r#"{"ok": true, "images": [{"name": "b", "size": 2, "x": 1}], "hint": null}"#, vec![]),
        (
            r#"{"ok": true, "images": [{"name": "a"}], "hint": null}"#,
            vec![".images[].size is gone"],
        ),
        (
            r#"{"ok": true, "images": [{"Name": "a", "size": 1}], "hint": null}"#,
            vec![".images[].name is gone"],
        ),
        (
            r#"{"ok": true, "images": [{"name": "a", "size": "1"}], "hint": null}"#,
            vec![r#".images[].size was {"integer"} and is {"string"}"#],
        ),
        (
            r#"{"ok": true, "images": [{"name": "a", "size": 1}], "hint": 3}"#,
            vec![r#".hint was {"null"} and is {"integer"}"#],
        ),
    ] {
        assert_eq!(broken(&members(&before), &members(&value(now))), expected, "{now}");
    }
}
