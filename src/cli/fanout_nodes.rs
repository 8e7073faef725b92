//! The options that say which nodes there are, and how they are reached.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::secrets::read_text;
use crate::places::nodes::{
    CondorOptions, CondorPool, Dispatcher, KubernetesNodes, KubernetesOptions, NodeName,
    SentBundle, Slurm, SlurmOptions, Ssh, node_names,
};
use crate::tools::folder::Folder;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Which nodes, and how they are reached.
#[derive(Debug, Args)]
pub(super) struct NodesBy {
    /// Nodes that ssh reaches, with commas between them, or @FILE with one a line and # for comments.
    /// OpenSSH's own client is run, as ~/.ssh/config says; it asks nobody for a password, and refuses hosts
    /// whose keys it does not know
    #[arg(long, value_name = "HOSTS", group = "engine")]
    ssh: Option<String>,
    /// Nodes of a Slurm cluster, a job each: all of them, or those of --nodelist, --partition and --constraint
    #[arg(long, group = "engine")]
    slurm: bool,
    /// Machines of an HTCondor pool, a job each: all of them, or those of --nodelist and --constraint
    #[arg(long, group = "engine")]
    condor: bool,
    /// Nodes of a Kubernetes cluster, a job each, by kubectl: all of them, or those of --nodelist and --constraint.
    /// The job is root on its node and runs the program of the node: --program, by its whole path, linked statically
    #[arg(long, group = "engine")]
    kubernetes: bool,
    /// These nodes, as sbatch takes them; of HTCondor and Kubernetes names with commas between them
    #[arg(long, value_name = "NODES", conflicts_with = "ssh")]
    nodelist: Option<String>,
    /// The nodes of this partition
    // What others have no use for is refused: a flag that is required counts as given beside another of its group.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ssh", "condor", "kubernetes"])]
    partition: Option<String>,
    /// Nodes with these features, with & or | between them; of HTCondor an expression, as condor_status takes it;
    /// of Kubernetes a label selector
    #[arg(long, value_name = "FEATURES", conflicts_with = "ssh")]
    constraint: Option<String>,
    /// Image of the job's container, of which nothing is used
    /// [default: the smallest one that each node says it has]
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["ssh", "slurm", "condor"])]
    image: Option<String>,
    /// Namespace of the jobs, which has to let them be privileged [default: that of kubectl's context]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ssh", "slurm", "condor"])]
    namespace: Option<String>,
    /// Further argument of ssh, sbatch, condor_submit or kubectl, as it is (can be repeated)
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    engine_arg: Vec<String>,
}

/// Largest list of nodes that is read: the most there may be, with a comment each.
const MAX_LIST: u64 = 8 << 20;
/// Where jobs leave what they say, in the folder of the record.
const JOBS: &str = "jobs";
/// Permissions of that.
const PRIVATE: u32 = 0o700;

impl NodesBy {
    /// Refuses a `program` that a node could not find, and a bundle that cannot be `sent` along.
    pub(super) fn takes(&self, program: &str, sent: Option<&SentBundle>) -> Result<()> {
        let path = sent.map(|it| it.path().to_string_lossy().into_owned()).unwrap_or_default();
        let refused = match (sent.is_some(), self.slurm, self.kubernetes, self.condor) {
            (true, true, ..) => Some("Slurm brings no bundle to its nodes".to_owned()),
            (true, _, true, _) => Some("Kubernetes brings no bundle to its nodes".to_owned()),
            // A comma ends a name there, and a dollar begins what is filled in.
            (true, .., true) if path.trim() != path || path.contains([',', '$', '"', '\n']) => {
                Some(format!("HTCondor cannot be told to bring {path}"))
            }
            _ => None,
        };
        if let Some(text) = refused {
            let hint = "have nodes read it from here with --serve, put it where all see it under a plain name, or \
                        reach them by ssh";
            return Err(Error::new(Class::Usage, text).hint(hint));
        }
        if !self.kubernetes || program.starts_with('/') {
            return Ok(());
        }
        let text = format!("a pod does not find the program {program:?} of its node by that name");
        let hint = phrase!["name it by its whole path on the nodes with ", Remedy::FanoutProgram];
        Err(Error::new(Class::Usage, text).hint(hint))
    }

    /// What hands tasks over, for the job of `cancel`. Jobs leave what they say in the folder `record`, which
    /// is made unless this is a `dry_run`, get the `environment`, and have ended by the `deadline`.
    pub(super) fn dispatcher(
        self,
        record: &Path,
        environment: Vec<(String, OsString)>,
        deadline: Duration,
        dry_run: bool,
        cancel: &Cancel,
    ) -> Result<Box<dyn Dispatcher>> {
        if let Some(hosts) = &self.ssh {
            return Ok(Box::new(Ssh::new(listed(hosts)?, self.engine_arg, cancel.clone())));
        }
        if self.kubernetes {
            let mut options = KubernetesOptions::new();
            options.nodes = self.nodelist.as_deref().map_or(Ok(Vec::new()), node_names)?;
            options.selector = self.constraint;
            options.namespace = self.namespace;
            options.image = self.image;
            options.extra = self.engine_arg;
            options.deadline = deadline;
            return Ok(Box::new(KubernetesNodes::new(options)?));
        }
        let folder = record.join(JOBS);
        let made = |dispatcher: Box<dyn Dispatcher>| {
            if !dry_run {
                Folder::make(&folder, PRIVATE)
                    .map_err(|e| Error::io(format!("cannot make {}", folder.display()), e))?;
            }
            Ok(dispatcher)
        };
        if self.condor {
            let mut options = CondorOptions::new(&folder);
            options.machines = self.nodelist.as_deref().map_or(Ok(Vec::new()), node_names)?;
            options.constraint = self.constraint;
            options.extra = self.engine_arg;
            return made(Box::new(CondorPool::new(options)?));
        }
        let mut options = SlurmOptions::new(&folder);
        options.nodelist = self.nodelist;
        options.partition = self.partition;
        options.constraint = self.constraint;
        options.extra = self.engine_arg;
        options.environment = Some(environment);
        made(Box::new(Slurm::new(options)?))
    }
}

/// The nodes that `hosts` names, or the file behind an `@`.
fn listed(hosts: &str) -> Result<Vec<NodeName>> {
    match hosts.strip_prefix('@') {
        Some(path) => {
            let text = read_text(Path::new(path), MAX_LIST)?;
            node_names(&text).map_err(|e| Error::new(Class::Usage, e.words()).context(path))
        }
        None => node_names(hosts),
    }
}
