//! [`Trial`]: a command that is run once in an image, to see that the image works where it was brought.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::driver::Driver;
use super::named::Engine;
use crate::tools::process::Ended;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// How long it may take: what tells that an image works takes seconds, and its first start may unpack it.
const PATIENCE: Duration = Duration::from_secs(600);
/// What docker and podman end with where they could not start the command at all.
const OWN: [i32; 3] = [125, 126, 127];

/// A command for images. It is split into words as a shell does, and no shell runs it.
///
/// ```
/// use sealift::places::engine::Trial;
///
/// let trial: Trial = "python -c 'import numpy'".parse()?;
/// assert_eq!(trial.to_string(), "python -c 'import numpy'");
/// assert!("'".parse::<Trial>().is_err());
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    text: String,
    words: Vec<String>,
}

impl FromStr for Trial {
    type Err = Error;

    fn from_str(text: &str) -> Result<Trial> {
        match shlex::split(text).filter(|words| !words.is_empty()) {
            Some(words) => Ok(Trial { text: text.to_owned(), words }),
            None => Err(Error::new(Class::Usage, format!("{text:?} is no command"))
                .hint("write a program with its arguments, quotes in pairs")),
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Engine {
    /// Whether it runs commands in its images.
    #[must_use]
    pub fn tries(&self) -> bool {
        !matches!(self, Engine::Containerd { .. })
    }
}

impl Driver {
    /// Runs `trial` in its image `name`, in a container without network that is gone afterwards. Nothing is
    /// pulled for that. Gives why it did not succeed.
    ///
    /// # Errors
    /// When the engine's program is not there or does not end.
    pub fn run_trial(&self, name: &Reference, trial: &Trial) -> Result<Option<String>> {
        let mut run = self.command();
        run.args(["run", "--rm", "--pull=never", "--network=none", "--entrypoint="]);
        run.arg(name.to_string()).args(&trial.words);
        let watch = &mut || self.cancel().check().map(|()| false);
        let ended = self.run(run, PATIENCE, watch)?;
        Ok((!ended.success).then(|| why(self.engine(), &ended)))
    }
}

fn why(engine: &Engine, ended: &Ended) -> String {
    let mut lines = ended.complaints.lines().map(str::trim);
    let last = lines.rfind(|line| !line.is_empty()).map(|line| format!(": {line}"));
    let last = last.unwrap_or_default();
    match ended.code {
        Some(code) if OWN.contains(&code) => format!("{engine} could not run it{last}"),
        Some(code) => format!("it ended with exit code {code}{last}"),
        None => format!("a signal ended it{last}"),
    }
}
