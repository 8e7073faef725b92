//! The receipt of an import says image by image what is at the destination, as that tells when it is asked
//! anew; whoever reads it learns whose word it is, and what is missing.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::support::double::{Double, Reply, Seen};
use crate::support::engines::{Containerd, Docker, Podman};
use crate::support::files::flip;
use crate::support::images::Image;
use crate::support::months::{Sender, carried, image, layer_digest, predicate};
use crate::support::registry::Registry;
use crate::support::sealift::{Keys, Ran, code, ran};
use crate::support::six_months::storage;
use crate::support::told::Told;
use crate::support::{Process, output, small_world, wait_for};

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Imports `bundle` to `to` with a receipt `r.json` that `site` signs.
fn import(sender: &Sender, site: &Keys, bundle: &str, to: &str, more: &[&str]) -> Ran {
    let own = ["--receipt", "r.json", "--sign-key", path(&site.private), "--format", "json"];
    sender.import(bundle, to, &[&own[..], more].concat())
}

/// Looks at the receipt `r.json`.
fn verify(sender: &Sender, more: &[&str]) -> Ran {
    let command = ["receipt", "verify", "r.json", "--format", "json"];
    ran(sender.sealift.command().args(command).args(more))
}

/// The receipt `r.json`.
fn told(sender: &Sender) -> Told {
    Told::at(&sender.at("r.json"))
}

/// What the receipt says of each image: its name in the bundle and the word.
fn words(told: &Told) -> Vec<(String, String)> {
    told.images.iter().map(|words| (words[4].clone(), words[0].clone())).collect()
}

/// What the storage of `registry` has under `name`, where it is a tag or a digest, by its links alone.
fn linked(registry: &Registry, name: &str) -> Option<String> {
    let name = name.strip_prefix(&format!("{}/", registry.host()))?;
    let root = registry.storage().join("docker/registry/v2/repositories");
    let link = match name.split_once('@') {
        Some((repository, digest)) => {
            let revision = digest.replace(':', "/");
            root.join(repository).join("_manifests/revisions").join(revision).join("link")
        }
        None => {
            let (repository, tag) = name.rsplit_once(':')?;
            root.join(repository).join("_manifests/tags").join(tag).join("current/link")
        }
    };
    std::fs::read_to_string(link).ok()
}

#[test]
fn a_receipt_says_image_by_image_what_the_storage_of_a_registry_has() {
    need!("docker-registry", "jq");
    let (outside, inside, sender) = (Registry::empty(), Registry::empty(), Sender::new());
    let site = sender.sealift.keys("site");
    let images = small_world::make();
    images.iter().for_each(|image| image.push(&outside));
    let mut export = sender.sealift.command();
    export.args(["export", "-o", "june", "--sign-key"]).arg(&sender.keys.private);
    let names = images.iter().map(|image| format!("{}/{}", outside.host(), image.path()));
    ran(export.args(names)).ok();
    let old = image("vault/small/app-1:1.0", &["old"]);
    old.push(&inside);
    let to = format!("docker://{}/vault", inside.host());

    let report = import(&sender, &site, "june", &to, &["--on-existing", "overwrite"]).ok();

    // 1. What it says is what a script finds that knows nothing of sealift.
    let receipt = told(&sender);
    assert!(receipt.images.len() >= images.len() + 2, "a signature and an SBOM came along");
    for words in &receipt.images {
        let [state, signed, there, _, _, to] = &words[..] else { panic!("{words:?}") };
        assert_eq!((state.as_str(), signed), ("complete", there), "{words:?}");
        assert_eq!(linked(&inside, to), Some(format!("sha256:{there}")), "{words:?}");
    }
    let list = sender.at("list");
    let lines: String = images.iter().map(|image| format!("{}\n", image.path())).collect();
    std::fs::write(&list, lines).unwrap();
    let listed: BTreeSet<String> = receipt.blobs.keys().cloned().collect();
    let needed = storage(&[Path::new("needed"), outside.storage(), &list]);
    assert!(needed.is_subset(&listed), "{:?}", needed.difference(&listed));
    let held = storage(&[Path::new("held"), inside.storage()]);
    assert!(listed.is_subset(&held), "{:?}", listed.difference(&held));
    assert!(!listed.contains(&layer_digest("old")), "nothing else of the site is told");
    let of = |name: &str| receipt.images.iter().find(|words| words[4].ends_with(name)).unwrap();
    assert_eq!(of("app-1:1.0")[3], old.digest()["sha256:".len()..], "what it was before");
    assert_eq!(of("app-2:1.0")[3], "-");
    let about = receipt.about();
    assert_eq!((&about["places"], &about["unread"]), (&json!([to]), &json!([])));
    assert_eq!(about["against"][0]["statement"], report.json()["statement"]);
    assert_eq!(about["against"][0]["complete"], true);
    assert_eq!(report.json()["receipt"]["totals"], about["images"]);
    let ledger = ran(sender.sealift.command().args(["ledger", "show", "--format", "json"])).ok();
    let last = ledger.json()["entries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["event"]["receipt"], report.json()["receipt"]["digest"], "{last}");

    // 2. Whose word it is is asked, and every byte of it is signed.
    let by_site = ["--key", path(&site.public)];
    let against = ["--against", "june", "--against-key", path(&sender.keys.public)];
    let verified = verify(&sender, &[&by_site[..], &against].concat()).ok();
    assert_eq!(verified.json()["kind"], "import");
    assert_eq!(verified.json()["against"]["missing"], json!([]));
    let stranger = sender.sealift.keys("stranger");
    verify(&sender, &["--key", path(&stranger.public)]).exits(code::UNTRUSTED);
    verify(&sender, &[]).exits(code::UNTRUSTED).says("which nobody checked");
    verify(&sender, &["--insecure-no-verify"]).ok();
    let whole = std::fs::read(sender.at("r.json")).unwrap();
    for at in (0..whole.len() as u64).step_by(whole.len() / 20) {
        flip(&sender.at("r.json"), at);
        let refused = verify(&sender, &by_site);
        assert!([code::UNTRUSTED, code::DAMAGED].contains(&refused.code), "byte {at}: {refused:?}");
        std::fs::write(sender.at("r.json"), &whole).unwrap();
    }

    // 3. The next bundle is the same as from an inventory.
    let mut inventory = sender.sealift.command();
    inventory.args(["inventory", &to, "--against", "june", "-o", "i.json", "--key"]);
    ran(inventory.arg(&sender.keys.public)).ok();
    let july: Vec<Image> = images.into_iter().chain([image("new/tool:1", &["tool"])]).collect();
    let delta = |name: &str, since: &str| {
        sender.export(name, &july, &["--since", since]).ok();
        let lacks = predicate(&sender.at(name))["base"]["lacks"].clone();
        (carried(&sender.at(name)), lacks)
    };
    assert_eq!(delta("by-receipt", "r.json"), delta("by-inventory", "i.json"));

    // 4. Another run does nothing, and says it again.
    std::fs::remove_file(sender.at("r.json")).unwrap();
    import(&sender, &site, "june", &to, &[]).ok();
    let again = told(&sender);
    assert!(again.images.iter().all(|words| words[0] == "complete"));
    let of = |name: &str| again.images.iter().find(|words| words[4].ends_with(name)).unwrap();
    assert_eq!(of("app-1:1.0")[3], of("app-1:1.0")[2], "before that run it was there");
}

/// What a registry answers once an import has read its names back.
#[derive(Default)]
struct Later {
    named: AtomicBool,
    over: AtomicBool,
    is_off: AtomicBool,
}

impl Later {
    /// Whether it is over when `seen` is asked for: the second name was written and read.
    fn is(&self, seen: &Seen) -> bool {
        if self.is_off.load(Ordering::SeqCst) {
            return false;
        }
        let over = self.over.load(Ordering::SeqCst);
        let is_db = seen.target.contains("db/manifests/1");
        match seen.method.as_str() {
            "PUT" if is_db => self.named.store(true, Ordering::SeqCst),
            "HEAD" | "GET" if is_db && self.named.load(Ordering::SeqCst) => {
                self.over.store(true, Ordering::SeqCst);
            }
            _ => {}
        }
        over
    }
}

/// Two images, of which the second has its name last.
pub fn two() -> [Image; 2] {
    [image("team/app:1", &["base", "app 1"]), image("team/db:1", &["base", "db 1"])]
}

/// A registry in which, once an import has read its names back, the name of the first of [`two`] images
/// stands for another one, which is given as well, and a layer of the second is lost.
pub fn disturbed() -> (Double, Image) {
    let (later, other) = (Later::default(), image("team/app:1", &["other"]));
    let moved = (other.digest().to_owned(), other.root().bytes.clone());
    let lost = layer_digest("db 1");
    let double = Double::start(move |seen| match later.is(seen) {
        true if seen.target.contains("app/manifests/1") => {
            let media_type = "application/vnd.oci.image.manifest.v1+json";
            let reply = Reply::new(200, moved.1.clone()).header("content-type", media_type);
            Some(reply.header("docker-content-digest", &*moved.0))
        }
        true if seen.target.contains(&lost) => Some(Reply::new(404, "{}")),
        _ => None,
    });
    (double, other)
}

#[test]
fn what_others_moved_or_lost_meanwhile_is_named() {
    let ((double, other), lost) = (disturbed(), layer_digest("db 1"));
    let sender = Sender::new();
    let site = sender.sealift.keys("site");
    sender.export("june", &two(), &[]).ok();
    let to = format!("docker://{}", double.host());

    let report = import(&sender, &site, "june", &to, &["--jobs", "1"]).exits(code::INCOMPLETE);

    let report =
        report.says("2 of 2 images were not as brought when the destination was read back");
    let receipt = told(&sender);
    let [app, db] = &receipt.images[..] else { panic!("{receipt:?}") };
    let hex = |digest: &str| digest["sha256:".len()..].to_owned();
    assert_eq!((app[0].as_str(), &app[2]), ("other", &hex(other.digest())));
    assert_eq!((db[0].as_str(), &db[2], &db[3]), ("incomplete", &db[1], &"-".to_owned()));
    assert!(!receipt.blobs.contains_key(&lost) && !receipt.digests().contains(other.digest()));
    assert_eq!(receipt.about()["against"][0]["complete"], false);
    assert_eq!(report.json()["receipt"]["missing"][1]["lacks"], json!([lost]));
    let read = verify(&sender, &["--key", path(&site.public)]).exits(code::INCOMPLETE);
    let findings = read.json()["error"]["findings"].to_string();
    assert!(findings.contains("team/app:1") && findings.contains("team/db:1"), "{findings}");
    let against = ["--against", "june", "--against-key", path(&sender.keys.public)];
    let held = verify(&sender, &[&["--key", path(&site.public)], &against[..]].concat());
    let missing = held.exits(code::INCOMPLETE).json()["against"]["missing"].clone();
    assert_eq!(missing.as_array().unwrap().len(), 2);
    let ledger = ran(sender.sealift.command().args(["ledger", "show", "--format", "json"])).ok();
    let last = ledger.json()["entries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["event"]["stage"], "failed");
}

#[test]
fn one_that_is_killed_before_it_wrote_the_receipt_writes_it_when_it_is_run_again() {
    let (later, reached) = (Arc::new(Later::default()), Arc::new(AtomicBool::new(false)));
    let (watch, seen) = (Arc::clone(&later), Arc::clone(&reached));
    let double = Double::start(move |asked| {
        if watch.is(asked) {
            seen.store(true, Ordering::SeqCst);
            while !watch.is_off.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        None
    });
    let sender = Sender::new();
    let site = sender.sealift.keys("site");
    sender.export("june", &two(), &[]).ok();
    let to = format!("docker://{}", double.host());
    let mut command = sender.sealift.command();
    command.args(["import", "june", "--to", &to, "--jobs", "1", "--receipt", "r.json", "--key"]);
    let run = Process::start(command.arg(&sender.keys.public));
    wait_for("the registry to be read back", || reached.load(Ordering::SeqCst));

    run.signal(rustix::process::Signal::KILL);
    drop(run);

    later.is_off.store(true, Ordering::SeqCst);
    assert!(!sender.at("r.json").exists());
    import(&sender, &site, "june", &to, &[]).ok();
    assert_eq!(words(&told(&sender)).len(), 2);
    verify(&sender, &["--key", path(&site.public)]).ok();
}

#[test]
fn layouts_archives_and_engines_are_read_back_as_they_are() {
    let sender = Sender::new();
    let site = sender.sealift.keys("site");
    let by_site = ["--key", path(&site.public)];
    sender.export("june", &two(), &[]).ok();
    for to in ["oci:store", "oci-archive:all.tar", "docker-archive:files/", "docker-archive:d.tar"]
    {
        import(&sender, &site, "june", to, &[]).ok();
        let receipt = told(&sender);
        assert_eq!(receipt.about()["places"], json!([to]));
        assert!(receipt.images.iter().all(|it| it[0] == "complete" && it[1] == it[2]), "{to}");
        assert_eq!(receipt.images.len(), 2, "{to}");
        assert_eq!(receipt.about()["against"][0]["complete"], true);
        verify(&sender, &by_site).ok();
    }
    if crate::support::have(&["podman"]) {
        let podman = Podman::new();
        let mut command = sender.sealift.command();
        command.env("CONTAINERS_CONF", podman.conf());
        command.args(["import", "june", "--to", &podman.storage(), "--receipt", "r.json", "--key"]);
        ran(command.arg(&sender.keys.public)).ok();
        let receipt = told(&sender);
        assert!(receipt.images.iter().all(|it| it[0] == "complete" && it[1] == it[2]));
        assert_eq!(receipt.images.len(), 2);
    }
    // What was not chosen is not told of, and the bundle is not held whole.
    import(&sender, &site, "june", "oci:part", &["--only", "*app*"]).ok();
    let receipt = told(&sender);
    assert_eq!(words(&receipt), [("x.example/team/app:1".to_owned(), "complete".to_owned())]);
    assert_eq!(receipt.about()["against"][0]["complete"], false);
    verify(&sender, &by_site).ok();
    let against = ["--against", "june", "--against-key", path(&sender.keys.public)];
    let lacks = verify(&sender, &[&by_site[..], &against].concat()).exits(code::INCOMPLETE);
    assert_eq!(lacks.json()["against"]["missing"][0]["name"], "x.example/team/db:1");
    // What is written anew has both digests.
    let multi = small_world::make().remove(4);
    sender.export("less", &[multi], &["--platform", "linux/amd64"]).ok();
    import(&sender, &site, "less", "oci:smaller", &["--rewrite-index"]).ok();
    let receipt = told(&sender);
    let [line] = &receipt.images[..] else { panic!("{receipt:?}") };
    assert!(line[0] == "complete" && line[1] != line[2], "{line:?}");
    assert!(receipt.manifests.contains_key(&format!("sha256:{}", line[2])));
    assert_eq!(receipt.about()["against"][0]["complete"], false);
    // A receipt of what places hold is held against a bundle as well.
    let hold = |place: &str| {
        let inventory = ["inventory", place, "-o", "r.json", "--sign-key", path(&site.private)];
        ran(sender.sealift.command().args(inventory)).ok();
        verify(&sender, &[&by_site[..], &against].concat())
    };
    assert_eq!(hold("oci:store").ok().json()["kind"], "places");
    let lacks = hold("oci:part").exits(code::INCOMPLETE).json()["against"]["missing"].clone();
    assert_eq!(lacks[0]["name"], "x.example/team/db:1");
    assert!(lacks[0]["lacks"].to_string().contains(&layer_digest("db 1")));
}

#[test]
fn what_is_left_or_does_not_arrive_is_told_as_what_it_is() {
    let sender = Sender::new();
    let site = sender.sealift.keys("site");
    sender.export("june", &two(), &[]).ok();
    sender.export("old", &[image("team/app:1", &["old"])], &[]).ok();
    sender.import("old", "oci:store", &[]).ok();

    let kept = import(&sender, &site, "june", "oci:store", &["--keep-going"]);

    kept.exits(code::REFUSED).says("1 of 2 images did not arrive");
    let all = [("x.example/team/app:1", "other"), ("x.example/team/db:1", "complete")];
    let all = all.map(|(name, word)| (name.to_owned(), word.to_owned()));
    assert_eq!(words(&told(&sender)), all);
    // What was to be left as it is is no failure, and not there all the same.
    import(&sender, &site, "june", "oci:store", &["--on-existing", "skip"]).ok();
    let receipt = told(&sender);
    assert_eq!(words(&receipt), all);
    assert_eq!(receipt.images[0][2], receipt.images[0][3]);
    verify(&sender, &["--key", path(&site.public)]).exits(code::INCOMPLETE);
    // Of an image that is damaged in the bundle it is told what is there.
    let blob = layer_digest("db 1").replace(':', "/");
    std::fs::remove_file(sender.at("june/blobs").join(blob)).unwrap();
    let intact = import(&sender, &site, "june", "oci:fresh", &["--only-intact"]);
    intact.exits(code::INCOMPLETE);
    let states: Vec<String> = words(&told(&sender)).into_iter().map(|(_, word)| word).collect();
    assert_eq!(states, ["complete", "absent"]);
}

#[test]
fn where_it_cannot_be_written_or_read_back_nothing_moves() {
    let sender = Sender::new();
    sender.export("june", &two(), &[]).ok();
    sender.import("june", "oci:there", &[]).ok();
    let refused = |to: &str, receipt: &str, says: &str| {
        let ran = sender.import("june", to, &["--receipt", receipt]).exits(code::USAGE);
        ran.says(says);
    };
    refused("docker-archive:-", "r.json", "cannot be read back");
    refused("oci:new", "june/r.json", "lies in the bundle");
    refused("oci:there", "there/r.json", "lies at the destination itself");
    refused("docker-archive:x.tar", "x.tar", "lies at the destination itself");
    refused("oci:new", "there", "is a folder");
    refused("oci:new", "june/oci-layout/r.json", "lies in the bundle");
    sender.import("june", "oci:new", &["--sign-key", "no.pem"]).exits(code::USAGE);
    let more = ["--receipt", "r.json", "--sign-key", "no.pem"];
    sender.import("june", "oci:new", &more).exits(code::USAGE).says("cannot read no.pem");
    let dry = sender.import("june", "oci:new", &["--receipt", "r.json", "--dry-run"]).ok();
    assert!(dry.stderr.contains("--receipt has no effect"), "{}", dry.stderr);
    for name in ["new", "r.json", "x.tar"] {
        assert!(!sender.at(name).exists(), "{name}");
    }
    // One that is there is replaced, and only by a whole one.
    std::fs::write(sender.at("r.json"), "an older one").unwrap();
    sender.import("june", "oci:new", &["--receipt", "r.json"]).ok();
    assert_eq!(told(&sender).images.len(), 2);
    let nobody = verify(&sender, &[]).exits(code::UNTRUSTED);
    let nobody = nobody.says("is not signed, and is nobody's word");
    // No key helps there.
    assert!(!nobody.stderr.contains("--key"), "{}", nobody.stderr);
}

#[test]
fn engines_with_a_daemon_are_read_back_by_what_they_call_their_images() {
    need!("root", "containerd", "ctr", "dockerd", "docker");
    let sender = Sender::new();
    let site = sender.sealift.keys("site");
    sender.export("june", &two(), &[]).ok();
    let (containerd, docker) = (Containerd::start(), Docker::start());
    let into = |to: &str, more: &[&str]| {
        let mut command = sender.sealift.command();
        command.env("CONTAINERD_ADDRESS", containerd.address()).env("DOCKER_HOST", docker.host());
        command.args(["import", "june", "--to", to, "--receipt", "r.json", "--sign-key"]);
        command.arg(&site.private).arg("--key").arg(&sender.keys.public).args(more);
        ran(&mut command).ok();
        told(&sender)
    };

    for to in ["containerd:", "docker-daemon:"] {
        let receipt = into(to, &[]);
        assert_eq!(receipt.images.len(), 2, "{to}");
        assert!(receipt.images.iter().all(|it| it[0] == "complete" && it[1] == it[2]), "{to}");
    }
    // docker knows no digests of manifests: another image is told by its id.
    let names = ["x.example/team/db:1", "x.example/team/app:1"];
    output(docker.command().arg("tag").args(names));
    let receipt = into("docker-daemon:", &["--on-existing", "skip"]);
    let config = two()[1].root().bytes.clone();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    let id = config["config"]["digest"].as_str().unwrap()["sha256:".len()..].to_owned();
    assert_eq!((receipt.images[0][0].as_str(), &receipt.images[0][2]), ("other", &id));
}

#[test]
fn of_volumes_disc_after_disc_the_last_one_brings_the_receipt() {
    let sender = Sender::new();
    let site = sender.sealift.keys("site");
    sender.export("discs", &crate::volumes::images(), &["--volume-size", "2MB"]).ok();
    let volumes = crate::volumes::volumes(&sender.at("discs"));
    let drive = sender.at("drive");

    for (at, volume) in volumes.iter().enumerate() {
        let _ = std::fs::remove_dir_all(&drive);
        std::fs::create_dir(&drive).unwrap();
        std::fs::copy(volume, drive.join(volume.file_name().unwrap())).unwrap();
        let imported = import(&sender, &site, "drive", "oci:store", &[]);
        match at + 1 == volumes.len() {
            false => assert!(imported.code == code::INCOMPLETE && !sender.at("r.json").exists()),
            true => drop(imported.ok()),
        }
    }

    let receipt = told(&sender);
    assert_eq!(receipt.images.len(), crate::volumes::images().len());
    assert!(receipt.images.iter().all(|it| it[0] == "complete"));
    assert_eq!(receipt.about()["against"][0]["complete"], true);
}
