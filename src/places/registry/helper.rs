//! Credential helpers: `docker-credential-NAME get`, as docker defines it.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::credentials::Credential;
use crate::words::error::{Class, Error, Result};

/// Largest answer that is read of a helper. Cloud tokens have up to 8 KiB.
const MAX_ANSWER: u64 = 256 << 10;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: Zeroizing<String>,
}

/// Asks the helper `name` for the credentials of `server`; `None` when it has none.
///
/// # Errors
/// [`Class::Usage`] when `name` is no plain name, or when the program is missing, fails, or
/// answers something else.
pub(super) fn get(name: &str, server: &str) -> Result<Option<Credential>> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_".contains(&c);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(Error::new(Class::Usage, format!("{name:?} is no credential helper's name")));
    }
    let program = format!("docker-credential-{name}");
    let failed = |why: String| {
        Error::new(Class::Usage, format!("credential helper {program}: {why}"))
            .hint("repair the helper, or name another credentials file with --authfile")
    };
    let (stdout, success) = run(&program, server).map_err(|e| failed(e.to_string()))?;
    if !success {
        // The protocol has no code for "unknown", only this sentence.
        let text = String::from_utf8_lossy(&stdout);
        return match text.contains("credentials not found") {
            true => Ok(None),
            false => Err(failed(format!("failed for {server}"))),
        };
    }
    let answer: Answer =
        serde_json::from_slice(&stdout).map_err(|_| failed("answers no such JSON".to_owned()))?;
    match answer.user.is_empty() && answer.secret.is_empty() {
        true => Ok(None),
        false => Ok(Some(Credential::pair(&answer.user, &answer.secret))),
    }
}

/// Runs `program get` with `server` on its standard input; its output, and whether it succeeded.
fn run(program: &str, server: &str) -> std::io::Result<(Zeroizing<Vec<u8>>, bool)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its question is judged by its answer.
        let _ = writeln!(stdin, "{server}");
    }
    let mut out = Zeroizing::new(Vec::new());
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_ANSWER).read_to_end(&mut out)?;
    }
    Ok((out, child.wait()?.success()))
}
