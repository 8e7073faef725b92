//! Archives as destinations of an import: what docker, podman, containerd, skopeo and umoci make of
//! them, and what becomes of files that are there.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use crate::limits::Disk;
use crate::support::content::{Layer, digest, tar};
use crate::support::engines::{Containerd, Docker, Podman, skopeo};
use crate::support::images::{self, GREETING, Image, LOADABLE};
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};
use crate::support::shared::Shared;
use crate::support::{Process, Random, command, files, output, packed, text, wait_for};

fn full(image: &Image) -> String {
    format!("docker.io/{}", image.path())
}

/// A bundle of some images, and what is needed to import it.
struct Bundle {
    sealift: Sealift,
    keys: Keys,
    images: Vec<Image>,
    path: PathBuf,
}

impl Bundle {
    fn of(images: Vec<Image>) -> Bundle {
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        let mut bundle = Bundle { path: sealift.at("b.tar"), sealift, keys, images };
        bundle.export("b.tar");
        bundle
    }

    fn kinds(repositories: &[&str]) -> Bundle {
        let wanted = |image: &Image| repositories.contains(&image.repository.as_str());
        Bundle::of(images::all().into_iter().filter(wanted).collect())
    }

    /// One small image for each name.
    fn small(names: &[(&str, &str)]) -> Bundle {
        Bundle::of(names.iter().map(|(name, text)| small(name, text)).collect())
    }

    fn export(&mut self, name: &str) {
        let source = self.sealift.at(&format!("source-of-{name}"));
        let named: Vec<_> = self.images.iter().map(|image| (full(image), image)).collect();
        let named: Vec<_> = named.iter().map(|(name, image)| (name.as_str(), *image)).collect();
        images::write_layout(&source, &named);
        self.path = self.sealift.at(name);
        let mut export = self.sealift.command();
        export.arg("export").arg(format!("oci:{}", source.display()));
        ran(export.arg("-o").arg(&self.path).arg("--sign-key").arg(&self.keys.private)).ok();
    }

    fn command(&self, to: &str, more: &[&str]) -> Command {
        let mut import = self.sealift.command();
        import.arg("import").arg(&self.path).args(["--to", to]).args(more);
        import.arg("--key").arg(&self.keys.public);
        import
    }

    fn import(&self, to: &str, more: &[&str]) -> Ran {
        ran(&mut self.command(to, more))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.sealift.at(name)
    }

    fn image(&self, repository: &str) -> &Image {
        self.images.iter().find(|image| image.repository == repository).unwrap()
    }
}

fn small(path: &str, text: &str) -> Image {
    let (repository, tag) = path.rsplit_once(':').unwrap();
    let layer = Layer::gzip(&tar(&[("file", text.as_bytes(), 0o644)]));
    Image::single(repository, tag, r#"["/bin/true"]"#, &[layer])
}

/// The manifest of an image that a docker archive holds, if `arch` is its architecture.
fn manifest_for<'i>(image: &'i Image, arch: &str) -> &'i images::Document {
    let is = |document: &&images::Document| {
        let manifest: Value = serde_json::from_slice(&document.bytes).unwrap();
        let config = manifest["config"]["digest"].as_str().and_then(|d| image.blobs.get(d));
        config.is_some_and(|config| {
            serde_json::from_slice::<Value>(config).unwrap()["architecture"] == arch
        })
    };
    image.documents.iter().find(is).unwrap()
}

/// What docker calls an image: the digest of its config.
fn id(document: &images::Document) -> String {
    let manifest: Value = serde_json::from_slice(&document.bytes).unwrap();
    manifest["config"]["digest"].as_str().unwrap().to_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What changes when a file is written: inode, time and length.
fn stamps(folder: &Path) -> BTreeMap<String, (u64, i64, i64, u64)> {
    let stamp = |name: String| {
        let about = std::fs::metadata(folder.join(&name)).unwrap();
        (name, (about.ino(), about.mtime(), about.mtime_nsec(), about.len()))
    };
    names(folder).into_iter().map(stamp).collect()
}

#[test]
fn docker_loads_every_kind_of_image_by_name_and_id_and_runs_it() {
    need!("root", "dockerd", "docker", "busybox");
    let bundle = Bundle::kinds(&LOADABLE);

    bundle.import("docker-archive:all.tar", &[]).ok();
    let docker = Docker::start();
    output(docker.command().args(["load", "-i"]).arg(bundle.at("all.tar")));

    for image in &bundle.images {
        let inspect = ["image", "inspect", "--format", "{{.Id}}", &full(image)];
        let loaded = text(docker.command().args(inspect));
        assert_eq!(loaded.trim(), id(manifest_for(image, "amd64")), "{}", image.path());
    }
    let hello = full(bundle.image("library/hello"));
    let said = text(docker.command().args(["run", "--rm", "--network=none", &hello]));
    assert_eq!(said.trim(), GREETING);
}

#[test]
fn podman_containerd_and_skopeo_take_the_same_archive() {
    need!("root", "podman", "containerd", "ctr", "skopeo", "busybox");
    let bundle = Bundle::kinds(&LOADABLE);
    bundle.import("docker-archive:all.tar", &[]).ok();
    // Compressed ones podman 4.3 takes with one image only, its own not being an exception.
    bundle.import("docker-archive:each/", &["--gzip"]).ok();
    let all = bundle.at("all.tar");

    let (one, other) = (Podman::new(), Podman::new());
    output(one.command().args(["load", "-i"]).arg(&all));
    for name in names(&bundle.at("each")) {
        output(other.command().args(["load", "-i"]).arg(bundle.at("each").join(name)));
    }
    for podman in [one, other] {
        for image in &bundle.images {
            let inspect = ["image", "inspect", "--format", "sha256:{{.Id}}", &full(image)];
            let loaded = text(podman.command().args(inspect));
            assert_eq!(loaded.trim(), id(manifest_for(image, "amd64")), "{}", image.path());
        }
    }

    let containerd = Containerd::start();
    output(containerd.command().args(["images", "import", "--no-unpack"]).arg(&all));
    let listed = text(containerd.command().args(["images", "ls"]));
    for image in &bundle.images {
        let line = listed.lines().find(|line| line.starts_with(&format!("{} ", full(image))));
        let line = line.unwrap_or_else(|| panic!("{} is not in\n{listed}", image.path()));
        assert!(line.contains(&manifest_for(image, "amd64").digest), "{line}");
    }

    for image in &bundle.images {
        let name = format!("docker-archive:{}:{}", all.display(), full(image));
        let config = output(skopeo("inspect").args(["--config", "--raw", &name]));
        assert_eq!(digest(&config), id(manifest_for(image, "amd64")), "{name}");
        let manifest = manifest_for(image, "amd64");
        if manifest.media_type == images::OCI_MANIFEST {
            let name = format!("oci-archive:{}:{}", all.display(), full(image));
            assert!(output(skopeo("inspect").args(["--raw", &name])) == manifest.bytes, "{name}");
        }
    }
}

#[test]
fn of_several_platforms_a_docker_archive_holds_the_one_that_was_asked_for() {
    need!("root", "dockerd", "docker", "busybox");
    let bundle = Bundle::kinds(&["acme/multi", "acme/list", "acme/twice"]);
    let docker = Docker::start();

    for (arch, more) in [("amd64", &[][..]), ("arm64", &["--platform", "linux/arm64"])] {
        let name = format!("{arch}.tar");
        let done = bundle.import(&format!("docker-archive:{name}"), more).ok();
        assert_eq!(done.stderr.contains("--platform chooses"), more.is_empty());
        output(docker.command().args(["load", "-i"]).arg(bundle.at(&name)));
        for repository in ["acme/multi", "acme/list"] {
            let image = bundle.image(repository);
            let inspect = ["image", "inspect", "--format", "{{.Id}}", &full(image)];
            let loaded = text(docker.command().args(inspect));
            assert_eq!(loaded.trim(), id(manifest_for(image, arch)), "{repository}");
            let tar = std::fs::read(bundle.at(&name)).unwrap();
            let index = packed::entry(&tar, "index.json");
            let index = String::from_utf8_lossy(&tar[index.data..index.data + index.size]);
            assert!(index.contains(&manifest_for(image, arch).digest), "{index}");
            assert!(!index.contains(image.digest()), "{index}");
        }
    }

    let missing = bundle.import("docker-archive:none.tar", &["--platform", "linux/s390x"]);
    missing.exits(code::INCOMPLETE).says("acme/multi:1.0 is there for linux/amd64, linux/arm64");
    assert!(!bundle.at("none.tar").exists());
}

#[test]
fn what_docker_cannot_load_is_refused_by_name_before_anything_moves() {
    need!("busybox");
    let bundle = Bundle::kinds(&["library/hello", "charts/web", "acme/empty", "acme/signed"]);

    for more in [&[][..], &["--dry-run"]] {
        let refused = bundle.import("docker-archive:out/", more).exits(code::REFUSED);
        refused
            .says("docker.io/charts/web:0.1.0")
            .says("docker.io/acme/empty:1.0")
            .says("oci-arch");
    }
    assert!(!bundle.at("out").exists());

    let signed = Shared::get();
    let mut import = signed_only(signed, &bundle.sealift);
    ran(import.args(["--to", "docker-archive:signed.tar"])).ok().says("signatures and the like: ");
}

/// An import of a bundle in which there is an image with its signature and nothing else.
fn signed_only(shared: &Shared, sealift: &Sealift) -> Command {
    let registry = crate::support::registry::Registry::over(&shared.storage);
    let name = format!("{}/{}", registry.host(), shared.image("acme/signed").path());
    let key = &shared.keys;
    run!(sealift, "export", name, "-o", "signed-bundle.tar", "--sign-key", key.private).ok();
    let mut import = sealift.command();
    import.args(["import", "signed-bundle.tar", "--key"]).arg(&key.public);
    import
}

#[test]
fn an_oci_archive_keeps_indexes_charts_and_signatures_whole() {
    need!("root", "docker-registry", "skopeo", "umoci", "tar", "containerd", "ctr", "busybox");
    let (shared, sealift) = (Shared::get(), Sealift::new());
    let import = |to: &str| {
        let mut import = sealift.command();
        import.arg("import").arg(&shared.tar).args(["--to", to]).arg("--key");
        ran(import.arg(&shared.keys.public)).ok();
    };
    import("oci-archive:all.tar");
    let all = sealift.at("all.tar");

    let containerd = Containerd::start();
    let mut load = containerd.command();
    output(load.args(["images", "import", "--no-unpack", "--all-platforms"]).arg(&all));
    let listed = text(containerd.command().args(["images", "ls"]));
    for image in &shared.images {
        let name = shared.name(&image.repository);
        let line = listed.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        assert!(line.contains(image.digest()), "{line}");
    }
    for image in shared.images.iter().filter(|image| image.is_oci()) {
        let name = format!("oci-archive:{}:{}", all.display(), shared.name(&image.repository));
        assert!(output(skopeo("inspect").args(["--raw", &name])) == image.root().bytes, "{name}");
    }
    let unpacked = sealift.at("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    output(command("tar").arg("-xf").arg(&all).arg("-C").arg(&unpacked));
    let listed = text(command("umoci").arg("ls").arg("--layout").arg(&unpacked));
    assert!(listed.lines().any(|line| line == shared.name("acme/signed")), "{listed}");

    // And out of it again: the same images, and what refers to them.
    let from = "oci-archive:all.tar";
    run!(sealift, "export", from, "-o", "again.tar", "--sign-key", shared.keys.private).ok();
    let inspect = |bundle: &Path| run!(sealift, "inspect", bundle, "--format", "json").ok().json();
    let (again, first) = (inspect(&sealift.at("again.tar")), inspect(&shared.tar));
    assert_eq!(again["referrers"], first["referrers"]);
    let images = again["images"].as_array().unwrap();
    for image in first["images"].as_array().unwrap() {
        let same = |i: &&Value| i["name"] == image["name"] && i["digest"] == image["digest"];
        assert!(images.iter().any(|i| same(&i)), "{image}");
    }
    // Of a file an image, the one of the signed image has the signature.
    import("oci-archive:each/");
    let tar = std::fs::read(sealift.at("each/acme.signed_1.0.tar")).unwrap();
    let index = packed::entry(&tar, "index.json");
    let index = String::from_utf8_lossy(&tar[index.data..index.data + index.size]);
    assert!(index.contains(".sig\""), "{index}");
    assert_eq!(names(&sealift.at("each")).len(), shared.images.len());
    let hello = std::fs::read(sealift.at("each/library.hello_1.0.tar")).unwrap();
    assert!(!String::from_utf8_lossy(&hello).contains(".sig\""));
}

#[test]
fn podman_and_skopeo_take_an_oci_archive_of_one_image() {
    need!("root", "podman", "skopeo", "busybox");
    let bundle = Bundle::kinds(&["acme/multi"]);
    bundle.import("oci-archive:multi.tar", &[]).ok();
    let archive = bundle.at("multi.tar");

    let podman = Podman::new();
    output(podman.command().args(["load", "-i"]).arg(&archive));
    let image = bundle.image("acme/multi");
    let inspect = ["image", "inspect", "--format", "sha256:{{.Id}}", &full(image)];
    assert_eq!(text(podman.command().args(inspect)).trim(), id(manifest_for(image, "amd64")));

    let (from, to) = (format!("oci-archive:{}", archive.display()), bundle.at("copy"));
    output(skopeo("copy").arg("--all").arg(from).arg(format!("dir:{}", to.display())));
    assert!(std::fs::read(to.join("manifest.json")).unwrap() == image.root().bytes);
}

#[test]
fn a_folder_gets_a_file_an_image_and_a_rerun_touches_only_what_changed() {
    need!("root", "dockerd", "docker", "busybox");
    let mut bundle = Bundle::kinds(&["library/hello", "acme/twice", "acme/multi"]);
    bundle.images.push(small("rocker/rstudio:latest", "first"));
    bundle.export("first.tar");
    let (folder, to) = (bundle.at("docker_images"), "docker-archive:docker_images/");
    let seed = ["--name-template", "{repo}.{name}.img", "--gzip", "--format", "json"];

    let done = bundle.import(to, &seed).ok().json();

    let expected = ["acme.multi.img", "acme.twice.img", "hello.img", "rocker.rstudio.img"];
    assert_eq!(names(&folder), expected);
    let of = |image: &str| {
        let images = done["images"].as_array().unwrap();
        let found = images.iter().find(|found| found["to"] == image).unwrap();
        found["file"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("docker.io/rocker/rstudio:latest"), "docker_images/rocker.rstudio.img");
    let docker = Docker::start();
    for name in expected {
        output(docker.command().args(["load", "-i"]).arg(folder.join(name)));
    }
    let hello = full(bundle.image("library/hello"));
    let said = text(docker.command().args(["run", "--rm", "--network=none", &hello]));
    assert_eq!(said.trim(), GREETING);

    // The slash is not needed any more; nothing changes.
    let before = stamps(&folder);
    let again = bundle.import("docker-archive:docker_images", &seed).ok();
    assert_eq!(again.number("/copied/blobs"), 0);
    assert_eq!(again.json()["images"][0]["action"], "present");
    assert_eq!(stamps(&folder), before);

    // One image changes: its file alone is written, when that was asked for.
    *bundle.images.last_mut().unwrap() = small("rocker/rstudio:latest", "second");
    bundle.export("second.tar");
    let refused = bundle.import(to, &seed).exits(code::REFUSED);
    refused.says("rocker.rstudio.img holds docker.io/rocker/rstudio:latest");
    assert_eq!(stamps(&folder), before);
    let overwrite = [&seed[..], &["--on-existing", "overwrite"]].concat();
    let second = bundle.import(to, &overwrite).ok().json();
    let actions: Vec<_> = second["images"].as_array().unwrap().iter().collect();
    let replaced: Vec<_> = actions.iter().filter(|image| image["action"] == "replace").collect();
    assert_eq!(replaced.len(), 1);
    let after = stamps(&folder);
    for name in expected {
        assert_eq!(after[name] == before[name], name != "rocker.rstudio.img", "{name}");
    }
}

#[test]
fn what_a_file_holds_decides_whether_it_is_replaced() {
    let bundle = Bundle::small(&[("a/one:1", "one"), ("a/two:1", "two")]);
    let (path, to) = (bundle.at("x.tar"), "docker-archive:x.tar");
    bundle.import(to, &[]).ok();
    let ours = std::fs::read(&path).unwrap();

    // Damaged, or wrapped otherwise, but the same images.
    std::fs::write(&path, &ours[..ours.len() / 2 / 512 * 512]).unwrap();
    bundle.import(to, &[]).ok();
    assert!(std::fs::read(&path).unwrap() == ours);
    bundle.import(to, &["--gzip"]).ok();
    assert_eq!(std::fs::read(&path).unwrap()[..2], [0x1f, 0x8b]);
    bundle.import(to, &[]).ok();
    let before = stamps(path.parent().unwrap());
    bundle.import(to, &[]).ok().says("unchanged");
    assert_eq!(stamps(path.parent().unwrap())["x.tar"], before["x.tar"]);

    // Fewer images, no archive, a link: not without being told to.
    bundle.import("docker-archive:each/", &[]).ok();
    let single = std::fs::read(bundle.at("each/a.one_1.tar")).unwrap();
    for (bytes, says) in [
        (single.as_slice(), "x.tar holds docker.io/a/one:1"),
        (b"somebody's letter", "x.tar is no archive"),
        (b"", "x.tar is no archive"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        for more in [&[][..], &["--dry-run"], &["--on-existing", "error"]] {
            bundle.import(to, more).exits(code::REFUSED).says(says);
        }
        let skip = ["--on-existing", "skip", "--format", "json"];
        let skipped = bundle.import(to, &skip).ok().says("x.tar holds something else");
        assert_eq!(skipped.json()["images"][1]["action"], "keep");
        assert_eq!(skipped.number("/copied/blobs"), 0);
        assert!(std::fs::read(&path).unwrap() == bytes);
        bundle.import(to, &["--on-existing", "overwrite"]).ok();
        assert!(std::fs::read(&path).unwrap() == ours);
    }
    std::fs::rename(&path, bundle.at("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &path).unwrap();
    for more in [&[][..], &["--on-existing", "overwrite"]] {
        bundle.import(to, more).exits(code::USAGE).says("is no plain file");
    }
    assert!(std::fs::read(bundle.at("elsewhere")).unwrap() == ours);

    bundle.import(to, &["--on-existing", "keep-digest"]).exits(code::USAGE);
    let files = names(&bundle.at("."));
    assert!(!files.iter().any(|name| name.starts_with(".sealift")), "{files:?}");
}

#[test]
fn a_dry_run_tells_the_files_and_makes_nothing() {
    let bundle = Bundle::small(&[("a/one:1", "one"), ("a/two:1", "two")]);
    let before = names(&bundle.at("."));

    for to in ["docker-archive:out/", "oci-archive:x.tar", "docker-archive:-"] {
        let planned = bundle.import(to, &["--dry-run"]).ok().says("docker.io/a/two:1  ");
        let planned = planned.says("2 names created");
        planned.says(if to.ends_with('/') { "out/a.one_1.tar" } else { "" });
    }

    assert_eq!(names(&bundle.at(".")), before);
}

#[test]
fn no_name_leads_out_of_the_folder_and_no_two_images_share_a_file() {
    let bundle = Bundle::small(&[("a/b:1", "one"), ("a/b:2", "two")]);
    let to = "docker-archive:out/";

    for template in ["../{name}", "{name}/{tag}", ".{name}", "..", "{nmae}", "", "x\n"] {
        bundle.import(to, &["--name-template", template]).exits(code::USAGE);
    }
    for map in ["docker.io/a/b=../b", "docker.io/a/b=/etc/b", "docker.io/a/b=a/../../b"] {
        bundle.import(to, &["--map", map]).exits(code::USAGE);
    }
    bundle
        .import(to, &["--name-template", "{repo}.{name}"])
        .exits(code::USAGE)
        .says("docker.io/a/b:1 and docker.io/a/b:2 would both be in the file a.b");
    bundle.import("docker-archive:x.tar", &["--name-template", "{name}"]).exits(code::USAGE);
    for more in [&["--gzip"][..], &["--name-template", "{name}"]] {
        bundle.import("oci:layout", more).exits(code::USAGE).says("are for archives");
    }
    assert!(!bundle.at("out").exists() && !bundle.at("x.tar").exists());

    let map =
        ["--map", "docker.io/a/*=localhost:5000/x/*", "--name-template", "{host}-{name}{tag}"];
    bundle.import(to, &map).ok();
    assert_eq!(names(&bundle.at("out")), ["localhost_5000-b1", "localhost_5000-b2"]);
}

#[test]
fn the_bytes_depend_on_nothing_but_images_names_and_flags() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    for more in [&[][..], &["--gzip"]] {
        let mut all = Vec::new();
        for (form, jobs) in shared.forms().into_iter().zip(["1", "8"]) {
            let sealift = Sealift::new();
            let mut import = sealift.command();
            import.arg("import").arg(form).args(["--to", "oci-archive:all", "--jobs", jobs]);
            ran(import.args(more).arg("--key").arg(&shared.keys.public)).ok();
            all.push(digest(&std::fs::read(sealift.at("all")).unwrap()));
        }
        assert_eq!(all[0], all[1]);
    }
}

#[test]
fn standard_output_carries_the_archive_and_nothing_else() {
    need!("root", "dockerd", "docker", "busybox");
    let bundle = Bundle::kinds(&["library/hello", "acme/multi"]);
    bundle.import("docker-archive:x.tar", &[]).ok();
    let file = std::fs::read(bundle.at("x.tar")).unwrap();

    for format in ["text", "json"] {
        let streamed = bundle.command("docker-archive:-", &["--format", format]).output().unwrap();
        assert!(streamed.status.success());
        assert!(streamed.stdout == file, "{format}");
        let said = String::from_utf8(streamed.stderr).unwrap();
        assert!(said.contains("standard output"), "the summary says where it is: {said}");
        let planned = bundle
            .command("docker-archive:-", &["--dry-run", "--format", format])
            .output()
            .unwrap();
        assert!(planned.status.success() && planned.stdout.is_empty());
    }
    let docker = Docker::start();
    let mut import = bundle.command("docker-archive:-", &["--gzip"]);
    let mut sealift = Process::start(import.stdout(Stdio::piped()).stderr(Stdio::null()));
    let piped = sealift.0.stdout.take().unwrap();
    output(docker.command().arg("load").stdin(piped));
    assert!(sealift.0.wait().unwrap().success());
    let hello = full(bundle.image("library/hello"));
    let said = text(docker.command().args(["run", "--rm", "--network=none", &hello]));
    assert_eq!(said.trim(), GREETING);
}

#[test]
fn a_reader_that_ends_early_and_a_failure_are_told_on_standard_error() {
    let bundle = Bundle::of(crate::killed::large_images());
    for more in [&[][..], &["--gzip"], &["--format", "json"]] {
        let mut import = bundle.command("docker-archive:-", more);
        let mut child = import.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut some = [0; 4096];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(1));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains("cannot write standard output") && !said.contains("panic"), "{said}");
    }
    // A failure in JSON is not for standard output either.
    let failed = bundle
        .command("docker-archive:-", &["--platform", "x", "--format", "json"])
        .output()
        .unwrap();
    assert!(failed.stdout.is_empty() && !failed.status.success());
}

#[test]
fn a_terminal_gets_no_archive() {
    need!("script");
    let bundle = Bundle::small(&[("a/b:1", "one")]);
    let program = env!("CARGO_BIN_EXE_sealift");
    let line = format!("{program} import b.tar --to docker-archive:- --insecure-no-verify");
    let mut script = command("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(bundle.at(".")).stdin(Stdio::null());
    let said = script.output().unwrap();
    assert_eq!(said.status.code(), Some(code::USAGE));
    assert!(String::from_utf8_lossy(&said.stdout).contains("nothing for a terminal"));
}

#[test]
fn a_damaged_bundle_leaves_no_file_behind() {
    let bundle = Bundle::small(&[("a/one:1", "one"), ("a/two:1", "two")]);
    let tar = std::fs::read(&bundle.path).unwrap();
    let layer = packed::entries(&tar).into_iter().rfind(|e| e.path.contains("blobs/")).unwrap();
    files::flip(&bundle.path, layer.data as u64 + 2);

    for (to, kept) in [("docker-archive:x.tar", 0), ("oci-archive:x.tar", 0), ("oci-archive:e/", 1)]
    {
        for more in [&[][..], &["--gzip"]] {
            bundle.import(to, more).exits(code::DAMAGED).says("needed by docker.io/a/");
            assert!(!bundle.at("x.tar").exists());
            let all = names(&bundle.at("."));
            assert!(!all.iter().any(|name| name.starts_with(".sealift")), "{all:?}");
            if to.ends_with('/') {
                assert_eq!(names(&bundle.at("e")).len(), kept, "what was finished before stays");
                files::remove(&bundle.at("e"));
            }
        }
    }
    let streamed = bundle.command("docker-archive:-", &[]).output().unwrap();
    assert_eq!(streamed.status.code(), Some(code::DAMAGED));
}

#[test]
fn a_disk_without_room_is_told_with_numbers_and_left_empty() {
    need!("root", "mount");
    let noise = |seed| Random::new(seed).bytes(3 << 20);
    let image = |name: &str, seed| {
        let layers = [Layer::plain(&tar(&[("noise", &noise(seed), 0o644)]))];
        Image::single(name, "1", "[]", &layers)
    };
    let bundle = Bundle::of(vec![image("a/one", 1), image("a/two", 2)]);
    let (small, large) = (Disk::new(bundle.at("20M"), "20M"), Disk::new(bundle.at("32M"), "32M"));

    for (name, more) in [("x.tar", &[][..]), ("x.tar", &["--gzip"]), ("x/", &[])] {
        let to = |disk: &Disk| format!("docker-archive:{}/{name}", disk.0.display());
        bundle.import(&to(&small), more).exits(code::NO_ROOM).says("bytes are to come");
        assert_eq!(names(&small.0), [] as [&str; 0]);
        // What a killed run left is no reason to have no room.
        std::fs::create_dir_all(large.0.join("x")).unwrap();
        let left = match name {
            "x/" => large.0.join("x/.sealift-locked-0"),
            _ => large.0.join(".sealift-locked-0"),
        };
        std::fs::write(&left, noise(3).repeat(5)).unwrap();
        bundle.import(&to(&large), more).ok();
        assert!(!left.exists());
        let _ = std::fs::remove_file(large.0.join("x.tar"));
    }
    // Files that are there need no room; of those that are replaced one at a time needs it.
    let to = format!("docker-archive:{}/x/", large.0.display());
    output(command("mount").args(["-o", "remount,size=26M"]).arg(&large.0));
    bundle.import(&to, &[]).ok();
    let before = stamps(&large.0.join("x"));
    let mut bundle = bundle;
    bundle.images = vec![image("a/one", 3), image("a/two", 4)];
    bundle.export("changed.tar");
    bundle.import(&to, &["--on-existing", "overwrite"]).ok();
    assert_ne!(stamps(&large.0.join("x")), before);
    // A disk that fills up all the same leaves nothing half done.
    let tiny = Disk::new(bundle.at("limit"), "18M");
    let to = format!("docker-archive:{}/x.tar", tiny.0.display());
    let mut import = bundle.command(&to, &[]);
    ran(&mut import).exits(code::NO_ROOM);
    assert_eq!(names(&tiny.0), [] as [&str; 0]);
}

#[test]
fn an_import_killed_at_any_moment_keeps_what_was_finished_and_is_finished_by_the_next() {
    let bundle = Bundle::of(crate::killed::large_images());
    let mut random = Random::printed("archives");
    for (to, more) in [("docker-archive:OUT/", &["--gzip"][..]), ("oci-archive:OUT/all.tar", &[])] {
        let place = |folder: &str| to.replace("OUT", folder);
        std::fs::create_dir(bundle.at("whole")).unwrap();
        let begun = Instant::now();
        bundle.import(&place("whole"), more).ok();
        let (mut took, expected) = (begun.elapsed(), files::tree(&bundle.at("whole")));
        let (mut interrupted, mut kept_files) = (0, 0);
        for moment in 0..16 {
            let folder = bundle.at("out");
            std::fs::create_dir(&folder).unwrap();
            let mut import = bundle.command(&place("out"), more);
            let mut process = Process::start(import.stdout(Stdio::null()).stderr(Stdio::null()));
            let part = u32::try_from(random.below(1000)).unwrap();
            std::thread::sleep(took * part / 1000);
            let signal = if moment % 4 == 3 { Signal::INT } else { Signal::KILL };
            match process.ended() {
                // The first one was slower, because the machine was busy then.
                true => took = took * part / 1000,
                false => interrupted += 1,
            }
            process.signal(signal);
            wait_for("the killed import", || process.ended());

            let is_temp = |name: &&String| name.starts_with(".sealift-");
            let left = names(&folder);
            if signal == Signal::INT {
                assert!(!left.iter().any(|name| is_temp(&name)), "{left:?}");
            }
            assert!(left.iter().filter(is_temp).count() <= 1, "{left:?}");
            let before = stamps(&folder);
            for (path, digest) in files::tree(&folder) {
                let name = path.to_str().unwrap().to_owned();
                assert!(is_temp(&&name) || expected[&path] == digest, "{name} is half done");
            }
            bundle.import(&place("out"), more).ok();
            assert_eq!(files::tree(&folder), expected);
            let after = stamps(&folder);
            for (name, stamp) in before.iter().filter(|(name, _)| !is_temp(name)) {
                assert_eq!(after[name], *stamp, "{name} was written again");
                kept_files += 1;
            }
            files::remove(&folder);
        }
        assert!(interrupted > 3, "only {interrupted} were killed in time");
        assert!(kept_files > 0 || !to.ends_with('/'), "nothing was ever finished before");
        files::remove(&bundle.at("whole"));
    }
}

#[test]
fn two_imports_at_once_do_not_sweep_away_each_others_work() {
    let bundle = Bundle::of(crate::killed::large_images());
    let start = |name: &str| {
        let mut import = bundle.command(&format!("docker-archive:{name}"), &["--gzip"]);
        Process::start(import.stdout(Stdio::null()).stderr(Stdio::null()))
    };
    let mut first = start("first.tar.gz");
    wait_for("a temporary file", || {
        names(&bundle.at(".")).iter().any(|name| name.starts_with(".sealift-"))
    });
    let mut second = start("second.tar.gz");
    for process in [&mut first, &mut second] {
        assert!(process.0.wait().unwrap().success());
    }
    let bytes = |name: &str| digest(&std::fs::read(bundle.at(name)).unwrap());
    assert_eq!(bytes("first.tar.gz"), bytes("second.tar.gz"));
}

#[test]
fn nothing_is_written_into_the_bundle_itself() {
    let mut bundle = Bundle::small(&[("acme/app:1", "x")]);
    let before = std::fs::read(&bundle.path).unwrap();
    std::os::unix::fs::symlink("b.tar", bundle.at("other.tar")).unwrap();

    for to in
        ["docker-archive:b.tar", "docker-archive:./other.tar", "oci-archive:b.tar", "oci:b.tar"]
    {
        let ran = bundle.import(to, &["--on-existing", "overwrite"]);
        ran.exits(code::USAGE).says("the bundle itself");
    }
    let template = ["--name-template", "b.tar", "--on-existing", "overwrite"];
    bundle.import("docker-archive:./", &template).exits(code::USAGE).says("the bundle itself");
    assert!(std::fs::read(&bundle.path).unwrap() == before);

    bundle.export("folder");
    for to in ["oci:folder", "oci:folder/inside", "docker-archive:folder/x.tar"] {
        bundle.import(to, &[]).exits(code::USAGE).says("the bundle itself");
    }
    run!(bundle.sealift, "verify", "folder", "--key", bundle.keys.public).ok();
}

#[test]
fn a_pipe_and_a_device_stay_what_they_are() {
    need!("mkfifo");
    let bundle = Bundle::small(&[("acme/app:1", "x")]);
    output(command("mkfifo").arg(bundle.at("pipe")));

    for to in ["docker-archive:pipe", "docker-archive:/dev/null"] {
        let ran = bundle.import(to, &["--on-existing", "overwrite"]);
        ran.exits(code::USAGE).says("is no plain file").says("- is standard output");
    }
}

#[test]
fn a_config_that_changed_in_an_archive_is_not_taken_for_the_same() {
    for more in [&[][..], &["--gzip"]] {
        let bundle = Bundle::small(&[("acme/app:1", "x")]);
        bundle.import("docker-archive:x", more).ok();
        let good = std::fs::read(bundle.at("x")).unwrap();
        let find = |bytes: &[u8]| bytes.windows(9).position(|w| w == b"/bin/true");
        let mut plain = Vec::new();
        match more.is_empty() {
            true => plain.clone_from(&good),
            false => drop(flate2::read::GzDecoder::new(&good[..]).read_to_end(&mut plain).unwrap()),
        }
        let at = find(&plain).unwrap();
        plain[at..at + 9].copy_from_slice(b"/bin/evil");
        let bad = if more.is_empty() { plain } else { crate::support::content::gzip(&plain) };
        std::fs::write(bundle.at("x"), &bad).unwrap();

        bundle.import("docker-archive:x", more).ok();

        assert!(std::fs::read(bundle.at("x")).unwrap() == good, "{more:?}");
    }
}

#[test]
fn names_that_only_their_case_tells_apart_share_no_folder_and_zstd_is_no_surprise() {
    let bundle = Bundle::small(&[("acme/app:A", "x"), ("acme/app:a", "y")]);
    bundle.import("docker-archive:out/", &[]).exits(code::USAGE).says("would both be in the file");
    assert!(!bundle.at("out").exists());

    let bundle = Bundle::kinds(&["acme/zstd"]);
    bundle.import("docker-archive:x", &[]).ok().says("docker loads from 23.0 on");
    bundle.import("oci:y", &["--platform", "linux/amd64"]).exits(code::USAGE).says("--platform");
    bundle.import("docker-daemon", &[]).exits(code::USAGE).says("containers-storage:");
}
