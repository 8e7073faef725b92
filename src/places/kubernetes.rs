//! A Kubernetes cluster, as `kubectl get -o json` tells of it: which images its workloads ask for, and
//! what its pods run.
//!
//! As for engines the command is the interface: it finds the cluster and the credentials as the user's
//! own calls of it do. What it prints can be brought along in a file, too.

mod cluster;
mod counted;
mod loose;
mod object;
mod stream;

use std::fs::File;
use std::io::{BufReader, Read};
use std::process::{Command, Stdio};

pub use self::cluster::Cluster;
pub use self::object::{AskedImage, RunningImage, Workload};
pub use self::stream::read;
use crate::tools::process::{Ended, PipeReading};
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, ErrorKind, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// What is asked for, one call each: what runs, and what is to run and may have no pod now. The replica sets of
/// a deployment are the past of it.
const ASKED: [&str; 2] =
    ["pods", "deployments,statefulsets,daemonsets,replicationcontrollers,jobs,cronjobs"];
/// How long one answer of the cluster may take; kubectl asks for 500 objects at a time.
const PATIENCE: &str = "--request-timeout=300s";
/// How much of what came is kept in memory before it is looked at.
const BUFFER: usize = 64 << 10;

impl Cluster {
    /// Hands every workload of it to `each`. Standard input is opened by `stdin`, where it is that.
    ///
    /// # Errors
    /// When kubectl is not there or fails, and those of [`read`].
    pub fn workloads(
        &self,
        stdin: fn() -> Result<Box<dyn Read>>,
        cancel: &Cancel,
        each: &mut dyn FnMut(Workload) -> Result<()>,
    ) -> Result<()> {
        let mut from = |reader: &mut dyn Read| {
            read(BufReader::with_capacity(BUFFER, reader), cancel, &mut *each)
                .map_err(|e| e.context(self))
        };
        match self {
            Cluster::Asked { context } => ASKED.iter().try_for_each(|kinds| {
                let command = kubectl(context.as_deref(), kinds);
                from(&mut PipeReading::start(command, cancel, explain)?)
            }),
            Cluster::Stdin => from(&mut stdin()?),
            Cluster::File(path) => {
                let text = || format!("cannot read {}", path.display());
                let file = File::open(path);
                from(&mut file.map_err(|e| Error::new(Class::Usage, text()).source(e))?)
            }
        }
    }
}

/// The call of kubectl that prints all objects of `kinds`. It reads nothing from standard input.
fn kubectl(context: Option<&str>, kinds: &str) -> Command {
    let mut command = Command::new("kubectl");
    command.stdin(Stdio::null());
    command.args(context.map(|context| format!("--context={context}")));
    command.args(["get", kinds, "--all-namespaces", "--output=json", PATIENCE]);
    command
}

/// Why kubectl failed.
fn explain(ended: &Ended) -> Error {
    let lines: Vec<&str> = ended.complaints.lines().filter(|it| !it.trim().is_empty()).collect();
    let last = lines.last().map_or("it does not say why", |line| line.trim());
    let all = ended.complaints.to_lowercase();
    let is_said = |words: &[&str]| words.iter().any(|word| all.contains(word));
    let (class, kind, hint) = if is_said(&["forbidden", "unauthorized", "must be logged in"]) {
        let hint = phrase![
            "pipe in what you may see: kubectl get pods -n NAMESPACE -o json | ",
            Remedy::List,
            " -"
        ];
        (Class::Refused, ErrorKind::AccessDenied, hint)
    } else if is_said(&["connection", "unable to connect", "no such host", "timeout", "dial tcp"]) {
        let hint = "see that kubectl reaches the cluster: kubectl get nodes";
        (Class::Refused, ErrorKind::Unreachable, hint.into())
    } else {
        (Class::Other, ErrorKind::Other, "see what `kubectl get pods -A` says".into())
    };
    let shown = if lines.len() > 1 { &lines[lines.len().saturating_sub(5)..] } else { &[] };
    Error::new(class, format!("kubectl cannot tell what runs: {last}"))
        .of_kind(kind)
        .details(shown.iter().map(|line| (*line).to_owned()))
        .hint(hint)
}
