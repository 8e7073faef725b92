//! [`Job`]: what is imported, and how.

use super::ready::Ready;
use super::request::Request;
use crate::bundle::contents::Contents;
use crate::words::progress::Progress;

/// What is imported, and how.
#[derive(Clone, Copy)]
pub(super) struct Job<'i> {
    pub(super) request: &'i Request,
    pub(super) ready: &'i Ready<'i>,
    /// A part of the bundle.
    pub(super) contents: &'i Contents,
    pub(super) progress: &'i dyn Progress,
}
