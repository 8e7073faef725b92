//! The isolated side as an engine, asked in its own words.

use std::process::Command;

use serde_json::Value;

use super::engines::{Containerd, Docker, Podman};
use super::images::{self, Image};
use super::sealift::{Keys, Ran, Sealift, ran};
use super::{have, output, text};

/// An engine of the isolated side.
pub enum Engine {
    Podman(Podman),
    Docker(Docker),
    /// With the namespace that images go to.
    Containerd(Containerd, &'static str),
}

/// An engine, and a sealift that imports into it.
pub struct Inside {
    pub engine: Engine,
    pub sealift: Sealift,
    pub keys: Keys,
}

/// Runs `test` over every engine that is here, and says which are not.
pub fn with_each(test: impl Fn(&Inside)) {
    if !have(&["root", "busybox"]) {
        return;
    }
    if have(&["podman", "runc"]) {
        test(&Inside::new(Engine::Podman(Podman::new())));
    }
    if have(&["dockerd", "docker"]) {
        test(&Inside::new(Engine::Docker(Docker::start())));
    }
    if have(&["containerd", "ctr"]) {
        test(&Inside::new(Engine::Containerd(Containerd::start(), "default")));
        test(&Inside::new(Engine::Containerd(Containerd::start(), "k8s.io")));
    }
}

impl Engine {
    /// For messages.
    pub fn name(&self) -> &'static str {
        match self {
            Engine::Podman(_) => "podman",
            Engine::Docker(_) => "docker",
            Engine::Containerd(_, namespace) => namespace,
        }
    }

    /// Its own program.
    pub fn command(&self) -> Command {
        match self {
            Engine::Podman(podman) => podman.command(),
            Engine::Docker(docker) => docker.command(),
            Engine::Containerd(containerd, namespace) => {
                let mut ctr = containerd.command();
                ctr.args(["--namespace", namespace]);
                ctr
            }
        }
    }

    /// As sealift names it.
    pub fn destination(&self) -> String {
        match self {
            Engine::Podman(podman) => podman.storage(),
            Engine::Docker(_) => "docker-daemon:".to_owned(),
            Engine::Containerd(_, namespace) => format!("containerd:[{namespace}]"),
        }
    }

    /// Tells `command` where it is, as a user's environment would.
    pub fn dress(&self, command: &mut Command) {
        match self {
            Engine::Podman(podman) => {
                command.env("CONTAINERS_CONF", podman.conf());
            }
            Engine::Docker(docker) => {
                command.env("DOCKER_HOST", docker.host());
            }
            Engine::Containerd(containerd, _) => {
                command.env("CONTAINERD_ADDRESS", containerd.address());
            }
        }
    }

    /// The names of its images.
    pub fn names(&self) -> Vec<String> {
        let mut list = self.command();
        match self {
            Engine::Containerd(..) => list.args(["images", "ls", "--quiet"]),
            _ => list.args(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]),
        };
        text(&mut list).lines().map(str::to_owned).collect()
    }

    fn inspect(&self, name: &str) -> Option<Value> {
        let found = self.command().args(["image", "inspect", name]).output().unwrap();
        found
            .status
            .success()
            .then(|| serde_json::from_slice::<Value>(&found.stdout).unwrap()[0].take())
    }
}

impl Inside {
    /// An import's surroundings.
    pub fn new(engine: Engine) -> Inside {
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        Inside { engine, sealift, keys }
    }

    /// Packs images under those names into a bundle in the scratch folder.
    pub fn pack(&self, bundle: &str, images: &[(&str, &Image)]) {
        self.pack_with(bundle, images, &[]);
    }

    /// The same, with further arguments of the export.
    pub fn pack_with(&self, bundle: &str, images: &[(&str, &Image)], more: &[&str]) {
        let layout = self.sealift.at(&format!("{bundle}.layout"));
        images::write_layout(&layout, images);
        let mut export = self.sealift.command();
        export
            .arg("export")
            .arg(format!("oci:{}", layout.display()))
            .args(["-o", bundle])
            .args(more);
        ran(export.arg("--sign-key").arg(&self.keys.private)).ok();
    }

    /// An import with further arguments, not run yet.
    pub fn command(&self, bundle: &str, more: &[&str]) -> Command {
        let mut import = self.sealift.command();
        import.args(["import", bundle, "--format", "json", "--to", &self.engine.destination()]);
        import.arg("--key").arg(&self.keys.public).args(more);
        self.engine.dress(&mut import);
        import
    }

    /// Imports.
    pub fn import(&self, bundle: &str) -> Ran {
        self.import_with(bundle, &[])
    }

    /// Imports, with further arguments.
    pub fn import_with(&self, bundle: &str, more: &[&str]) -> Ran {
        ran(&mut self.command(bundle, more))
    }

    /// The names of the engine's images.
    pub fn names(&self) -> Vec<String> {
        self.engine.names()
    }

    /// Asserts that `name` stands for `image`.
    #[track_caller]
    pub fn shows(&self, name: &str, image: &Image) {
        self.shows_platform(name, image, 0);
    }

    /// Asserts that `name` stands for `image`, of which the engine has the document `manifest`.
    #[track_caller]
    pub fn shows_platform(&self, name: &str, image: &Image, manifest: usize) {
        let manifest: Value = serde_json::from_slice(&image.documents[manifest].bytes).unwrap();
        let config = manifest["config"]["digest"].as_str().unwrap();
        let (repository, _) = name.rsplit_once(':').unwrap();
        let by_digest = format!("{repository}@{}", image.digest());
        match &self.engine {
            Engine::Podman(_) => {
                let found = self.engine.inspect(name).expect(name);
                assert_eq!(format!("sha256:{}", found["Id"].as_str().unwrap()), config);
                let digests = found["RepoDigests"].as_array().unwrap();
                assert!(digests.iter().any(|d| *d == by_digest), "{by_digest}: {digests:?}");
            }
            Engine::Docker(_) => {
                let found = self.engine.inspect(name).expect(name);
                assert_eq!(found["Id"].as_str().unwrap(), config);
            }
            Engine::Containerd(..) => {
                let list = text(self.engine.command().args(["images", "ls"]));
                for name in [name, &by_digest] {
                    let line = list.lines().find(|l| l.split_whitespace().next() == Some(name));
                    let line = line.unwrap_or_else(|| panic!("{name} is not in\n{list}"));
                    assert!(line.contains(image.digest()), "{line}");
                }
                let content = text(self.engine.command().args(["content", "ls"]));
                let line = content.lines().find(|line| line.starts_with(config)).unwrap();
                let host = name.split([':', '/']).next().unwrap();
                let label = format!("containerd.io/distribution.source.{host}=");
                assert!(line.contains(&label), "{label}: {line}");
            }
        }
    }

    /// What the image's command says.
    pub fn run(&self, name: &str) -> String {
        let mut run = self.engine.command();
        match &self.engine {
            // Limits of its own, for machines that do not allow podman's.
            Engine::Podman(_) => run.args(["run", "--rm", "--pull=never"]).args([
                "--network=none",
                "--ulimit=nofile=1024:1024",
                "--ulimit=nproc=1024:1024",
                name,
            ]),
            Engine::Docker(_) => run.args(["run", "--rm", "--network=none", name]),
            Engine::Containerd(..) => run.args(["run", "--rm", name, "it"]),
        };
        String::from_utf8(output(&mut run)).unwrap().trim().to_owned()
    }

    /// Asserts that nothing of ours is in the engine or in the folders for temporary files.
    #[track_caller]
    pub fn has_no_helper_names(&self) {
        let names = self.names();
        assert!(
            !names.iter().any(|name| name.contains("sealift") || name.contains("127.0.0.1")),
            "{names:?}"
        );
        if let Engine::Podman(podman) = &self.engine {
            assert_eq!(podman.staged(), 0);
        }
        if let Engine::Docker(_) = self.engine {
            let all = text(self.engine.command().args(["image", "ls", "--digests", "--no-trunc"]));
            assert!(!all.contains("sealift-"), "{all}");
        }
    }
}
