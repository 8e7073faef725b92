//! The options of every verb.

use clap::{Args, ValueEnum};

/// The options of every verb.
#[derive(Debug, Args)]
pub(super) struct Globals {
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Print errors and results only
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Print no progress
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON value, for programs
    Json,
}
