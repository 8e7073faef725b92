//! The configuration by which clients pull unchanged names from the private registry: each written file is
//! tried with its client, in a network where the registries in the names can be asked and are not.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::buildkit::Buildkit;
use crate::support::content::Layer;
use crate::support::engines::{Containerd, Docker, Podman};
use crate::support::gap::Gap;
use crate::support::images::{self, Image};
use crate::support::peers;
use crate::support::registry::{Credentials, Registry};
use crate::support::sealift::{Ran, Sealift, code, ran};

/// A bundle of images of two public registries, and the private registry behind the gap that has them.
struct World {
    sealift: Sealift,
    gap: Gap,
    registry: Registry,
    image: Image,
}

const HELLO: &str = "docker.io/library/hello:1.0";
const APP: &str = "quay.io/acme/app:2.1";

impl World {
    fn new() -> World {
        let gap = Gap::new();
        let registry = Registry::apart(&gap);
        let (sealift, image) = (Sealift::new(), images::hello());
        bundle(&sealift, &image);
        World { sealift, gap, registry, image }
    }

    /// Imports into the registry below `prefix`, with `more` arguments.
    #[track_caller]
    fn import(&self, prefix: &str, more: &[&str]) {
        let to = self.to(prefix);
        let mut import = self.sealift.command();
        import.args(["import", "b", "--key", "signer.pub.pem", "--to", &to]).args(more);
        // nsenter leaves the folder.
        let mut moved = self.gap.moved(&import);
        moved.args(["--state", "state"]);
        let wd = format!("--wd={}", self.sealift.at(".").display());
        let mut placed = Command::new(moved.get_program());
        placed.args(moved.get_args().map(|it| if it == "--wd=/" { wd.as_ref() } else { it }));
        placed.env_clear();
        placed.envs(import.get_envs().filter_map(|(name, value)| Some((name, value?))));
        placed.stdin(std::process::Stdio::null());
        ran(&mut placed).ok();
    }

    fn to(&self, prefix: &str) -> String {
        format!("docker://{}{prefix}", self.registry.host())
    }

    /// Writes the files for `client`, and gives the folder that they lie in.
    #[track_caller]
    fn configure(&self, client: &str, prefix: &str, more: &[&str]) -> PathBuf {
        configure(&self.sealift, client, &self.to(prefix), more).ok();
        self.sealift.at("etc").join(client)
    }

    /// The images' names by tag and by digest.
    fn names(&self, names: &[&str]) -> Vec<String> {
        let by_digest = |name: &&str| {
            let (repository, _) = name.rsplit_once(':').unwrap();
            format!("{repository}@{}", self.image.digest())
        };
        names.iter().map(|it| it.to_string()).chain(names.iter().map(by_digest)).collect()
    }

    /// Asserts that the private registry gave a manifest, and no other was asked.
    #[track_caller]
    fn assert_came_from_here(&self, name: &str) {
        let gave = |path: &str| path.contains("/manifests/");
        let requests = self.registry.requests();
        assert!(
            requests.iter().any(|it| it.status == 200 && gave(&it.path)),
            "{name}: {requests:?}"
        );
        assert_eq!(self.gap.asked(), 0, "{name}: a public registry was asked");
    }
}

/// A bundle `b` of `image` under both names.
#[track_caller]
fn bundle(sealift: &Sealift, image: &Image) {
    sealift.keys("signer");
    images::write_layout(&sealift.at("layout"), &[("one", image)]);
    let mut export = sealift.command();
    export.args(["export", "-o", "b", "--sign-key", "signer.key.pem"]);
    ran(export.args([HELLO, APP].map(|name| format!("oci:layout:one={name}")))).ok();
}

fn configure(sealift: &Sealift, client: &str, to: &str, more: &[&str]) -> Ran {
    let mut config = sealift.command();
    config.args(["mirror-config", "b", "--for", client, "--to", to, "-o", "etc"]);
    ran(config.args(["--key", "signer.pub.pem"]).args(more))
}

/// Runs `podman pull` of `name` with `conf`, into a storage of its own.
fn podman(gap: &Gap, conf: &Path, name: &str, more: &[&str]) -> Ran {
    let podman = Podman::new();
    let mut pull = podman.command();
    // Every image is taken, so that no policy of the machine has a say.
    let policy = podman.run().with_file_name("policy.json");
    std::fs::write(&policy, r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).unwrap();
    pull.env("CONTAINERS_REGISTRIES_CONF", conf);
    pull.args(["pull", "--quiet", "--signature-policy"]).arg(policy).args(more).arg(name);
    ran(&mut gap.moved(&pull))
}

#[test]
fn podman_pulls_unchanged_names_by_tag_and_by_digest_and_asks_nobody_else() {
    need!("root", "podman", "runc", "docker-registry", "busybox", "python3", "unshare", "nsenter");
    let world = World::new();
    // Another name, which leads there repository by repository.
    let rules = ["--map", "docker.io/library/hello=base/greeting"];
    for (prefix, rules) in [("/group", &[][..]), ("/other", &rules[..])] {
        world.import(prefix, rules);
        let folder = world.configure("podman", prefix, rules);
        let conf = folder.join("registries.conf.d/50-sealift.conf");
        for name in world.names(&[HELLO, APP]) {
            podman(&world.gap, &conf, &name, &[]).ok();
            world.assert_came_from_here(&name);
        }
        let missing = podman(&world.gap, &conf, "docker.io/library/absent:1", &[]);
        assert!(missing.code != 0, "{missing:?}");
        assert_eq!(world.gap.asked(), 0, "what was not brought is not asked for elsewhere");
    }
    // The witness sees who asks without the file.
    std::fs::write(world.sealift.at("none.conf"), "").unwrap();
    assert!(podman(&world.gap, &world.sealift.at("none.conf"), HELLO, &[]).code != 0);
    assert!(world.gap.asked() > 0);
}

#[test]
fn containerd_pulls_unchanged_names_by_tag_and_by_digest_and_asks_nobody_else() {
    need!(
        "root",
        "containerd",
        "ctr",
        "docker-registry",
        "busybox",
        "python3",
        "unshare",
        "nsenter"
    );
    let world = World::new();
    let containerd = Containerd::start();
    let pull = |hosts: Option<&Path>, name: &str| {
        let mut pull = containerd.command();
        pull.args(["images", "pull", "--snapshotter", "native"]);
        hosts.map(|hosts| pull.arg("--hosts-dir").arg(hosts));
        ran(&mut world.gap.moved(pull.arg(name)))
    };
    for prefix in ["/group", ""] {
        world.import(prefix, &[]);
        let hosts = world.configure("containerd", prefix, &[]).join("certs.d");
        for name in world.names(&[HELLO, APP]) {
            pull(Some(&hosts), &name).ok();
            world.assert_came_from_here(&name);
        }
        assert!(pull(Some(&hosts), "docker.io/library/absent:1").code != 0);
        assert_eq!(world.gap.asked(), 0, "what was not brought is not asked for elsewhere");
    }
    assert!(pull(None, HELLO.replace("hello", "other").as_str()).code != 0);
    assert!(world.gap.asked() > 0);
}

#[test]
fn docker_pulls_images_of_docker_hub_by_tag_and_by_digest_and_others_are_refused_by_name() {
    need!(
        "root",
        "dockerd",
        "docker",
        "docker-registry",
        "busybox",
        "python3",
        "unshare",
        "nsenter"
    );
    let world = World::new();
    let refused = configure(&world.sealift, "docker", &world.to(""), &[]).exits(code::USAGE);
    refused.says("docker cannot be led to quay.io/acme/app:2.1").says("Docker Hub alone");
    assert!(!world.sealift.at("etc").exists());
    let below = configure(&world.sealift, "docker", &world.to("/group"), &["--only", HELLO]);
    below.exits(code::USAGE).says("docker takes no path in a mirror");

    world.import("", &[]);
    let folder = world.configure("docker", "", &["--only", HELLO]);
    let config = std::fs::read_to_string(folder.join("daemon.json")).unwrap();
    let docker = Docker::start_in(&world.gap, &config);
    for name in world.names(&[HELLO]) {
        ran(docker.command().args(["pull", &name])).ok();
        world.assert_came_from_here(&name);
    }
    // As is said beside the file.
    assert!(ran(docker.command().args(["pull", "docker.io/library/absent:1"])).code != 0);
    assert!(world.gap.asked() > 0, "docker asks Docker Hub for what the mirror lacks");
}

#[test]
fn a_registry_with_tls_is_reached_by_the_authorities_that_were_named() {
    need!("root", "podman", "runc", "ctr", "containerd", "docker-registry", "busybox", "python3");
    need!("openssl", "htpasswd", "unshare", "nsenter");
    let (gap, credentials) = (Gap::new(), Credentials::new());
    let registry = Registry::guarded_apart(&gap, &credentials);
    let (sealift, image) = (Sealift::new(), images::hello());
    bundle(&sealift, &image);
    let (certs, auth) = (credentials.cert_dir(), credentials.authfile(&registry.host()));
    let [certs, auth] = [certs, auth].map(|path| path.to_str().unwrap().to_owned());
    let to = format!("docker://{}/group", registry.host());
    let bundle = sealift.at("b").to_str().unwrap().to_owned();
    let key = sealift.at("signer.pub.pem").to_str().unwrap().to_owned();
    let mut import = sealift.command();
    import.args(["import", &bundle, "--key", &key, "--to", &to, "--cert-dir", &certs]);
    ran(&mut gap.moved(import.args(["--authfile", &auth]))).ok();

    configure(&sealift, "podman,containerd", &to, &["--cert-dir", &certs]).ok();

    let etc = sealift.at("etc");
    let conf = etc.join("podman/registries.conf.d/50-sealift.conf");
    let given = etc.join(format!("podman/certs.d/{}", registry.host()));
    let given = ["--cert-dir", given.to_str().unwrap(), "--authfile", &auth];
    podman(&gap, &conf, HELLO, &given).ok();
    let containerd = Containerd::start();
    let mut pull = containerd.command();
    pull.args(["images", "pull", "--snapshotter", "native", "--hosts-dir"]);
    pull.arg(etc.join("containerd/certs.d"));
    let user = format!("{}:{}", Credentials::USER, Credentials::PASSWORD);
    ran(&mut gap.moved(pull.args(["--user", &user, HELLO]))).ok();
    assert_eq!(gap.asked(), 0);
    // No file has a password, or anything that was not asked for.
    for file in
        ["containerd/certs.d/docker.io/hosts.toml", "podman/registries.conf.d/50-sealift.conf"]
    {
        let text = std::fs::read_to_string(etc.join(file)).unwrap();
        assert!(!text.contains(Credentials::PASSWORD) && !text.contains("insecure"), "{text}");
    }
}

#[test]
fn a_containerd_that_does_not_run_is_asked_once_and_a_slip_in_a_folder_is_one() {
    let sealift = Sealift::new();
    bundle(&sealift, &images::hello());
    let (bin, calls) = (sealift.at("bin"), sealift.at("calls"));
    std::fs::create_dir_all(&bin).unwrap();
    let ctr = format!(
        "#!/bin/sh\necho \"$*\" >> '{}'\necho 'ctr: failed to dial \"/x\": timeout' >&2\nexit 1\n",
        calls.display()
    );
    std::fs::write(bin.join("ctr"), ctr).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bin.join("ctr"), mode).unwrap();
    let mut check = sealift.command();
    check.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    check.args(["mirror-config", "b", "--for", "containerd", "--to", "docker://h.example/g"]);
    check.args(["-o", "etc", "--check", "--key", "signer.pub.pem"]);

    ran(&mut check).exits(code::REFUSED).says("failed to dial").says("CONTAINERD_ADDRESS");

    let asked = std::fs::read_to_string(&calls).unwrap();
    assert_eq!(asked.lines().count(), 1, "each call would wait: {asked}");
    std::fs::create_dir(sealift.at("none")).unwrap();
    for (folder, why) in [("nowhere", "cannot read nowhere"), ("none", "none has no *.crt")] {
        let certs = ["--cert-dir", folder];
        let slip = configure(&sealift, "podman", "docker://h.example/g", &certs);
        slip.exits(code::USAGE).says(why);
    }
}

#[test]
fn a_check_pulls_through_the_files_and_leaves_nothing_behind() {
    need!("root", "skopeo", "containerd", "ctr", "docker-registry", "busybox", "python3");
    need!("unshare", "nsenter");
    let world = World::new();
    world.import("/group", &[]);
    let containerd = Containerd::start();
    let check = |sealift: &Sealift, to: &str| {
        let at = |name: &str| sealift.at(name).to_str().unwrap().to_owned();
        let mut config = sealift.command();
        config.env("CONTAINERD_ADDRESS", containerd.address());
        config.args(["mirror-config", &at("b"), "--key", &at("signer.pub.pem"), "--to", to]);
        config.args(["--for", "podman,containerd,k3s", "-o", &at("etc"), "--check"]);
        ran(&mut world.gap.moved(config.args(["--format", "json"])))
    };

    let told = check(&world.sealift, &world.to("/group")).ok().json();

    let names = world.names(&[HELLO, APP]);
    for (at, client) in ["containerd", "podman"].iter().enumerate() {
        let told = &told["clients"][at];
        let mut pulled: Vec<&str> =
            told["pulled"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        pulled.sort_unstable();
        names.sort_unstable();
        assert_eq!((told["client"].as_str(), pulled), (Some(*client), names));
    }
    assert!(told["clients"][2]["pulled"].is_null(), "k3s reads its file where it is installed");
    assert_eq!(world.gap.asked(), 0);
    let left = ran(containerd.command().args(["namespaces", "ls", "--quiet"])).ok().stdout;
    assert!(!left.contains("sealift-check"), "{left}");

    // A tag that leads to another image is no success.
    let (later, other) = (Sealift::new(), crate::support::months::image("hello:1.0", &["other"]));
    bundle(&later, &other);
    let meant = format!("is {} there, and {} is meant", world.image.digest(), other.digest());
    let failed = check(&later, &world.to("/group")).exits(1).says("2 clients cannot pull");
    assert_eq!(failed.stdout.matches(&meant).count(), 4, "{failed:?}");

    // Below another prefix there is nothing.
    let failed = check(&world.sealift, &world.to("/nowhere"));
    assert!(failed.code != 0 && failed.json()["ok"] == false, "{failed:?}");
    failed.says("2 clients cannot pull");
    assert_eq!(world.gap.asked(), 0);
}

#[test]
fn buildkit_builds_from_unchanged_names_by_tag_and_by_digest() {
    need!(
        "root",
        "runc",
        "docker-registry",
        "busybox",
        "python3",
        "unshare",
        "nsenter",
        "go:buildkitd",
        "go:buildctl"
    );
    let world = World::new();
    let started = |prefix: &str| {
        world.import(prefix, &[]);
        let folder = world.configure("buildkit", prefix, &[]);
        Buildkit::start_in(&world.gap, &folder.join("buildkitd.toml"))
    };
    for prefix in ["/group", ""] {
        let buildkit = started(prefix);
        for name in world.names(&[HELLO, APP]) {
            buildkit.build_from(&name).ok();
            world.assert_came_from_here(&name);
        }
    }
    // As is said beside the file.
    assert!(started("").build_from("docker.io/library/absent:1").code != 0);
    assert!(world.gap.asked() > 0, "the page says that BuildKit asks elsewhere too");
}

#[test]
fn registries_yaml_leads_ranchers_own_reader_to_the_private_registry() {
    need!("root", "docker-registry", "busybox", "python3", "unshare", "nsenter", "go:wharfie");
    let world = World::new();
    let rules = ["--map", "docker.io/library/hello=base/greeting"];
    for (prefix, rules) in [("/group", &[][..]), ("/other", &rules[..])] {
        world.import(prefix, rules);
        let folder = world.configure("rke2", prefix, rules);
        for (at, name) in world.names(&[HELLO, APP]).iter().enumerate() {
            let mut pull = peers::command("wharfie", &world.sealift.home());
            pull.arg("--private-registry").arg(folder.join("registries.yaml"));
            pull.arg(name).arg(world.sealift.at(&format!("out{prefix}{at}").replace('/', "-")));
            ran(&mut world.gap.moved(&pull)).ok();
            world.assert_came_from_here(name);
        }
    }
}

#[test]
fn kustomize_gives_manifests_the_names_of_the_private_registry() {
    need!("busybox", "go:kustomize");
    let sealift = Sealift::new();
    bundle(&sealift, &images::hello());
    let rules = ["--map", "docker.io/library/*=base/*"];
    configure(&sealift, "kustomize", "docker://h.example/group", &rules).ok();
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: c, image: '{name}'}}]}}\n"
        )
    };
    let digest = format!("@sha256:{}", "a".repeat(64));
    for (written, expected) in [
        ("hello:1.0".to_owned(), "h.example/group/base/hello:1.0".to_owned()),
        (format!("library/hello{digest}"), format!("h.example/group/base/hello{digest}")),
        ("docker.io/hello".to_owned(), "h.example/group/base/hello".to_owned()),
        (HELLO.to_owned(), "h.example/group/base/hello:1.0".to_owned()),
        (APP.to_owned(), "h.example/group/acme/app:2.1".to_owned()),
        ("acme/app:2.1".to_owned(), "acme/app:2.1".to_owned()),
    ] {
        std::fs::write(sealift.at("pod.yaml"), pod(&written)).unwrap();
        let kustomization = "resources: [pod.yaml]\ncomponents: [etc/kustomize]\n";
        std::fs::write(sealift.at("kustomization.yaml"), kustomization).unwrap();
        let mut build = peers::command("kustomize", &sealift.home());
        ran(build.arg("build").arg(sealift.at("."))).ok().says(&format!("image: {expected}\n"));
    }
}

#[test]
fn the_receipt_of_an_import_gives_the_same_files_as_the_bundle() {
    need!("busybox", "docker-registry");
    let (sealift, registry) = (Sealift::new(), Registry::empty());
    bundle(&sealift, &images::hello());
    sealift.keys("site");
    let to = format!("docker://{}/group", registry.host());
    let rules = ["--map", "docker.io/library/*=base/*"];
    let mut import = sealift.command();
    import.args(["import", "b", "--key", "signer.pub.pem", "--to", &to]).args(rules);
    ran(import.args(["--receipt", "r.json", "--sign-key", "site.key.pem"])).ok();
    let of = |source: &str, more: &[&str]| {
        let mut config = sealift.command();
        ran(config.args(["mirror-config", source, "--for", "podman,k3s", "--quiet"]).args(more))
    };

    let by_bundle = of("b", &["--key", "signer.pub.pem", "--to", &to, rules[0], rules[1]]).ok();
    let by_receipt = of("r.json", &["--key", "site.pub.pem"]).ok();

    assert_eq!(by_receipt.stdout, by_bundle.stdout);
    assert!(by_bundle.stdout.contains("group/base/hello"), "{}", by_bundle.stdout);
    // One that was skipped, since another image has its name there, is none to be led to.
    let layers = [Layer::gzip(&images::one_file("other", "other"))];
    Image::single("taken/acme/app", "2.1", r#"["/bin/true"]"#, &layers).push(&registry);
    let to_taken = format!("docker://{}/taken", registry.host());
    let mut import = sealift.command();
    import.args(["import", "b", "--key", "signer.pub.pem", "--to", &to_taken]);
    import.args(["--on-existing", "skip", "--receipt", "s.json", "--sign-key", "site.key.pem"]);
    ran(&mut import).ok();
    let skipped = of("s.json", &["--key", "site.pub.pem"]).exits(code::INCOMPLETE);
    skipped.says("are not there as they were brought").says("quay.io/acme/app:2.1 is other there");
    of("s.json", &["--key", "site.pub.pem", "--except", APP]).ok();
    of("r.json", &["--key", "signer.pub.pem"]).exits(code::UNTRUSTED);
    of("r.json", &["--key", "site.pub.pem", "--to", &to]).exits(code::USAGE);
    of("b", &["--key", "signer.pub.pem"]).exits(code::USAGE).says("--to");
    of("b", &["--key", "site.pub.pem", "--to", &to]).exits(code::UNTRUSTED);
}

#[test]
fn what_stands_at_the_output_is_replaced_only_if_it_was_written_so() {
    need!("busybox");
    let sealift = Sealift::new();
    bundle(&sealift, &images::hello());
    let write = || configure(&sealift, "k3s,docker", "docker://h.example", &["--only", HELLO]);
    write().ok().says("/etc/docker/daemon.json").says("warning: docker: docker asks Docker Hub");
    write().ok();

    let taken = sealift.at("etc/k3s/registries.yaml");
    std::fs::write(&taken, "mirrors: {}\n").unwrap();
    let json = sealift.at("etc/docker/daemon.json");
    let before = std::fs::metadata(&json).unwrap().modified().unwrap();
    write().exits(code::USAGE).says("registries.yaml is there, and is no file of mirror-config");
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "mirrors: {}\n");
    assert_eq!(std::fs::metadata(&json).unwrap().modified().unwrap(), before);
    configure(&sealift, "k3s", "docker://h.example", &["--only", "absent"]).exits(code::INCOMPLETE);
    configure(&sealift, "k3s", "oci:somewhere", &[]).exits(code::USAGE).says("is no registry");
}
