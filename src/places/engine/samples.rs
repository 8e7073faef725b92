//! A driver and a program for the tests of how engines are driven.

use std::process::Command;

use super::Engine;
use super::driver::Driver;
use crate::words::cancel::Cancel;

pub(super) fn docker() -> Driver {
    Driver::new(Engine::Docker, Cancel::default())
}

pub(super) fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}
