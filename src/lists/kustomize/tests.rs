//! Kustomizations, those of `testdata/lists/kustomize` among them.

use std::collections::BTreeMap;

use super::Kustomize;
use crate::lists::samples::{self, asked, told};
use crate::lists::{Around, ListFormat, ListText, Nothing, Reading, format_of};
use crate::words::error::{Class, Error, Result};

/// BuildFiles by their paths from that of the kustomization on.
struct Stage(BTreeMap<String, String>);

impl Around for Stage {
    fn beside(&self, _: &ListText, path: &str) -> Result<ListText> {
        let text = self.0.get(path).ok_or_else(|| Error::new(Class::Usage, path.to_owned()))?;
        Ok(ListText::new(path, None, text))
    }

    fn is_there(&self, _: &ListText, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

/// What `top` asks for with `files` beside it.
fn of(top: &str, files: &[(&str, &str)]) -> Reading {
    let files = files.iter().map(|(path, text)| (path.to_string(), text.to_string()));
    Kustomize.read(&[ListText::new("k.yaml", None, top)], &Stage(files.collect()))
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'a:1'}]}\n";

/// Entries and what is told, each with its file.
fn spots(reading: &Reading) -> Vec<String> {
    reading
        .entries
        .iter()
        .map(|it| format!("{} {} = {}", it.spot, it.spot.what, it.asked))
        .collect()
}

#[test]
fn samples_ask_for_what_kustomize_builds() {
    assert!(samples::of("kustomize").len() >= 10);
    samples::check("kustomize");
}

#[test]
fn ruined_kustomizations_end() {
    samples::ruin("kustomize");
}

#[test]
fn each_image_has_the_line_that_decides_it() {
    let top = "resources: [base]\nnamePrefix: dev-\npatches:\n- patch: |\n    apiVersion: v1\n    kind: Pod\n    metadata:\n      \
               name: p\n    spec:\n      containers:\n      - name: side\n        image: side:1\nimages:\n- name: a\n  newTag: '2'\n";
    let reading = of(
        top,
        &[
            ("base/kustomization.yaml", "resources: [pod.yaml, two.yaml]\n"),
            ("base/pod.yaml", POD),
            (
                "base/two.yaml",
                "# two\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: q, namespace: n}\nspec:\n  containers:\n  - name: c\n    image: b:1\n",
            ),
        ],
    );
    assert_eq!(
        spots(&reading),
        [
            "k.yaml: line 12 Pod dev-p: containers[0] side = side:1",
            "k.yaml: line 15 Pod dev-p: containers[1] c = a:2",
            "base/two.yaml: line 9 Pod n/dev-q: containers[0] c = b:1",
        ]
    );
    assert_eq!(told(&reading), [""; 0]);
}

#[test]
fn what_is_not_done_is_a_fault_and_all_are_told() {
    let top = "\
resources:
- https://github.com/acme/app//base?ref=v1
- github.com/acme/other
- pod.yaml
- none.yaml
- comp
components: [base]
helmCharts: [{name: minio}]
generators: [g.yaml]
transformers: []
nonsense: {a: 1}
images:
- {name: a, newTag: 2}
- {newTag: x}
patches:
- path: gone.yaml
- patch: 'a: 1'
- {patch: '[{\"op\": \"remove\", \"path\": \"/spec\"}]'}
- target: {name: p}
  patch: '[{\"op\": \"replace\", \"path\": \"/spec/containers/7/image\", \"value\": \"b:1\"}]'
- target: {labelSelector: a=b}
  patch: '[{\"op\": \"remove\", \"path\": \"/spec\"}]'
- patch: '{apiVersion: v1, kind: Pod, metadata: {name: other}, spec: {containers: [{name: c, image: x}]}}'
- patch: '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {$retainKeys: [a]}}'
- patch: '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: {a: b}}}'
- patch: '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {initContainers: [{$patch: replace}, {name: a, image: x}]}}'
- patch: '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: x}, {name: a, image: y}]}}'
replacements:
- targets: [{select: {kind: Pod}, fieldPaths: [spec.containers.*.image]}]
- targets: [{select: {kind: Pod}, fieldPaths: ['spec.containers.[name=c]']}]
- targets: [{select: {kind: Deployment}, fieldPaths: ['spec.containers.[name=c]']}]
openapi: {path: schema.json}
configurations: [fields.yaml]
";
    let reading = of(
        top,
        &[
            ("pod.yaml", POD),
            ("base/kustomization.yaml", "resources: [../pod.yaml]\n"),
            ("comp/kustomization.yaml", "kind: Component\n"),
        ],
    );
    let out = "hand over what kustomize build prints";
    let mend = "mend it, or hand over what kustomize build prints";
    let mut told = told(&reading);
    told.sort_by_key(|line| line.split(' ').next().unwrap().parse::<usize>().unwrap());
    assert_eq!(
        told,
        [
            format!("2 resources[0]: https://github.com/acme/app//base?ref=v1 is on another machine, and is not fetched; {out}"),
            format!("3 resources[1]: github.com/acme/other is not here; if it is on another machine, it is not fetched; {out}"),
            "5 resources[3]: none.yaml is no file, and no folder with a kustomization.yaml; see whether it is there".to_owned(),
            "6 comp: comp/kustomization.yaml is of the kind Component, and is to be a Kustomization; name components below components:, all else below resources:".to_owned(),
            "7 base: base/kustomization.yaml is of the kind Kustomization, and is to be a Component; name components below components:, all else below resources:".to_owned(),
            format!("8 helmCharts: names charts, which are not run here; {out}"),
            format!("9 generators: names generators, which are not run here; {out}"),
            "11 nonsense: is no member of a kustomization; see whether it is spelled so".to_owned(),
            "13 images[0]: newTag 2 is no text; put it in quotes".to_owned(),
            "14 images[1]: has no name; write name: IMAGE, without a tag".to_owned(),
            "16 patches[0]: gone.yaml; -".to_owned(),
            format!("17 patches[1]: is neither an object with a kind nor a list of operations; {mend}"),
            "18 patches[2]: is a list of operations, and has no target; write target: with a kind and a name".to_owned(),
            format!("20 patches[3]: cannot be done to Pod p: there is no /7/image; {mend}"),
            format!("21 patches[4]: its target is found by labels, which is not done here; {mend}"),
            format!("23 patches[5]: there is no Pod other to patch; {mend}"),
            format!("24 patches[6]: $retainKeys is not read here; {mend}"),
            format!("25 patches[7]: containers is of another kind than what it goes over; {mend}"),
            format!("26 patches[8]: $patch: replace stands beside other members, or where there is no list; {mend}"),
            format!("27 patches[9]: a stands twice; {mend}"),
            format!("29 replacements[0]: spec.containers.*.image may be an image, and is not replaced here; {out}"),
            format!("30 replacements[1]: spec.containers.[name=c] may be an image, and is not replaced here; {out}"),
            format!("32 openapi: says how lists are merged, which is not read here; {out}"),
            format!("33 configurations: may say where else images stand, which is not read here; {out}"),
        ]
    );
}

#[test]
fn rules_that_mean_nothing_are_noted_and_images_alone_are_a_list() {
    let reading =
        of("resources: [p]\nimages:\n- {name: docker.io/library/a, newTag: v}\n", &[("p", POD)]);
    assert_eq!(asked(&reading), ["a:1"]);
    assert_eq!(told(&reading), ["3 images: no image is called docker.io/library/a there"]);

    let reading = of(
        "images:\n- {name: a, newTag: v}\n- {name: b, newName: c, digest: 'sha256:1'}\n- name: d\n  newName: e\n",
        &[],
    );
    assert_eq!(asked(&reading), ["a:v", "c@sha256:1"]);
    assert_eq!(
        told(&reading),
        [
            "5 images d: has no tag, and there are no resources to find one in; write newTag or digest, or name the file with its resources"
        ]
    );
}

#[test]
fn circles_and_growth_are_bounded() {
    let reading = of(
        "resources: [a]\n",
        &[
            ("a/kustomization.yaml", "resources: [b]\n"),
            ("a/b/kustomization.yaml", "resources: [../../a]\n"),
        ],
    );
    assert_eq!(told(&reading), ["1 : leads back to a, in a circle; take one of these lines out"]);
    assert_eq!(&*reading.faults[0].0.file, "a/kustomization.yaml");

    // Each folder has the next one twice.
    let files: Vec<(String, String)> = (0..40)
        .map(|at| {
            (
                format!("d{at}/kustomization.yaml"),
                format!("resources: [../d{0}, ../d{0}]\n", at + 1),
            )
        })
        .chain([
            ("d40/kustomization.yaml".to_owned(), "resources: [../p]\n".to_owned()),
            ("p".to_owned(), POD.to_owned()),
        ])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let reading = of("resources: [d0]\n", &files);
    assert_eq!(reading.faults.len(), 1, "{:?}", told(&reading));
    assert!(told(&reading)[0].contains("files, or"), "{:?}", told(&reading));

    // Copies of copies.
    let double = "- {op: copy, from: /spec, path: /spec/a}\n".repeat(200);
    let top = format!(
        "resources: [p]\npatches:\n- target: {{kind: Pod}}\n  patch: |\n    {}",
        double.replace("\n-", "\n    -")
    );
    let reading = of(&top, &[("p", POD)]);
    assert!(told(&reading)[0].contains("100 levels"), "{:?}", told(&reading));

    // A thousand operations on a hundred thousand values each.
    let wide = format!("{POD}data: [{}]\n", "x, ".repeat(100_000));
    let tests = "- {op: test, path: /kind, value: Pod}\n".repeat(1_100);
    let reading = of(
        "resources: [p]\npatches:\n- {target: {kind: Pod}, path: ops}\n",
        &[("p", &wide), ("ops", &tests)],
    );
    assert_eq!(reading.faults.len(), 1);
    assert!(told(&reading)[0].contains("too many"), "{:?}", told(&reading)[0]);
}

#[test]
fn many_objects_and_patches_are_fast() {
    let objects: String = (0..50_000)
        .map(|at| format!("---\n{}", POD.replace("{name: p}", &format!("{{name: p{at}}}"))))
        .collect();
    let reading = of("resources: [p]\nimages: [{name: a, newTag: '2'}]\n", &[("p", &objects)]);
    assert_eq!((reading.entries.len(), reading.faults.len()), (50_000, 0));
}

#[test]
fn kustomizations_are_told_by_what_they_say() {
    let is = |text: &str| format_of(&ListText::new("x", None, text)).name();
    for text in [
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
        "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\nimages: []\n",
        "resources:\n- a.yaml\n",
        "images: [{name: a, newTag: b}]\nnamePrefix: x\n",
        "patchesStrategicMerge: [a.yaml]\n",
    ] {
        assert_eq!(is(text), "kustomize", "{text}");
    }
    for text in [
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\n",
        "resources: [{name: a}]\n",
        "resources: [a]\njobs: []\n",
        "images: [{name: a}]\n",
        "namePrefix: x\n",
    ] {
        assert_ne!(is(text), "kustomize", "{text}");
    }
    let reading = Kustomize.read(&[ListText::new("x", None, "- a\n")], &Nothing);
    assert_eq!(told(&reading), ["1 : is no kustomization; name a kustomization.yaml"]);
}
