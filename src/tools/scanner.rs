//! [`Scanner`]: a command that looks for what is not to cross, and what it is given to look at.

use std::ffi::OsString;
use std::fmt;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use super::process::{Watched, watch};
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};

/// The exit code by which scanners say that they found something: ClamAV's, and what others can be told
/// to end with.
const FOUND: i32 = 1;
/// Most characters of what a scanner calls itself.
const MAX_TOOL: usize = 200;
/// How long it may take to say what it is called: ClamAV looks at its signatures for that.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands for something else in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hole {
    Dir,
    Layout,
    Image,
    Digest,
}

/// All of them, with what they are called.
const HOLES: [(&str, Hole); 4] = [
    ("dir", Hole::Dir),
    ("layout", Hole::Layout),
    ("image", Hole::Image),
    ("digest", Hole::Digest),
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(Hole),
}

/// What a scanner is given to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScanForm {
    /// Each layer, unpacked to a tar, on its standard input.
    Stream,
    /// The files of each layer, in a folder.
    Folder,
    /// Each image, in an OCI layout.
    Layout,
}

/// A command with which images are scanned. It is split into words as a shell does, and no shell runs it:
/// what stands for `{image}` is a part of one word, whatever it is.
///
/// ```
/// use sealift::tools::scanner::{ScanForm, Scanner};
///
/// let scanner: Scanner = "clamscan --infected --recursive '{dir}'".parse()?;
/// assert_eq!(scanner.form(), ScanForm::Folder);
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanner {
    text: String,
    program: String,
    arguments: Vec<Vec<Part>>,
    form: ScanForm,
}

/// What is scanned.
#[derive(Debug, Clone, Copy)]
pub struct ScanTarget<'t> {
    /// Where it lies, if it lies anywhere.
    pub path: Option<&'t Path>,
    /// The image, or one of those that need the layer.
    pub image: &'t str,
    /// The digest of the image, or of the layer.
    pub digest: &'t str,
}

/// What a scanner said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanVerdict {
    /// It found nothing.
    Clean,
    /// It found something: its own lines, at most twenty, that nobody has escaped.
    Found(Vec<String>),
}

impl Scanner {
    /// What it is given.
    #[must_use]
    pub fn form(&self) -> ScanForm {
        self.form
    }

    /// What it calls itself, with its version: the first line that it says when it is asked with `--version`.
    ///
    /// # Errors
    /// When it is not installed, or cannot be run.
    pub fn tool(&self, cancel: &Cancel) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.arg("--version");
        let said = watch(command, None, PATIENCE, cancel)?;
        let first = said.first.filter(|_| said.code == Some(0));
        let text = first.unwrap_or_else(|| format!("{}, which tells no version", self.program));
        Ok(text.chars().filter(|c| !c.is_control()).take(MAX_TOOL).collect())
    }

    /// Scans `target`, of which it gets `input` if it takes a stream, for at most so long as `patience` says.
    ///
    /// # Errors
    /// Those of `input`; when it does not say that it found anything and does not say either that it did
    /// not: it cannot be run, ends with another exit code than 0 and 1 or by a signal, takes too long, or
    /// does not look at all that it is given.
    pub fn scan(
        &self,
        target: ScanTarget<'_>,
        input: Option<&mut dyn Read>,
        patience: Duration,
        cancel: &Cancel,
    ) -> Result<ScanVerdict> {
        let mut command = Command::new(&self.program);
        command.args(self.arguments.iter().map(|word| fill(word, target)));
        let ended = watch(command, input, patience, cancel)?;
        let why = match ended.code {
            Some(0) if ended.unread => "says that all is well and did not look at all of it".into(),
            Some(0) => return Ok(ScanVerdict::Clean),
            Some(FOUND) => return Ok(ScanVerdict::Found(findings(ended))),
            Some(code) => format!("failed (exit code {code})"),
            None => "was killed".to_owned(),
        };
        let Watched { said, complaints, .. } = ended;
        let lines = if complaints.is_empty() { said } else { complaints };
        Err(Error::new(Class::Other, format!("{} {why}", self.program))
            .details(lines)
            .hint("what was not scanned does not cross: see what is wrong with the scanner"))
    }
}

/// The lines that say what was found, else the last ones of those that it said.
fn findings(ended: Watched) -> Vec<String> {
    let all = [ended.found, ended.said, ended.complaints];
    all.into_iter().find(|lines| !lines.is_empty()).unwrap_or_default()
}

fn fill(word: &[Part], target: ScanTarget<'_>) -> OsString {
    let mut filled = Vec::new();
    for part in word {
        let bytes = match part {
            Part::Text(text) => text.as_bytes(),
            Part::Hole(Hole::Dir | Hole::Layout) => {
                target.path.map(|path| path.as_os_str().as_bytes()).unwrap_or_default()
            }
            Part::Hole(Hole::Image) => target.image.as_bytes(),
            Part::Hole(Hole::Digest) => target.digest.as_bytes(),
        };
        filled.extend_from_slice(bytes);
    }
    OsString::from_vec(filled)
}

impl FromStr for Scanner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Scanner> {
        let wrong = |why: &str| Error::new(Class::Usage, format!("scan command {text:?}: {why}"));
        let Some(words) = shlex::split(text) else {
            return Err(wrong("a quote is not closed").hint("quote it as for a shell"));
        };
        let words = words.iter().map(|word| {
            parts(word).map_err(|hole| {
                let known: Vec<String> =
                    HOLES.iter().map(|(name, _)| format!("{{{name}}}")).collect();
                wrong(&format!("{{{hole}}} stands for nothing"))
                    .hint(format!("known are {}", known.join(", ")))
            })
        });
        let mut words = words.collect::<Result<Vec<_>>>()?.into_iter();
        let program = match words.next().as_deref() {
            Some([Part::Text(program)]) => program.clone(),
            Some([]) | None => return Err(wrong("it names no program")),
            Some(_) => return Err(wrong("its first word has to be a program")),
        };
        let arguments: Vec<Vec<Part>> = words.collect();
        let has = |hole| arguments.iter().flatten().any(|part| *part == Part::Hole(hole));
        let form = match (has(Hole::Dir), has(Hole::Layout)) {
            (false, false) => ScanForm::Stream,
            (true, false) => ScanForm::Folder,
            (false, true) => ScanForm::Layout,
            (true, true) => {
                return Err(wrong("it has both {dir} and {layout}").hint("give two commands"));
            }
        };
        Ok(Scanner { text: text.to_owned(), program, arguments, form })
    }
}

/// What `word` is made of; fails with the name of what stands for nothing. Doubled braces are text, as other
/// programs' templates have them.
fn parts(word: &str) -> std::result::Result<Vec<Part>, String> {
    let (mut parts, mut text) = (Vec::new(), String::new());
    let mut rest = word;
    while let Some(at) = rest.find('{') {
        let (before, behind) = rest.split_at(at);
        text.push_str(before);
        let braces = behind.len() - behind.trim_start_matches('{').len();
        let name = behind[braces..].split_once('}').map(|(name, _)| name);
        let name = name.filter(|name| {
            braces == 1 && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())
        });
        let Some(name) = name else {
            text.push_str(&behind[..braces]);
            rest = &behind[braces..];
            continue;
        };
        let Some((_, hole)) = HOLES.iter().find(|(known, _)| *known == name) else {
            return Err(name.to_owned());
        };
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        parts.push(Part::Hole(*hole));
        rest = &behind[name.len() + 2..];
    }
    text.push_str(rest);
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

impl fmt::Display for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn target(image: &str) -> ScanTarget<'_> {
        ScanTarget { path: Some(Path::new("/x y")), image, digest: "sha256:aa" }
    }

    fn scan(command: &str, image: &str, input: &[u8]) -> Result<ScanVerdict> {
        let mut input = input;
        let scanner: Scanner = command.parse()?;
        scanner.scan(target(image), Some(&mut input), LONG, &Cancel::default())
    }

    #[test]
    fn a_command_is_words_and_what_stands_for_others_stays_one_of_them() {
        let hostile = "x/$(touch pwned); a' \"b {dir}";
        let command = "sh -c 'printf \"%s\\n\" \"$@\" >&2; cat >/dev/null; exit 1' - 'i={image}' {digest} \
                       '{dir}/z' '{{json .}}' ''";
        let ScanVerdict::Found(lines) = scan(command, hostile, b"").unwrap() else { panic!() };
        let image = format!("i={hostile}");
        assert_eq!(lines, [image.as_str(), "sha256:aa", "/x y/z", "{{json .}}"]);

        for (text, form) in [
            ("clamscan -", ScanForm::Stream),
            ("clamscan -r {dir}", ScanForm::Folder),
            ("trivy image --input '{layout}' x{image}", ScanForm::Layout),
        ] {
            assert_eq!(text.parse::<Scanner>().unwrap().form(), form, "{text}");
        }
        for (text, why) in [
            ("", "names no program"),
            ("clamscan 'x", "a quote is not closed"),
            ("clamscan {folder}", "{folder} stands for nothing"),
            ("{dir}/scan", "first word"),
            ("x {dir} {layout}", "both"),
        ] {
            let error = text.parse::<Scanner>().unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{error}");
            assert!(error.message().contains(why), "{error}");
        }
    }

    #[test]
    fn only_what_was_looked_at_whole_and_called_clean_is_clean() {
        let large = vec![b'x'; 3 << 20];
        let found = scan("sh -c 'cat >/dev/null; echo a FOUND; echo b; exit 1'", "x", &large);
        assert_eq!(found.unwrap(), ScanVerdict::Found(vec!["a FOUND".to_owned()]));
        assert_eq!(scan("sh -c 'cat >/dev/null'", "x", &large).unwrap(), ScanVerdict::Clean);

        for (command, why) in [
            ("true", "did not look at all of it"),
            ("sh -c 'echo broken >&2; exit 2'", "failed (exit code 2)"),
            ("sh -c 'kill -9 $$'", "was killed"),
            ("/no/such/scanner", "is not installed"),
        ] {
            let error = scan(command, "x", &large).unwrap_err();
            assert_eq!(error.class(), Class::Other, "{error}");
            assert!(error.message().contains(why), "{error}");
            assert!(error.way_out().unwrap().contains("does not cross"), "{error}");
        }
    }

    #[test]
    fn what_a_tool_calls_itself_is_one_short_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tool");
        let script = "#!/bin/sh\nprintf 'Tool \\033[31m1.2\\nmore\\n'\n";
        std::fs::write(&path, script).unwrap();
        std::process::Command::new("chmod").arg("755").arg(&path).status().unwrap();
        let tool =
            |command: &str| command.parse::<Scanner>().unwrap().tool(&Cancel::default()).unwrap();

        assert_eq!(tool(&format!("{} {{dir}}", path.display())), "Tool [31m1.2");
        assert_eq!(tool("false"), "false, which tells no version");
    }
}
