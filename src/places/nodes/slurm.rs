//! [`Slurm`]: one job a node, by `sbatch`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::calls::{JobEnvironment, NodeCall, is_run, random_run};
use super::dispatcher::{Dispatcher, FoundNode, NodeState};
use super::end::NodeEnd;
use super::name::NodeName;
use super::script::{NodeTask, StoppedBy};
use super::slurm_states::{has, job_end, job_line, node_line, waits_for_a_node};
use crate::tools::folder::Folder;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// How long what a job said may be on its way through a shared file system, once the job is gone: NFS keeps
/// what it knows of a folder for up to a minute.
const ON_ITS_WAY: Duration = Duration::from_secs(75);
/// Largest report: as that of any program that is listened to.
const MAX_SAID: u64 = 16 << 20;
/// How much of the complaints of a job is read, from their beginning.
const MAX_COMPLAINTS: u64 = 1 << 20;
/// How often a run is taken back until none of it is left, and how long is between.
const ROUNDS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(200);
/// How often the queue is asked for: every question is work for the one controller of all.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// All jobs of a run may wait at once: Slurm decides when each begins.
const AT_ONCE: usize = 20_000;

/// Which nodes, and how jobs are submitted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SlurmOptions {
    /// `--nodelist`, as in `n[1-3],n7`; all nodes without.
    pub nodelist: Option<String>,
    /// `--partition`.
    pub partition: Option<String>,
    /// `--constraint`.
    pub constraint: Option<String>,
    /// Further arguments of `sbatch`.
    pub extra: Vec<String>,
    /// Where jobs leave what they say: a folder that nodes have under the same name.
    pub folder: PathBuf,
    /// The environment that jobs get; all of ours, where that is not said.
    pub environment: Option<Vec<(String, OsString)>>,
}

impl SlurmOptions {
    /// All nodes, whose jobs leave what they say in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> SlurmOptions {
        SlurmOptions {
            nodelist: None,
            partition: None,
            constraint: None,
            extra: Vec::new(),
            folder: folder.into(),
            environment: None,
        }
    }
}

/// Nodes of a Slurm cluster.
#[derive(Debug)]
pub struct Slurm {
    options: SlurmOptions,
    /// The name of all jobs of this run, and of no other.
    run: String,
    jobs: BTreeMap<NodeName, SlurmJob>,
}

#[derive(Debug)]
struct SlurmJob {
    id: String,
    /// Since when it is in the queue no more.
    gone: Option<Instant>,
}

impl Slurm {
    /// Hands tasks over as `options` say.
    ///
    /// # Errors
    /// [`Class::Usage`] for a folder that Slurm cannot be told; when the system has no random numbers.
    pub fn new(options: SlurmOptions) -> Result<Slurm> {
        let folder = options.folder.to_str().filter(|it| !it.chars().any(char::is_control));
        if folder.is_none_or(|it| it.contains('\\')) {
            let text = format!("Slurm cannot be told the folder {}", options.folder.display());
            return Err(Error::new(Class::Usage, text)
                .hint(phrase!["name another one with ", Remedy::FanoutRecord]));
        }
        let run = random_run()?;
        Ok(Slurm { options, run, jobs: BTreeMap::new() })
    }

    fn environment(&self) -> &JobEnvironment {
        &self.options.environment
    }

    fn ask<A: Into<String>>(
        &self,
        program: &'static str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String> {
        NodeCall::new(program, arguments).answer(self.environment())
    }

    /// The lines of `sinfo` about `nodes`, or all.
    fn sinfo(&self, nodes: Option<&str>) -> Result<String> {
        let mut arguments = vec!["--noheader".to_owned(), "--Node".to_owned()];
        arguments.extend(self.options.partition.iter().map(|it| format!("--partition={it}")));
        arguments.extend(nodes.iter().map(|it| format!("--nodes={it}")));
        arguments.push("--format=%N|%T|%f|%E".to_owned());
        self.ask("sinfo", arguments)
    }

    /// Why `node` can do nothing now.
    fn why_down(&self, node: &NodeName) -> Result<Option<String>> {
        let lines = self.sinfo(Some(node.as_str()))?;
        let mut nodes = lines.lines().filter_map(node_line);
        Ok(nodes.find(|it| it.name == node.as_str()).and_then(|it| it.down))
    }

    fn call(&self, node: &NodeName, task: &NodeTask) -> NodeCall {
        // % begins what Slurm fills in.
        let folder = self.options.folder.to_string_lossy().replace('%', "%%");
        let (options, [out, err]) = (&self.options, files(&self.run, node));
        let own = [
            "--parsable".to_owned(),
            format!("--job-name={}", self.run),
            "--comment=sealift".to_owned(),
            "--nodes=1".to_owned(),
            "--ntasks=1".to_owned(),
            format!("--nodelist={node}"),
            "--no-requeue".to_owned(),
            "--export=ALL".to_owned(),
            format!("--output={folder}/{out}"),
            format!("--error={folder}/{err}"),
            "--open-mode=truncate".to_owned(),
        ];
        let partition = options.partition.iter().map(|it| format!("--partition={it}"));
        let constraint = options.constraint.iter().map(|it| format!("--constraint={it}"));
        let all = own.into_iter().chain(partition).chain(constraint).chain(options.extra.clone());
        NodeCall::new("sbatch", all).with(task.script(node, StoppedBy::Signals))
    }

    /// What the job of `node` left, once it is in the queue no more; nothing as long as it may be on its way.
    fn left(&self, node: &NodeName, job: &mut SlurmJob) -> Result<Option<NodeEnd>> {
        // Opened anew each time, so that a network file system looks again.
        let read = |name: &String, most: u64| -> Option<Vec<u8>> {
            let file = Folder::open(&self.options.folder).ok()?.file(name).ok()?;
            let mut bytes = Vec::new();
            file.take(most).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        };
        let [out, err] = files(&self.run, node);
        let said = read(&out, MAX_SAID);
        let complained = read(&err, MAX_COMPLAINTS).unwrap_or_default();
        let complained = String::from_utf8_lossy(&complained).into_owned();
        if let Some(end) = said.as_deref().and_then(|it| NodeEnd::of(it, complained.clone())) {
            if let Ok(folder) = Folder::open(&self.options.folder) {
                // It is known now. What stays is small, and has a name of its own.
                [out, err].iter().for_each(|name| drop(folder.remove(name)));
            }
            return Ok(Some(end));
        }
        if job.gone.get_or_insert_with(Instant::now).elapsed() < ON_ITS_WAY
            && !self.has_failed(&job.id)
        {
            return Ok(None);
        }
        let last = NodeEnd::lost(&[], complained);
        let last = last.last_words().map(|words| format!(": {words}")).unwrap_or_default();
        let how = self.ask("scontrol", ["--oneliner", "show", "job", &job.id]);
        let how = job_end(&how.unwrap_or_default());
        let why = match &said {
            None => format!(
                "{how}, and nothing it said is in {}: is that folder there on the node, under the same name?{last}",
                self.options.folder.display()
            ),
            Some(_) => format!("{how}, before it was done{last}"),
        };
        Ok(Some(NodeEnd::lost(said.as_deref().unwrap_or_default(), why)))
    }

    /// Whether Slurm knows that the job came to no end of its own, so that nothing more will come.
    fn has_failed(&self, id: &str) -> bool {
        let known = self.ask("scontrol", ["--oneliner", "show", "job", id]).unwrap_or_default();
        ["NODE_FAIL", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "BOOT_FAIL", "PREEMPTED"]
            .iter()
            .any(|state| known.contains(&format!("JobState={state}")))
    }

    /// That no node is as it was asked for.
    fn none(&self) -> Error {
        let SlurmOptions { nodelist, partition, constraint, .. } = &self.options;
        let asked = [
            ("of those that are named", nodelist),
            ("in partition", partition),
            ("with the features", constraint),
        ];
        let asked =
            asked.into_iter().filter_map(|(how, it)| Some(format!(" {how} {}", it.as_ref()?)));
        let text = format!("Slurm has no nodes{}", asked.collect::<String>());
        Error::new(Class::Usage, text).hint("see which it has: sinfo --Node --format '%N %P %f'")
    }

    /// The jobs of `run` that are queued or at work; those that are about to end are not.
    fn queued(&self, run: &str) -> Result<Vec<String>> {
        let name = format!("--name={run}");
        let states = "--states=PENDING,CONFIGURING,RUNNING,SUSPENDED";
        let lines = self.ask("squeue", ["--noheader", states, &name, "--format=%i|%T|%r"])?;
        let jobs = lines.lines().filter_map(job_line);
        Ok(jobs.map(|(id, ..)| id.to_owned()).collect())
    }
}

/// The files with what the job of `node` says, and with what it complains about.
fn files(run: &str, node: &NodeName) -> [String; 2] {
    ["out", "err"].map(|kind| format!("{run}.{node}.{kind}"))
}

/// What `sbatch` gets of the environment of whoever runs what is shown: all that it has goes to the job.
const AS_HERE: &str = "env -i PATH=\"$PATH\" HOME=\"$HOME\" USER=\"$USER\" LOGNAME=\"$LOGNAME\" \
                       ${SLURM_CONF:+SLURM_CONF=\"$SLURM_CONF\"} ";

impl Dispatcher for Slurm {
    fn name(&self) -> &'static str {
        "slurm"
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
        let named = match &self.options.nodelist {
            Some(list) => self.ask("scontrol", ["show", "hostnames", list])?,
            None => String::new(),
        };
        let lines = self.sinfo(self.options.nodelist.as_deref())?;
        let mut found: Vec<FoundNode> = Vec::new();
        for line in lines.lines().filter_map(node_line) {
            let wanted = match &self.options.constraint {
                None => true,
                Some(constraint) => has(&line.features, constraint).ok_or_else(|| {
                    let text = format!("which nodes {constraint:?} means is for Slurm to say");
                    Error::new(Class::Usage, text).hint("name the nodes as well")
                })?,
            };
            let name: NodeName = line.name.parse()?;
            if wanted && !found.iter().any(|it| it.name == name) {
                found.push(FoundNode { name, down: line.down });
            }
        }
        for name in named.lines().map(str::trim).filter(|it| !it.is_empty()) {
            if !found.iter().any(|it| it.name.as_str() == name) {
                let why = match (&self.options.partition, &self.options.constraint) {
                    (None, None) => "Slurm knows no such node",
                    _ => "no such node is in the partition, with what is asked for",
                };
                found.push(FoundNode { name: name.parse()?, down: Some(why.to_owned()) });
            }
        }
        match found.is_empty() {
            true => Err(self.none()),
            false => Ok(found),
        }
    }

    fn shown(&self, node: &NodeName, task: &NodeTask) -> String {
        // The folder is made by whoever submits, and here nobody is yet.
        let folder = self.options.folder.to_string_lossy().into_owned();
        let made = NodeCall::new("mkdir", ["-p".to_owned(), folder]).shown();
        made + AS_HERE + &self.call(node, task).shown()
    }

    fn submit(&mut self, node: &NodeName, task: &NodeTask) -> Result<()> {
        let said = self.call(node, task).answer(self.environment())?;
        let id = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        let id = id.split(';').next().unwrap_or_default();
        match !id.is_empty() && id.bytes().all(|c| c.is_ascii_digit()) {
            true => {
                self.jobs.insert(node.clone(), SlurmJob { id: id.to_owned(), gone: None });
                Ok(())
            }
            false => Err(Error::new(
                Class::Other,
                format!("sbatch says {said:?}, and not which job it made"),
            )),
        }
    }

    fn look(&mut self) -> Result<Vec<(NodeName, NodeState)>> {
        if self.jobs.is_empty() {
            return Ok(Vec::new());
        }
        let name = format!("--name={}", self.run);
        let lines = self.ask("squeue", ["--noheader", &name, "--format=%i|%T|%r"])?;
        let queue: BTreeMap<&str, (bool, &str)> =
            lines.lines().filter_map(job_line).map(|(id, on, why)| (id, (on, why))).collect();
        let mut states = Vec::new();
        let mut over = Vec::new();
        for (node, mut job) in std::mem::take(&mut self.jobs) {
            let state = match queue.get(job.id.as_str()) {
                Some((true, _)) => NodeState::Working,
                Some((false, why)) => match waits_for_a_node(why) {
                    true => match self.why_down(&node)? {
                        Some(why) => NodeState::Down(why),
                        None => NodeState::Waiting((*why).to_owned()),
                    },
                    false => NodeState::Waiting((*why).to_owned()),
                },
                None => match self.left(&node, &mut job)? {
                    Some(end) => NodeState::Ended(end),
                    None => NodeState::Working,
                },
            };
            if let NodeState::Down(_) = state {
                over.push(job.id);
            } else if !matches!(state, NodeState::Ended(_)) {
                self.jobs.insert(node.clone(), job);
            }
            states.push((node, state));
        }
        if !over.is_empty() {
            self.ask("scancel", over)?;
        }
        Ok(states)
    }

    fn give_up(&mut self, node: &NodeName) -> Result<()> {
        match self.jobs.remove(node) {
            Some(job) => self.ask("scancel", [job.id]).map(|_| ()),
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
        let name = format!("--name={run}");
        let mut queued = self.queued(run)?;
        for _ in 0..ROUNDS {
            if queued.is_empty() {
                return Ok(());
            }
            // Fails as well where they ended meanwhile: what is left is asked next.
            let _ = self.ask("scancel", [&name]);
            std::thread::sleep(BETWEEN);
            queued = self.queued(run)?;
        }
        let text =
            format!("jobs that were to be taken back are still there: {}", queued.join(", "));
        Err(Error::new(Class::Other, text).hint(format!("see to it: scancel {name}")))
    }
}
