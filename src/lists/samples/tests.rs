//! The smaller formats of YAML, each tried on its samples, and what they say of what they do not take.

use super::{Asked, FORMATS, ListText, asked, check, format_of, read, ruin, told};

#[test]
fn samples_ask_for_what_another_reader_finds() {
    for format in
        ["skopeo-sync", "regsync", "hauler", "zarf", "images-lock", "oc-mirror", "chart", "values"]
    {
        check(format);
    }
}

/// The samples of all formats: files with what they ask for beside them, and folders with such a file.
#[test]
fn each_sample_is_told_as_its_own_kind() {
    for format in FORMATS {
        let samples = super::all(format.name());
        let least = if format.name() == "kubernetes" { 30 } else { 2 };
        assert!(samples.len() >= least, "{}: {}", format.name(), samples.len());
        for sample in samples {
            let name = sample.list.path().unwrap();
            assert_eq!(
                format_of(&sample.list).name(),
                super::told_as(format.name()),
                "{}",
                name.display()
            );
        }
    }
}

#[test]
fn lists_for_k3s_rke2_and_rancher_are_plain() {
    check("plain");
}

#[test]
fn locks_ask_for_what_they_hold() {
    check("lock");
}

#[test]
fn ruined_files_end() {
    for format in [
        "skopeo-sync",
        "regsync",
        "hauler",
        "zarf",
        "images-lock",
        "oc-mirror",
        "chart",
        "values",
        "lock",
    ] {
        ruin(format);
    }
}

/// What is told of a sample.
fn told_of(format: &str, name: &str) -> Vec<String> {
    let samples = super::of(format);
    let sample = samples.iter().find(|it| &**it.list.name() == name).unwrap();
    let list = sample.list.clone();
    told(&super::named(format).unwrap().read(&[list], &super::Beside))
}

#[test]
fn credentials_for_skopeo_are_not_told() {
    let told = told_of("skopeo-sync", "registries.yaml");
    assert_eq!(
        told,
        [
            "10 registry.example.com: credentials are taken from where engines keep them, and not \
             from here",
            "13 registry.example.com: tls-verify is not taken from here",
            "14 registry.example.com: cert-dir is not taken from here",
            "16 quay.io: tls-verify is not taken from here",
        ]
    );
}

#[test]
fn what_is_wrong_for_skopeo_is_told_at_once() {
    let text = "r.io:\n  images:\n    a: x\n    b: [[1]]\n    c:1: [2]\n    d: ['3']\n  images-by-semver: {e: '!=1'}\n  \
                images-by-tag-regex:\n    f: '('\n    g:\n  image: {}\n";
    let reading = read("skopeo-sync", text);
    assert_eq!(asked(&reading), ["r.io/d:3"]);
    let told = told(&reading);
    let begins = [
        "3 r.io: the tags of r.io/a are no list; write [TAG, ...]",
        "4 r.io: a tag of r.io/b is none; write a tag or a digest",
        "5 r.io: \"c:1\" is no repository; write its name alone",
        "7 r.io: \"!=1\" is no range of versions that is known: != is no comparison",
        "9 r.io: \"(\" is no regular expression",
        "10 r.io: r.io/g has no rule for its tags",
        "11 r.io: \"image\" is no member of a registry; it has images, ",
    ];
    assert_eq!(told.len(), begins.len(), "{told:#?}");
    for (told, begin) in told.iter().zip(begins) {
        assert!(told.starts_with(begin), "{told}");
    }
}

#[test]
fn a_tag_beside_rules_of_regsync_is_none() {
    for source in ["h:5000/a/b:1", "h:5000/a/b@sha256:00", "h:5000/a/b"] {
        let text =
            format!("version: 1\nsync:\n- source: {source}\n  type: repository\n  target: t/b\n");
        assert_eq!(asked(&read("regsync", &text)), ["h:5000/a/b:*"]);
    }
}

#[test]
fn what_is_wrong_for_regsync_is_told_at_once() {
    let text = "version: 2\ncreds: [{registry: a, pass: secret}]\nsync:\n- type: image\n- {type: image, source: 'a:{{.X}}'}\n\
                - {type: registry, source: r.io}\n- {type: other, source: x}\n- {type: repository, source: 'ocidir://d'}\n\
                - {type: repository, source: y, tags: {allow: ['(']}}\n- {type: image, source: 'z:1', platform: linux/arm64}\n";
    let reading = read("regsync", text);
    assert_eq!(asked(&reading), ["z:1"]);
    assert_eq!(
        told(&reading),
        [
            "1 version: version 2 of these files is not known; write version: 1",
            "4 sync[0]: has no source; write source: IMAGE",
            "5 sync[1]: a:{{.X}} is a template; render it first, or name the image in a plain list",
            "6 sync[2]: asks for all repositories of r.io, which are not looked for here; write a \
             step of type repository for each",
            "7 sync[3]: \"other\" is no type of a step; it is image, repository or registry",
            "8 sync[4]: ocidir://d is no image of a registry; name a layout as oci:DIR in a plain list",
            "9 sync[5]: \"^($\" is no regular expression: found open group without closing ')'; -",
            "2 creds: credentials are taken from where engines keep them, and not from here",
            "10 sync[6]: z:1 is wanted for linux/arm64; platforms are chosen for all images together",
        ]
    );
}

#[test]
fn what_hauler_and_zarf_fetch_besides_is_noted() {
    assert_eq!(
        told_of("hauler", "manifest.yaml"),
        [
            "8 Images base: images[1]: busybox:stable is wanted for linux/amd64; platforms are \
             chosen for all images together",
            "11 Images base: images[3]: rgcrprod.azurecr.us/rancher/rke2-runtime:v1.28.12-rke2r1 is \
             to be signed with carbide-key.pub, which is not looked at here",
            "20 Charts charts: the chart rancher 2.8.5 is not taken, nor what it deploys",
            "23 Charts charts: the chart hauler-helm is not taken, nor what it deploys",
            "34 Files files: the file https://get.rke2.io is not taken",
        ]
    );
    assert_eq!(
        told_of("zarf", "zarf.yaml"),
        [
            "12 component argocd-helm-chart: charts are not taken: argo-cd",
            "26 component apps: manifests are not taken: app",
            "29 component apps: repos are not taken: https://github.com/example/app.git@v1",
        ]
    );
    assert_eq!(
        told_of("zarf", "beta.yaml"),
        [
            "11 component web: imageArchives are not taken: images.tar",
            "24 component remote: is imported from oci://ghcr.io/example/skeleton:1, and its images \
             are not taken",
        ]
    );
    let text = "kind: ZarfPackageConfig\ncomponents:\n- name: a\n  images:\n  - x:###ZARF_PKG_TMPL_TAG###\n  - ''\n  - y:1\n";
    let reading = read("zarf", text);
    assert_eq!(asked(&reading), ["y:1"]);
    assert_eq!(
        told(&reading),
        [
            "5 component a: x:###ZARF_PKG_TMPL_TAG### has a variable of Zarf, which is not known \
             here; write its value, or name the image in a plain list",
            "6 component a: names no image; write one, or leave it out",
        ]
    );
}

#[test]
fn components_of_zarf_that_are_not_there_or_go_round_are_told() {
    let text = "kind: ZarfPackageConfig\ncomponents:\n- name: a\n  import: {path: no/such}\n";
    let list = ListText::new("zarf.yaml", Some(std::path::Path::new("/nowhere/zarf.yaml")), text);
    let reading = super::named("zarf").unwrap().read(&[list], &super::Beside);
    assert!(told(&reading)[0].contains("no/such/zarf.yaml"), "{:?}", told(&reading));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zarf.yaml");
    let text = "kind: ZarfPackageConfig\ncomponents:\n- {name: a, images: ['x:1'], import: {path: ., name: b}}\n\
                - {name: b, images: ['y:1'], import: {path: ., name: a}}\n- {name: c, import: {path: ., name: d}}\n";
    std::fs::write(&path, text).unwrap();
    let list = ListText::new("zarf.yaml", Some(&path), text);
    let reading = super::named("zarf").unwrap().read(&[list], &super::Beside);
    assert_eq!(asked(&reading), ["x:1", "y:1"]);
    assert_eq!(
        told(&reading),
        ["5 component c: ./zarf.yaml has no component d; name one that is there"]
    );
}

#[test]
fn an_images_lock_without_a_digest_is_none() {
    let text = "kind: ImagesLock\napiVersion: imgpkg.carvel.dev/v1alpha1\nimages:\n- image: a:1\n- {}\n- image: b@sha256:0\n  \
                annotations: {kbld.carvel.dev/id: 'b:2'}\n";
    let reading = read("images-lock", text);
    assert_eq!(reading.entries.len(), 1);
    assert_eq!(reading.entries[0].spot.what, "images[2] b:2");
    assert_eq!(
        told(&reading),
        [
            "4 images[0]: a:1 has no digest, as images of an ImagesLock do; lock it anew, as with kbld",
            "5 images[1]: names no image; write one, or leave it out",
        ]
    );
}

#[test]
fn what_oc_mirror_takes_besides_is_noted() {
    assert_eq!(
        told_of("oc-mirror", "v2.yaml"),
        [
            "6 mirror.platform: releases of the channel stable-4.18 are not taken",
            "8 mirror.platform: graph is not taken",
            "10 mirror.operators: operators of registry.redhat.io/redhat/redhat-operator-index:v4.18 \
             are not taken: rhacs-operator, odf-operator",
            "14 mirror.operators: operators of \
             registry.redhat.io/redhat/community-operator-index:v4.18 are not taken: all of them",
            "26 mirror.helm: the chart podinfo is not taken, nor what it deploys",
            "29 mirror.helm: the chart own is not taken, nor what it deploys",
            "32 mirror.blockedImages: .*/blocked:.* is blocked there, and is taken here where it is \
             named",
        ]
    );
    let told = told(&read(
        "oc-mirror",
        "apiVersion: mirror.openshift.io/v2alpha1\nkind: DeleteImageSetConfiguration\ndelete: {}\n",
    ));
    assert_eq!(
        told,
        ["1 DeleteImageSetConfiguration: DeleteImageSetConfiguration says nothing to mirror; an \
          ImageSetConfiguration has a member mirror"]
    );
}

#[test]
fn broken_yaml_is_told_with_its_line_and_what_stands_before_it_counts() {
    let text = "apiVersion: content.hauler.cattle.io/v1\nkind: Images\nspec: {images: [{name: 'a:1'}]}\n---\na: [\n";
    let reading = read("hauler", text);
    assert_eq!(asked(&reading), ["a:1"]);
    assert_eq!(reading.faults.len(), 1);
    assert!(reading.faults[0].0.line >= 5, "{:?}", told(&reading));
}

#[test]
fn a_hundred_thousand_tags_are_read_at_once() {
    let tags: String = (0..100_000).map(|at| format!("    - t{at}\n")).collect();
    let reading = read("skopeo-sync", &format!("r.io:\n  images:\n    a:\n{tags}"));
    assert_eq!((reading.entries.len(), reading.faults.len()), (100_000, 0));
    assert_eq!(reading.entries[99_999].asked, Asked::Image("r.io/a:t99999".to_owned()));
}

#[test]
fn other_yaml_is_none_of_them() {
    for text in
        ["sync: [a, b]\n", "images:\n- name: x\n", "a.io: {images: [x]}\n", "{}\n", "a: b\n"]
    {
        assert_eq!(format_of(&ListText::new("l.yaml", None, text)).name(), "plain", "{text}");
    }
    for (text, kind) in [
        ("services:\n  images:\n    image: x\n", "compose"),
        ("version: '3'\nservices: {a: {image: x}}\n", "compose"),
        ("kind: Pod\napiVersion: v1\n", "kubernetes"),
        (
            "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nimages: []\n",
            "kustomize",
        ),
    ] {
        assert_eq!(format_of(&ListText::new("l.yaml", None, text)).name(), kind, "{text}");
    }
}
