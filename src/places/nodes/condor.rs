//! [`CondorPool`]: one job a machine of an HTCondor pool, by `condor_submit`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use super::calls::{NodeCall, is_run, random_run};
use super::condor_states::{CondorState, job_line, machine_line};
use super::dispatcher::{Dispatcher, FoundNode, NodeState};
use super::end::NodeEnd;
use super::name::NodeName;
use super::script::{NodeTask, StoppedBy};
use crate::tools::file::write_whole;
use crate::tools::folder::Folder;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Largest report: as that of any program that is listened to.
const MAX_SAID: u64 = 16 << 20;
/// How much of the complaints of a job is read, from their beginning.
const MAX_COMPLAINTS: u64 = 1 << 20;
/// How often a run is taken back until none of it is left, and how long is between.
const ROUNDS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(200);
/// How often the queue is asked for.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// All jobs of a run may wait at once: the pool decides when each begins.
const AT_ONCE: usize = 20_000;
/// Permissions of a job's script.
const MODE: u32 = 0o700;

/// Which machines, and how jobs are submitted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CondorOptions {
    /// Machines, as `condor_status` calls them; all of the pool, where none is named.
    pub machines: Vec<NodeName>,
    /// An expression that their ClassAds fulfil.
    pub constraint: Option<String>,
    /// Further arguments of `condor_submit`.
    pub extra: Vec<String>,
    /// Where scripts lie and jobs leave what they say, on this machine.
    pub folder: PathBuf,
}

impl CondorOptions {
    /// All machines, whose jobs leave what they say in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> CondorOptions {
        let folder = folder.into();
        CondorOptions { machines: Vec::new(), constraint: None, extra: Vec::new(), folder }
    }
}

/// Machines of an HTCondor pool.
#[derive(Debug)]
pub struct CondorPool {
    options: CondorOptions,
    /// What all jobs of this run have as their attribute `SealiftRun`, and no other.
    run: String,
    /// The cluster of each node's job.
    jobs: BTreeMap<NodeName, String>,
}

impl CondorPool {
    /// Hands tasks over as `options` say.
    ///
    /// # Errors
    /// [`Class::Usage`] for a folder that a submit description cannot name; when the system has no random
    /// numbers.
    pub fn new(options: CondorOptions) -> Result<CondorPool> {
        // $ begins what HTCondor fills in, and a description has a line for each.
        let folder = options.folder.to_str();
        if folder.is_none_or(|it| {
            it.trim() != it || it.chars().any(|c| c.is_control() || "$\"".contains(c))
        }) {
            let text = format!("HTCondor cannot be told the folder {}", options.folder.display());
            return Err(Error::new(Class::Usage, text)
                .hint(phrase!["name another one with ", Remedy::FanoutRecord]));
        }
        Ok(CondorPool { options, run: random_run()?, jobs: BTreeMap::new() })
    }

    fn path(&self, node: &NodeName, kind: &str) -> String {
        let folder = self.options.folder.to_string_lossy();
        format!("{folder}/{}", file(&self.run, node, kind))
    }

    fn call(&self, node: &NodeName, task: &NodeTask) -> NodeCall {
        let sent =
            task.sent().map(|sent| format!("transfer_input_files = {}\n", sent.path().display()));
        let description = format!(
            "universe = vanilla\nexecutable = {}\noutput = {}\nerror = {}\nshould_transfer_files = YES\n{}\
             when_to_transfer_output = ON_EXIT\ngetenv = false\nrequirements = (Machine == \"{node}\")\n\
             batch_name = {run}\n+SealiftRun = \"{run}\"\nqueue\n",
            self.path(node, "sh"),
            self.path(node, "out"),
            self.path(node, "err"),
            sent.unwrap_or_default(),
            run = self.run,
        );
        let own = ["-terse".to_owned()].into_iter().chain(self.options.extra.clone());
        NodeCall::new("condor_submit", own.chain(["-".to_owned()])).with(description)
    }

    fn script(task: &NodeTask, node: &NodeName) -> String {
        task.script(node, StoppedBy::OneSignal)
    }

    /// What the job of `node` left, once it is in the queue no more. What it said is there by then.
    fn left(&self, node: &NodeName) -> NodeEnd {
        let folder = Folder::open(&self.options.folder).ok();
        let read = |kind: &str, most: u64| -> Vec<u8> {
            let file = folder.as_ref().and_then(|it| it.file(file(&self.run, node, kind)).ok());
            let mut bytes = Vec::new();
            // What cannot be read is no report.
            let _ = file.map(|file| file.take(most).read_to_end(&mut bytes));
            bytes
        };
        let said = read("out", MAX_SAID);
        let complaints = String::from_utf8_lossy(&read("err", MAX_COMPLAINTS)).into_owned();
        let end = NodeEnd::of(&said, complaints.clone()).unwrap_or_else(|| {
            let last = NodeEnd::lost(&[], complaints);
            let last = last.last_words().map(|it| format!(": {it}")).unwrap_or_default();
            NodeEnd::lost(&said, format!("its job left the queue before it was done{last}"))
        });
        for kind in ["sh", "out", "err"] {
            // What stays is small, and has a name of its own.
            let _ = folder.as_ref().map(|it| it.remove(file(&self.run, node, kind)));
        }
        end
    }

    /// The jobs of `run`: their clusters, and how far each is.
    fn queue(&self, run: &str) -> Result<BTreeMap<String, CondorState>> {
        let arguments =
            ["-constraint", &chosen(run), "-af:t", "ClusterId", "JobStatus", "HoldReason"];
        let said = NodeCall::new("condor_q", arguments).answer(&None)?;
        Ok(said.lines().filter_map(job_line).collect())
    }
}

/// What names the jobs of `run`, and none else.
fn chosen(run: &str) -> String {
    format!("SealiftRun == \"{run}\"")
}

fn file(run: &str, node: &NodeName, kind: &str) -> String {
    format!("{run}.{node}.{kind}")
}

impl Dispatcher for CondorPool {
    fn name(&self) -> &'static str {
        "condor"
    }

    fn most_at_once(&self) -> usize {
        AT_ONCE
    }

    fn pause(&self) -> Duration {
        LOOK_AGAIN
    }

    fn run(&self) -> Option<&str> {
        Some(&self.run)
    }

    fn nodes(&mut self) -> Result<Vec<FoundNode>> {
        let mut arguments = vec!["-startd".to_owned()];
        if let Some(constraint) = &self.options.constraint {
            arguments.extend(["-constraint".to_owned(), constraint.clone()]);
        }
        arguments.extend(["-af:t", "Machine", "State", "Offline"].map(str::to_owned));
        let said = NodeCall::new("condor_status", arguments).answer(&None)?;
        let mut found: Vec<FoundNode> = Vec::new();
        let is_wanted = |name: &NodeName| {
            self.options.machines.is_empty() || self.options.machines.contains(name)
        };
        for (name, down) in said.lines().filter_map(machine_line) {
            let name: NodeName = name.parse()?;
            match found.iter_mut().find(|it| it.name == name) {
                // A machine has many slots; one that works is enough.
                Some(known) => known.down = known.down.take().and(down),
                None if is_wanted(&name) => found.push(FoundNode { name, down }),
                None => {}
            }
        }
        for name in &self.options.machines {
            if !found.iter().any(|it| it.name == *name) {
                let why = "the pool has no such machine now".to_owned();
                found.push(FoundNode { name: name.clone(), down: Some(why) });
            }
        }
        match found.is_empty() {
            true => Err(Error::new(Class::Usage, "the pool has no such machines")
                .hint("see which it has: condor_status -compact")),
            false => Ok(found),
        }
    }

    fn shown(&self, node: &NodeName, task: &NodeTask) -> String {
        let folder = self.options.folder.to_string_lossy().into_owned();
        let path = self.path(node, "sh");
        let write = NodeCall::new("tee", [path.clone()]).with(CondorPool::script(task, node));
        let calls = [
            NodeCall::new("mkdir", ["-p".to_owned(), folder]),
            write,
            NodeCall::new("chmod", ["700".to_owned(), path]),
            self.call(node, task),
        ];
        calls.iter().map(NodeCall::shown).collect()
    }

    fn submit(&mut self, node: &NodeName, task: &NodeTask) -> Result<()> {
        let folder = Folder::open(&self.options.folder)
            .map_err(|e| Error::io(format!("cannot open {}", self.options.folder.display()), e))?;
        let script = CondorPool::script(task, node);
        write_whole(&folder, &file(&self.run, node, "sh"), MODE, script.as_bytes())?;
        let said = self.call(node, task).answer(&None)?;
        // `-terse` prints the first and the last job: `12.0 - 12.0`.
        let id = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        let id = id.split('.').next().unwrap_or_default();
        match !id.is_empty() && id.bytes().all(|c| c.is_ascii_digit()) {
            true => {
                self.jobs.insert(node.clone(), id.to_owned());
                Ok(())
            }
            false => {
                let text = format!("condor_submit says {said:?}, and not which job it made");
                Err(Error::new(Class::Other, text))
            }
        }
    }

    fn look(&mut self) -> Result<Vec<(NodeName, NodeState)>> {
        if self.jobs.is_empty() {
            return Ok(Vec::new());
        }
        let queue = self.queue(&self.run)?;
        let (mut states, mut held) = (Vec::new(), Vec::new());
        for (node, id) in std::mem::take(&mut self.jobs) {
            let state = match queue.get(&id) {
                Some(CondorState::Working) => NodeState::Working,
                Some(CondorState::Idle) => NodeState::Waiting("the machine to be free".to_owned()),
                Some(CondorState::Held(why)) => {
                    held.push(node.clone());
                    NodeState::Ended(NodeEnd::lost(&[], format!("HTCondor holds its job: {why}")))
                }
                None => NodeState::Ended(self.left(&node)),
            };
            if !matches!(state, NodeState::Ended(_)) || held.contains(&node) {
                self.jobs.insert(node.clone(), id);
            }
            states.push((node, state));
        }
        for node in held {
            self.give_up(&node)?;
        }
        Ok(states)
    }

    fn give_up(&mut self, node: &NodeName) -> Result<()> {
        match self.jobs.remove(node) {
            Some(id) => NodeCall::new("condor_rm", [id]).answer(&None).map(|_| ()),
            None => Ok(()),
        }
    }

    fn clear(&mut self) -> Result<()> {
        self.jobs.clear();
        let run = self.run.clone();
        self.clear_run(&run)
    }

    fn clear_run(&mut self, run: &str) -> Result<()> {
        if !is_run(run) {
            return Ok(());
        }
        for _ in 0..ROUNDS {
            if self.queue(run)?.is_empty() {
                return Ok(());
            }
            // Fails as well where they ended meanwhile: what is left is asked next.
            let _ = NodeCall::new("condor_rm", ["-constraint", &chosen(run)]).answer(&None);
            std::thread::sleep(BETWEEN);
        }
        let left = self.queue(run)?;
        let left = left.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let text = format!("jobs that were to be taken back are still there: {left}");
        Err(Error::new(Class::Other, text)
            .hint(format!("see to it: condor_rm -constraint '{}'", chosen(run))))
    }
}
