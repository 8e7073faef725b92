use std::fs;
use std::path::{Path, PathBuf};

use crate::lists::entry::Asked;
use crate::lists::{Around, Entry, ListText, Reading, format_of, read};
use crate::words::error::Result;

struct Paths(Vec<String>);

impl Around for Paths {
    fn beside(&self, from: &ListText, _: &str) -> Result<ListText> {
        Ok(from.clone())
    }

    fn is_there(&self, _: &ListText, _: &str) -> bool {
        false
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn image_paths(&self) -> &[String] {
        &self.0
    }
}

fn reading(text: &str) -> Reading {
    ruled(text, &[])
}

fn ruled(text: &str, paths: &[&str]) -> Reading {
    let paths = Paths(paths.iter().map(ToString::to_string).collect());
    read(&[ListText::new("m.yaml", None, text)], None, &paths)
}

fn name(entry: &Entry) -> &str {
    match &entry.asked {
        Asked::Image(name) => name,
        other => panic!("{other:?}"),
    }
}

fn names(reading: &Reading) -> Vec<&str> {
    reading.entries.iter().map(name).collect()
}

/// Each as `LINE WHAT: NAME`.
fn entries(reading: &Reading) -> Vec<String> {
    let shown = |it: &Entry| format!("{} {} = {}", it.spot.line, it.spot.what, name(it));
    reading.entries.iter().map(shown).collect()
}

fn notes(reading: &Reading) -> Vec<String> {
    let shown = reading.notes.iter();
    shown.map(|(spot, text)| format!("{} {} = {text}", spot.line, spot.what)).collect()
}

fn faults(reading: &Reading) -> Vec<String> {
    reading.faults.iter().map(|(spot, error)| format!("{} {error}", spot.line)).collect()
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/lists/kubernetes");
    let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|it| it.extension().is_some_and(|end| end != "images")).collect();
    files.sort();
    files
}

fn sample(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
}

fn of_sample(file: &str) -> Reading {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/lists/kubernetes").join(file);
    reading(&sample(&path))
}

#[test]
fn every_image_of_each_sample_is_found() {
    let files = samples();
    assert!(files.len() >= 30, "{}", files.len());
    for path in files {
        let text = sample(&path);
        let list = ListText::new("x", Some(&path), &text);
        assert_eq!(format_of(&list).name(), "kubernetes", "{}", path.display());
        let reading = reading(&text);
        assert_eq!(faults(&reading), [""; 0], "{}", path.display());
        let mut found = names(&reading);
        found.sort_unstable();
        found.dedup();
        let wanted = fs::read_to_string(format!("{}.images", path.display())).unwrap();
        assert_eq!(found, wanted.lines().collect::<Vec<_>>(), "{}", path.display());
        // The line of each is where the name stands, or parts of it.
        for entry in &reading.entries {
            let line = text.lines().nth(entry.spot.line - 1).unwrap();
            let is_there = line.contains(name(entry)) || path.ends_with("odd-scalars.yaml");
            let in_parts = line.contains("image") || line.contains("repository");
            assert!(is_there || in_parts, "{} {:?}: {line}", path.display(), entry.spot);
        }
    }
}

#[test]
fn each_place_is_told() {
    assert_eq!(
        entries(&of_sample("pod.yaml")),
        [
            "9 Pod web: initContainers[0] fetch = busybox:1.36",
            "10 Pod web: initContainers[1] proxy = registry.example.com:5000/mesh/proxy:2",
            "13 Pod web: containers[0] web = nginx",
            &format!(
                "17 Pod web: ephemeralContainers[0] debug = docker.io/nicolaka/netshoot:v0.11@sha256:{}",
                "0123456789abcdef".repeat(4)
            ),
            "22 Pod web: volumes[0].image.reference model = quay.io/models/small:q4",
        ]
    );
    let helm = entries(&of_sample("helm-output.yaml"));
    assert_eq!(
        helm[0],
        "26 Deployment release-name-web: containers[0] web, of web/templates/deployment.yaml = ghcr.io/acme/web:1.16.0"
    );
    assert_eq!(
        helm[3],
        "55 Pod release-name-web-test-connection: containers[0] wget, of web/templates/tests/test-connection.yaml, hook test = busybox"
    );
    assert_eq!(
        entries(&of_sample("podlist.json"))[1],
        "1 Pod x/a: containers[0] c = k8s.gcr.io/pause:3.2"
    );
    assert_eq!(
        entries(&of_sample("rook-ceph.yaml"))[0],
        "6 CephCluster rook-ceph/rook-ceph: spec.cephVersion.image = quay.io/ceph/ceph:v18.2.2"
    );
    assert_eq!(entries(&of_sample("anchors.yaml")).len(), 5);
}

#[test]
fn what_may_be_an_image_and_is_not_taken_is_said() {
    let told = |file: &str, wanted: &[&str]| {
        let notes = notes(&of_sample(file));
        assert_eq!(notes, wanted, "{file}");
    };
    told(
        "cert-manager.yaml",
        &[
            "58 Deployment cert-manager/cert-manager: containers[0].args cert-manager-controller, of cert-manager/templates/deployment.yaml = not taken: \"quay.io/jetstack/cert-manager-acmesolver:v1.14.5\" may be an image",
        ],
    );
    told(
        "configmap-only.yaml",
        &[
            "5 ConfigMap template: data.image = not taken: \"busybox:1\" may be an image",
            "12 ConfigMap template: data[\"pod.yaml\"] = not taken: \"ghcr.io/acme/worker:2\" stands within a text",
            "18 Secret s: stringData.image = not taken: \"busybox:2\" may be an image",
        ],
    );
    told(
        "argo-workflow.yaml",
        &[
            "26 Workflow steps-*: spec.templates[2].script.source run = not taken: \"none\" stands within a text",
            "29 Workflow steps-*: spec.templates[3].container.image later = not taken: \"{{inputs.parameters.image}}\" is known only when it runs",
        ],
    );
    told("list.json", &[]);
    let told = |file: &str, parts: &[&str]| {
        let notes = notes(&of_sample(file));
        assert_eq!(notes.len(), parts.len(), "{file}: {notes:#?}");
        for (note, part) in notes.iter().zip(parts) {
            assert!(note.contains(part), "{file}: {part}: {notes:#?}");
        }
    };
    told("icons.yaml", &["logo.png", "data:image/png", "true is no name"]);
    told(
        "istio.yaml",
        &[
            "\"proxyv2\"",
            "{{ annotation",
            "proxyv2:1.22.0",
            "39 Deployment istio-ingress/istio-ingress",
        ],
    );
    told("longhorn.yaml", &["engine", "instance-manager", "csi-attacher", "csi-provisioner"]);
    told("helmrelease.yaml", &["installs a chart", "\"acme/untagged\" has no tag"]);
    told("openshift.yaml", &["the image is empty"]);
    told("kyverno.yaml", &["*:*", "!*:latest", "{{ element.image }}"]);
    told("knative.yaml", &["queue-sidecar-image", "not/this:1"]);
    told("tekton.yaml", &["default", "$(params.BUILDER_IMAGE)"]);
    told("olm-csv.yaml", &["containerImage", "quay.io/widgets/widget:v1", "env[0].value RELATED"]);
    told("argo-rollout.yaml", &["installs a chart", "ks-guestbook-demo:0.1"]);
}

#[test]
fn paths_of_the_user_and_known_ones_are_taken() {
    let text = "\
apiVersion: x.io/v1
kind: Engine
metadata: {name: e}
spec:
  engine: {runner: a/b:1}
  all: [c:1, {repository: d, tag: 2}]
  uri: docker://quay.io/e/f:3
  image: g:1
---
apiVersion: v1
kind: ConfigMap
metadata: {name: m}
data: {side.car: h:1}
";
    let paths = [
        "spec.engine.runner",
        "Engine:spec.all[*]",
        "spec.uri",
        "data[\"side.car\"]",
        "spec.image",
    ];
    let found = ruled(text, &paths);
    assert_eq!(names(&found), ["a/b:1", "c:1", "d:2", "quay.io/e/f:3", "g:1", "h:1"]);
    assert_eq!(found.entries[1].spot.what, "Engine e: spec.all[0]");
    assert_eq!(notes(&found), [""; 0]);
    assert_eq!(names(&ruled(text, &["Other:spec.engine.runner"])), ["g:1"]);
    assert_eq!(faults(&ruled(text, &["spec..x"])).len(), 1);

    let known = "\
{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, spec: {imageName: 'ghcr.io/cloudnative-pg/postgresql:16'}}
---
{apiVersion: cdi.kubevirt.io/v1beta1, kind: DataVolume, spec: {source: {registry: {url: 'docker://quay.io/disk:1'}}}}
---
{apiVersion: build.openshift.io/v1, kind: BuildConfig, spec: {strategy: {dockerStrategy: {from: {kind: DockerImage, name: 'ubi9:1'}}}}}
---
{apiVersion: monitoring.coreos.com/v1, kind: Prometheus, spec: {baseImage: quay.io/p/p, version: v2.1, thanos: {baseImage: t, sha: 'SHA'}}}
---
{apiVersion: monitoring.coreos.com/v1, kind: Alertmanager, spec: {baseImage: none, image: 'a:1'}}
";
    let digest = format!("t@sha256:{}", "a".repeat(64));
    assert_eq!(
        names(&reading(&known.replace("SHA", &"a".repeat(64)))),
        [
            "ghcr.io/cloudnative-pg/postgresql:16",
            "quay.io/disk:1",
            "ubi9:1",
            "quay.io/p/p:v2.1",
            &digest,
            "a:1"
        ]
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = "\
apiVersion: v1
kind: Pod
spec: {containers: [{name: a, image: Bad Name}, {name: b, image: ''}, {name: c, image: '{{ .Values.x }}'}]}
---
apiVersion: v1
kind: Pod
metadata: [unclosed
---
apiVersion: v1
kind: Pod
spec: {containers: [{name: a, image: ok:1}]}
---
a: 1
a: 2
---
apiVersion: v1
kind: Pod
spec: {containers: [{name: a, image: '${REGISTRY}/x'}, {name: b}, {name: c, image: ok:2}]}
";
    let found = reading(text);
    assert_eq!(names(&found), ["ok:1", "ok:2"]);
    assert_eq!(found.entries[0].spot.line, 11);
    let faults = faults(&found);
    let lines: Vec<usize> = found.faults.iter().map(|(spot, _)| spot.line).collect();
    assert_eq!(lines, [3, 3, 3, 7, 14, 18], "{faults:?}");
    assert!(faults[4].contains("\"a\" stands twice"), "{faults:?}");
    assert!(faults[2].contains("text of a template"), "{faults:?}");
    assert!(faults[5].contains("a variable"), "{faults:?}");
}

#[test]
fn many_objects_and_bombs_are_bounded() {
    let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: 'x/y:1'}]}\n---\n";
    assert_eq!(reading(&pod.repeat(20_000)).entries.len(), 20_000);

    let broken = "apiVersion: v1\nkind: Pod\nspec: [\n---\n".repeat(10_000);
    assert_eq!(reading(&broken).faults.len(), super::MAX_BROKEN);

    // Documents of half a million values each, written as aliases.
    let mut bomb = "apiVersion: v1\nkind: Pod\nl0: &l0 [{image: a}]\n".to_owned();
    for level in 1..5 {
        let all = vec![format!("*l{}", level - 1); 20].join(",");
        bomb += &format!("l{level}: &l{level} [{all}]\n");
    }
    bomb += "---\n";
    let found = reading(&bomb.repeat(20));
    assert_eq!(found.entries.len(), 200_000);
    assert!(!found.faults.is_empty());
}

#[test]
fn samples_that_are_cut_doubled_and_swapped_do_no_harm() {
    crate::lists::samples::ruin("kubernetes");
}
