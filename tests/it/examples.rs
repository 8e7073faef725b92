//! What `examples/` works out is true: scripts are run, with hosts and folders of this machine in place of the site's, and
//! what is read by sealift or an engine is read by it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::images::{self, write_layout};
use crate::support::nodes::HeadNode;
use crate::support::registry::Registry;
use crate::support::sealift::{Sealift, ran};
use crate::support::{command, output, text};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn example(name: &str) -> String {
    let path = root().join("examples").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A script at `path`, which anybody may run.
fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path, mode).unwrap();
}

/// `sh` in the scratch folder of `sealift`, with the commands of its folder `bin` in front of all others.
fn shell(sealift: &Sealift) -> Command {
    let mut shell = command("sh");
    let own = sealift.command();
    shell.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path = std::env::var("PATH").unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_sealift")).parent().unwrap().display().to_string();
    shell.env("PATH", format!("{}:{program}:{path}", sealift.at("bin").display()));
    shell.current_dir(sealift.at(""));
    shell
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn the_page_leads_to_every_example_and_nowhere_else() {
    let page = example("README.md");
    let links: Vec<&str> =
        page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    for link in &links {
        let (path, heading) = link.split_once('#').unwrap_or((link, ""));
        let path = root().join("examples").join(path);
        let there = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{link}: {e}"));
        let mut headings = there.lines().filter(|line| line.starts_with('#')).map(anchor);
        assert!(heading.is_empty() || headings.any(|it| it == heading), "{link}");
    }
    for entry in walkdir::WalkDir::new(root().join("examples")) {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(root().join("examples")).unwrap().to_str().unwrap();
        let is_named = name == "README.md" || links.contains(&name);
        assert!(entry.file_type().is_dir() || is_named, "{name}");
    }
    for page in ["README.md", "docs/fanout.md", "docs/from-docker-save.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        assert!(text.contains("examples/README.md)"), "{page}");
    }
}

#[test]
fn lists_are_lists_and_rules_are_rules() {
    let sealift = Sealift::new();
    let listed = |name: &str| -> Vec<String> {
        let list = root().join("examples").join(name);
        let told = run!(sealift, "list", "-f", list).ok().stdout;
        told.lines().map(|line| line.split("  #").next().unwrap().to_owned()).collect()
    };
    let observatory = "gcr.io/panoptes-exp/panoptes-utils:latest";
    assert_eq!(listed("condor/r-job.sub"), ["rerickson/r-custom"]);
    assert_eq!(listed("ssh/panoptes.yaml"), [observatory, observatory]);
    assert_eq!(listed("images.txt").len(), 4);

    let hello = images::hello();
    let named = ["docker.io/library/alpine:3.20", "quay.io/org/app:1", "docker.io/library/web:2"];
    write_layout(&sealift.at("layout"), &named.map(|name| (name, &hello)));
    let keys = sealift.keys("signer");
    run!(sealift, "export", "oci:layout", "-o", "b", "--sign-key", keys.private).ok();
    let registry = Registry::empty();
    let to = format!("docker://{}/group", registry.host());
    let map = root().join("examples/names.map");
    run!(sealift, "import", "b", "--to", to, "--map-file", map, "--key", keys.public).ok();
    for (repository, tag) in [("alpine", "demo-copy"), ("quay/org/app", "1"), ("base/web", "2")] {
        let path = format!("group/{repository}");
        assert!(registry.document(&path, tag).is_some(), "{path}:{tag}");
    }
}

/// The commands of a submit description.
fn submitted(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(k, v)| (k.trim(), v.trim())).collect()
}

#[test]
fn one_submit_file_brings_a_bundle_to_each_machine_of_the_pool() {
    need!("busybox");
    let head = HeadNode::new("june.tar");
    std::fs::copy(&head.keys.public, head.sealift.at("transfer.pub.pem")).unwrap();
    let shared = head.sealift.at("");
    let said = example("condor/pool.sub");
    let commands = submitted(&said);
    assert!(said.ends_with("\nqueue node from machines.txt\n"));
    assert_eq!(commands["requirements"], "(Machine == \"$(node)\")");
    assert!(commands["output"].contains("$(node)") && commands["error"].contains("$(node)"));
    assert_eq!((commands["universe"], commands["transfer_executable"]), ("vanilla", "false"));
    assert_eq!(commands["executable"], "/shared/bin/sealift");

    for node in ["n1", "n2"] {
        // What the pool fills in, and podman's docker in place of a daemon a machine.
        let line = commands["arguments"].trim_matches('"');
        let line = line.replace("$(bundle:/shared/june.tar)", "/shared/june.tar");
        let line =
            line.replace("$(node)", node).replace("/shared/", &format!("{}/", shared.display()));
        assert!(line.contains("--to docker-daemon:") && !line.contains("$("), "{line}");
        let line = line.replace("docker-daemon:", &format!("oci:{node}"));
        ran(head.sealift.command().args(line.split(' '))).ok();
        assert!(head.sealift.at(node).join("index.json").exists());
    }
}

/// Runs what is submitted at once, and notes with what it was.
const SBATCH: &str = r#"#!/bin/sh
set -e
log=${0%/*}/../submitted number=1
echo "$*" | head -1 >> "$log"
for word; do
    [ "$before" != --wrap ] || wrapped=$word
    case $word in --array=1-*) last=${word#--array=1-} number=4711 ;; esac
    before=$word
done
n=1
while [ $n -le "${last:-1}" ]; do
    SLURM_ARRAY_TASK_ID=$n sh -c "$wrapped" >> "${log%/*}/jobs.out" 2>&1
    n=$((n + 1))
done
echo "$number;cluster"
"#;

#[test]
fn an_array_fills_harbor_and_the_names_come_last() {
    let head = HeadNode::new("june.tar");
    let (sealift, harbor) = (&head.sealift, Registry::empty());
    let home = sealift.home();
    std::fs::copy(&head.keys.public, home.join("transfer.pub.pem")).unwrap();
    let program = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_sealift"));
    script(&home.join("bin/sealift"), &program);
    script(&sealift.at("bin/sbatch"), SBATCH);
    let said = example("slurm/into-harbor.sh").replace("erisxdl.partners.org", &harbor.host());
    script(&sealift.at("into-harbor.sh"), &said);

    let submit = |rule: &str| {
        let mut run = shell(sealift);
        run.env("SHARDS", "3").arg("into-harbor.sh").arg(&head.bundle).args(["pas", "--map", rule]);
        ran(&mut run)
    };

    // What no registry takes as a name comes to the job as it was said, and is refused there.
    assert_ne!(submit("docker.io/library/*=it's $HOME/*").code, 0);
    let why = std::fs::read_to_string(sealift.at("jobs.out")).unwrap();
    assert!(why.contains("it's $home/hello"), "{why}");
    let done = submit("docker.io/library/*=base/*").ok();

    assert_eq!(done.stdout, "1;cluster\n");
    assert!(harbor.document("pas/base/hello", "1.0").is_some());
    let log = std::fs::read_to_string(sealift.at("submitted")).unwrap();
    let last = log.lines().last().unwrap();
    assert!(last.contains("--dependency=afterok:4711 ") && last.ends_with(" --finish"), "{log}");
    let array = log.lines().rev().nth(1).unwrap();
    assert!(array.contains("--array=1-3 "), "{log}");
}

#[test]
fn the_folder_of_the_notebook_driver_gets_its_files_under_their_names() {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let folder = sealift.at("docker_images");
    std::fs::create_dir(&folder).unwrap();
    write_layout(&sealift.at("layout"), &[("docker.io/rocker/rstudio:latest", &images::hello())]);
    run!(sealift, "export", "oci:layout", "-o", "b.tar", "--sign-key", keys.private).ok();
    let said = example("docker/driver-images.sh");
    let said = said.replace("/var/lib/pb/docker_images", &folder.display().to_string());
    let key = keys.public.display().to_string();
    script(&sealift.at("run.sh"), &said.replace("/etc/sealift/transfer.pub.pem", &key));

    ran(shell(&sealift).args(["run.sh", "b.tar", "--dry-run"])).ok();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    for _ in 0..2 {
        ran(shell(&sealift).args(["run.sh", "b.tar"])).ok();
        let names: Vec<PathBuf> =
            std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
        assert_eq!(names, [folder.join("rocker.rstudio.img")]);
    }
    let image = std::fs::read(folder.join("rocker.rstudio.img")).unwrap();
    assert_eq!(image[..2], [0x1f, 0x8b], "as gzip writes it");
}

#[test]
fn the_storage_of_a_login_node_is_where_its_file_says() {
    need!("podman");
    let sealift = Sealift::new();
    let said = example("ssh/storage.conf");
    let here = sealift.at("local").display().to_string();
    // Whether overlays can be mounted in this place is not the question.
    let said = said.replace("/erisxdl/local", &here).replace("overlay", "vfs");
    let mut conf = String::new();
    // podman wants both; a user of his own has a default for the second.
    for line in said.lines() {
        writeln!(conf, "{line}").unwrap();
        if line == "[storage]" {
            writeln!(conf, "runroot = \"{here}/run\"").unwrap();
        }
    }
    std::fs::write(sealift.at("storage.conf"), conf).unwrap();
    let mut podman = command("podman");
    podman.env("CONTAINERS_STORAGE_CONF", sealift.at("storage.conf"));
    let root = text(podman.args(["info", "--format", "{{.Store.GraphRoot}}"]));
    assert_eq!(root.trim(), format!("{here}/storage/abc123"));
}

#[test]
fn the_unit_that_receives_says_what_there_is() {
    let sealift = Sealift::new();
    let said = example("receive/sealift-receive.service");
    let help = text(sealift.command().args(["receive", "--help"]));
    let words = said.split_whitespace().filter(|word| word.starts_with("--"));
    let options: Vec<&str> = words.filter(|word| *word != "--now").collect();
    assert!(options.len() >= 4, "{options:?}");
    for option in options {
        assert!(help.split_whitespace().any(|word| word == option), "{option} is none of\n{help}");
    }
    need!("systemd-analyze");
    let unit = sealift.at("sealift-receive.service");
    std::fs::write(&unit, said.replace("/usr/bin/sealift", env!("CARGO_BIN_EXE_sealift"))).unwrap();
    let told = output(command("systemd-analyze").args(["verify", "--man=no"]).arg(&unit));
    assert!(told.is_empty(), "{}", String::from_utf8_lossy(&told));
}
