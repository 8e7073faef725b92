//! `docs/reach.md` means what it says: its sums are right, its settings are read by what they are for, and run where that is
//! to be had.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::support::engines::Containerd;
use crate::support::images::{self, write_layout};
use crate::support::registry::Registry;
use crate::support::sealift::{Keys, Sealift, ran};
use crate::support::{Process, command, http, output, text, wait_for};

/// The blocks of the page, by the names that stand behind their languages.
fn blocks() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reach.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (mut blocks, mut open): (Vec<(String, String)>, bool) = (Vec::new(), false);
    for line in page.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(info), false) => {
                let (_, name) = info.split_once(' ').expect("a block has a name");
                blocks.push((name.to_owned(), String::new()));
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => blocks.last_mut().unwrap().1 += &format!("{line}\n"),
            (None, false) => {}
        }
    }
    blocks
}

fn block(name: &str) -> String {
    let found = blocks().into_iter().find(|(it, _)| it == name);
    found.unwrap_or_else(|| panic!("no block {name}")).1
}

#[test]
fn the_sums_are_right() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reach.md");
    let page = std::fs::read_to_string(page).unwrap();
    let sums = page.lines().filter(|line| line.contains(" GB/s = "));
    let mut seen = 0;
    for line in sums {
        let sum = line.rsplit(':').next().unwrap();
        let numbers = sum.split(' ').filter_map(|word| word.parse::<f64>().ok());
        let [times, size, rate, seconds] = numbers.collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        assert!((times * size / rate - seconds).abs() < 0.5, "{line}");
        seen += 1;
    }
    assert_eq!(seen, 6);
    let doublings = (200.0f64 / 4.0).log2().ceil();
    assert!(page.contains(&format!("{doublings} doublings")));
}

/// What python reads of block `name`, as JSON.
fn parsed(name: &str) -> Value {
    let read = match name.rsplit('.').next().unwrap() {
        "toml" => "import sys, json, tomllib; print(json.dumps(tomllib.loads(sys.argv[1])))",
        "yaml" | "yml" => "import sys, json, yaml; print(json.dumps(yaml.safe_load(sys.argv[1])))",
        "json" => return serde_json::from_str(&block(name)).unwrap(),
        _ => panic!("{name}"),
    };
    let mut python = command("python3");
    serde_json::from_str(&text(python.args(["-c", read, &block(name)]))).unwrap()
}

#[test]
fn every_setting_is_one_of_its_language_and_says_what_the_page_says() {
    need!("python3");
    for (name, _) in blocks() {
        if ["toml", "yaml", "yml", "json"].iter().any(|ending| name.ends_with(ending)) {
            assert!(parsed(&name).is_object(), "{name}");
        }
    }
    for name in ["hosts.toml", "satellite-hosts.toml"] {
        let hosts = parsed(name);
        let server = hosts["server"].as_str().unwrap();
        assert!(hosts["host"][server].is_object(), "{name} falls back to none of its own");
    }
    let both =
        ["containerd-2.toml", "containerd-1.toml"].map(|name| parsed(name)["plugins"].clone());
    let images = "io.containerd.cri.v1.images";
    assert_eq!(both[0][images]["discard_unpacked_layers"], false);
    assert_eq!(both[0][images]["registry"]["config_path"], "/etc/containerd/certs.d");
    let cri = &both[1]["io.containerd.grpc.v1.cri"];
    assert_eq!(cri["containerd"]["discard_unpacked_layers"], false);
    assert_eq!(cri["registry"]["config_path"], "/etc/containerd/certs.d");
    let runtime =
        &parsed("dragonfly-values.yaml")["client"]["dfinit"]["config"]["containerRuntime"];
    assert_eq!(runtime["containerd"]["proxyAllRegistries"], false);
}

/// A bundle `b` of one image, called so, and who signed it.
fn bundle(name: &str) -> (Sealift, Keys) {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    write_layout(&sealift.at("layout"), &[(name, &images::hello())]);
    run!(sealift, "export", "oci:layout", "-o", "b", "--sign-key", keys.private).ok();
    (sealift, keys)
}

/// A replica with the page's configuration over `storage`, and its address.
fn replica(at: PathBuf, storage: &Path) -> (Process, String) {
    std::fs::create_dir(&at).unwrap();
    let said = block("registry.yml").replace("0.0.0.0:5000", "127.0.0.1:0");
    let said = said.replace("/shared/registry", &storage.display().to_string());
    std::fs::write(at.join("config.yml"), said).unwrap();
    let notes = at.join("notes");
    let mut registry = command("docker-registry");
    registry.arg("serve").arg(at.join("config.yml")).stdout(Stdio::null());
    let process = Process::start(registry.stderr(std::fs::File::create(&notes).unwrap()));
    let address = || {
        let text = std::fs::read_to_string(&notes).unwrap();
        let behind = text.split_once("listening on ")?.1;
        behind.split(['"', ' ', ',']).next().map(str::to_owned)
    };
    wait_for("the replica", || address().is_some());
    (process, address().unwrap())
}

#[test]
fn replicas_over_one_storage_give_what_another_one_took() {
    need!("docker-registry", "nginx");
    let (sealift, keys) = bundle("docker.io/library/hello:1.0");
    let writable = Registry::empty();
    let to = format!("docker://{}/group", writable.host());
    run!(sealift, "import", "b", "--to", to, "--key", keys.public).ok();
    let replicas = ["one", "two"].map(|name| replica(sealift.at(name), writable.storage()));

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut said = block("nginx.conf").replace("listen 5000", &format!("listen {free}"));
    for (stands, (_, address)) in ["10.0.0.11:5000", "10.0.0.12:5000"].iter().zip(&replicas) {
        assert!(said.contains(stands));
        said = said.replace(stands, address);
    }
    let folder = sealift.at("nginx");
    std::fs::create_dir(&folder).unwrap();
    let own = format!("pid {0}/pid; error_log {0}/error;\n", folder.display());
    std::fs::write(folder.join("nginx.conf"), own + &said).unwrap();
    let nginx = |more: &[&str]| {
        let mut nginx = command("nginx");
        nginx.arg("-p").arg(&folder).arg("-c").arg(folder.join("nginx.conf")).args(more);
        nginx
    };
    output(&mut nginx(&["-t", "-q"]));
    let _nginx = Process::start(&mut nginx(&["-g", "daemon off; master_process off;"]));
    wait_for("nginx", || std::net::TcpStream::connect(free).is_ok());

    let through = format!("docker://{free}/group/library/hello:1.0");
    run!(sealift, "export", through, "-o", "again", "--sign-key", keys.private).ok();
    for (_, address) in &replicas {
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        let found = http::get(port, "/v2/group/library/hello/tags/list", &[]);
        assert!(String::from_utf8(found.bytes()).unwrap().contains("\"1.0\""));
        let refused = http::with_body(port, "POST", "/v2/group/new/blobs/uploads/", &[], &[]);
        assert_eq!(refused.status, 405, "it only gives");
    }
}

#[test]
fn an_import_into_containerd_leaves_the_marks_by_which_nodes_give_it_on() {
    need!("root", "containerd", "ctr");
    let (sealift, keys) = bundle("quay.io/org/hello:1.0");
    let containerd = Containerd::start();
    let mut import = sealift.command();
    import.args(["import", "b", "--to", "containerd:[k8s.io]", "--key"]).arg(&keys.public);
    ran(import.env("CONTAINERD_ADDRESS", containerd.address())).ok();

    let list = |what: &[&str]| text(containerd.command().args(["-n", "k8s.io"]).args(what));
    let digest = images::hello().digest().to_owned();
    let by_digest = format!("quay.io/org/hello@{digest}");
    assert!(list(&["images", "ls", "-q"]).lines().any(|name| name == by_digest));
    let all = list(&["content", "ls"]);
    let parts: Vec<&str> = all.lines().filter(|line| line.starts_with("sha256:")).collect();
    assert!(parts.len() >= 3, "{all}");
    let mark = "containerd.io/distribution.source.quay.io=org/hello";
    assert!(parts.iter().all(|part| part.contains(mark)), "{all}");
}

#[test]
fn the_report_of_an_import_makes_a_group_of_a_satellite() {
    need!("jq");
    let (sealift, keys) = bundle("docker.io/library/hello:1.0");
    let registry = Registry::empty();
    let said = block("satellite.sh").replace("harbor.example", &registry.host());
    let said = said.replace("june.tar", "b").replace("transfer.pub.pem", "signer.pub.pem");
    assert!(sealift.at("signer.pub.pem") == keys.public, "the key has that name");
    let own = sealift.command();
    let mut shell = command("sh");
    shell.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let program = Path::new(env!("CARGO_BIN_EXE_sealift")).parent().unwrap().display().to_string();
    shell.env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap()));
    ran(shell.current_dir(sealift.at("")).args(["-euc", &said])).ok();

    let group: Value =
        serde_json::from_slice(&std::fs::read(sealift.at("group.json")).unwrap()).unwrap();
    let digest = images::hello().digest().to_owned();
    let artifact = serde_json::json!({
        "repository": "group/library/hello", "tag": ["1.0"], "type": "docker", "digest": digest, "deleted": false
    });
    assert_eq!(group["artifacts"], serde_json::json!([artifact]));
    assert_eq!(group["group"], "ships");
}
