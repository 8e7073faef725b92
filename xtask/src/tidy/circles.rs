//! No circle among the files of the crate: whoever reads one has to read only what is below it.
//!
//! A file names another by importing what stands in it, by `crate::`, `super::` or `self::`, or
//! through the name of its own child. What a file passes on (`pub use`) is named as that file. A
//! declaration alone (`mod child;`) names nothing. Tests may name what they test.

use super::imports;
use super::source::Source;
use std::collections::{BTreeMap, BTreeSet};

type Graph = BTreeMap<String, BTreeSet<String>>;

/// One message a circle.
pub fn check(sources: &[Source]) -> Vec<String> {
    let tell = |circle: &Vec<String>| {
        let files: Vec<String> = circle.iter().map(|file| format!("src/{file}.rs")).collect();
        format!("a circle of files: {}", files.join(", "))
    };
    circles(&graph(sources)).iter().map(tell).collect()
}

/// Which files each file names.
fn graph(sources: &[Source]) -> Graph {
    let product = |source: &&Source| source.path.starts_with("src/") && !is_for_tests(source);
    let sources: Vec<&Source> = sources.iter().filter(product).collect();
    let files: BTreeSet<String> = sources.iter().map(|source| source.module().join("/")).collect();
    let mut graph = Graph::new();
    for source in sources {
        let own = source.module().join("/");
        let imports = imports::of(source).into_iter().filter(|it| !source.is_test(it.line));
        let mut named: BTreeSet<String> =
            imports.filter_map(|import| file_of(import.path, &files)).collect();
        let children = files.iter().filter_map(|file| {
            let name = file.strip_prefix(&own)?.strip_prefix('/')?;
            (!name.contains('/')).then_some((file, name))
        });
        named.extend(children.filter(|(_, name)| says(source, name)).map(|(file, _)| file.clone()));
        named.remove(&own);
        graph.insert(own, named);
    }
    graph
}

fn is_for_tests(source: &Source) -> bool {
    source.is_test_file() || source.path.ends_with("/samples.rs")
}

/// The deepest file on a path.
fn file_of(mut path: Vec<String>, files: &BTreeSet<String>) -> Option<String> {
    while !path.is_empty() {
        let file = path.join("/");
        if files.contains(&file) {
            return Some(file);
        }
        path.pop();
    }
    None
}

/// Whether the code has a path that begins with `child`.
fn says(source: &Source, child: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    source.code.match_indices(child).any(|(at, _)| {
        !source.code[..at].ends_with(part)
            && source.code[at + child.len()..].starts_with("::")
            && !source.is_test(source.line_of(at))
    })
}

/// All sets of more than one file in which each leads to each, sorted.
fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|file| (file, reached(file, graph))).collect();
    let mut circles = BTreeSet::new();
    for (file, ahead) in &reach {
        let back = |other: &&&String| reach.get(**other).is_some_and(|it| it.contains(file));
        let circle: Vec<String> = ahead.iter().filter(back).map(|it| (*it).clone()).collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// What can be reached from `file`; itself only by a way round.
fn reached<'a>(file: &'a String, graph: &'a Graph) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![file];
    while let Some(from) = next.pop() {
        for to in graph.get(from).into_iter().flatten() {
            if seen.insert(to) {
                next.push(to);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new(path, text)).collect();
        circles(&graph(&sources)).iter().map(|circle| circle.join(" ")).collect()
    }

    #[test]
    fn files_that_name_each_other_are_a_circle() {
        let files = [
            ("src/a.rs", "use crate::b::{self, B};\nuse crate::d;\n"),
            ("src/b.rs", "fn f() -> crate::c::C {}\n"),
            ("src/c.rs", "use super::a::A;\n"),
            ("src/d.rs", "fn f() {}\n"),
        ];
        assert_eq!(found(&files), ["a b c"]);
        assert_eq!(found(&files[..2]), Vec::<String>::new());
    }

    #[test]
    fn a_parent_names_a_child_when_it_uses_it_and_not_when_it_declares_it() {
        let child = ("src/a/b.rs", "use super::A;\n");
        for uses in ["pub use b::B;", "use self::b::B;", "fn f() { b::make() }"] {
            let parent = ("src/a.rs", &*format!("mod b;\n{uses}\n"));
            assert_eq!(found(&[parent, child]), ["a a/b"], "{uses}");
        }
        for declares in ["mod b;", "mod b;\nfn f() { let b = 1; cab::make(); }"] {
            assert!(found(&[("src/a.rs", declares), child]).is_empty(), "{declares}");
        }
    }

    #[test]
    fn tests_and_their_samples_may_name_what_they_test() {
        let inner = "mod b;\nuse b::B;\n";
        let child = "#[cfg(test)]\nmod tests {\n    use super::super::A;\n}\n";
        assert!(found(&[("src/a.rs", inner), ("src/a/b.rs", child)]).is_empty());
        let uses = "use super::A;\n";
        assert!(
            found(&[("src/a.rs", "fn f() { tests::x() }"), ("src/a/tests.rs", uses)]).is_empty()
        );
        assert!(found(&[("src/a.rs", "use samples::x;"), ("src/a/samples.rs", uses)]).is_empty());
    }
}
