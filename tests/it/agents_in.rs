//! A bundle goes into a node of K3s, RKE2 or k0s: into its containerd, pinned, where that runs, and as
//! archives into the folder from which it imports at its start. None of the three was to be had here:
//! their containerd is one with the CRI, and `ctr images import` does what they do with the folder.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use sealift::places::engine::Agent;
use serde_json::{Value, json};

use crate::support::content::{Layer, tar};
use crate::support::engines::{Containerd, Tmpfs};
use crate::support::images::{self, Image, OCI_INDEX, OCI_MANIFEST, write_layout};
use crate::support::nodes::{HeadNode, in_json};
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};
use crate::support::ssh::Sshd;
use crate::support::{Random, command, output, text};

const APP: &str = "quay.io/acme/app:1.0";
const MULTI: &str = "localhost:5000/acme/multi:1.0";
const PIN: &str = "io.cri-containerd.pinned=pinned";

/// A node, and a sealift on it.
struct Node {
    containerd: Containerd,
    sealift: Sealift,
    keys: Keys,
}

impl Node {
    fn start() -> Node {
        Node::of(Containerd::start_with_cri())
    }

    fn of(containerd: Containerd) -> Node {
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        Node { containerd, sealift, keys }
    }

    fn pack(&self, bundle: &str, images: &[(&str, &Image)]) {
        let layout = self.sealift.at(&format!("{bundle}.layout"));
        write_layout(&layout, images);
        let source = format!("oci:{}", layout.display());
        run!(self.sealift, "export", source, "-o", bundle, "--sign-key", self.keys.private).ok();
    }

    /// The place of `agent`, whose data is in the folder of that name: with its containerd if it `runs`.
    fn place(&self, agent: &str, runs: bool) -> String {
        let socket = match runs {
            true => self.containerd.address(),
            false => self.sealift.at("no socket"),
        };
        format!("{agent}:[{}]{}", socket.display(), self.sealift.at(agent).display())
    }

    fn import(&self, bundle: &str, to: &str, more: &[&str]) -> Ran {
        let mut import = self.sealift.command();
        import.args(["import", bundle, "--format", "json", "--to", to, "--key"]);
        ran(import.arg(&self.keys.public).args(more))
    }

    fn ctr(&self) -> Command {
        let mut ctr = self.containerd.command();
        ctr.args(["--namespace", "k8s.io"]);
        ctr
    }

    /// What containerd tells of the image `name`: a line with its digest and labels.
    fn line(&self, name: &str) -> Option<String> {
        let list = text(self.ctr().args(["images", "ls"]));
        let mut lines = list.lines();
        lines.find(|line| line.split_whitespace().next() == Some(name)).map(str::to_owned)
    }

    /// Asserts that `name` is pinned as `image`, and by its digest too.
    #[track_caller]
    fn pins(&self, name: &str, image: &Image) {
        let (repository, _) = name.rsplit_once(':').unwrap();
        for name in [name, &format!("{repository}@{}", image.digest())] {
            let line = self.line(name).unwrap_or_else(|| panic!("{name} is not there"));
            assert!(line.contains(image.digest()) && line.contains(PIN), "{line}");
        }
    }

    /// The files in `folder` of the node.
    fn files(&self, folder: &str) -> Vec<String> {
        let Ok(found) = std::fs::read_dir(self.sealift.at(folder)) else { return Vec::new() };
        let mut names: Vec<String> =
            found.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The names in the list of an archive.
    fn listed(&self, archive: &Path) -> Vec<String> {
        let list = output(command("tar").arg("-xOf").arg(archive).arg("index.json"));
        let list: Value = serde_json::from_slice(&list).unwrap();
        let names = list["manifests"].as_array().unwrap().iter();
        let name =
            |it: &Value| it["annotations"]["io.containerd.image.name"].as_str().unwrap().into();
        names.map(name).collect()
    }
}

/// An image of a base and one more layer.
fn version(own: &str) -> Image {
    let base = Layer::gzip(&tar(&[("base", &Random::new(3).bytes(300_000), 0o644)]));
    let own = Layer::gzip(&images::one_file("own", own));
    Image::single("acme/app", "1.0", r#"["/bin/true"]"#, &[base, own])
}

fn multi() -> Image {
    images::all().into_iter().find(|image| image.repository == "acme/multi").unwrap()
}

#[test]
fn a_node_that_runs_has_the_images_at_once_and_keeps_them() {
    need!("root", "containerd", "ctr", "tar", "busybox");
    let node = Node::start();
    let (app, multi) = (version("x"), multi());
    node.pack("b.tar", &[(APP, &app), (MULTI, &multi)]);
    let to = node.place("k3s", true);

    let first = node.import("b.tar", &to, &["--receipt", "r.json"]).ok();

    let told = first.json();
    let folder = node.sealift.at("k3s/agent/images");
    assert_eq!(told["agent"]["runs"], json!(true));
    assert_eq!(told["agent"]["images"], json!(folder));
    assert_eq!(told["images"].as_array().unwrap().len(), 2, "each once");
    node.pins(APP, &app);
    node.pins(MULTI, &multi);
    // The CRI has taken them up: by their ids, too.
    let config: Value = serde_json::from_slice(&app.root().bytes).unwrap();
    let id = config["config"]["digest"].as_str().unwrap();
    assert!(node.line(id).is_some(), "{id}");
    let archives =
        ["sealift-localhost_5000_acme.multi_1.0.tar", "sealift-quay.io_acme.app_1.0.tar"];
    assert_eq!(node.files("k3s/agent/images"), archives);
    assert_eq!(node.listed(&folder.join(archives[1])), [APP], "K3s gives the other name itself");

    // Nothing is to be done the next time, and nothing is touched.
    let about = || std::fs::metadata(folder.join(archives[1])).unwrap();
    let before = (about().ino(), about().mtime_nsec());
    let again = node.import("b.tar", &to, &[]).ok();
    assert_eq!((again.number("/copied/blobs"), again.number("/copied/bytes")), (0, 0));
    assert_eq!(again.json()["images"][0]["action"], json!("present"));
    assert_eq!((about().ino(), about().mtime_nsec()), before);

    // A pin that somebody took away comes back, and a name that was removed.
    output(node.ctr().args(["images", "label", APP, "io.cri-containerd.pinned="]));
    output(node.ctr().args(["images", "rm", "--sync", MULTI]));
    let mended = node.import("b.tar", &to, &[]).ok().json();
    let actions: Vec<&Value> =
        mended["images"].as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(actions, ["create", "create"]);
    node.pins(APP, &app);
    node.pins(MULTI, &multi);
    let list = node.sealift.command().args(["list", &to]).output().unwrap();
    assert!(String::from_utf8_lossy(&list.stdout).contains(APP));
}

#[test]
fn a_node_that_does_not_run_finds_archives_that_give_the_same_images() {
    need!("root", "containerd", "ctr", "tar", "busybox");
    let node = Node::start();
    let (app, multi) = (version("x"), multi());
    node.pack("b.tar", &[(APP, &app), (MULTI, &multi)]);
    let to = node.place("k0s", false);

    let waiting = node.import("b.tar", &to, &[]).ok();

    assert_eq!(waiting.json()["agent"]["runs"], json!(false));
    assert_eq!(waiting.json()["images"][0]["action"], json!("create"));
    let folder = node.sealift.at("k0s/images");
    let pinned = format!("quay.io/acme/app@{}", app.digest());
    assert_eq!(node.listed(&folder.join("sealift-quay.io_acme.app_1.0.tar")), [&pinned, APP]);
    // It starts.
    for archive in node.files("k0s/images") {
        let mut import = node.ctr();
        output(import.args(["images", "import", "--no-unpack"]).arg(folder.join(archive)));
    }
    for (name, image) in [(APP, &app), (MULTI, &multi), (&pinned, &app)] {
        assert!(node.line(name).unwrap().contains(image.digest()), "{name}");
    }
    // What is there already is pinned, and nothing moves.
    let running = node.import("b.tar", &node.place("k0s", true), &[]).ok();
    assert_eq!(running.number("/copied/bytes"), 0);
    node.pins(APP, &app);
    assert_eq!(node.import("b.tar", &to, &[]).ok().json()["images"][0]["action"], "present");
}

#[test]
fn an_update_replaces_both_or_neither_and_leaves_the_archives_of_others_alone() {
    need!("root", "containerd", "ctr", "tar", "busybox");
    let node = Node::start();
    let (old, new) = (version("old"), version("new"));
    node.pack("old.tar", &[(APP, &old)]);
    node.pack("new.tar", &[(APP, &new)]);
    let to = node.place("rke2", true);
    node.import("old.tar", &to, &[]).ok();
    let folder = node.sealift.at("rke2/agent/images");
    std::fs::write(folder.join("rke2-images.linux-amd64.tar"), "of RKE2").unwrap();
    let archive = folder.join("sealift-quay.io_acme.app_1.0.tar");
    let before = std::fs::read(&archive).unwrap();

    node.import("new.tar", &to, &[]).exits(code::REFUSED).says("--on-existing");
    let plan = node.import("new.tar", &to, &["--dry-run", "--on-existing", "overwrite"]).ok();
    assert!(plan.number("/copy/bytes") > 0);
    node.import("new.tar", &to, &["--on-existing", "keep-digest"]).exits(code::USAGE);
    node.import("new.tar", &to, &["--on-existing", "skip"]).ok();
    node.pins(APP, &old);
    assert_eq!(std::fs::read(&archive).unwrap(), before);

    let update = node.import("new.tar", &to, &["--on-existing", "overwrite"]).ok();
    assert_eq!(update.json()["images"][0]["action"], json!("replace"));
    assert_eq!(update.json()["images"][0]["before"], json!(old.digest()));
    node.pins(APP, &new);
    assert_ne!(std::fs::read(&archive).unwrap(), before);
    assert_eq!(node.files("rke2/agent/images").len(), 2);
    assert_eq!(std::fs::read(folder.join("rke2-images.linux-amd64.tar")).unwrap(), b"of RKE2");

    // What stands for another image in one of the two alone would be moved at the next start.
    output(node.ctr().args(["images", "rm", APP]));
    let apart = node.import("old.tar", &to, &["--on-existing", "skip"]).exits(code::REFUSED);
    apart.says("other images in its containerd than in its folder").says(APP);
    assert!(node.line(APP).is_none(), "nothing was brought");
}

#[test]
fn a_receipt_tells_of_each_image_once_and_of_what_was_left() {
    need!("root", "containerd", "ctr", "busybox");
    let node = Node::start();
    // Files stand in another order than images.
    let names = ["docker.io/beta/x:1", "docker.io/library/alpha:1"];
    let (old, new, other) = (version("old"), version("new"), version("other"));
    node.pack("old.tar", &[(names[0], &old)]);
    node.pack("new.tar", &[(names[0], &new), (names[1], &other)]);
    let to = node.place("k3s", true);
    let totals = |ran: Ran| ran.json()["receipt"]["totals"].clone();

    let first = node.import("old.tar", &to, &["--receipt", "r.json"]).ok();
    assert_eq!(totals(first)["complete"], 1);
    let skipped = node.import("new.tar", &to, &["--on-existing", "skip", "--receipt", "r.json"]);
    let told = totals(skipped);
    assert_eq!((&told["complete"], &told["other"]), (&json!(1), &json!(1)), "{told}");
}

#[test]
fn a_disk_that_is_too_small_for_both_gets_neither() {
    need!("root", "containerd", "ctr", "mount");
    // 16 MiB have to stay free: the archive of 8 fits, and so does the layer packed and unpacked.
    let disk = Tmpfs::of(36);
    let node = Node::of(Containerd::start_over(&disk.path().join("root")));
    let layer = Layer::gzip(&tar(&[("large", &Random::new(5).bytes(8 << 20), 0o644)]));
    let large = Image::single("acme/app", "1.0", r#"["/bin/true"]"#, &[layer]);
    node.pack("b.tar", &[(APP, &large)]);
    let socket = node.containerd.address();
    let at = |folder: &Path| format!("k3s:[{}]{}", socket.display(), folder.display());
    let to = at(&disk.path().join("k3s"));

    let elsewhere = node.import("b.tar", &at(&node.sealift.at("k3s")), &["--dry-run"]);
    elsewhere.ok();
    for more in [&[][..], &["--dry-run"]] {
        let refused = node.import("b.tar", &to, more).exits(code::NO_ROOM);
        refused.says("for its containerd on one disk").says("have to stay free");
    }
    assert!(node.line(APP).is_none() && !disk.path().join("k3s").exists());
}

#[test]
fn what_no_kept_bundle_has_goes_with_its_archive_and_does_not_come_again() {
    need!("root", "containerd", "ctr", "tar", "busybox");
    let node = Node::start();
    let (app, multi) = (version("x"), multi());
    node.pack("june.tar", &[(APP, &app), (MULTI, &multi)]);
    node.pack("july.tar", &[(MULTI, &multi)]);
    let to = node.place("k0s", true);
    node.import("june.tar", &to, &[]).ok();
    let prune = |to: &str, more: &[&str]| {
        let mut prune = node.sealift.command();
        prune.args(["prune", to, "--keep", "july.tar", "--brought", "june.tar", "--key"]);
        ran(prune.arg(&node.keys.public).args(more)).ok()
    };

    prune(&to, &[]).says(APP);
    node.pins(APP, &app);
    assert_eq!(node.files("k0s/images").len(), 2);

    prune(&to, &["--yes"]);
    let pinned = format!("quay.io/acme/app@{}", app.digest());
    assert!(node.line(APP).is_none() && node.line(&pinned).is_none());
    node.pins(MULTI, &multi);
    assert_eq!(node.files("k0s/images"), ["sealift-localhost_5000_acme.multi_1.0.tar"]);

    // Where it does not run, its archives go; what somebody else filed under the name does not.
    node.import("june.tar", &to, &[]).ok();
    let waiting = node.place("k0s", false);
    prune(&waiting, &["--yes"]);
    assert_eq!(node.files("k0s/images"), ["sealift-localhost_5000_acme.multi_1.0.tar"]);
    node.pins(APP, &app);
    node.pack("other.tar", &[(APP, &version("of others"))]);
    node.import("other.tar", &waiting, &[]).ok();
    for to in [waiting, to] {
        prune(&to, &["--yes"]);
        assert_eq!(node.files("k0s/images").len(), 2, "{to}");
        node.pins(APP, &app);
    }
}

#[test]
fn what_a_node_can_never_have_is_refused_before_anything_is_there() {
    need!("root", "containerd", "ctr", "busybox");
    let node = Node::start();
    node.pack("b.tar", &[(APP, &version("x"))]);
    let mut other = Image::new("acme/other", "1.0");
    let layers = [Layer::gzip(&images::one_file("a", "a"))];
    let manifest = other.manifest(OCI_MANIFEST, "s390x", r#"["/bin/true"]"#, &layers);
    let child = other.document(OCI_MANIFEST, &manifest, &images::platform("s390x"));
    other.document(OCI_INDEX, &images::index(OCI_INDEX, &[child]), "");
    other.name("1.0");
    node.pack("other.tar", &[("quay.io/acme/other:1.0", &other)]);

    for runs in [true, false] {
        let to = node.place("k3s", runs);
        for (more, words) in [
            (&["--platform", "linux/arm64"][..], "--platform is for engines"),
            (&["--gzip"], "for archives"),
            (&["--check", "true"], "no command can be run"),
            (&["--shard", "1/2"], "cannot be filled by several"),
        ] {
            node.import("b.tar", &to, more).exits(code::USAGE).says(words);
        }
        let lacking = node.import("other.tar", &to, &[]).exits(code::INCOMPLETE);
        lacking.says("wants images for linux/").says("quay.io/acme/other:1.0 is for linux/s390x");
    }
    assert!(node.files("k3s").is_empty());
    assert!(text(node.ctr().args(["images", "ls", "-q"])).trim().is_empty());
    let relative = node.import("b.tar", "k3s:here", &[]).exits(code::USAGE);
    relative.says("with full paths");
    node.import("b.tar", "oci:x", &["--pin"]).exits(code::USAGE).says("in containerd alone");
}

#[test]
fn any_containerd_pins_where_that_is_asked_for() {
    need!("root", "containerd", "ctr", "busybox");
    let node = Node::start();
    let app = version("x");
    node.pack("b.tar", &[(APP, &app)]);
    let import = |more: &[&str]| {
        let mut import = node.sealift.command();
        import.env("CONTAINERD_ADDRESS", node.containerd.address()).args(["import", "b.tar"]);
        import.args(["--format", "json", "--to", "containerd:[k8s.io]", "--key"]);
        ran(import.arg(&node.keys.public).args(more)).ok().json()["images"][0]["action"].clone()
    };

    assert_eq!(import(&[]), "create");
    assert!(!node.line(APP).unwrap().contains(PIN));
    assert_eq!(import(&["--pin"]), "create");
    node.pins(APP, &app);
    assert_eq!(import(&["--pin"]), "present");
    assert_eq!(import(&[]), "present");
}

#[test]
fn a_fan_out_fills_the_folder_of_each_node() {
    need!("root", "sshd", "ssh", "ssh-keygen", "busybox");
    let (head, sshd) = (HeadNode::new("b.tar"), Sshd::start(&[]));
    let nodes = head.sealift.at("nodes").display().to_string();
    let to = format!("k3s:[{nodes}/none]{nodes}/{{node}}/k3s");
    let program = head.program("");

    let mut fanout = head.fanout(&to, &program);
    let path = std::env::var("PATH").unwrap();
    fanout.env("PATH", format!("{}:{path}", sshd.bin().display())).args(["--ssh", "n1,n2"]);
    let done = in_json(&mut fanout).ok().json();

    for (at, node) in ["n1", "n2"].into_iter().enumerate() {
        assert_eq!(done["nodes"][at]["report"]["agent"]["runs"], json!(false), "{done}");
        let archive = format!("{node}/k3s/agent/images/sealift-docker.io_hello_1.0.tar");
        assert!(head.sealift.at("nodes").join(archive).exists());
    }
}

#[test]
fn what_the_example_says_is_understood() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes");
    let yaml = std::fs::read_to_string(examples.join("import.yaml")).unwrap();
    let sealift = Sealift::new();
    let help = text(sealift.command().args(["import", "--help"]));
    let options: Vec<&str> = yaml
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ").filter(|it| it.starts_with("--")))
        .collect();
    assert_eq!(options, ["--to", "--key"]);
    for option in options {
        assert!(help.split_whitespace().any(|word| word == option), "{option} is none of\n{help}");
    }
    // Each folder that it speaks of is the one that is filled.
    for agent in ["k3s", "rke2", "k0s"] {
        let agent = Agent::named(&format!("{agent}:")).unwrap().unwrap();
        assert!(yaml.contains(&format!("--to {agent}")) || agent.name() == "k3s");
        assert!(yaml.contains(&agent.images().display().to_string()), "{agent}");
    }
    assert!(yaml.contains("- \"k3s:\"\n"));
    need!("python3");
    let parse = "import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))['kind'])";
    let mut parse_yaml = command("python3");
    let kind = text(parse_yaml.args(["-c", parse]).arg(examples.join("import.yaml")));
    assert_eq!(kind.trim(), "DaemonSet");
}

#[test]
fn what_a_node_cannot_take_has_a_way_out_that_there_is_and_a_new_folder_is_told() {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let (layout, image) = (sealift.at("layout"), version("x"));
    write_layout(&layout, &[("docker.io/a.b/c:1", &image), ("docker.io/a/b.c:1", &image)]);
    run!(sealift, "export", "oci:layout", "-o", "b", "--sign-key", keys.private).ok();
    let import = |more: &[&str]| {
        let to = format!("k3s:[/no/socket]{}", sealift.at("rnacher").display());
        let mut import = sealift.command();
        import.args(["import", "b", "--to", &to, "--key"]).arg(&keys.public);
        ran(import.args(more))
    };

    let both = import(&[]).exits(code::USAGE).says("would both be in the file").says("--map");
    assert!(!both.stderr.contains("--name-template"), "{}", both.stderr);
    let untagged = import(&["--on-existing", "digest-tag"]).exits(code::USAGE);
    untagged.says("--on-existing digest-tag");
    assert!(!sealift.at("rnacher").exists());

    let is_new = "rnacher is new: no k3s has kept its data there so far";
    let renamed = ["--map", "docker.io/a/b.c:1=docker.io/a/bc:1"];
    import(&renamed).ok().says(is_new);
    let again = import(&renamed).ok();
    assert!(!again.stderr.contains("is new"), "{}", again.stderr);
}
