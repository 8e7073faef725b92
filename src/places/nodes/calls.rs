//! [`NodeCall`]: one call of a site's command.

use std::ffi::OsString;
use std::io::{BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::script::quoted;
use crate::tools::process::{Ended, Keep, PipeReading, Program};
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};

/// How long a scheduler may take to answer: one that is busy, or changes over to its spare, takes minutes.
const PATIENCE: Duration = Duration::from_secs(120);
/// Most that a command may say of which only a part is kept: of twenty thousand nodes a cluster tells 64 KiB each.
const MAX_PARSED: u64 = 2 << 30;
/// Most lines of a complaint that are told: sbatch says in some what is wrong, and in the last that it failed.
const MAX_LINES: usize = 5;
/// What ends the script where a call is shown. No line of a script is like it: they have no free lines.
const LAST_LINE: &str = "SEALIFT_NODE";

/// One call of a site's command, with the script that it gets on its standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCall {
    program: &'static str,
    arguments: Vec<String>,
    script: Option<String>,
}

/// The environment that a site's command gets; all of it, where that is not said.
pub(super) type JobEnvironment = Option<Vec<(String, OsString)>>;

impl NodeCall {
    pub(super) fn new<A: Into<String>>(
        program: &'static str,
        arguments: impl IntoIterator<Item = A>,
    ) -> NodeCall {
        let arguments = arguments.into_iter().map(Into::into).collect();
        NodeCall { program, arguments, script: None }
    }

    /// With `script` on its standard input.
    pub(super) fn with(self, script: String) -> NodeCall {
        NodeCall { script: Some(script), ..self }
    }

    /// It as a shell is told to do it.
    pub(super) fn shown(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:@%+".contains(c);
        let word = |word: &String| match !word.is_empty() && word.chars().all(plain) {
            true => word.clone(),
            false => quoted(word),
        };
        let words = [self.program.to_owned()].into_iter().chain(self.arguments.iter().map(word));
        let line = words.collect::<Vec<_>>().join(" ");
        match &self.script {
            Some(script) => format!("{line} <<'{LAST_LINE}'\n{script}{LAST_LINE}\n"),
            None => format!("{line}\n"),
        }
    }

    fn command(&self, environment: &JobEnvironment) -> Command {
        let mut command = Command::new(self.program);
        command.args(&self.arguments);
        if let Some(environment) = environment {
            command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        }
        // In a group of its own: Ctrl-C at the terminal is for us, who take back what was handed over.
        command.process_group(0).stdin(match self.script {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        });
        command
    }

    /// The same, where the file at `path` follows the script on its standard input.
    pub(super) fn shown_before(&self, path: &str) -> String {
        let bare = NodeCall { script: None, ..self.clone() }.shown();
        let script = self.script.as_deref().unwrap_or_default();
        let path = quoted(path);
        format!("{{ cat <<'{LAST_LINE}'\n{script}{LAST_LINE}\ncat {path}; }} | {bare}")
    }

    /// Starts it for the job of `cancel`. What it says is kept.
    ///
    /// # Errors
    /// When it is not there.
    pub(super) fn start(
        &self,
        environment: &JobEnvironment,
        cancel: &Cancel,
    ) -> Result<(Program, Option<std::process::ChildStdin>)> {
        let mut program = Program::start(self.command(environment), Keep::All, cancel)
            .map_err(|e| e.hint(format!("install {}, or name another way", self.program)))?;
        let mut input = program.input();
        if let (Some(script), Some(input)) = (&self.script, &mut input) {
            match input.write_all(script.as_bytes()).and_then(|()| input.flush()) {
                // What it has to say against that comes with its end.
                Err(e) if e.kind() == ErrorKind::BrokenPipe => {}
                Err(e) => return Err(Error::io(format!("cannot write to {}", self.program), e)),
                Ok(()) => {}
            }
        }
        Ok((program, input))
    }

    /// Runs it to its end, whatever was asked of us meanwhile: half a call of a scheduler may have done all.
    ///
    /// # Errors
    /// When it is not there, or does not answer.
    pub(super) fn ended(&self, environment: &JobEnvironment) -> Result<Ended> {
        let (program, input) = self.start(environment, &Cancel::default())?;
        drop(input);
        program.wait(PATIENCE, &mut || Ok(false))
    }

    /// What it says when it goes well.
    ///
    /// # Errors
    /// As [`ended`](NodeCall::ended), and its own complaint.
    pub(super) fn answer(&self, environment: &JobEnvironment) -> Result<String> {
        let ended = self.ended(environment)?;
        match ended.success {
            true => Ok(String::from_utf8_lossy(&ended.said).into_owned()),
            false => Err(failed(self.program, &ended, MAX_LINES)),
        }
    }

    /// What it says, which is JSON and may be more than can be kept, read as it comes.
    ///
    /// # Errors
    /// As [`answer`](NodeCall::answer), and for what is something else.
    pub(super) fn parsed<T: DeserializeOwned>(&self, explain: fn(&Ended) -> Error) -> Result<T> {
        let reading = PipeReading::start(self.command(&None), &Cancel::default(), explain)?;
        let mut reading = BufReader::new(reading.take(MAX_PARSED));
        let text = || format!("what {} says cannot be understood", self.program);
        let fault = |e: serde_json::Error| match e.is_io() {
            true => Error::io(text(), e.into()),
            false => Error::new(Class::Damaged, text()).source(e),
        };
        let mut json = serde_json::Deserializer::from_reader(&mut reading);
        let parsed = T::deserialize(&mut json).map_err(fault)?;
        json.end().map_err(fault)?;
        Ok(parsed)
    }
}

/// Why `program` failed, in the last lines that it said, so many of them.
pub(super) fn failed(program: &str, ended: &Ended, most: usize) -> Error {
    let lines = ended.complaints.lines().map(str::trim).filter(|it| !it.is_empty());
    let lines: Vec<&str> = lines.collect();
    let why = match &lines[lines.len().saturating_sub(most)..] {
        [] => "it does not say why".to_owned(),
        last => last.join("; "),
    };
    Error::new(Class::Other, format!("{program} failed: {why}"))
        .hint(format!("see what {program} says when you call it yourself"))
}

/// A name for all jobs of a run, which no other run has.
///
/// # Errors
/// When the system has no random numbers.
pub(super) fn random_run() -> Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)
        .map_err(|e| Error::new(Class::Other, "no random numbers are to be had").source(e))?;
    Ok(format!("sealift-{:016x}", u64::from_be_bytes(random)))
}

/// Whether `run` is a name that we gave: nobody else's jobs are ever taken back.
pub(super) fn is_run(run: &str) -> bool {
    let hex = run.strip_prefix("sealift-").unwrap_or_default();
    hex.len() == 16 && hex.bytes().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_shown_as_a_shell_does_it() {
        let call = NodeCall::new("printf", ["%s|", "a b", "it's", "-p=x"]);
        assert_eq!(call.shown(), "printf '%s|' 'a b' 'it'\\''s' -p=x\n");

        let shown = NodeCall::new("cat", ["-"]).with("echo \"$HOME\"\n".to_owned()).shown();
        let output = Command::new("sh").args(["-c", &shown]).output().unwrap();
        assert_eq!(output.stdout, b"echo \"$HOME\"\n");
    }

    #[test]
    fn a_call_that_fails_or_is_not_there_says_so() {
        let error = NodeCall::new("sh", ["-c", "echo no >&2; exit 1"]).answer(&None).unwrap_err();
        assert_eq!(error.message(), "sh failed: no");
        let several = "echo 0; for n in 1 2 3 4 5 6; do echo; echo \" line $n\"; done >&2; exit 1";
        let error = NodeCall::new("sh", ["-c", several]).answer(&None).unwrap_err();
        assert_eq!(error.message(), "sh failed: line 2; line 3; line 4; line 5; line 6");
        let error = NodeCall::new("sh", ["-c", "exit 1"]).answer(&None).unwrap_err();
        assert_eq!(error.message(), "sh failed: it does not say why");
        let error = NodeCall::new("no-such-scheduler", ["x"]).answer(&None).unwrap_err();
        assert!(error.message().contains("no-such-scheduler is not installed"), "{error}");
        let environment = Some(vec![("ONLY".to_owned(), "this".into())]);
        let said =
            NodeCall::new("/usr/bin/env", Vec::<String>::new()).answer(&environment).unwrap();
        assert_eq!(said, "ONLY=this\n");
    }
}
