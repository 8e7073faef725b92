//! **sealift** carries container images across an air gap: it exports chosen images into a signed,
//! deduplicated OCI image layout (the *bundle*), and on the isolated side verifies it and imports
//! it, or serves it as a read-only registry.
//!
//! The layers, top to bottom; imports point downwards only (`cargo xtask tidy` checks it):
//!
//! ```text
//! cli  ->  verbs  ->  work  ->  bundle  ->  places  ->  medium  ->  storage  ->  lists  ->  tools  ->  words
//! ```
//!
//! A program that carries images itself asks the verbs ([`verbs`]): what takes its time has a
//! `Request` with `new`, and looks (`inspect`, `tags`) are plain functions; `examples/carry.rs` is a
//! whole crossing. The library never prints, asks
//! nobody and reads no environment; at what time a bundle counts, the caller says. A job with a
//! `Request` stops at its own [`Cancel`](words::cancel::Cancel), which the caller hands over with the
//! [`Progress`](words::progress::Progress) that the job tells; a look at a registry stops with that of
//! its client, and a look at a bundle runs to its end. Features: `cli` (the program,
//! implies `serve`), `serve` (the read-only registry, implies `report`), `report` (a page on what a
//! bundle holds), `ring` (TLS); all are on by default, and
//! `--no-default-features` does without clap, indicatif, tokio, hyper and askama.
//!
//! The command line, the bundle format and the exit codes are the interface that is kept stable;
//! the library has the same promises but may still change its shape before 1.0.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)
)]

pub mod bundle;
#[cfg(feature = "cli")]
pub mod cli;
pub mod lists;
pub mod medium;
pub mod places;
pub mod storage;
pub mod tools;
pub mod verbs;
pub mod words;
pub mod work;
