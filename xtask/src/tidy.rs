//! The house rules that a compiler does not know: layers, who may say what, and how files look.

mod circles;
mod imports;
mod names;
mod rules;
mod source;
mod wording;

use crate::{Result, shell};
use source::Source;

/// One breach.
#[derive(Debug)]
pub struct Finding {
    pub line: usize,
    pub message: String,
}

pub fn run() -> Result {
    let root = shell::root();
    let mut count = 0;
    let mut seen = Vec::new();
    for folder in ["src", "xtask/src", "tests"] {
        if !root.join(folder).is_dir() {
            continue;
        }
        for path in shell::files(&root.join(folder))? {
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
            let source = Source::new(&name, &shell::read_text(&path)?);
            for finding in rules::check(&source).into_iter().chain(wording::check(&source)) {
                println!("{name}:{}: {}", finding.line, finding.message);
                count += 1;
            }
            seen.push(source);
        }
    }
    let whole = [rules::needless_exceptions(&seen), circles::check(&seen), names::check(&seen)];
    for message in whole.concat() {
        println!("{message}");
        count += 1;
    }
    match count {
        0 => {
            println!("tidy: {} files keep the rules", seen.len());
            Ok(())
        }
        1 => Err("tidy: 1 finding".to_owned()),
        _ => Err(format!("tidy: {count} findings")),
    }
}
