//! Rules for names, among the arguments and in a file.

use std::path::Path;

use super::secrets::read_text;
use crate::words::error::Result;
use crate::work::mapping::NameRule;

/// Largest mapping file that is read: a hundred thousand rules.
const MAX_RULES: u64 = 16 << 20;

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
