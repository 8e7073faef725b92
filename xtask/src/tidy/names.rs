//! One meaning a name: no two types that more than one file sees are called the same.

use super::source::Source;
use std::collections::BTreeMap;

/// What each of several may have, because it is always said with where it belongs.
const OF_EACH: [(&str, &str); 3] = [
    ("Pulled", "one or the other, as the feature `serve` is on or not"),
    ("Request", "what a verb is asked for, as in `export::Request`"),
    ("Summary", "what came of a verb, as in `import::Summary`"),
];

const KINDS: [&str; 4] = ["struct ", "enum ", "trait ", "type "];

/// One message a name.
pub fn check(sources: &[Source]) -> Vec<String> {
    let twice = twice(sources);
    let excepted = |name: &str| OF_EACH.iter().any(|(each, _)| *each == name);
    let open = twice.iter().filter(|(name, _)| !excepted(name));
    let tell = |(name, files): (&String, &Vec<String>)| {
        format!("`{name}` means several things: {}", files.join(", "))
    };
    open.map(tell).collect()
}

/// Types that stand in several files and are seen from outside of them.
fn twice(sources: &[Source]) -> BTreeMap<String, Vec<String>> {
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources.iter().filter(|source| is_seen(source)) {
        for (at, line) in source.code.lines().enumerate() {
            if let Some(name) = declared(line).filter(|_| !source.is_test(at + 1)) {
                seen.entry(name.to_owned()).or_default().push(source.path.clone());
            }
        }
    }
    seen.retain(|_, files| files.len() > 1);
    seen
}

fn is_seen(source: &Source) -> bool {
    source.path.starts_with("src/") && !source.path.ends_with("/samples.rs")
}

/// The type that an unindented line makes known outside of its file.
fn declared(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub")?;
    let rest = match rest.strip_prefix('(') {
        Some(inner) => inner.split_once(')')?.1,
        None => rest,
    };
    let rest = rest.trim_start();
    let rest = KINDS.iter().find_map(|kind| rest.strip_prefix(kind))?;
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_others_see_stands_once() {
        let sources = [
            Source::new("src/a.rs", "pub struct Found {}\npub(super) enum Place {}\n"),
            Source::new("src/b.rs", "pub(crate) trait Found {}\nstruct Place;\n"),
            Source::new("src/c.rs", "#[cfg(test)]\nmod tests {\npub struct Place;\n}\n"),
            Source::new("src/c/tests.rs", "pub struct Place;\n"),
            Source::new("tests/it/a.rs", "pub struct Place;\n"),
        ];
        let twice = twice(&sources);
        assert_eq!(twice.keys().collect::<Vec<_>>(), ["Found"]);
        assert_eq!(twice["Found"], ["src/a.rs", "src/b.rs"]);
    }
}
