//! `docs/from-docker-save.md` means what it says: it has a counterpart for every command line that
//! people have today, and its own commands are run from the page, as one script.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::content::digest as digest_of;
use crate::support::engines::Docker;
use crate::support::images::{self, Image};
use crate::support::registry::{Access, Credentials, Registry};
use crate::support::sealift::Sealift;
use crate::support::ssh::Sshd;
use crate::support::{command, files, output, text};

/// The command lines and settings of those who carry images by hand: an HTCondor pool's, the
/// PANOPTES project's, ERISXdl's and the DockerDriver's documents.
const TODAY: &[&str] = &[
    "docker save rerickson/r-custom | gzip > testRimage.tar.gz",
    "docker save image > out.tar",
    "zcat testRimage.tar.gz | docker load",
    "docker pull gcr.io/panoptes-exp/panoptes-utils:latest",
    "podman login docker.io",
    "podman login erisxdl.partners.org",
    "podman search docker.io/alpine",
    "podman pull docker.io/library/alpine",
    "podman images",
    "podman image ls",
    "podman tag 91ef0af61f39 erisxdl.partners.org/<PAS Group Name in lowercase>/alpine:demo-copy",
    "podman push erisxdl.partners.org/<PAS Group Name in lowercase>/alpine:demo-copy",
    "podman pull docker.io/ubuntu:22.04",
    "podman run -it 97271d29cb79 /bin/bash",
    "podman ps -a",
    "podman commit 1af08557edbe \
     erisxdl.partners.org/<PAS Group Name in lowercase>/ubuntu:now-with-curl",
    "graphroot = \"/erisxdl/local/storage/abc123\"",
    "sudo ./podman_reset.sh <userID> /erisxdl/local/storage",
    "quota -vs",
    "docker pull rocker/rstudio",
    "docker save rocker/rstudio | gzip -c > /var/lib/pb/docker_images/rocker.rstudio.img",
];

/// The page, line by line.
enum Line {
    /// What people type today: indented by four spaces, outside a block.
    Today(String),
    /// A line of an `sh` block.
    Shell(String),
}

fn lines() -> Vec<Line> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/from-docker-save.md");
    let page = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let (mut lines, mut inside) = (Vec::new(), false);
    for line in page.lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => lines.push(Line::Shell(line.to_owned())),
            today if line.starts_with("    ") => lines.push(Line::Today(today.to_owned())),
            _ => {}
        }
    }
    lines
}

#[test]
fn the_page_has_a_counterpart_for_every_command_line_of_today() {
    let lines = lines();
    for wanted in TODAY {
        let at = lines.iter().position(|line| matches!(line, Line::Today(text) if text == wanted));
        let at = at.unwrap_or_else(|| panic!("the page lacks {wanted}"));
        let answered = lines[at..].iter().any(|line| matches!(line, Line::Shell(_)));
        assert!(answered, "{wanted} has no counterpart");
    }
    for line in &lines {
        let Line::Today(line) = line else { continue };
        assert!(TODAY.contains(&line.as_str()), "nobody types {line}");
    }
}

/// The page's blocks as one script, with hosts and folders of this machine in place of the page's.
fn script(harbor: &str, folder: &Path) -> String {
    let mut script = String::new();
    for line in lines() {
        let Line::Shell(line) = line else { continue };
        let mut line = line.replace("erisxdl.partners.org", harbor);
        line = line.replace("/var/lib/pb/docker_images", &folder.display().to_string());
        // Only names of images are looked for at a mirror; these go to the registry itself.
        if line.contains("sealift login") || line.contains("sealift search") {
            line = line.replace("docker.io", harbor);
        }
        writeln!(script, "{line}").unwrap();
    }
    script
}

/// `image` in another repository, under the tag that is taken when none is named, and under `tag`.
fn moved(mut image: Image, repository: &str, tag: &str) -> Image {
    image.repository = repository.to_owned();
    image.name("latest");
    image.name(tag);
    image
}

/// A registry that stands for docker.io and gcr.io.
fn internet() -> Registry {
    let registry = Registry::empty();
    let multi = images::all().into_iter().find(|image| image.repository == "acme/multi").unwrap();
    for (image, repository, tag) in [
        (images::hello(), "library/alpine", "3.20"),
        (images::hello(), "library/ubuntu", "22.04"),
        (images::hello(), "rocker/rstudio", "4"),
        (multi, "panoptes-exp/panoptes-utils", "1"),
    ] {
        moved(image, repository, tag).push(&registry);
    }
    registry
}

/// Everything that the page's commands meet.
struct World {
    outside: Registry,
    harbor: Registry,
    credentials: Credentials,
    docker: Docker,
    sshd: Sshd,
    sealift: Sealift,
}

impl World {
    fn new() -> World {
        let (outside, credentials) = (internet(), Credentials::new());
        let harbor = Registry::start(None, &Access::Password(&credentials));
        let docker = Docker::start();
        let sshd = Sshd::start(&[("DOCKER_HOST", &docker.host())]);
        let world = World { outside, harbor, credentials, docker, sshd, sealift: Sealift::new() };
        world.configure();
        world.build();
        world
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.sealift.at(name), text).unwrap();
    }

    /// The files that podman and sealift find what they need in.
    fn configure(&self) {
        let host = self.outside.host();
        let mirror = |name: &str| {
            format!("[[registry]]\nprefix = \"{name}\"\nlocation = \"{host}\"\ninsecure = true\n")
        };
        self.write("registries.conf", &(mirror("docker.io") + &mirror("gcr.io")));
        let storage = self.sealift.at("podman");
        self.write(
            "storage.conf",
            &format!(
                "[storage]\ndriver = \"vfs\"\ngraphroot = \"{0}/graph\"\nrunroot = \"{0}/run\"\n",
                storage.display()
            ),
        );
        self.write("containers.conf", "[engine]\nevents_logger = \"none\"\n");
        let certs = self.sealift.home().join(".config/containers/certs.d").join(self.harbor.host());
        std::fs::create_dir_all(&certs).unwrap();
        files::copy(&self.credentials.cert_dir(), &certs);
    }

    /// The image that somebody has built with docker.
    fn build(&self) {
        let mut copy = command("skopeo");
        copy.args(["--insecure-policy", "copy", "--src-tls-verify=false"]);
        copy.args(["--dest-daemon-host", &self.docker.host()]);
        copy.arg(format!("docker://{}/library/alpine:3.20", self.outside.host()));
        output(copy.arg("docker-daemon:rerickson/r-custom:latest"));
    }

    /// Runs a script as somebody would who has all of this.
    fn run(&self, script: &str) -> String {
        self.write("page.sh", script);
        let program = Path::new(env!("CARGO_BIN_EXE_sealift")).parent().unwrap().to_owned();
        let own = [self.sshd.bin(), program];
        let inherited = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&inherited)));
        let mut shell = command("sh");
        shell.args(["-eu"]).arg(self.sealift.at("page.sh"));
        shell.current_dir(self.sealift.at("")).env_clear();
        for (name, value) in self.sealift.command().get_envs() {
            shell.env(name, value.unwrap());
        }
        shell
            .env("PATH", path.unwrap())
            .env("DOCKER_HOST", self.docker.host())
            .env("CONTAINERS_REGISTRIES_CONF", self.sealift.at("registries.conf"))
            .env("CONTAINERS_STORAGE_CONF", self.sealift.at("storage.conf"))
            .env("CONTAINERS_CONF", self.sealift.at("containers.conf"))
            .env("NAME", Credentials::USER)
            .env("PASSWORD", Credentials::PASSWORD);
        text(&mut shell)
    }
}

#[test]
fn the_page_runs_from_its_first_command_to_its_last() {
    need!("root", "docker-registry", "htpasswd", "busybox", "dockerd", "docker", "podman");
    need!("sshd", "ssh", "ssh-keygen", "skopeo", "gzip", "openssl");
    let world = World::new();
    let folder = world.sealift.at("docker_images");

    world.run(&script(&world.harbor.host(), &folder));

    // One image, whichever way it came out of docker.
    let digest = |bundle: &str| {
        let mut inspect = world.sealift.command();
        let about = text(inspect.args(["inspect", bundle, "--format", "json"]));
        let about: serde_json::Value = serde_json::from_str(&about).unwrap();
        about["images"][0]["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest("r-custom.tar"), digest("out.tar"));
    assert_eq!(digest("r-custom.tar"), digest("old.tar"));
    // What came in has arrived where it was to go, as it was.
    // The registry wants a password, so that it is looked at from behind.
    let tagged = |repository: &str, tag: &str| {
        let tags = format!("docker/registry/v2/repositories/{repository}/_manifests/tags");
        let link = world.harbor.storage().join(tags).join(tag).join("current/link");
        std::fs::read_to_string(&link).unwrap_or_else(|e| panic!("{}: {e}", link.display()))
    };
    let alpine = world.outside.document("library/alpine", "latest").unwrap();
    assert_eq!(tagged("pas/alpine", "demo-copy"), digest_of(&alpine));
    assert!(!tagged("pas/ubuntu", "now-with-curl").is_empty());
    let names =
        |engine: &str| world.run(&format!("{engine} images --format '{{{{.Repository}}}}'"));
    for name in ["rerickson/r-custom", "gcr.io/panoptes-exp/panoptes-utils"] {
        assert!(names("docker").lines().any(|line| line == name), "{}", names("docker"));
    }
    assert!(names("podman").lines().any(|line| line == "docker.io/library/ubuntu"));
    let image = std::fs::read(folder.join("rocker.rstudio.img")).unwrap();
    assert!(image.starts_with(&[0x1f, 0x8b]), "not compressed");
    world.run("docker load < docker_images/rocker.rstudio.img");
    assert!(names("docker").lines().any(|line| line == "rocker/rstudio"));
    assert_eq!(digest("folder.tar"), digest("rstudio.tar"));
}
