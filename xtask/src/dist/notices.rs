//! Whose work is in the program: the licence of every crate that is linked into it.

use crate::{Result, shell};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const OWN: &str = "\
sealift is licensed under either of the Apache License, Version 2.0, or the MIT License, at your
option; LICENSE-APACHE and LICENSE-MIT beside this file have their text. Copyright (c) 2026 the
sealift authors. On Debian systems the Apache License is in /usr/share/common-licenses/Apache-2.0.

Linked into the program are the standard library of Rust (MIT OR Apache-2.0), where it is static the
C library musl (MIT), and these crates:
";

/// The text of `copyright`: the crates with their licences, then each licence once, with the crates
/// that bring it.
pub fn copyright() -> Result<String> {
    let mut cargo = shell::cargo();
    cargo.args(["metadata", "--format-version", "1", "--locked"]);
    let metadata = serde_json::from_str(&shell::output(&mut cargo)?);
    let metadata: Value = metadata.map_err(|error| format!("cargo metadata: {error}"))?;
    let linked = linked(&metadata);
    let (mut crates, mut texts) = (BTreeSet::new(), BTreeMap::<String, BTreeSet<String>>::new());
    for package in list(&metadata["packages"]) {
        let word = |key: &str| package[key].as_str().unwrap_or_default();
        if !linked.contains(word("id")) || word("name") == "sealift" {
            continue;
        }
        let name = format!("{} {}", word("name"), word("version"));
        crates.insert(format!("  {name} ({})\n", word("license")));
        let folder = Path::new(word("manifest_path")).parent().unwrap_or(Path::new(""));
        for file in licences(folder)? {
            let text = String::from_utf8_lossy(&shell::read(&file)?).replace("\r\n", "\n");
            texts.entry(text).or_default().insert(name.clone());
        }
    }
    let mut all = OWN.to_owned();
    all.extend(crates);
    let mut texts: Vec<(BTreeSet<String>, String)> =
        texts.into_iter().map(|(text, names)| (names, text)).collect();
    texts.sort();
    for (names, text) in texts {
        let names: Vec<String> = names.into_iter().collect();
        all += &format!("\n{}\n{}:\n\n{}\n", "-".repeat(72), names.join(", "), text.trim());
    }
    Ok(all)
}

/// The ids of what the program links: its dependencies and theirs, without those that only build.
fn linked(metadata: &Value) -> BTreeSet<&str> {
    let own = list(&metadata["packages"]).find(|package| package["name"] == "sealift");
    let mut left: Vec<&str> = own.and_then(|package| package["id"].as_str()).into_iter().collect();
    let mut found = BTreeSet::new();
    while let Some(id) = left.pop() {
        if !found.insert(id) {
            continue;
        }
        let node = list(&metadata["resolve"]["nodes"]).find(|node| node["id"] == id);
        let needs = node.into_iter().flat_map(|node| list(&node["deps"]));
        let normal = |kind: &Value| {
            kind["kind"].is_null() && !kind["target"].to_string().contains("windows")
        };
        let needs = needs.filter(|need| list(&need["dep_kinds"]).any(normal));
        left.extend(needs.filter_map(|need| need["pkg"].as_str()));
    }
    found
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The licence files of a crate and of what it brings along in a folder of its own.
fn licences(folder: &Path) -> Result<Vec<PathBuf>> {
    let depth = folder.components().count();
    let is_licence = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        let named = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];
        let code = name.ends_with(".RS") || name.ends_with(".JSON") || name.ends_with(".TOML");
        named.iter().any(|start| name.starts_with(start)) && !code
    };
    let files = shell::files(folder)?.into_iter();
    Ok(files.filter(|path| path.components().count() <= depth + 2).filter(is_licence).collect())
}
