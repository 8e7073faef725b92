//! Rules for names, among the arguments and in a file.

use std::path::{Path, PathBuf};

use clap::Args;

use super::secrets::read_text;
use crate::words::error::Result;
use crate::work::mapping::NameRule;

/// Largest mapping file that is read: a hundred thousand rules.
const MAX_RULES: u64 = 16 << 20;

/// What images are called where they are brought.
#[derive(Debug, Args)]
pub(super) struct Renaming {
    /// Keep only the last part of each name
    #[arg(long)]
    pub(super) flatten: bool,
    /// Rule for a name (can be repeated; the first that matches decides)
    #[arg(long, value_name = "FROM=TO", value_parser = NameRule::parse)]
    map: Vec<NameRule>,
    /// File with one rule a line, # for comments
    #[arg(long, value_name = "FILE")]
    map_file: Option<PathBuf>,
}

impl Renaming {
    /// Its rules.
    ///
    /// # Errors
    /// As [`gather`].
    pub(super) fn rules(&self) -> Result<Vec<NameRule>> {
        gather(self.map.clone(), self.map_file.as_deref())
    }
}

/// The rules among the arguments, then those of `file`.
///
/// # Errors
/// When the file cannot be read, or one of its lines is no rule.
pub(super) fn gather(mut rules: Vec<NameRule>, file: Option<&Path>) -> Result<Vec<NameRule>> {
    if let Some(file) = file {
        let text = read_text(file, MAX_RULES)?;
        rules.extend(NameRule::parse_file(&text).map_err(|e| e.context(file.display()))?);
    }
    Ok(rules)
}
