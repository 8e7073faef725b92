//! [`NodeTask`]: what a node runs, as a script for its shell.

use super::name::NodeName;
use super::sent::SentBundle;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;

/// What stands for the name of the node, in every argument.
const HOLE: &str = "{node}";
/// What stands for the bundle that goes along, as an argument by itself.
const SENT: &str = "{sent}";
/// What stands for the digest of the bundle's statement, as an argument by itself.
const STATEMENT: &str = "{statement}";
/// The line before what the task says on its standard output.
pub(super) const BEGIN: &str = "sealift-node begin";
/// The line behind it, with the exit code at its end.
pub(super) const END: &str = "sealift-node end";

/// What the same program does on each node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTask {
    program: String,
    arguments: Vec<String>,
    sent: Option<SentBundle>,
}

/// What tells a task on a node to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoppedBy {
    /// The end of the standard input of its script, as when a connection is gone.
    InputEnd,
    /// A scheduler, which signals everything that belongs to a job.
    Signals,
    /// A scheduler, which signals the script alone.
    OneSignal,
}

impl NodeTask {
    /// `program` with `arguments`, in which `{node}` stands for the host that runs it.
    ///
    /// # Errors
    /// [`Class::Usage`] for control characters and for those that change the direction of text: a line of a
    /// script is one line for everybody who reads it.
    pub fn new(program: impl Into<String>, arguments: Vec<String>) -> Result<NodeTask> {
        let task = NodeTask { program: program.into(), arguments, sent: None };
        let all = task.arguments.iter().chain([&task.program]);
        // What a terminal could not show as it is could not be read by whoever looks at a script, either.
        let is_plain = |word: &str| !word.is_empty() && Safe(word).to_string() == *word;
        let other = all.into_iter().find(|word| !is_plain(word)).cloned();
        match other {
            Some(word) => {
                let text = format!("{word:?} cannot be handed to a node");
                Err(Error::new(Class::Usage, text)
                    .hint("use names without line breaks and other control characters"))
            }
            None => Ok(task),
        }
    }

    /// With `bundle`, which goes along: as an argument by itself, [`SENT`](NodeTask::SENT) stands for it.
    #[must_use]
    pub fn with_bundle(self, bundle: SentBundle) -> NodeTask {
        NodeTask { sent: Some(bundle), ..self }
    }

    /// What stands for the bundle that goes along.
    pub const SENT: &'static str = SENT;

    /// What stands for the digest of the bundle's statement.
    pub const STATEMENT: &'static str = STATEMENT;

    /// With the digest of the bundle's `statement` for every [`STATEMENT`](NodeTask::STATEMENT).
    #[must_use]
    pub fn of_statement(mut self, statement: &Digest) -> NodeTask {
        let words = self.arguments.iter_mut().filter(|word| *word == STATEMENT);
        words.for_each(|word| *word = statement.to_string());
        self
    }

    /// The bundle that goes along.
    #[must_use]
    pub fn sent(&self) -> Option<&SentBundle> {
        self.sent.as_ref()
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Its arguments on `node`.
    pub(super) fn words(&self, node: &NodeName) -> Vec<String> {
        self.arguments.iter().map(|word| word.replace(HOLE, node.host())).collect()
    }

    /// The POSIX shell script that runs it on `node`, with what it says between two marks, and ends with its
    /// exit code. Every word is in single quotes.
    #[must_use]
    pub fn script(&self, node: &NodeName, stopped: StoppedBy) -> String {
        let words = [&self.program].into_iter().chain(&self.arguments);
        let words = words.map(|word| match word == SENT && self.sent.is_some() {
            true => "\"$sent\"".to_owned(),
            false => quoted(&word.replace(HOLE, node.host())),
        });
        let receive = self.sent.as_ref().map(|sent| received(sent, stopped)).unwrap_or_default();
        let command = words.collect::<Vec<_>>().join(" ");
        let (before, trap, watch, after) = match stopped {
            StoppedBy::InputEnd => (
                "exec 3<&0\n",
                "kill -TERM \"$work\" 2>/dev/null",
                "{ cat <&3; kill -TERM \"$work\"; } >/dev/null 2>&1 &\nwatch=$!\n",
                "kill \"$watch\" 2>/dev/null\n",
            ),
            StoppedBy::OneSignal => ("", "kill -TERM \"$work\" 2>/dev/null", "", ""),
            StoppedBy::Signals => ("", ":", "", ""),
        };
        // Read as a whole before any of it runs, since the input is the script's as well.
        format!(
            "#!/bin/sh\n{{\n{before}{receive}printf '\\n%s\\n' '{BEGIN}'\n{command} </dev/null &\nwork=$!\n\
             trap '{trap}' HUP INT TERM\n{watch}while :; do wait \"$work\"; code=$?; \
             kill -0 \"$work\" 2>/dev/null || break; done\n\
             printf '\\n%s %s\\n' '{END}' \"$code\"\n{after}exit \"$code\"\n}}\n"
        )
    }
}

/// What has the bundle at hand on a node, as `$sent`: it comes by the standard input, behind the script, into a
/// folder that goes when the script ends, also where nobody hears its last words; a scheduler that signals the
/// script alone has brought it into the current one.
fn received(sent: &SentBundle, stopped: StoppedBy) -> String {
    let (name, size) = (quoted(sent.name()), sent.size());
    if stopped == StoppedBy::OneSignal {
        return format!("sent=\"$PWD\"/{name}\n");
    }
    let from = if stopped == StoppedBy::InputEnd { 3 } else { 0 };
    format!(
        "folder=$(umask 077; mktemp -d \"${{TMPDIR:-/var/tmp}}/sealift.XXXXXXXXXX\") || exit 1\n\
         trap 'rm -rf \"$folder\"' EXIT\ntrap 'exit 1' HUP INT TERM PIPE\n\
         sent=\"$folder\"/{name}\nhead -c {size} <&{from} >\"$sent\" || exit 1\n\
         [ $(wc -c <\"$sent\") -eq {size} ] || {{ echo 'the bundle broke off on its way' >&2; exit 1; }}\n"
    )
}

/// `word` as any POSIX shell reads it back, whatever is in it.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::super::end::NodeEnd;
    use super::*;

    fn node() -> NodeName {
        "root@n1".parse().unwrap()
    }

    fn task(program: &str, arguments: &[&str]) -> NodeTask {
        NodeTask::new(program, arguments.iter().map(|it| (*it).to_owned()).collect()).unwrap()
    }

    #[test]
    fn hostile_words_arrive_as_they_are_and_run_nothing() {
        let hostile = [
            "a b",
            "'; touch owned; '",
            "$(touch owned)",
            "`touch owned`",
            "\\",
            "*",
            "~",
            "-n",
            "!x",
            "{node}",
            "\"",
            "ä漢",
            "#",
            "|| touch owned",
        ];
        let folder = tempfile::tempdir().unwrap();
        for shell in ["sh", "bash"] {
            let script = task("printf", &[&["<%s>"], &hostile[..]].concat())
                .script(&node(), StoppedBy::InputEnd);
            let mut child = Command::new(shell)
                .arg("-s")
                .current_dir(folder.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            input.write_all(script.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            drop(input);

            let end = NodeEnd::of(&output.stdout, String::new()).unwrap();
            let words = hostile.map(|it| format!("<{}>", it.replace("{node}", "n1")));
            assert_eq!(String::from_utf8(end.said).unwrap(), words.concat(), "{shell}");
            assert_eq!(end.code, Some(0));
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{shell}");
        }
    }

    #[test]
    fn the_end_of_the_input_stops_the_task_and_it_says_how_it_ended() {
        let work = "trap 'echo stopped; exit 130' TERM; echo works >&2; sleep 600 & wait";
        let script = task("sh", &["-c", work]).script(&node(), StoppedBy::InputEnd);
        let mut child = Command::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(script.as_bytes()).unwrap();
        let mut first = [0; 5];
        std::io::Read::read_exact(child.stderr.as_mut().unwrap(), &mut first).unwrap();

        drop(input);
        // The sleeper holds the pipe, as a grandchild may.
        let mut said = Vec::new();
        let mut out = child.stdout.take().unwrap();
        let mut buffer = [0; 512];
        while NodeEnd::of(&said, String::new()).is_none() {
            let got = std::io::Read::read(&mut out, &mut buffer).unwrap();
            assert!(got > 0, "it ended without a word");
            said.extend_from_slice(&buffer[..got]);
        }

        let end = NodeEnd::of(&said, String::new()).unwrap();
        assert_eq!((end.code, end.said.as_slice()), (Some(130), &b"stopped"[..]));
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }

    #[test]
    fn a_bundle_behind_the_script_arrives_whole_or_nothing_runs_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..200_000_u32).map(|it| (it % 251) as u8).collect();
        let path = folder.path().join("it's.tar");
        std::fs::write(&path, &bytes).unwrap();
        let bundle = SentBundle::at(&path).unwrap();
        let sum = r#"[ "$(cksum <"$1")" = "$(cksum <"$2")" ] && echo "${1##*/}""#;
        let task = task("sh", &["-c", sum, "sh", NodeTask::SENT, path.to_str().unwrap()]);
        let script = task.with_bundle(bundle).script(&node(), StoppedBy::InputEnd);
        let command = format!("eval \"$(dd bs=1 count={} 2>/dev/null)\"", script.len());
        for (shell, missing) in [("sh", 0), ("bash", 0), ("sh", 1), ("sh", bytes.len())] {
            let scratch = tempfile::tempdir().unwrap();
            let mut child = Command::new(shell)
                .args(["-c", &command])
                .env("TMPDIR", scratch.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            input.write_all(script.as_bytes()).unwrap();
            input.write_all(&bytes[..bytes.len() - missing]).unwrap();
            // It ends where something is missing.
            let held = (missing == 0).then_some(input);
            let output = child.wait_with_output().unwrap();
            drop(held);

            match (missing, NodeEnd::of(&output.stdout, String::new())) {
                (0, Some(end)) => assert_eq!(end.said, b"it's.tar"),
                (1.., None) => {
                    assert_eq!(output.stderr, b"the bundle broke off on its way\n");
                }
                (_, end) => panic!("{shell}, without {missing}: {end:?}"),
            }
            assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_would_be_two_lines_of_a_script_is_refused() {
        for bad in ["a\nb", "a\rb", "\u{1b}[1m", "a\u{202e}b", ""] {
            let error = NodeTask::new("sealift", vec![bad.to_owned()]).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{bad:?}");
            assert!(NodeTask::new(bad, Vec::new()).is_err());
        }
    }
}
