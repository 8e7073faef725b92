//! The rules themselves, each a function of one file.

use super::Finding;
use super::imports;
use super::source::Source;

/// From the bottom to the top; a layer names itself and what is below.
const LAYERS: [&str; 10] =
    ["words", "tools", "lists", "storage", "medium", "places", "bundle", "work", "verbs", "cli"];
/// The one place that may know every other, to choose among them.
const CHOOSER: &str = "location";
/// The place that may be another one as well, and that one: docker's archives of today are layouts.
const TWOFOLD: (&str, &str) = ("docker_archive", "layout");
/// Without its tests.
const LONGEST: usize = 400;
/// Files that may be longer, each with its reason.
const LONG_FILES: [(&str, &str); 0] = [];

/// Words that belong to one corner of the product, and the paths that may say them.
const CORNERS: [(&str, &[&str], &str); 10] = [
    ("age_core", &["src/tools/cipher"], "what is encrypted is opened in one place"),
    ("ureq", &["src/places/registry"], "HTTP is the registry's business"),
    ("rustls_native_certs", &["src/places/registry"], "TLS is the registry's business"),
    ("hyper", &["src/verbs/serve"], "the server lives in serve"),
    ("hyper_util", &["src/verbs/serve"], "the server lives in serve"),
    ("http_body_util", &["src/verbs/serve"], "the server lives in serve"),
    ("tokio", &["src/verbs/serve"], "only serve is asynchronous"),
    ("println!", &["src/cli"], "only cli prints"),
    ("eprintln!", &["src/cli"], "only cli prints"),
    ("print!", &["src/cli"], "only cli prints"),
];

/// A bundle is files: nothing in it opens a connection.
const NETWORK: [&str; 6] =
    ["std::net", "TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs", "ureq"];

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = looks(source);
    let product = source.path.starts_with("src/");
    if product || source.path.starts_with("xtask/") {
        findings.extend(length(source));
        findings.extend(opening(source));
        findings.extend(mentions(source, "unsafe", "no unsafe code"));
    }
    if product {
        findings.extend(layers(source));
        findings.extend(corners(source));
        findings.extend(network(source));
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}

/// Exceptions that no file needs any more.
pub fn needless_exceptions(sources: &[Source]) -> Vec<String> {
    let needed = |path: &str| sources.iter().any(|s| s.path == path && s.own_lines() > LONGEST);
    let needless = LONG_FILES.iter().filter(|(path, _)| !needed(path));
    needless.map(|(path, _)| format!("{path}: needs no exception in LONG_FILES")).collect()
}

fn finding(line: usize, message: impl Into<String>) -> Finding {
    Finding { line, message: message.into() }
}

fn looks(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, line) in source.text.lines().enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            findings.push(finding(i + 1, "white space at the end of the line"));
        }
        if line.contains('\t') {
            findings.push(finding(i + 1, "a tab"));
        }
        for word in [concat!("TO", "DO"), concat!("FIX", "ME")] {
            if line.contains(word) {
                findings.push(finding(i + 1, format!("{word}: do it, or open an issue")));
            }
        }
    }
    findings
}

fn length(source: &Source) -> Vec<Finding> {
    let lines = source.own_lines();
    let allowed = LONG_FILES.iter().any(|(path, _)| *path == source.path);
    if lines <= LONGEST || allowed {
        return Vec::new();
    }
    vec![finding(1, format!("{lines} lines without its tests; the most is {LONGEST}"))]
}

fn opening(source: &Source) -> Vec<Finding> {
    if source.is_test_file() || source.text.starts_with("//!") {
        return Vec::new();
    }
    vec![finding(1, "a module starts with `//!` and says what it is for")]
}

fn mentions(source: &Source, word: &str, message: &str) -> Vec<Finding> {
    source.mentions(word).into_iter().map(|line| finding(line, message)).collect()
}

fn corners(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (word, corner, why) in CORNERS {
        if corner.iter().any(|path| source.path.starts_with(path)) {
            continue;
        }
        let prints = word.ends_with('!');
        let lines = source.mentions(word).into_iter();
        for line in lines.filter(|line| !(prints && source.is_test(*line))) {
            findings.push(finding(line, format!("`{word}` belongs to {}*: {why}", corner[0])));
        }
    }
    findings
}

fn network(source: &Source) -> Vec<Finding> {
    if source.module()[0] != "bundle" {
        return Vec::new();
    }
    let words = NETWORK.iter();
    words.flat_map(|word| mentions(source, word, "a bundle opens no connection")).collect()
}

fn layers(source: &Source) -> Vec<Finding> {
    let module = source.module();
    if matches!(module.as_slice(), ["lib"] | ["main"]) {
        return Vec::new();
    }
    let Some(own) = LAYERS.iter().position(|layer| *layer == module[0]) else {
        return vec![finding(1, format!("`{}` is in no layer: {}", module[0], LAYERS.join(" < ")))];
    };
    let mut findings = Vec::new();
    for import in imports::of(source) {
        let path: Vec<&str> = import.path.iter().map(String::as_str).collect();
        let Some(named) = path.first() else { continue };
        match LAYERS.iter().position(|layer| layer == named) {
            Some(layer) if layer > own => {
                let message = format!("{} must not know {named}, which is above it", LAYERS[own]);
                findings.push(finding(import.line, message));
            }
            Some(_) if foreign_place(&module, &path) => {
                let message = format!("{} must not know {}", module[1], path[1]);
                findings.push(finding(import.line, message));
            }
            Some(_) => {}
            None => findings.push(finding(import.line, format!("crate::{named} is in no layer"))),
        }
    }
    findings
}

/// Whether a file of one place names another.
fn foreign_place(module: &[&str], path: &[&str]) -> bool {
    match (module, path) {
        (["places", own, ..], ["places", named, ..]) => {
            own != named && *own != CHOOSER && (*own, *named) != TWOFOLD
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, body: &str) -> Vec<String> {
        let source = Source::new(path, &format!("//! A.\n{body}"));
        check(&source).iter().map(|finding| finding.message.clone()).collect()
    }

    fn refused(path: &str, body: &str, because: &str) {
        let findings = findings(path, body);
        assert!(findings.iter().any(|f| f.contains(because)), "{path}: {body}: {findings:?}");
    }

    fn kept(path: &str, body: &str) {
        assert_eq!(findings(path, body), Vec::<String>::new(), "{path}: {body}");
    }

    #[test]
    fn imports_point_downwards() {
        kept("src/bundle/pack.rs", "use crate::{tools::file, words::digest};\n");
        kept("src/cli/export.rs", "use crate::verbs::export;\n");
        refused("src/words/digest.rs", "use crate::storage::raw;\n", "words must not know storage");
        refused("src/work/plan.rs", "use crate::{words, verbs::export};\n", "not know verbs");
        refused("src/tools.rs", "fn f(a: crate::cli::App) {}\n", "tools must not know cli");
        refused("src/bundle/a.rs", "use super::super::work::plan;\n", "bundle must not know work");
        refused("src/other.rs", "", "in no layer");
        refused("src/work.rs", "use crate::Thing;\n", "in no layer");
        kept("src/main.rs", "use sealift::cli;\n");
    }

    #[test]
    fn places_do_not_know_one_another() {
        kept("src/places/registry/http.rs", "use crate::places::registry::auth;\n");
        kept("src/places/location.rs", "use crate::places::{layout, registry};\n");
        refused("src/places/registry.rs", "use crate::places::layout;\n", "not know layout");
        refused("src/places/layout.rs", "use super::registry::Client;\n", "not know registry");
        kept("src/places/layout.rs", "use crate::medium::tree::Tree;\n");
        kept("src/places/docker_archive.rs", "use super::layout::Layout;\n");
        refused("src/medium/tree.rs", "use crate::places::layout;\n", "must not know places");
        refused("src/places/registry/a.rs", "use super::super::layout;\n", "not know layout");
    }

    #[test]
    fn corners_keep_their_words() {
        kept("src/places/registry/http.rs", "use ureq::Agent;\n");
        kept("src/verbs/serve/route.rs", "use hyper::Method;\nuse tokio::net;\n");
        kept("src/cli/printer.rs", "fn f() { println!(\"x\"); }\n");
        kept("src/work.rs", "// println! and ureq are only words here\n");
        kept("src/work.rs", "#[cfg(test)]\nmod tests {\n    fn f() { println!(\"x\") }\n}\n");
        refused("src/verbs/export.rs", "use ureq::Agent;\n", "`ureq` belongs");
        refused("src/verbs/export.rs", "use tokio::fs;\n", "`tokio` belongs");
        refused("src/places/registry.rs", "use hyper::Uri;\n", "`hyper` belongs");
        refused("src/verbs/export.rs", "fn f() { eprintln!(\"x\"); }\n", "only cli prints");
        refused("src/words.rs", "fn f() { print!(\"x\"); }\n", "only cli prints");
    }

    #[test]
    fn a_bundle_opens_no_connection() {
        kept("src/verbs/serve.rs", "use std::net::TcpListener;\n");
        refused("src/bundle/pack.rs", "use std::net::TcpStream;\n", "opens no connection");
        refused("src/bundle.rs", "use std::{io, net::TcpStream};\n", "opens no connection");
        refused("src/bundle.rs", "fn f() { ureq::get(u); }\n", "opens no connection");
    }

    #[test]
    fn files_look_alike() {
        refused("src/work.rs", "fn f() {} \n", "white space");
        refused("src/work.rs", "\tfn f() {}\n", "a tab");
        refused("tests/it/main.rs", "fn f() {}\t\n", "a tab");
        refused("src/work.rs", concat!("// TO", "DO: more\n"), "open an issue");
        refused("src/work.rs", concat!("// FIX", "ME\n"), "open an issue");
        refused("src/work.rs", "fn f() { unsafe { g() } }\n", "no unsafe");
        refused("xtask/src/a.rs", "unsafe fn f() {}\n", "no unsafe");
        let bare = check(&Source::new("src/work.rs", "fn f() {}\n"));
        assert!(bare.iter().any(|finding| finding.message.contains("starts with")));
    }

    #[test]
    fn files_are_short_without_their_tests() {
        let lines = "fn f() {}\n".repeat(LONGEST - 1);
        kept("src/work.rs", &lines);
        refused("src/work.rs", &format!("{lines}fn g() {{}}\n"), "the most is 400");
        let long = format!("#[test]\n{lines}{lines}");
        assert!(check(&Source::new("src/work/tests.rs", &long)).is_empty());
        let tests = "    fn f() {}\n".repeat(200);
        kept("src/work.rs", &format!("{lines}#[cfg(test)]\nmod tests {{\n{tests}}}\n"));
    }
}
