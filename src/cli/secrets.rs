//! Key files and passphrases.

use std::fs::File;
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::environment::variable;
use super::printer::Printer;
use super::prompt::waiting;
use super::text;
use crate::bundle::keys::{MAX_KEY_FILE, PrivateKey, PublicKey};
use crate::tools::process::PASSPHRASE;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::escape::Safe;

/// Longest passphrase, and so the most of a passphrase file that is read.
const MAX_PASSPHRASE: u64 = 4096;

/// Reads a small text file, in UTF-8 or, with its mark, in UTF-16, as Windows writes both.
///
/// # Errors
/// [`Class::Usage`] whatever keeps it from being read: the command names it.
pub(super) fn read_text(path: &Path, limit: u64) -> Result<Zeroizing<String>> {
    let subject = Subject::Path(path.to_owned());
    text::decode(&read_bytes(path, limit)?).map_err(|e| e.context(path.display()).subject(subject))
}

/// Reads a small file.
///
/// # Errors
/// [`Class::Usage`] whatever keeps it from being read: the command names it.
pub(super) fn read_bytes(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>> {
    let usage =
        |text: String| Error::new(Class::Usage, text).subject(Subject::Path(path.to_owned()));
    let fault = |e: std::io::Error| {
        let error = usage(format!("cannot read {}", path.display())).source(e);
        error.hint("see whether it is there, is a file, and may be read by you")
    };
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path).map_err(fault)?.take(limit + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > limit {
        return Err(usage(format!("{} is larger than {limit} bytes", path.display())));
    }
    Ok(bytes)
}

/// The public keys in `paths`.
pub(super) fn public_keys(paths: &[std::path::PathBuf]) -> Result<Vec<PublicKey>> {
    let read = |path: &std::path::PathBuf| {
        let pem = read_text(path, MAX_KEY_FILE)?;
        let subject = Subject::Path(path.clone());
        PublicKey::from_text(&pem).map_err(|e| e.context(path.display()).subject(subject))
    };
    paths.iter().map(read).collect()
}

/// The private key in `path`, asking for its passphrase when it needs one. A file that others may
/// read, or change, is warned of; and so is one with a passphrase that nothing asks for: the key does
/// not, and nothing else is `opened`.
pub(super) fn private_key(
    path: &Path,
    passphrase_file: Option<&Path>,
    opened: bool,
    printer: &Printer,
) -> Result<PrivateKey> {
    let pem = read_text(path, MAX_KEY_FILE)?;
    // A public key is no secret, and refused below.
    let secret = (!pem.contains("PUBLIC KEY-----")).then_some(path);
    let files = [secret, passphrase_file].into_iter().flatten();
    files.filter_map(open_to_others).for_each(|text| printer.note(&text));
    let passphrase = match (PrivateKey::needs_passphrase(&pem), passphrase_file) {
        (true, _) => existing_passphrase(passphrase_file, &path.display().to_string())?,
        (false, Some(_)) if !opened => {
            printer.note("note: --passphrase-file has no effect here: the key is not encrypted");
            None
        }
        (false, _) => None,
    };
    PrivateKey::from_text(&pem, passphrase.as_deref().map(String::as_str))
        .map_err(|e| e.context(path.display()).subject(Subject::Path(path.to_owned())))
}

/// A warning of a file with a secret that others may read or change.
pub(super) fn open_to_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let about = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mode = about.permissions().mode() & 0o777;
    let who = match mode & 0o077 {
        0 => return None,
        open if open & 0o007 != 0 => "everybody",
        _ => "its group",
    };
    let what = if mode & 0o044 == 0 { "write" } else { "read" };
    let path = path.display().to_string();
    let path = Safe(&path);
    Some(format!(
        "warning: {path} holds a secret, and {who} may {what} it (mode {mode:04o}): \
         chmod 600 {path}"
    ))
}

/// A passphrase from its file or variable. Never from an argument, which every user of the
/// machine can see.
fn given_passphrase(file: Option<&Path>) -> Result<Option<Zeroizing<String>>> {
    match file {
        Some(path) => {
            let text = read_text(path, MAX_PASSPHRASE)?;
            let line = text.lines().next().unwrap_or_default().to_owned();
            match line.is_empty() {
                true => Err(Error::new(Class::Usage, format!("{} is empty", path.display()))),
                false => Ok(Some(Zeroizing::new(line))),
            }
        }
        None => Ok(variable(PASSPHRASE).map(Zeroizing::new)),
    }
}

/// The passphrase of a key that exists; nothing when there is nobody to ask.
pub(super) fn existing_passphrase(
    file: Option<&Path>,
    what: &str,
) -> Result<Option<Zeroizing<String>>> {
    match given_passphrase(file)? {
        None if std::io::stdin().is_terminal() => ask(&format!("Passphrase of {what}: ")).map(Some),
        given => Ok(given),
    }
}

/// A passphrase for a new key, asked for twice.
pub(super) fn new_passphrase(file: Option<&Path>) -> Result<Zeroizing<String>> {
    if let Some(given) = given_passphrase(file)? {
        return Ok(given);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Error::new(Class::Usage, "a passphrase is needed and there is no terminal")
            .hint("set SEALIFT_PASSPHRASE, use --passphrase-file, or --no-passphrase"));
    }
    asked_twice("--no-passphrase makes a key without one")
}

/// Another passphrase for a key that exists: the first line of `file`, else asked for twice. The variable is
/// not looked at: it is the one that the key has.
pub(super) fn another_passphrase(file: Option<&Path>) -> Result<Zeroizing<String>> {
    if let Some(given) = file.map(|file| given_passphrase(Some(file))).transpose()?.flatten() {
        return Ok(given);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Error::new(Class::Usage, "a passphrase is needed and there is no terminal")
            .hint("name a file whose first line it is with --new-passphrase-file"));
    }
    asked_twice("--no-passphrase leaves the key without one")
}

/// A passphrase that a new bundle is encrypted with: the first line of `file`, else asked for twice. The
/// variable is not looked at: it may be that of the key.
#[cfg(feature = "age")]
pub(super) fn new_bundle_passphrase(file: Option<&Path>) -> Result<Zeroizing<String>> {
    if let Some(given) = file.map(|file| given_passphrase(Some(file))).transpose()?.flatten() {
        return Ok(given);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Error::new(Class::Usage, "a passphrase is needed and there is no terminal")
            .hint("name a file whose first line it is: --encrypt-passphrase=FILE"));
    }
    asked_twice("name --recipient to encrypt without one")
}

fn asked_twice(instead: &str) -> Result<Zeroizing<String>> {
    let first = ask("New passphrase: ")?;
    if first.is_empty() {
        return Err(Error::new(Class::Usage, "the passphrase is empty").hint(instead.to_owned()));
    }
    match *ask("The same again: ")? == *first {
        true => Ok(first),
        false => Err(Error::new(Class::Usage, "the two passphrases differ")),
    }
}

fn ask(prompt: &str) -> Result<Zeroizing<String>> {
    waiting(|| rpassword::prompt_password(prompt)).map(Zeroizing::new).map_err(|e| match e.kind() {
        std::io::ErrorKind::Interrupted => Error::new(Class::Interrupted, "interrupted"),
        _ => Error::io("cannot read the passphrase", e),
    })
}

/// Largest password that is read. Cloud registries take whole key files of some 3 KiB as one.
const MAX_PASSWORD: u64 = 64 << 10;

/// A password from standard input, without the line's end; it may have several lines.
pub(super) fn password_from_stdin() -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let stdin = std::io::stdin().lock();
    waiting(|| stdin.take(MAX_PASSWORD + 1).read_to_string(&mut text))
        .map_err(|e| Error::io("cannot read the password", e))?;
    if text.len() as u64 > MAX_PASSWORD {
        return Err(Error::new(Class::Usage, "the password is longer than 64 KiB"));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned());
    match line.is_empty() {
        true => Err(Error::new(Class::Usage, "the password on standard input is empty")),
        false => Ok(line),
    }
}

/// A password from the terminal, which does not show it.
pub(super) fn ask_password(prompt: &str) -> Result<Zeroizing<String>> {
    need_terminal("a password", LOGIN)?;
    let password = ask(prompt)?;
    match password.is_empty() {
        true => Err(Error::new(Class::Usage, "the password is empty")),
        false => Ok(password),
    }
}

/// How a name and a password are given where nobody can be asked.
pub(super) const LOGIN: &str = "--username NAME with --password-stdin";

/// A line from the terminal, which is `what`; `instead` is how it is given where nobody can be asked.
pub(super) fn ask_line(
    prompt: &str,
    (what, instead): (&str, &str),
    cancel: &Cancel,
) -> Result<String> {
    need_terminal(what, instead)?;
    let fault = |e| Error::io("cannot ask on the terminal", e);
    let mut terminal = File::options().write(true).open("/dev/tty").map_err(fault)?;
    terminal.write_all(Safe(prompt).to_string().as_bytes()).map_err(fault)?;
    let mut line = String::new();
    waiting(|| std::io::stdin().lock().take(MAX_PASSPHRASE).read_line(&mut line)).map_err(fault)?;
    cancel.check()?;
    match line.trim() {
        "" => Err(Error::new(Class::Usage, format!("{what} is needed, and nothing was typed"))),
        name => Ok(name.to_owned()),
    }
}

fn need_terminal(what: &str, instead: &str) -> Result<()> {
    match std::io::stdin().is_terminal() {
        true => Ok(()),
        false => {
            Err(Error::new(Class::Usage, format!("{what} is needed and there is no terminal"))
                .hint(format!("use {instead}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "hello").unwrap();

        assert_eq!(*read_text(&path, 5).unwrap(), "hello");
        assert_eq!(read_text(&path, 4).unwrap_err().class(), Class::Usage);
        assert_eq!(read_text(&folder.path().join("y"), 5).unwrap_err().class(), Class::Usage);
    }

    #[test]
    fn a_passphrase_is_the_first_line_of_its_file_and_never_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let given = |text: &str| {
            std::fs::write(&path, text).unwrap();
            given_passphrase(Some(&path)).map(|phrase| phrase.map(|phrase| phrase.to_string()))
        };

        assert_eq!(given("correct horse\r\nmore\n").unwrap().as_deref(), Some("correct horse"));
        for empty in ["", "\n", "\nsecond line\n"] {
            assert_eq!(given(empty).unwrap_err().class(), Class::Usage, "{empty:?}");
        }
    }
}
