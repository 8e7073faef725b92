//! `sealift fanout`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args, Command};

use super::environment::{for_jobs, now, state_folder};
use super::fanout_nodes::NodesBy;
use super::fanout_serving::{ServedHere, Serving};
use super::printer::Printer;
use super::remedies::told;
use super::table::table;
use super::unlock::Unlock;
use crate::medium::address::{self, is_address};
use crate::places::location::{Destination, is_stream};
use crate::places::nodes::{NodeTask, SentBundle};
use crate::tools::ground;
use crate::verbs::fanout::{FanoutReport, NodeOutcome, Request, fanout};
use crate::verbs::import::runs_commands;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// What stands for a node's name.
const HOLE: &str = "{node}";
/// What it stands for where a command line is only looked at.
const ANY_NODE: &str = "node";

/// Import a bundle on many machines, by ssh or by the scheduler that is there
///
/// Each node verifies the bundle with what lies on the node, and imports it into its own storage. The bundle
/// lies where all of them see it, or is sent along, or is given to them from here. Nothing of yours goes along but the names that you give here.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("engine").required(true)), after_help = "Examples:
  sealift fanout /shared/june.tar --to containers-storage: --ssh login1,login2,login3 \\
      --key /shared/transfer.pub.pem
  sealift fanout /shared/june.tar --to docker-daemon: --ssh @hosts.txt --program /shared/bin/sealift
  sealift fanout /shared/june.tar --to containers-storage: --slurm --partition gpu \\
      --check 'python -V'
  sealift fanout /shared/june.tar --to 'oci:/scratch/{node}/images' --slurm --nodelist 'n[01-16]' \\
      --engine-arg=--account=ops --wait 86400
  sealift fanout /shared/june.tar --to docker-daemon: --condor --constraint HasDocker
  sealift fanout /shared/june.tar --to 'containerd:[k8s.io]' --kubernetes --namespace kube-system \\
      --program /shared/bin/sealift --constraint '!node-role.kubernetes.io/control-plane'
  sealift fanout /shared/june.tar --to docker-daemon: --ssh n1,n2 -- --only 'quay.io/org/*'
  sealift fanout june.tar --to docker-daemon: --ssh n1,n2 --send --key /etc/sealift/transfer.pub.pem
  sealift fanout june.tar --to containers-storage: --slurm --serve head --key /etc/sealift/transfer.pub.pem
  sealift fanout june.tar --to docker-daemon: --ssh n1,n2 --bundle-at http://head:5000/bundles/june.tar
  sealift fanout /shared/june.tar --to containers-storage: --slurm --dry-run > submit.sh

A line a node. The exit code is 0 if every node holds every image, else 5, and the same command then asks
those alone that do not; --again asks all. A node that is down is named, and nobody waits for it.
Ctrl-C takes back what is queued or at work. Nodes that were done stay done.
--key and --trust are paths on the nodes: each reads them there, and without them the trust folder that it
has. No key, password or variable of yours travels: --identity opens a bundle here, where it is looked at, and
a node is told its own behind --. What stands behind -- are options of sealift import,
whose paths are those of the nodes as well. {node} stands for the name of the node, in PLACE and there.
docs/fanout.md says more.")]
pub(super) struct Fanout {
    /// The bundle, in a place that all nodes see; of one in volumes the folder that they lie in, or each of them
    #[arg(value_name = "BUNDLE", required = true)]
    bundle: Vec<PathBuf>,
    /// Where to on each node: what import takes, as in containers-storage: or oci:/scratch/{node}/images
    #[arg(long, value_name = "PLACE")]
    to: String,
    #[command(flatten)]
    nodes: NodesBy,
    /// Public key that must have signed the bundle, in a file that the nodes have (with several, any one of
    /// them)
    #[arg(long, value_name = "PUB.pem")]
    key: Vec<PathBuf>,
    /// Folder with the root of trust on the nodes
    /// [default: /etc/sealift/trust, else ~/.config/sealift/trust]
    #[arg(long, value_name = "DIR", conflicts_with = "key")]
    trust: Option<PathBuf>,
    /// Have nodes take the bundle whoever signed it
    #[arg(long, conflicts_with_all = ["key", "trust"])]
    insecure_no_verify: bool,
    #[command(flatten)]
    unlock: Unlock,
    /// The program on the nodes
    #[arg(long, value_name = "PATH", default_value = "sealift")]
    program: String,
    /// What the bundle is called on the nodes, where they see it under another name (one for each BUNDLE), or the
    /// address at which they read it (http:// or https://), as of a sealift serve that runs already
    #[arg(long, value_name = "PATH")]
    bundle_at: Vec<PathBuf>,
    /// Send the bundle, which is one file, along to nodes that do not see it: by ssh through the connection, by HTCondor
    /// as a file of the job. It lies in a folder of its own on the node until it is imported ($TMPDIR or /var/tmp)
    #[arg(long, conflicts_with = "bundle_at")]
    send: bool,
    #[command(flatten)]
    served: ServedHere,
    /// Run this command in every image on every node, as import --check does
    #[arg(long, value_name = "CMD")]
    check: Option<String>,
    /// How many nodes are at it at once [default: 8 by ssh, else as many as the scheduler lets]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    at_once: Option<u16>,
    /// How long a node may take to begin, as where others use it
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600,
          value_parser = clap::value_parser!(u32).range(1..))]
    wait: u32,
    /// How long a node may take from there to its end
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400,
          value_parser = clap::value_parser!(u32).range(1..))]
    node_timeout: u32,
    /// Folder in which it is recorded which nodes hold what, and in which jobs of a scheduler leave what they
    /// say: nodes have to see it under the same name [default: ~/.local/state/sealift/fanout]
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Ask those nodes too that held everything when an earlier run ended
    #[arg(long)]
    again: bool,
    /// Print what would be handed over, as a shell script that does it (for Kubernetes as a manifest), and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Options of sealift import for every node
    #[arg(last = true, value_name = "OPTION OF IMPORT")]
    options: Vec<String>,
}

impl Fanout {
    /// Runs it; `app` is the program's own command line, by which that of the nodes is looked at.
    pub(super) fn run(self, app: Command, printer: &Printer) -> Result<ExitCode> {
        let progress = printer.progress();
        let (there, words) = (self.there()?, self.words()?);
        let import = |there: &[String]| [&["import".to_owned()], there, &words[..]].concat();
        // What else is wrong is told before the port is taken.
        check(app, &import(&there))?;
        let serving = self.served.serving(&self.bundle, self.dry_run, printer)?;
        let at_once = self.at_once.map(usize::from);
        let there = serving.as_ref().map_or(there, |it| it.words(at_once, &self.options));
        // Whoever says another key or program means that nodes are to look by it; wherever they read the same
        // bundle, they hold the same.
        let told_nodes = [self.program.clone()].into_iter().chain(words.clone()).collect();
        let sent = self.sent()?;
        self.nodes.takes(&self.program, sent.as_ref())?;
        let task = NodeTask::new(&self.program, import(&there))?;
        let task = sent.into_iter().fold(task, NodeTask::with_bundle);
        let record = self.record()?;
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let (patience, limit) = (seconds(self.wait), seconds(self.node_timeout));
        let deadline = patience + limit;
        let mut dispatcher = self.nodes.dispatcher(
            &record,
            for_jobs(),
            deadline,
            self.dry_run,
            &progress.handle(),
        )?;
        let mut paths = self.bundle.into_iter();
        let medium = self.unlock.opener(printer)?.medium(paths.next().unwrap_or_default());
        let mut request =
            Request::new(medium.with_volumes_at(paths.collect()), self.to, task, record, now);
        request.options = told_nodes;
        request.again = self.again;
        let usual = serving.as_ref().map(|_| Serving::at_once(dispatcher.most_at_once()));
        request.at_once = at_once.or(usual);
        request.served_at = serving.as_ref().map(|it| it.url().to_owned());
        (request.patience, request.limit) = (patience, limit);
        request.dry_run = self.dry_run;

        let comment = serving.as_ref().map(Serving::comment);
        let server = serving.map_or(Ok(None), |it| it.begin(printer))?;
        let ended = fanout(&request, &mut *dispatcher, &*progress);
        drop(server);
        let mut report = ended?;
        for node in &mut report.nodes {
            node.hint = node.hint.as_ref().map(|hint| Phrase::from(told(hint)));
        }
        let error = report.failure();
        printer.ending(&report, error.as_ref(), || text(&report, comment.as_deref()))?;
        Ok(printer.end(error.as_ref()))
    }

    /// Where nodes find the bundle, unless it is given to them from here.
    fn there(&self) -> Result<Vec<String>> {
        if let Some(address) = self.bundle.iter().find(|path| is_address(path)) {
            let text =
                format!("{} is looked at as a file of this machine", address::check(address)?);
            return Err(Error::new(Class::Usage, text)
                .hint("name the bundle as it lies here, and the address with --bundle-at"));
        }
        let there = match self.bundle_at.is_empty() {
            true => &self.bundle,
            false => &self.bundle_at,
        };
        if there.len() != self.bundle.len() {
            let text = format!(
                "--bundle-at names {}, and there are {} bundles",
                there.len(),
                self.bundle.len()
            );
            return Err(Error::new(Class::Usage, text).hint("name one for each, in their order"));
        }
        match self.send {
            true => Ok(vec![NodeTask::SENT.to_owned()]),
            // An address is one everywhere.
            false => there
                .iter()
                .map(|path| match is_address(path) {
                    true => address::check(path).map(str::to_owned),
                    false => on_nodes(path),
                })
                .collect(),
        }
    }

    /// What each node is told beside the name of the program and the bundle.
    fn words(&self) -> Result<Vec<String>> {
        let mut words = Vec::new();
        words.extend(["--to".to_owned(), self.to.clone()]);
        words.extend(["--statement", NodeTask::STATEMENT].map(str::to_owned));
        for key in &self.key {
            words.extend(["--key".to_owned(), on_nodes(key)?]);
        }
        if let Some(trust) = &self.trust {
            words.extend(["--trust".to_owned(), on_nodes(trust)?]);
        }
        words.extend(self.insecure_no_verify.then(|| "--insecure-no-verify".to_owned()));
        if let Some(check) = &self.check {
            words.extend(["--check".to_owned(), check.clone()]);
        }
        let own = ["--format=json", "--no-progress"].map(str::to_owned);
        words.extend(own.into_iter().filter(|own| !self.options.contains(own)));
        words.extend(self.options.iter().cloned());
        Ok(words)
    }

    /// The bundle that goes along.
    fn sent(&self) -> Result<Option<SentBundle>> {
        match (self.send, self.bundle.as_slice()) {
            (false, _) => Ok(None),
            (true, [path]) => SentBundle::at(&absolute(path)?).map(Some),
            (true, _) => Err(Error::new(Class::Usage, "only a bundle of one file is sent along")
                .hint("make one file of it: sealift pack")),
        }
    }

    fn record(&self) -> Result<PathBuf> {
        let usual = || state_folder().map(|state| state.join("fanout"));
        let named = self.record.clone().or_else(usual).ok_or_else(|| {
            Error::new(Class::Usage, "there is no home in which to record what was done")
                .hint(phrase!["name a folder with ", Remedy::FanoutRecord])
        })?;
        let named = absolute(&named)?;
        ground::folder(&named)?;
        Ok(named)
    }
}

/// A path as every node is told it: from the root on.
fn on_nodes(path: &Path) -> Result<String> {
    let path = absolute(path)?;
    path.into_os_string().into_string().map_err(|path| {
        let text = format!("{} cannot be handed to a node", path.display());
        Error::new(Class::Usage, text).hint("give it a name in UTF-8")
    })
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|e| Error::new(Class::Usage, format!("{} is no path", path.display())).source(e))
}

/// Whether an import takes `words`, so that a slip of the pen is found here and not on every node.
fn check(app: Command, words: &[String]) -> Result<()> {
    // Which bundle it is, is known once it was looked at.
    let any = Digest::of(&[]).to_string();
    let words = words.iter().map(|word| match word == NodeTask::STATEMENT {
        true => any.clone(),
        false => word.replace(HOLE, ANY_NODE),
    });
    let found = app.try_get_matches_from([ANY_NODE.to_owned()].into_iter().chain(words));
    let found = found.map_err(|e| {
        let text = e.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        let text = first.strip_prefix("error: ").unwrap_or(first).to_owned();
        Error::new(Class::Usage, format!("import does not take that: {text}"))
            .hint("see what it takes: sealift import --help")
    })?;
    let usage = |text: &str, hint: &str| Err(Error::new(Class::Usage, text).hint(hint.to_owned()));
    let Some(("import", import)) = found.subcommand() else {
        return usage("a node can only import", "give options of sealift import behind --");
    };
    if import.get_flag("dry_run") {
        return usage(
            "a node that does a dry run holds nothing",
            "put --dry-run before --, and it is shown what nodes would be told",
        );
    }
    if import.contains_id("shard") {
        return usage(
            "a node that brings one shard does not hold every image",
            "shards go into one registry: sealift import --shard, on each machine",
        );
    }
    let to = import.get_one::<Destination>("to");
    if let (Some(to), true) = (to, import.contains_id("check")) {
        runs_commands(to)?;
    }
    match to {
        Some(Destination::Archive { path, .. }) if is_stream(path) => {
            usage("a node says on its standard output what it did", "name a file on the nodes")
        }
        _ => Ok(()),
    }
}

fn text(report: &FanoutReport, comment: Option<&str>) -> Vec<String> {
    if report.dry_run {
        let lines = report.nodes.iter().flat_map(|node| match (&node.job, node.state) {
            (Some(job), NodeOutcome::Planned) => {
                job.lines().map(|line| Safe(line).to_string()).collect()
            }
            _ => vec![format!("# {}: {}", node.node, Safe(&node.words()))],
        });
        let first = match report.engine {
            "kubernetes" => "# kubectl create --filename=THIS",
            _ => "#!/bin/sh",
        };
        let comment = comment.map(str::to_owned);
        return [first.to_owned()].into_iter().chain(comment).chain(lines).collect();
    }
    let rows: Vec<Vec<String>> =
        report.nodes.iter().map(|it| vec![it.node.to_string(), it.words()]).collect();
    let mut lines = table(&rows);
    let bundle = Safe(&report.bundle).to_string();
    lines.push(format!(
        "from bundle {bundle}, statement {}, by {}",
        report.statement, report.engine
    ));
    lines
}
