//! Archives and engines as sources: whatever docker, podman, skopeo and buildah write comes back
//! identical in content, and what is broken leaves nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::limits::Disk;
use crate::support::content::{digest, gzip, tar, zstd};
use crate::support::engines::{Docker, Podman, skopeo};
use crate::support::images::{self, Image};
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};
use crate::support::{Process, Random, command, files, output, text, wait_for};

const NAME: &str = "quay.io/acme/hello:1.0";
const OTHER: &str = "quay.io/acme/twice:1.0";

/// Sealift and a key.
struct Desk {
    sealift: Sealift,
    keys: Keys,
}

impl Desk {
    fn new() -> Desk {
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        Desk { sealift, keys }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.sealift.at(name)
    }

    fn export(&self, source: &str, output: &str) -> Command {
        let mut export = self.sealift.command();
        export.args(["export", source, "-o", output, "--format", "json", "--sign-key"]);
        export.arg(&self.keys.private);
        export
    }

    /// Exports, verifies and imports into a layout; gives that, and what was said of the export.
    fn cross(&self, source: &str) -> (Landed, Ran) {
        self.cross_with(&mut self.export(source, "b.tar"))
    }

    fn cross_with(&self, export: &mut Command) -> (Landed, Ran) {
        let said = ran(export).ok();
        run!(self.sealift, "verify", "b.tar", "--key", self.keys.public).ok();
        let landed = self.at("inside");
        run!(self.sealift, "import", "b.tar", "--to", "oci:inside", "--key", self.keys.public).ok();
        let crossed = Landed::read(&landed);
        files::remove(&landed);
        std::fs::remove_file(self.at("b.tar")).unwrap();
        (crossed, said)
    }

    /// Exports what is broken: exit 4, and nothing new in the folder.
    #[track_caller]
    fn refuses(&self, what: &str, bytes: &[u8]) {
        self.refuses_as(code::DAMAGED, what, bytes);
    }

    fn refuses_as(&self, code: i32, what: &str, bytes: &[u8]) {
        std::fs::write(self.at("broken"), bytes).unwrap();
        let before = files::tree(&self.at(""));
        let done = ran(&mut self.export("docker-archive:broken", "b.tar"));
        assert_eq!(done.code, code, "{what}: {done:?}");
        assert_eq!(files::tree(&self.at("")), before, "{what}");
    }
}

/// What a layout holds, without how it is compressed: by name, the config's bytes and the digests
/// of the layers unpacked.
#[derive(Debug, PartialEq, Eq)]
struct Landed(BTreeMap<String, (Vec<u8>, Vec<String>)>);

impl Landed {
    fn read(layout: &Path) -> Landed {
        let blob = |digest: &Value| {
            let hex = digest.as_str().unwrap().trim_start_matches("sha256:").to_owned();
            std::fs::read(layout.join("blobs/sha256").join(hex)).unwrap()
        };
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let index = json(&std::fs::read(layout.join("index.json")).unwrap());
        let mut images = BTreeMap::new();
        for entry in index["manifests"].as_array().unwrap() {
            let manifest = json(&blob(&entry["digest"]));
            let layers = manifest["layers"].as_array().unwrap().iter();
            let layers = layers.map(|layer| digest(&unpacked(blob(&layer["digest"])))).collect();
            let config = blob(&manifest["config"]["digest"]);
            let name = &entry["annotations"]["org.opencontainers.image.ref.name"];
            images.insert(name.as_str().unwrap().to_owned(), (config, layers));
        }
        Landed(images)
    }

    /// What `images` are.
    fn of(images: &[(&str, &Image)]) -> Landed {
        let content = images.iter().map(|(name, image)| {
            let manifest: Value = serde_json::from_slice(&image.root().bytes).unwrap();
            let blob = |about: &Value| image.blobs[about["digest"].as_str().unwrap()].clone();
            let layers = manifest["layers"].as_array().unwrap().iter();
            let layers = layers.map(|layer| digest(&unpacked(blob(layer)))).collect();
            ((*name).to_owned(), (blob(&manifest["config"]), layers))
        });
        Landed(content.collect())
    }

    /// The same under one other name.
    fn called(self, name: &str) -> Landed {
        Landed(self.0.into_values().map(|content| (name.to_owned(), content)).collect())
    }
}

fn unpacked(bytes: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    match &bytes[..] {
        [0x1f, 0x8b, ..] => {
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut out).unwrap();
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => out = zstd::decode_all(&bytes[..]).unwrap(),
        _ => out = bytes,
    }
    out
}

fn digest_of(said: &Ran) -> String {
    said.json()["images"][0]["digest"].as_str().unwrap().to_owned()
}

fn is_made(said: &Ran) -> bool {
    said.json()["images"][0]["made"] == true
}

fn twice() -> Image {
    images::all().into_iter().find(|image| image.repository == "acme/twice").unwrap()
}

/// Loads both images into `docker` and `podman` under their names.
fn fill(desk: &Desk, docker: &Docker, podman: &Podman, both: &[(&str, &Image)]) {
    images::write_layout(&desk.at("source"), both);
    for (name, _) in both {
        let from = format!("oci:{}:{name}", desk.at("source").display());
        let file = desk.at("load.tar");
        let to = format!("docker-archive:{}:{name}", file.display());
        output(skopeo("copy").args(["-q", &from, &to]));
        output(docker.command().args(["load", "-qi"]).arg(&file));
        output(podman.command().args(["load", "-qi"]).arg(&file));
        std::fs::remove_file(&file).unwrap();
    }
}

/// The options of podman's that say where its storage is.
fn options(podman: &Podman) -> Vec<String> {
    let command = podman.command();
    let all: Vec<String> =
        command.get_args().map(|option| option.to_str().unwrap().to_owned()).collect();
    all.into_iter().filter(|option| option != "--events-backend=none").collect()
}

/// `buildah` over podman's storage.
fn buildah(podman: &Podman) -> Command {
    let mut buildah = command("buildah");
    buildah.args(options(podman));
    buildah
}

/// Podman's storage, as a source names it.
fn storage_of(podman: &Podman) -> String {
    let options = options(podman);
    let after = |name: &str| {
        let place = options.iter().position(|option| option == name).unwrap();
        &options[place + 1]
    };
    format!("containers-storage:[vfs@{}+{}]", after("--root"), after("--runroot"))
}

/// Writes `source` plain, as gzip and as zstd; the files.
fn packings(source: &Path) -> Vec<PathBuf> {
    output(command("gzip").arg("-kf").arg(source));
    output(command("zstd").args(["-qf"]).arg(source));
    let with = |ending: &str| PathBuf::from(format!("{}{ending}", source.display()));
    vec![source.to_owned(), with(".gz"), with(".zst")]
}

#[test]
fn every_flavour_that_is_written_comes_back_identical_in_content() {
    need!("root", "dockerd", "docker", "podman", "skopeo", "buildah", "gzip", "zstd", "busybox");
    let desk = Desk::new();
    let (docker, podman) = (Docker::start(), Podman::new());
    let (hello, twice) = (images::hello(), twice());
    let both = [(NAME, &hello), (OTHER, &twice)];
    fill(&desk, &docker, &podman, &both);
    let more = "quay.io/acme/hello:more";
    output(docker.command().args(["tag", NAME, more]));
    let file = |name: &str| desk.at(name).display().to_string();
    let from = format!("oci:{}:{NAME}", desk.at("source").display());

    let run = |command: &mut Command| drop(output(command));
    run(docker.command().args(["save", "-o", &file("docker"), NAME]));
    run(docker.command().args(["save", "-o", &file("docker-two"), NAME, OTHER]));
    run(docker.command().args(["save", "-o", &file("docker-tags"), "quay.io/acme/hello"]));
    run(podman.command().args(["save", "-qo", &file("podman"), NAME]));
    run(podman.command().args(["save", "-qmo", &file("podman-two"), NAME, OTHER]));
    let oci = ["save", "-q", "--format", "oci-archive", "-o"];
    run(podman.command().args(oci).args([&file("podman-oci"), NAME]));
    let to = |kind: &str, name: &str| format!("{kind}:{}:{NAME}", file(name));
    run(skopeo("copy").args(["-q", &from, &to("docker-archive", "skopeo")]));
    run(skopeo("copy").args(["-q", &from, &to("oci-archive", "skopeo-oci")]));
    run(buildah(&podman).args(["push", "-q", NAME, &to("docker-archive", "buildah")]));
    run(buildah(&podman).args(["push", "-q", NAME, &to("oci-archive", "buildah-oci")]));

    let one = || Landed::of(&[(NAME, &hello)]);
    let mut made = BTreeMap::new();
    for (name, content) in [
        ("docker", one()),
        ("docker-two", Landed::of(&both)),
        ("docker-tags", Landed::of(&[(NAME, &hello), (more, &hello)])),
        ("podman", one()),
        ("podman-two", Landed::of(&both)),
        ("podman-oci", one()),
        ("skopeo", one()),
        ("skopeo-oci", one()),
        ("buildah", one()),
        ("buildah-oci", one()),
    ] {
        let kind = if name.ends_with("oci") { "oci-archive" } else { "docker-archive" };
        for path in packings(&desk.at(name)) {
            let (landed, said) = desk.cross(&format!("{kind}:{}", path.display()));
            assert!(landed == content, "{}", path.display());
            assert_eq!(is_made(&said), kind == "docker-archive", "{name}");
            made.entry(kind).or_insert_with(Vec::new).push(digest_of(&said));
        }
    }
    made["docker-archive"].iter().for_each(|it| assert_eq!(*it, made["docker-archive"][0]));
}

#[test]
fn engines_give_the_same_image_as_their_archives_do() {
    need!("root", "dockerd", "docker", "podman", "skopeo", "buildah", "busybox");
    let desk = Desk::new();
    let (docker, podman) = (Docker::start(), Podman::new());
    let (hello, twice) = (images::hello(), twice());
    fill(&desk, &docker, &podman, &[(NAME, &hello), (OTHER, &twice)]);
    output(docker.command().args(["save", "-o"]).arg(desk.at("saved")).arg(NAME));
    let wanted = digest_of(&desk.cross("docker-archive:saved").1);
    let daemon = |name: &str| {
        let mut export = desk.export(&format!("docker-daemon:{name}"), "b.tar");
        desk.cross_with(export.env("DOCKER_HOST", docker.host()))
    };
    let storage = |name: &str| format!("{}{name}", storage_of(&podman));

    let (landed, said) = daemon(NAME);
    assert_eq!((landed, digest_of(&said)), (Landed::of(&[(NAME, &hello)]), wanted.clone()));
    let (landed, said) = desk.cross(&storage("acme/hello:1.0"));
    assert_eq!((landed, digest_of(&said)), (Landed::of(&[(NAME, &hello)]), wanted.clone()));
    assert!(is_made(&said));
    let id = text(docker.command().args(["image", "inspect", "-f", "{{.Id}}", OTHER]));
    let (landed, _) = daemon(id.trim());
    assert_eq!(landed, Landed::of(&[(OTHER, &twice)]), "by its id, called by its tag");

    let mut saved = docker.command();
    let mut saved = Process::start(saved.args(["save", NAME]).stdout(Stdio::piped()));
    let mut piped = desk.export("docker-archive:-", "b.tar");
    let (landed, said) = desk.cross_with(piped.stdin(saved.0.stdout.take().unwrap()));
    assert_eq!((landed, digest_of(&said)), (Landed::of(&[(NAME, &hello)]), wanted.clone()));

    // Committed by hand: no registry has ever seen it.
    let container = text(docker.command().args(["create", NAME, "/bin/true"]));
    output(docker.command().args(["commit", container.trim(), "mine:1"]));
    let (landed, said) = daemon("mine:1");
    assert_eq!(landed.0.keys().collect::<Vec<_>>(), ["docker.io/library/mine:1"]);
    assert!(is_made(&said));
    output(podman.command().args(["untag", NAME]));
    let id = text(podman.command().args(["images", "-aq", "--filter", "dangling=true"]));
    let (landed, said) = desk.cross(&storage(id.lines().next().unwrap()));
    let name = format!("localhost/podman@{}", digest_of(&said));
    assert_eq!(landed, Landed::of(&[(NAME, &hello)]).called(&name));
}

#[test]
fn an_engine_that_has_it_not_and_one_that_is_not_there_are_told_apart() {
    need!("root", "dockerd", "docker", "podman", "buildah");
    let desk = Desk::new();
    let (docker, podman) = (Docker::start(), Podman::new());
    let daemon = |name: &str, host: &str| {
        ran(desk.export(&format!("docker-daemon:{name}"), "b.tar").env("DOCKER_HOST", host))
    };

    daemon("nothing:1", &docker.host()).exits(code::INCOMPLETE).says("nothing:1");
    daemon("nothing:1", "unix:///nowhere").exits(code::REFUSED).says("unix:///nowhere");
    daemon("--help", &docker.host()).exits(code::USAGE);
    ran(&mut desk.export(&format!("{}nothing", storage_of(&podman)), "b.tar"))
        .exits(code::INCOMPLETE);
    ran(desk.export("docker-daemon:x", "b.tar").env("PATH", "/nowhere")).exits(1).says("install");
    assert!(!desk.at("b.tar.partial").exists());
}

/// One image of `layers` as docker would save it, whose config promises `diff_ids`.
fn archive(layers: &[(&str, &[u8])], diff_ids: &[String]) -> Vec<u8> {
    let ids = serde_json::to_string(diff_ids).unwrap();
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":{ids}}}}}"#
    );
    let name = format!("{}.json", digest(config.as_bytes()).trim_start_matches("sha256:"));
    let paths: Vec<&str> = layers.iter().map(|(path, _)| *path).collect();
    let list = serde_json::json!([{"Config": name, "RepoTags": [NAME], "Layers": paths}]);
    let list = list.to_string();
    let mut entries: Vec<(&str, &[u8], u32)> =
        layers.iter().map(|(path, bytes)| (*path, *bytes, 0o644)).collect();
    entries.push((&name, config.as_bytes(), 0o644));
    entries.push(("manifest.json", list.as_bytes(), 0o644));
    tar(&entries)
}

/// A tar of one link.
fn link(path: &str, to: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    header.set_path(path).unwrap();
    header.as_mut_bytes()[157..157 + to.len()].copy_from_slice(to.as_bytes());
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn layers_that_are_compressed_or_linked_as_of_old_are_found() {
    let desk = Desk::new();
    let (one, two) = (images::one_file("a", "one"), images::one_file("b", "two"));
    let ids = [digest(&one), digest(&two), digest(&one)];
    let (packed, packed_too) = (gzip(&one), zstd(&two));
    let kaniko = [("1.tar.gz", &packed[..]), ("2.tar.zst", &packed_too[..])];
    std::fs::write(desk.at("kaniko"), archive(&kaniko, &ids[..2])).unwrap();

    let (landed, said) = desk.cross("docker-archive:kaniko");

    let (_, layers) = &landed.0[NAME];
    assert_eq!(*layers, ids[..2]);
    assert!(is_made(&said));

    // As docker 1.13 wrote them: the second `a` is a link to the first.
    let mut bytes = link("z/layer.tar", "../x/layer.tar");
    let list = serde_json::json!([{
        "Config": "c.json", "RepoTags": [NAME], "Layers": ["x/layer.tar", "y/layer.tar", "z/layer.tar"]
    }]);
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ids}
    });
    bytes.extend(tar(&[
        ("x/layer.tar", &one, 0o644),
        ("y/layer.tar", &two, 0o644),
        ("c.json", config.to_string().as_bytes(), 0o644),
        ("manifest.json", list.to_string().as_bytes(), 0o644),
    ]));
    std::fs::write(desk.at("old"), bytes).unwrap();
    assert_eq!(desk.cross("docker-archive:old").0.0[NAME].1, ids);
}

#[test]
fn original_manifests_that_an_archive_holds_are_taken() {
    need!("busybox");
    let desk = Desk::new();
    let hello = images::hello();
    images::write_layout(&desk.at("source"), &[(NAME, &hello)]);
    ran(&mut desk.export("oci:source", "hybrid.tar")).ok();

    let (landed, said) = desk.cross("docker-archive:hybrid.tar");

    assert_eq!(landed, Landed::of(&[(NAME, &hello)]));
    assert_eq!(digest_of(&said), hello.digest());
    assert!(!is_made(&said));
}

#[test]
fn what_was_made_is_marked_and_made_alike_each_time() {
    let desk = Desk::new();
    let layer = images::one_file("a", "one");
    let bytes = archive(&[("1/layer.tar", &layer)], &[digest(&layer)]);
    std::fs::write(desk.at("a.tar"), &bytes).unwrap();
    std::fs::write(desk.at("a.tar.gz"), gzip(&bytes)).unwrap();

    ran(&mut desk.export("docker-archive:a.tar", "b.tar")).ok();
    ran(&mut desk.export("docker-archive:a.tar", "c.tar")).ok();

    assert!(std::fs::read(desk.at("b.tar")).unwrap() == std::fs::read(desk.at("c.tar")).unwrap());
    run!(desk.sealift, "inspect", "b.tar").ok().says("made on export");
    let said = run!(desk.sealift, "inspect", "b.tar", "--format", "json").ok();
    assert!(is_made(&said));
    let packed = ran(&mut desk.export("docker-archive:a.tar.gz", "d.tar")).ok();
    assert_eq!(digest_of(&packed), digest_of(&said));
    // A bundle itself is never compressed.
    std::fs::write(desk.at("e.tar"), gzip(&std::fs::read(desk.at("b.tar")).unwrap())).unwrap();
    run!(desk.sealift, "verify", "e.tar", "--key", desk.keys.public).exits(code::UNTRUSTED);
}

#[test]
fn what_is_broken_is_damage_and_leaves_nothing() {
    let desk = Desk::new();
    let noise = Random::new(5).bytes(60_000);
    let layer = tar(&[("noise", &noise, 0o644)]);
    let ids = [digest(&layer)];
    let layers = [("1/layer.tar", &layer[..])];
    let fine = archive(&layers, &ids);
    std::fs::write(desk.at("fine"), &fine).unwrap();
    desk.cross("docker-archive:fine");

    for (what, packed) in [("tar", fine.clone()), ("gzip", gzip(&fine)), ("zstd", zstd(&fine))] {
        for part in 1..20 {
            let cut = packed.len() * part / 20;
            desk.refuses_as(code::INCOMPLETE, &format!("{what} cut at {cut}"), &packed[..cut]);
        }
        let more = [&packed[..], b"more"].concat();
        desk.refuses_as(code::DAMAGED, &format!("{what} and more"), &more);
    }
    let stray = |path: &str| {
        let mut bytes = tar(&[("x", b"evil", 0o644)]);
        let mut header = tar::Header::from_byte_slice(&bytes[..512]).clone();
        header.as_mut_bytes()[..100].fill(0);
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        bytes.splice(..512, header.as_bytes().iter().copied());
        bytes.truncate(1024);
        bytes.extend(&fine);
        bytes
    };
    for path in ["../evil", "/../evil", "a/../../evil", "1/layer.tar"] {
        for pack in [Vec::from, |bytes: Vec<u8>| gzip(&bytes)] as [fn(Vec<u8>) -> Vec<u8>; 2] {
            desk.refuses(path, &pack(stray(path)));
        }
    }
    for (path, to) in [("1/layer.tar", "../../../etc/passwd"), ("1/layer.tar", "/etc/passwd")] {
        let listed = serde_json::json!([{"Config": "c", "RepoTags": [NAME], "Layers": [path]}]);
        let config = serde_json::json!({"rootfs": {"diff_ids": ids}}).to_string();
        let list = listed.to_string();
        let rest =
            tar(&[("c", config.as_bytes(), 0o644), ("manifest.json", list.as_bytes(), 0o644)]);
        desk.refuses(to, &[link(path, to), rest].concat());
    }
    desk.refuses("too few layers", &archive(&layers, &[]));
    desk.refuses("too many layers", &archive(&layers, &[ids[0].clone(), ids[0].clone()]));
    let packed = gzip(b"other");
    desk.refuses("another layer", &archive(&[("1.tar.gz", &packed)], &ids));
    desk.refuses("not an archive", b"hello");
    std::fs::write(desk.at("wrong"), archive(&[("1/layer.tar", b"other")], &ids)).unwrap();
    ran(&mut desk.export("docker-archive:wrong", "wrong.tar"))
        .exits(code::DAMAGED)
        .says("docker-archive:wrong (");
}

#[test]
fn a_bomb_is_damage_and_leaves_nothing() {
    need!("zstd", "gzip");
    let desk = Desk::new();
    // A layer of 2 GiB of zeros, written by the compressors themselves.
    let mut header = tar::Header::new_ustar();
    header.set_path("layer.tar").unwrap();
    header.set_size(2 << 30);
    header.set_cksum();
    for (program, level) in [("zstd", "-3"), ("gzip", "-9")] {
        let file = File::create(desk.at("bomb")).unwrap();
        let mut packer =
            Process::start(command(program).args([level, "-c"]).stdin(Stdio::piped()).stdout(file));
        let mut input = packer.0.stdin.take().unwrap();
        input.write_all(header.as_bytes()).unwrap();
        std::io::copy(&mut std::io::repeat(0).take((2 << 30) + 1024), &mut input).unwrap();
        drop(input);
        assert!(packer.0.wait().unwrap().success());
        let bytes = std::fs::read(desk.at("bomb")).unwrap();

        desk.refuses(program, &bytes);
        // The same inside a layer.
        let layers = [("1.tar", &bytes[..])];
        desk.refuses(program, &archive(&layers, &[digest(b"")]));
    }
    // A frame that asks for a window of 2 GiB.
    desk.refuses("window", &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0]);
}

#[test]
fn a_folder_of_archives_is_all_of_them_whatever_their_names() {
    let desk = Desk::new();
    let folder = desk.at("images");
    std::fs::create_dir(&folder).unwrap();
    ran(&mut desk.export("docker-archive:images", "b.tar")).exits(code::INCOMPLETE);
    let write = |file: &str, name: &str, content: &str| {
        let layer = images::one_file("a", content);
        let bytes = archive(&[("1/layer.tar", &layer)], &[digest(&layer)]);
        let bytes: Vec<u8> = match String::from_utf8(bytes) {
            Ok(text) => text.replace(NAME, name).into_bytes(),
            Err(error) => error.into_bytes(),
        };
        std::fs::write(folder.join(file), bytes).unwrap();
    };
    let (one, two) = ("quay.io/acme/first:1.0", "quay.io/acme/other:1.0");
    write("rocker.rstudio.img", one, "one");
    write("second", two, "two");
    write(".hidden", NAME, "hidden");
    std::fs::create_dir(folder.join("empty")).unwrap();

    let (landed, _) = desk.cross("docker-archive:images");
    assert_eq!(landed.0.keys().collect::<Vec<_>>(), [one, two]);
    std::fs::create_dir(folder.join("below")).unwrap();
    std::fs::copy(folder.join("second"), folder.join("below/fourth")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.join("linked")).unwrap();
    std::fs::copy(folder.join("second"), desk.at("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", folder.join("out")).unwrap();
    ran(&mut desk.export("docker-archive:images", "c.tar"))
        .exits(code::REFUSED)
        .says("below is a folder")
        .says("linked is a link")
        .says("out is a link");
    assert!(!desk.at("c.tar").exists());
    let mut export = desk.export("docker-archive:images", "c.tar");
    ran(export.arg("--skip-unreadable")).ok().says("below is a folder").says("out is a link");
    let (landed, said) = desk.cross(&format!("docker-archive:images:{two}"));
    assert_eq!(landed.0.keys().collect::<Vec<_>>(), [two]);
    assert_eq!(said.json()["images"][0]["source"], "docker-archive:images/second");

    std::fs::remove_dir_all(folder.join("below")).unwrap();
    for link in ["linked", "out"] {
        std::fs::remove_file(folder.join(link)).unwrap();
    }
    write("third", one, "another one");
    ran(&mut desk.export("docker-archive:images", "b.tar")).exits(code::USAGE).says("twice");
    std::fs::write(folder.join("third"), "no archive").unwrap();
    ran(&mut desk.export("docker-archive:images", "b.tar"))
        .exits(code::DAMAGED)
        .says("images/third")
        .says("name the archives one by one");
    assert!(!desk.at("b.tar.partial").exists());

    // A folder with a manifest.json in it is one archive, unpacked.
    std::fs::create_dir(desk.at("one")).unwrap();
    output(command("tar").arg("-xf").arg(folder.join("second")).arg("-C").arg(desk.at("one")));
    assert_eq!(desk.cross("docker-archive:one").0.0.keys().collect::<Vec<_>>(), [two]);
}

/// Runs `export` with `input` coming through a pipe.
fn piped(mut export: Command, input: Vec<u8>) -> Ran {
    let mut child =
        export.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let done = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    Ran::new(format!("{export:?}"), done)
}

#[test]
fn an_archive_comes_through_a_pipe() {
    need!("busybox");
    let desk = Desk::new();
    let layer = images::one_file("a", "one");
    let bytes = archive(&[("1/layer.tar", &layer)], &[digest(&layer)]);
    std::fs::create_dir(desk.at("out")).unwrap();
    let listed = || -> Vec<_> { files::tree(&desk.at("out")).into_keys().collect() };
    let export = |source: &str, name: &str| desk.export(source, name);

    for (name, input) in [("a", bytes.clone()), ("b", gzip(&bytes)), ("c", zstd(&bytes))] {
        let said = piped(export("docker-archive:-", &format!("out/{name}.tar")), input).ok();
        assert_eq!(said.json()["images"][0]["name"], NAME);
    }
    assert_eq!(listed(), ["a.tar", "b.tar", "c.tar"].map(PathBuf::from));
    let layout = desk.at("source");
    images::write_layout(&layout, &[(NAME, &images::hello())]);
    let packed = output(command("tar").arg("-C").arg(&layout).args(["-cf", "-", "."]));
    piped(export("oci-archive:-", "out/d.tar"), packed).ok();

    let before = listed();
    piped(export("docker-archive:-", "out/e.tar"), bytes[..2000].to_vec()).exits(code::INCOMPLETE);
    piped(export("docker-archive:-", "out/e.tar"), Vec::new()).exits(code::INCOMPLETE);
    assert_eq!(listed(), before);
}

#[test]
fn a_terminal_is_no_archive() {
    need!("script");
    let desk = Desk::new();
    let inner = desk.export("docker-archive:-", "b.tar");
    let words: Vec<&str> = std::iter::once(inner.get_program())
        .chain(inner.get_args())
        .map(|word| word.to_str().unwrap())
        .collect();

    let mut script = command("script");
    script.current_dir(desk.at("")).args(["-qec", &words.join(" "), "/dev/null"]);
    let done = ran(&mut script);

    assert_eq!(done.code, code::USAGE, "{done:?}");
    done.says("is a terminal");
}

#[test]
fn a_pipe_that_does_not_fit_on_the_disk_leaves_nothing() {
    need!("root", "mount");
    let desk = Desk::new();
    let disk = Disk::new(desk.at("small"), "4M");
    let layer = tar(&[("noise", &Random::new(8).bytes(8 << 20), 0o644)]);
    let bytes = archive(&[("1/layer.tar", &layer)], &[digest(&layer)]);

    piped(desk.export("docker-archive:-", "small/b.tar"), bytes).exits(code::NO_ROOM);

    assert_eq!(files::tree(&disk.0).len(), 0);
}

#[test]
fn a_killed_export_of_a_compressed_archive_is_gone_on_with() {
    need!("gzip");
    let desk = Desk::new();
    let mut random = Random::new(9);
    let layers: Vec<Vec<u8>> =
        (0..24).map(|n| tar(&[(&format!("noise-{n}"), &random.bytes(4 << 20), 0o644)])).collect();
    let paths: Vec<String> = (0..layers.len()).map(|n| format!("{n}/layer.tar")).collect();
    let files: Vec<(&str, &[u8])> =
        paths.iter().zip(&layers).map(|(path, layer)| (path.as_str(), layer.as_slice())).collect();
    let ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
    std::fs::write(desk.at("a.tar.gz"), gzip(&archive(&files, &ids))).unwrap();
    let mut export = desk.export("docker-archive:a.tar.gz", "b");

    let process = Process::start(export.stdout(Stdio::null()).stderr(Stdio::null()));
    // The manifest and the config are among them.
    wait_for("some layers", || crate::support::files::whole_blobs(&desk.at("b.partial")).len() > 5);
    process.signal(rustix::process::Signal::KILL);
    drop(process);

    assert!(!desk.at("b").exists());
    let said = ran(&mut desk.export("docker-archive:a.tar.gz", "b")).ok();
    assert!(said.number("/reused/blobs") > 2);
    run!(desk.sealift, "verify", "b", "--key", desk.keys.public).ok();
}
