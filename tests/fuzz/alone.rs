//! Lists, and the words that they need, without the rest of the crate: what is tried here is then compiled, and
//! watched at every branch, in a minute.

#![allow(dead_code)]

#[path = "../../src"]
mod source {
    pub mod lists;
    pub mod words;
}

pub use source::{lists, words};
