//! Machines that do a part of a fan-out, as far as one machine can be several.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::images::{self, write_layout};
use super::output;
use super::sealift::{Keys, Ran, Sealift, ran};

/// The name of the image in the bundle.
pub const HELLO: &str = "docker.io/library/hello:1.0";

/// A head node with a bundle in the shared folder, and the program of all nodes.
pub struct HeadNode {
    pub sealift: Sealift,
    pub keys: Keys,
    pub bundle: PathBuf,
}

impl HeadNode {
    /// With an image that needs a little more than a megabyte, in the bundle of this name.
    pub fn new(bundle: &str) -> HeadNode {
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        let layout = sealift.at("layout");
        write_layout(&layout, &[(HELLO, &images::hello())]);
        let source = format!("oci:{}", layout.display());
        run!(sealift, "export", source, "-o", bundle, "--sign-key", keys.private).ok();
        let bundle = sealift.at(bundle);
        HeadNode { sealift, keys, bundle }
    }

    /// What nodes run as the program: it notes its arguments, has a home of its own, and does `first` before
    /// it is the program.
    pub fn program(&self, first: &str) -> PathBuf {
        let path = self.sealift.at("on-nodes");
        let at = |name: &str| self.sealift.at(name).display().to_string();
        let script = format!(
            "#!/bin/sh\necho \"$*\" >> '{}'\nexport HOME='{}'\nunset XDG_STATE_HOME\n\
             export XDG_STATE_HOME=\"$HOME/state\"\n{first}\nexec {} \"$@\"\n",
            at("asked"),
            at("home-of-nodes"),
            env!("CARGO_BIN_EXE_sealift")
        );
        std::fs::create_dir_all(at("home-of-nodes")).unwrap();
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A fan-out of the bundle to `to`, by `program` on the nodes, not run yet.
    pub fn fanout(&self, to: &str, program: &Path) -> Command {
        let mut fanout = self.sealift.command();
        fanout.arg("fanout").arg(&self.bundle).args(["--to", to, "--program"]).arg(program);
        fanout.arg("--key").arg(&self.keys.public);
        fanout
    }

    /// Which nodes were asked since this was asked last, by what stands for them in `to`: a folder `nodes/NAME`.
    pub fn asked(&self) -> Vec<String> {
        let path = self.sealift.at("asked");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(&path);
        let mut nodes: Vec<String> = text
            .lines()
            .map(|line| line.split("nodes/").nth(1).unwrap().split('/').next().unwrap().to_owned())
            .collect();
        nodes.sort();
        nodes
    }

    /// A small disk for node `name`, in `nodes/NAME` of the scratch folder.
    pub fn small_disk(&self, name: &str) -> NodeDisk {
        let path = self.sealift.at("nodes").join(name);
        std::fs::create_dir_all(&path).unwrap();
        output(Command::new("mount").args(["-t", "tmpfs", "-o", "size=600k", "none"]).arg(&path));
        NodeDisk(path)
    }
}

/// The disk of a node.
pub struct NodeDisk(PathBuf);

impl NodeDisk {
    /// Makes room on it.
    pub fn grow(&self) {
        output(Command::new("mount").args(["-o", "remount,size=64m"]).arg(&self.0));
    }
}

impl Drop for NodeDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

/// What became of each node, as JSON tells: its name and a word.
pub fn states(ran: &Ran) -> Vec<(String, String)> {
    let nodes = ran.json()["nodes"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    nodes.iter().map(|node| (text(&node["node"]), text(&node["state"]))).collect()
}

/// Runs `command` with JSON asked for.
pub fn in_json(command: &mut Command) -> Ran {
    ran(command.args(["--format", "json"]))
}

/// `pairs` as [`states`] tells them.
pub fn told(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(node, state)| ((*node).to_owned(), (*state).to_owned())).collect()
}
