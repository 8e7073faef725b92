//! Lists of what is there now: what a place holds or a cluster runs, as an export takes it, and what of it
//! nobody uses.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::engines::{Containerd, Podman};
use crate::support::images::{self, Image, platform, write_layout};
use crate::support::months::{Sender, image};
use crate::support::output;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/kubernetes");

/// The lines of a list.
fn lines(ran: &Ran) -> Vec<&str> {
    ran.stdout.lines().collect()
}

/// A recorded answer of kubectl's.
fn recorded(name: &str) -> String {
    format!("kubernetes:{RECORDED}/{name}.json")
}

/// `command` with `kubectl` replaced by the shell `script`.
fn with_kubectl<'c>(sealift: &Sealift, command: &'c mut Command, script: &str) -> &'c mut Command {
    let folder = sealift.at("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("kubectl");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    command.env("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap()))
}

/// Runs `list` with `input` on standard input.
fn piped(sealift: &Sealift, arguments: &[&str], input: &str) -> Ran {
    use std::io::Write as _;
    let mut command = sealift.command();
    command.arg("list").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who refuses the beginning does not read the end.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Ran::new(format!("{command:?}"), child.wait_with_output().unwrap())
}

#[test]
fn a_registry_is_listed_by_its_tags_alone_and_its_list_is_exported() {
    need!("docker-registry");
    let (registry, sealift) = (Registry::empty(), Sealift::new());
    let keys = sealift.keys("signer");
    let mut one = image("team/app:1.0", &["base", "a"]);
    one.tags.insert("1.0-debug".to_owned(), one.digest().to_owned());
    // A signature goes with its image, and is none.
    let hex = one.digest().strip_prefix("sha256:").unwrap();
    one.tags.insert(format!("sha256-{hex}.sig"), one.digest().to_owned());
    let (two, other) = (image("team/db:2", &["base", "b"]), image("else/x:1", &["base"]));
    [&one, &two, &other].iter().for_each(|image| image.push(&registry));
    let host = registry.host();
    let place = format!("docker://{host}/team");
    let at = |name: &str| format!("{host}/team/{name}");
    let asked = |since: usize, part: &str| {
        let all = registry.requests();
        let all = all[since..].iter().filter(|request| request.path.contains(part));
        all.map(|request| request.method.clone()).collect::<Vec<_>>()
    };

    let since = registry.requests().len();
    let listed = run!(sealift, "list", place).ok();
    assert_eq!(lines(&listed), [at("app:1.0"), at("app:1.0-debug"), at("db:2")]);
    assert!(asked(since, "/manifests/").is_empty());

    let since = registry.requests().len();
    let pinned = run!(sealift, "list", place, "--digests").ok();
    let with = |name: &str, image: &Image| format!("{}@{}", at(name), image.digest());
    let all = [with("app:1.0", &one), with("app:1.0-debug", &one), with("db:2", &two)];
    assert_eq!(lines(&pinned), all);
    assert_eq!(asked(since, "/manifests/"), ["HEAD", "HEAD", "HEAD"]);

    std::fs::write(sealift.at("list.txt"), &pinned.stdout).unwrap();
    run!(sealift, "export", "-f", "list.txt", "-o", "b", "--sign-key", keys.private).ok();
    let again = run!(sealift, "list", "b", "--key", keys.public, "--digests").ok();
    assert_eq!(again.stdout, pinned.stdout);
    assert_eq!(
        lines(&run!(sealift, "list", format!("docker://{}", at("db:2"))).ok()),
        [at("db:2")]
    );
    run!(sealift, "list", format!("docker://{}", at("db:9"))).exits(code::INCOMPLETE);
    run!(sealift, "list", format!("docker://{host}/none")).exits(code::INCOMPLETE).says("no image");
    let known = run!(sealift, "list", place, "--format", "json").ok().json();
    assert_eq!(known["images"][2]["name"], at("db:2"));
    assert_eq!(known["images"][2]["platforms"], json!([{"os": "linux", "architecture": "amd64"}]));
}

#[test]
fn layouts_archives_bundles_and_receipts_are_listed_and_taken_from_where_they_are() {
    let sender = Sender::new();
    let sealift = &sender.sealift;
    let images = [image("team/app:1", &["base", "a"]), image("team/db:2", &["base", "b"])];
    sender.export("june", &images, &[]).ok();
    sender.import("june", "oci-archive:all.tar", &[]).ok();
    sender.import("june", "docker-archive:docker.tar", &[]).ok();
    run!(sealift, "inventory", "oci:june", "-o", "receipt").ok();
    let names = ["x.example/team/app:1", "x.example/team/db:2"];

    for place in ["oci:month", "oci-archive:all.tar", "docker-archive:docker.tar"] {
        assert_eq!(lines(&run!(sealift, "list", place).ok()), names, "{place}");
        let taken = run!(sealift, "list", place, "--with-place").ok();
        assert_eq!(lines(&taken), names.map(|name| format!("{place}:{name}")), "{place}");
        std::fs::write(sealift.at("list.txt"), &taken.stdout).unwrap();
        let key = &sender.keys.private;
        let told =
            run!(sealift, "export", "-f", "list.txt", "-o", "n", "--dry-run", "--sign-key", key);
        told.ok().says("x.example/team/db:2");
    }
    for signed in ["june", "receipt"] {
        run!(sealift, "list", signed).exits(code::USAGE).says("whose bundles and receipts count");
        let any = run!(sealift, "list", signed, "--insecure-no-verify").ok().says("warning");
        assert_eq!(lines(&any), names, "{signed}");
    }
    run!(sealift, "list", "june", "--key", sender.keys.public).ok();
    let other = sealift.keys("other");
    run!(sealift, "list", "june", "--key", other.public).exits(code::UNTRUSTED);
    run!(sealift, "list", "receipt", "--key", other.public).exits(code::UNTRUSTED);
    // Several places are one list.
    let both = run!(sealift, "list", "oci:month", "oci-archive:all.tar", "--digests").ok();
    assert_eq!(lines(&both).len(), 2);
    let told = run!(sealift, "list", "oci:month", "oci-archive:all.tar", "--format", "json").ok();
    let at = told.json()["images"][0]["at"].clone();
    assert_eq!(
        at[1],
        json!({
            "place": "oci-archive:all.tar", "source": "oci-archive:all.tar:x.example/team/app:1"
        })
    );
}

#[test]
fn what_has_no_name_is_a_comment_that_an_export_passes_over() {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let (named, bare) = (image("team/app:1", &["a"]), image("team/db:2", &["b"]));
    write_layout(
        &sealift.at("layout"),
        &[("x.example/team/app:1", &named), ("\\u001b[31m", &bare)],
    );

    let listed = run!(sealift, "list", "oci:layout").ok();
    let comment = format!("# without a name: {} in oci:layout", bare.digest());
    assert_eq!(lines(&listed), ["x.example/team/app:1", &comment]);
    assert!(!listed.stderr.contains('\u{1b}'), "{listed:?}");
    let taken = run!(sealift, "list", "oci:layout", "--with-place").ok();
    std::fs::write(sealift.at("list.txt"), &taken.stdout).unwrap();
    run!(sealift, "export", "-f", "list.txt", "-o", "n", "--dry-run", "--sign-key", keys.private)
        .ok();
}

#[test]
fn podman_tells_what_it_has_and_an_export_takes_it_from_there() {
    need!("podman");
    let (sender, podman) = (Sender::new(), Podman::new());
    let images = [image("team/app:1", &["base", "a"]), image("team/db:2", &["base", "b"])];
    sender.export("june", &images, &[]).ok();
    let run = |arguments: &[&str]| {
        let mut command = sender.sealift.command();
        ran(command.env("CONTAINERS_CONF", podman.conf()).args(arguments))
    };
    let (storage, key) = (podman.storage(), sender.keys.public.to_str().unwrap());
    run(&["import", "june", "--to", &storage, "--key", key]).ok();
    output(podman.command().args(["untag", "x.example/team/db:2"]));

    let listed = run(&["list", &storage, "--digests"]).ok();
    let app = format!("x.example/team/app:1@{}", images[0].digest());
    assert_eq!(lines(&listed)[0], app);
    assert!(lines(&listed)[1].starts_with("# without a name: config sha256:"), "{listed:?}");
    assert_eq!(lines(&listed).len(), 2);
    let one = run(&["list", &format!("{storage}x.example/team/app:1")]).ok();
    assert_eq!(lines(&one), ["x.example/team/app:1"]);
    run(&["list", &format!("{storage}x.example/none:1")]).exits(code::INCOMPLETE).says("no image");

    let taken = run(&["list", &storage, "--with-place"]).ok();
    std::fs::write(sender.at("list.txt"), &taken.stdout).unwrap();
    let private = sender.keys.private.to_str().unwrap();
    run(&["export", "-f", "list.txt", "-o", "again", "--sign-key", private]).ok();
    run(&["list", "again", "--key", key]).ok().says("x.example/team/app:1");

    // The cluster runs it under another name, and calls it by its digest.
    let pods = json!({"kind": "List", "items": [{"kind": "Pod", "spec": {"containers": [
        {"name": "a", "image": "other.example/app:9"}]}, "status": {"containerStatuses": [
        {"name": "a", "imageID": format!("other.example/app@{}", images[0].digest())}]}}]});
    std::fs::write(sender.at("pods.json"), pods.to_string()).unwrap();
    let unused = run(&["list", &storage, "--unused-against", "pods.json"]).ok();
    assert!(
        unused.stdout.starts_with("# 0 of 2 images not used by kubernetes:pods.json"),
        "{unused:?}"
    );
    unused.says("# cannot be compared: config sha256:");
}

#[test]
fn containerd_keeps_an_image_under_three_names_and_it_is_listed_once() {
    need!("containerd", "ctr");
    let (sender, containerd) = (Sender::new(), Containerd::start());
    let images = [image("team/app:1", &["base", "a"])];
    sender.export("june", &images, &[]).ok();
    let run = |arguments: &[&str]| {
        let mut command = sender.sealift.command();
        ran(command.env("CONTAINERD_ADDRESS", containerd.address()).args(arguments))
    };
    let key = sender.keys.public.to_str().unwrap();
    run(&["import", "june", "--to", "containerd:", "--key", key]).ok();
    let config = images[0].blobs.keys().next().unwrap();
    // The digest is one of its names since the import, as it is since a pull of Kubernetes'.
    output(containerd.command().args(["images", "tag", "x.example/team/app:1", config]));
    let names = crate::support::text(containerd.command().args(["images", "ls", "--quiet"]));
    assert_eq!(names.lines().count(), 3, "{names}");

    assert_eq!(lines(&run(&["list", "containerd:"]).ok()), ["x.example/team/app:1"]);
    let told = run(&["list", "containerd:", "--format", "json"]).ok().json();
    assert_eq!(told["images"][0]["digest"], images[0].digest());
    assert_eq!(told["images"][0]["config"], config.as_str());
}

#[test]
fn a_cluster_is_asked_through_kubectl_and_tells_all_that_its_workloads_name() {
    let sealift = Sealift::new();
    let script = format!(
        "echo \"$@\" >> calls\ncase \"$*\" in *'get pods '*) cat {RECORDED}/pods.json;; \
         *) cat {RECORDED}/workloads.json;; esac"
    );
    let list = |arguments: &[&str]| {
        let mut command = sealift.command();
        ran(with_kubectl(&sealift, &mut command, &script).arg("list").args(arguments))
    };
    let pin = |c: &str| format!("@sha256:{}", c.repeat(64));

    let pinned = list(&["kubernetes:[prod]", "--digests"]).ok();
    let all = [
        ("docker.io/fluent/fluent-bit:3.1", "f"),
        ("docker.io/library/busybox:1.36", "c"),
        ("docker.io/library/nginx:1.27.3", "a"),
        ("docker.io/library/postgres:16.4", "d"),
        ("k8s.gcr.io/kube-proxy:v1.21.14", "3"),
        // Loaded onto the node: it has no digest that a registry knows.
        ("localhost/agent:0.9", ""),
        ("quay.io/shop/asleep:7", ""),
        ("quay.io/shop/backup:1.4", ""),
        ("quay.io/shop/late:0.1", ""),
        ("quay.io/shop/proxy:2.1", "b"),
        // The node calls it by the digest that it has in another repository.
        ("registry.example:5000/copies/nginx:1.27.3", ""),
        ("registry.example:5000/ml/train:v3", "e"),
        ("registry.example:5000/ml/weights:2026-10", ""),
        ("registry.example:5000/tools/debug:1", "0"),
    ];
    let line = |(name, digest): (&str, &str)| match digest {
        "" => name.to_owned(),
        digest => format!("{name}{}", pin(digest)),
    };
    assert_eq!(lines(&pinned), all.map(line));
    // A digest that a workload asks for stays; any other one is not asked for.
    let plain = list(&["kubernetes:"]).ok();
    let kept = |(name, digest)| line((name, if digest == "d" { digest } else { "" }));
    assert_eq!(lines(&plain), all.map(kept));
    let calls = std::fs::read_to_string(sealift.at("calls")).unwrap();
    assert!(
        calls.starts_with("--context=prod get pods ") && calls.contains("\nget pods "),
        "{calls}"
    );
    assert!(calls.contains("get pods --all-namespaces --output=json"), "{calls}");
    assert!(calls.contains("deployments,") && calls.contains("cronjobs"), "{calls}");
    let told = list(&["kubernetes:", "--format", "json"]).ok().json();
    let nginx = &told["images"][2];
    assert_eq!(nginx["digest"], pin("a")[1..]);
    assert_eq!(
        nginx["at"][0],
        json!({
            "place": "kubernetes:", "namespace": "shop", "kind": "Pod", "object": "web-7c5ddbdf54-4xk2p",
            "part": "web"
        })
    );
    assert_eq!(nginx["at"].as_array().unwrap().len(), 3, "two pods and what makes them");
    // What came along in files, or through a pipe, is the same.
    let files = run!(sealift, "list", recorded("pods"), recorded("workloads"), "--digests").ok();
    assert_eq!(files.stdout, pinned.stdout);
    let read = |name: &str| std::fs::read_to_string(format!("{RECORDED}/{name}.json")).unwrap();
    let both = piped(&sealift, &["-", "--digests"], &(read("pods") + &read("workloads"))).ok();
    assert_eq!(both.stdout, pinned.stdout);
}

#[test]
fn names_that_are_none_are_told_with_their_place_and_the_others_are_listed() {
    let sealift = Sealift::new();

    let listed = run!(sealift, "list", recorded("odd")).exits(code::INCOMPLETE);
    let names = ["quay.io/shop/rollout:1", "quay.io/shop/template:1"];
    assert_eq!(lines(&listed), [&["docker.io/library/fine:1"], &names[..]].concat());
    assert!(!listed.stderr.contains('\u{1b}'), "{listed:?}");
    listed
        .says("5 images are left out")
        .says("shop Pod typo-1 a: \"Nginx:1.27\"")
        .says("shop Pod typo-1 b: no name stands there")
        .says("{{ .Values.image }}")
        .says("shop Pod escape-1 a")
        .says("Pod bare n");
    let told = run!(sealift, "list", recorded("odd"), "--format", "json").exits(code::INCOMPLETE);
    let told = told.json();
    assert_eq!((&told["ok"], &told["error"]["class"]), (&json!(false), &json!("incomplete")));
    assert_eq!(told["unreadable"][0]["image"], "Nginx:1.27");
    assert_eq!(told["images"].as_array().unwrap().len(), 3);
}

#[test]
fn a_cluster_that_does_not_tell_is_a_failure_that_names_it() {
    let sealift = Sealift::new();
    let list = |script: &str| {
        let mut command = sealift.command();
        ran(with_kubectl(&sealift, &mut command, script).args(["list", "kubernetes:"]))
    };
    let forbidden =
        "Error from server (Forbidden): pods is forbidden: User \"x\" cannot list resource";
    let pods = format!("cat {RECORDED}/pods.json");
    for (script, exit, says) in [
        (format!("echo '{forbidden}' >&2; exit 1"), code::REFUSED, "kubectl get pods -n NAMESPACE"),
        // It prints what it may see, and fails all the same.
        (format!("{pods}; echo '{forbidden}' >&2; exit 1"), code::REFUSED, "kubernetes:: "),
        (
            "echo 'Unable to connect to the server: dial tcp' >&2; exit 1".to_owned(),
            code::REFUSED,
            "reaches",
        ),
        ("echo 'NAME READY STATUS'".to_owned(), code::DAMAGED, "is no JSON of kubectl's"),
        (":".to_owned(), code::INCOMPLETE, "nothing came"),
        (format!("{pods} | head -c 20000"), code::DAMAGED, "is no JSON of kubectl's"),
    ] {
        let listed = list(&script).exits(exit);
        assert_eq!(listed.stdout, "", "{script}");
        listed.says(says);
    }
    let mut without = sealift.command();
    without.env("PATH", sealift.at("none")).args(["list", "kubernetes:"]);
    ran(&mut without).exits(1).says("kubectl is not installed");
    piped(&sealift, &["-"], "apiVersion: v1\n").exits(code::DAMAGED).says("kubectl get pods");
    piped(&sealift, &["-", "kubernetes:-"], "").exits(code::USAGE).says("named more than once");
    run!(sealift, "list", "kubernetes:[]").exits(code::USAGE).says("no context");
    run!(sealift, "list", "kubernetes:nowhere").exits(code::USAGE).says("cannot read nowhere");
    run!(sealift, "list", "nowhere:x/y").exits(code::USAGE);
    run!(sealift, "list").exits(code::USAGE);
}

#[test]
fn what_no_cluster_runs_is_found_under_the_names_that_an_import_gave() {
    need!("docker-registry");
    let (registry, sealift) = (Registry::empty(), Sealift::new());
    let host = registry.host();
    for (name, layer) in [
        ("group/library/nginx:1.27.3", "n"),
        ("group/base/busybox:1.36", "b"),
        ("group/shop/proxy:2.1", "p"),
        ("group/old/thing:1", "o"),
    ] {
        image(name, &[layer]).push(&registry);
    }
    let place = format!("docker://{host}/group");
    let list = |more: &[&str]| {
        let mut command = sealift.command();
        command.args(["list", &place, "--unused-against", &recorded("pods")]).args(more);
        ran(&mut command).ok()
    };
    let at = |name: &str| format!("{host}/group/{name}  # by digest and name");

    let unruled = list(&[]);
    assert_eq!(lines(&unruled)[1..], [at("base/busybox:1.36"), at("old/thing:1")]);
    assert!(unruled.stdout.starts_with("# 2 of 4 images not used by kubernetes:"), "{unruled:?}");
    let rules = ["--map", "docker.io/library/busybox=base/busybox", "--map", "nowhere=x"];
    let ruled = list(&rules).says("rule docker.io/library/nowhere=x fits no name");
    assert_eq!(lines(&ruled)[1..], [at("old/thing:1")]);
    let told = list(&["--format", "json"]).json();
    assert_eq!(told["images"][1]["comparedBy"], "digest-and-name");
    assert_eq!((&told["compared"]["used"], &told["compared"]["unused"]), (&json!(2), &json!(2)));
    assert_eq!(told["compared"]["undecided"], json!([]));
    // The other way round it is what the registry lacks.
    let lacks = run!(sealift, "list", recorded("workloads"), "--unused-against", place).ok();
    let lacks: Vec<&str> =
        lines(&lacks)[1..].iter().map(|it| it.split(' ').next().unwrap()).collect();
    let postgres = format!("docker.io/library/postgres:16.4@sha256:{}", "d".repeat(64));
    assert_eq!(lacks, [&postgres, "quay.io/shop/asleep:7", "quay.io/shop/backup:1.4"]);
    // By its digest an image is found whatever it is called.
    std::fs::write(sealift.at("empty.json"), r#"{"kind":"List","items":[]}"#).unwrap();
    let nothing = run!(sealift, "list", place, "--unused-against", "empty.json");
    nothing.exits(code::INCOMPLETE).says("has no image, so that all would be unused");
    run!(sealift, "list", place, "--map", "a=b").exits(code::USAGE);
}

#[test]
fn an_index_is_in_use_where_one_of_its_images_runs() {
    let sealift = Sealift::new();
    let mut index = Image::new("team/app", "1");
    let [amd, arm] = ["amd64", "arm64"].map(|arch| {
        let text = index.manifest(images::OCI_MANIFEST, arch, "[]", &[]);
        index.document(images::OCI_MANIFEST, &text, &platform(arch))
    });
    let text = images::index(images::OCI_INDEX, &[amd, arm]);
    index.document(images::OCI_INDEX, &text, "");
    index.name("1");
    let alone = image("team/other:1", &["o"]);
    write_layout(
        &sealift.at("l"),
        &[("x.example/team/app:1", &index), ("x.example/team/other:1", &alone)],
    );
    let child = &index.documents[1].digest;
    let pods = json!({"kind": "PodList", "items": [{"spec": {"containers": [
        {"name": "a", "image": format!("y.example/z@{child}")}]}}]});
    std::fs::write(sealift.at("pods.json"), pods.to_string()).unwrap();

    let unused = run!(sealift, "list", "oci:l", "--unused-against", "pods.json").ok();
    assert_eq!(lines(&unused)[1..], ["x.example/team/other:1  # by digest"]);
    let told = run!(sealift, "list", "oci:l", "--format", "json").ok().json();
    assert_eq!(told["images"][0]["platforms"].as_array().unwrap().len(), 2);
    // A list has names alone, and is compared by them.
    std::fs::write(sealift.at("keep.txt"), "# kept\nx.example/team/other:1\n").unwrap();
    let unused = run!(sealift, "list", "oci:l", "--unused-against", "keep.txt").ok();
    assert_eq!(lines(&unused)[1..], ["x.example/team/app:1  # by name"]);
}

#[test]
fn a_large_cluster_is_read_in_little_memory() {
    let sealift = Sealift::new();
    let pods: Value =
        serde_json::from_slice(&std::fs::read(format!("{RECORDED}/pods.json")).unwrap()).unwrap();
    let item = serde_json::to_string_pretty(&pods["items"][0]).unwrap();
    // 16 MB of pods, in a process that may have 8 MB more than one that lists a single pod.
    let many = vec![item.as_str(); (16 << 20) / item.len()].join(",");
    let run = |items: &str, most: u64| {
        let file = sealift.at("pods.json");
        std::fs::write(&file, format!("{{\"kind\":\"List\",\"items\":[{items}]}}")).unwrap();
        let program = env!("CARGO_BIN_EXE_sealift");
        let line = format!("ulimit -v {most}; exec {program} list kubernetes:pods.json");
        let mut bash = Command::new("bash");
        let output = bash.args(["-c", &line]).current_dir(sealift.at("")).output().unwrap();
        Ran::new(line, output)
    };
    let fits = |most: &u64| run(&item, *most).code == code::DONE;
    let least = (16..1024).map(|step| step << 13).find(fits).unwrap();

    let listed = run(&many, least + (8 << 10)).ok();
    assert_eq!(lines(&listed).len(), 3);
}
