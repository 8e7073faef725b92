//! The one integration crate: every module states claims about the product as a user meets it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    missing_debug_implementations
)]

#[macro_use]
mod support;

mod cli;
mod components;
mod damage;
mod harbor;
mod hostile;
mod killed;
mod limits;
mod login;
mod manners;
mod mapping;
mod memory;
mod mirrors;
mod movement;
mod openssl;
mod refusal;
mod reproducible;
mod round_trip;
mod served;
mod tokens;
mod without_sealift;
