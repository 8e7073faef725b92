//! Which modules of the crate a file names, by `crate::`, `sealift::`, `self::` or `super::`, in
//! `use` trees and in paths alike.

use super::source::Source;

/// A path from the crate's root, and the line it stands on.
#[derive(Debug, PartialEq)]
pub struct Import {
    pub line: usize,
    pub path: Vec<String>,
}

pub fn of(source: &Source) -> Vec<Import> {
    let code = source.code.as_str();
    let mut imports = Vec::new();
    for root in ["crate::", "sealift::", "self::", "super::"] {
        for (at, _) in code.match_indices(root) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = source.line_of(at);
            let Some((base, rest)) = start(source, line, &code[at..]) else { continue };
            let mut paths = Vec::new();
            tree(rest, &base, &mut paths);
            imports.extend(paths.into_iter().map(|path| Import { line, path }));
        }
    }
    imports
}

/// The module a path begins in, and what follows.
fn start<'a>(source: &Source, line: usize, path: &'a str) -> Option<(Vec<String>, &'a str)> {
    if let Some(rest) = path.strip_prefix("crate::").or_else(|| path.strip_prefix("sealift::")) {
        return Some((Vec::new(), rest));
    }
    let mut module: Vec<String> = source.module().into_iter().map(str::to_owned).collect();
    if source.is_inner_test(line) {
        module.push("tests".to_owned());
    }
    let mut rest = path.strip_prefix("self::").unwrap_or(path);
    while let Some(more) = rest.strip_prefix("super::") {
        module.pop()?;
        rest = more;
    }
    Some((module, rest))
}

/// Follows `a::b::{c, d::e}` from `base`; answers what is left behind it.
fn tree<'a>(text: &'a str, base: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = base.to_vec();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            return branches(group, &path, found);
        }
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if end > 0 {
            path.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(more) if end > 0 => rest = more,
            _ => {
                found.push(path);
                return rest;
            }
        }
    }
}

fn branches<'a>(text: &'a str, base: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut rest = text;
    loop {
        rest = tree(rest, base, found).trim_start();
        // `as name` and `*` end a branch as well as a comma does.
        let Some(stop) = rest.find([',', '}']) else { return "" };
        let comma = rest[stop..].starts_with(',');
        rest = rest[stop + 1..].trim_start();
        if !comma {
            return rest;
        }
        if let Some(after) = rest.strip_prefix('}') {
            return after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(path: &str, text: &str) -> Vec<String> {
        of(&Source::new(path, text)).iter().map(|import| import.path.join("::")).collect()
    }

    #[test]
    fn use_trees_are_followed() {
        let text = "use crate::{\n    words::{digest::Digest, error as e},\n    tools::*,\n};\n\
                    use std::io;\nfn f(a: crate::work::plan::Plan) {}";
        let expected =
            ["words::digest::Digest", "words::error", "tools", "work::plan::Plan"].to_vec();
        assert_eq!(paths("src/work/plan.rs", text), expected);
    }

    #[test]
    fn super_counts_from_the_file_and_from_its_tests() {
        let text =
            "use super::layout;\n#[cfg(test)]\nmod tests {\n    use super::super::archive;\n}\n";
        assert_eq!(paths("src/places/registry.rs", text), ["places::layout", "places::archive"]);
        let tests = paths("src/places/registry/tests.rs", "use super::super::layout;\n");
        assert_eq!(tests, ["places::layout"]);
    }
}
