//! Credential helpers: `docker-credential-NAME get|store|erase`, as docker defines them.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::credential::Credential;
use crate::tools::process::PASSPHRASE;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Largest answer that is read of a helper. Cloud tokens have up to 8 KiB.
const MAX_ANSWER: u64 = 256 << 10;

#[derive(Deserialize)]
struct HelperAnswer {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: Zeroizing<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HelperEntry<'a> {
    #[serde(rename = "ServerURL")]
    server: &'a str,
    username: &'a str,
    secret: &'a str,
}

/// Asks the helper `name` for the credentials of `server`; `None` when it has none.
///
/// # Errors
/// [`Class::Usage`] when `name` is no plain name, or when the program is missing, fails, or
/// answers something else.
pub(crate) fn get(name: &str, server: &str) -> Result<Option<Credential>> {
    let Some(stdout) = run(name, "get", server, server)? else { return Ok(None) };
    let answer: HelperAnswer = serde_json::from_slice(&stdout)
        .map_err(|_| failed(name, "answers no such JSON".to_owned()))?;
    match answer.user.is_empty() && answer.secret.is_empty() {
        true => Ok(None),
        false => Ok(Some(Credential::pair(&answer.user, &answer.secret))),
    }
}

/// Gives the helper `name` the credentials of `server` to keep.
///
/// # Errors
/// As [`get`].
pub(crate) fn store(name: &str, server: &str, username: &str, secret: &str) -> Result<()> {
    let entry = serde_json::to_string(&HelperEntry { server, username, secret })
        .map_err(|_| failed(name, "the credentials are no text".to_owned()))?;
    match run(name, "store", server, &Zeroizing::new(entry))? {
        Some(_) => Ok(()),
        None => Err(failed(name, format!("failed to store for {server}"))),
    }
}

/// Makes the helper `name` forget `server`; whether it knew it.
///
/// # Errors
/// As [`get`].
pub(crate) fn erase(name: &str, server: &str) -> Result<bool> {
    // Most helpers say nothing when there was nothing.
    if get(name, server)?.is_none() {
        return Ok(false);
    }
    run(name, "erase", server, server).map(|done| done.is_some())
}

fn failed(name: &str, why: String) -> Error {
    Error::new(Class::Usage, format!("credential helper docker-credential-{name}: {why}")).hint(
        phrase!["repair the helper, or name another credentials file with ", Remedy::AuthFiles],
    )
}

/// What the helper answers to `verb` with `input`; `None` when it knows no such server.
fn run(name: &str, verb: &str, server: &str, input: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_".contains(&c);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(Error::new(Class::Usage, format!("{name:?} is no credential helper's name")));
    }
    let (stdout, success) = talk(&format!("docker-credential-{name}"), verb, input)
        .map_err(|e| failed(name, e.to_string()))?;
    if success {
        return Ok(Some(stdout));
    }
    // The protocol has no code for "unknown", only this sentence.
    match String::from_utf8_lossy(&stdout).contains("credentials not found") {
        true => Ok(None),
        false => Err(failed(name, format!("{verb} failed for {server}"))),
    }
}

/// Runs `program verb` with `input` on its standard input, where other users of the machine do
/// not see it; its output, and whether it succeeded.
fn talk(program: &str, verb: &str, input: &str) -> std::io::Result<(Zeroizing<Vec<u8>>, bool)> {
    let mut child = Command::new(program)
        .arg(verb)
        .env_remove(PASSPHRASE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its question is judged by its answer.
        let _ = writeln!(stdin, "{input}");
    }
    let mut out = Zeroizing::new(Vec::new());
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_ANSWER).read_to_end(&mut out)?;
    }
    Ok((out, child.wait()?.success()))
}
