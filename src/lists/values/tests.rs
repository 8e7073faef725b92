//! What is taken of values, and what is told of the rest.

use crate::lists::samples::{asked, read, told};

#[test]
fn what_charts_add_themselves_is_told_and_not_guessed() {
    let text = "\
global:
  imageRegistry: r.io
  hub: docker.io/mesh
image:
  repository: ghcr.io/acme/web
  tag: \"\"
job:
  image: {repository: acme/job, tag: 1.10}
  commit: {image: {registry: q.io, repository: acme/commit, tag: 12345e7}}
proxy:
  image: proxyv2
  initImage: acme/init:1
  otherImage: acme/other
empty: {image: {repository: '', tag: ''}}
none:
  image:
rendered: {image: '{{ .Values.global.hub }}/x:1'}
variable: {image: '${REGISTRY}/x:1'}
operator: {image: {repository: acme/operator, tag: v1, genericDigest: x, useDigest: true}}
extraArgs: [--reloader-image=acme/reloader:1]
config: |
  image: acme/inner:1
env: [{name: RELATED_IMAGE, value: 'acme/related:1'}]
flag: {image: true}
";
    let reading = read("values", text);
    assert_eq!(asked(&reading), ["acme/init:1"]);
    let lacks = "lacks a tag or digest, and which one the chart gives it is not known; write it (many \
                 charts have their appVersion there), or render the chart, as with helm template, and \
                 take what that prints";
    assert_eq!(
        told(&reading),
        [
            format!("5 image: ghcr.io/acme/web {lacks}"),
            "8 job.image: the tag 1.10 is a number, and charts make 1.1 of it; put it in quotes".to_owned(),
            "9 job.commit.image: the tag 12345e7 is a number, and charts make 123450000000 of it; put it in quotes".to_owned(),
            format!("11 proxy.image: proxyv2 {lacks}"),
            "17 rendered.image: {{ .Values.global.hub }}/x:1 is a template; render it first, or name the image in a plain list".to_owned(),
            "18 variable.image: ${REGISTRY}/x:1 has a variable in it; write its value, or name the image in a plain list".to_owned(),
            format!("19 operator.image: acme/operator:v1 {lacks}"),
            "3 global.hub: \"docker.io/mesh\" may hold for all images, and is not put before any".to_owned(),
            "5 image: ghcr.io/acme/web has no member registry: r.io is not put before it".to_owned(),
            "13 proxy.otherImage: not taken: \"acme/other\" may be an image".to_owned(),
            "14 empty.image: the image is empty: the chart has its own, or none".to_owned(),
            "16 none.image: the image is empty: the chart has its own, or none".to_owned(),
            "19 operator.image: acme/operator has no member registry: r.io is not put before it".to_owned(),
            "20 extraArgs[0]: not taken: \"acme/reloader:1\" may be an image".to_owned(),
            "22 config: not taken: \"acme/inner:1\" stands within a text".to_owned(),
            "23 env[0].value: not taken: \"acme/related:1\" may be an image".to_owned(),
        ]
    );
}

#[test]
fn each_image_has_its_member_and_line() {
    let reading = read(
        "values",
        "a:\n  b:\n    image:\n      tag: '1'\n      repository: x/y\nc: {image: 'z:2'}\n",
    );
    let spots: Vec<String> =
        reading.entries.iter().map(|it| format!("{} {}", it.spot.line, it.spot.what)).collect();
    assert_eq!(spots, ["5 a.b.image", "6 c.image"]);
}

#[test]
fn what_is_no_mapping_and_a_second_document_are_told() {
    assert_eq!(
        told(&read("values", "- a\n")),
        ["1 : is no mapping of values; name the chart's values.yaml"]
    );
    let reading = read("values", "image: a:1\n---\nimage: b:1\n");
    assert_eq!(asked(&reading), ["a:1"]);
    assert_eq!(told(&reading), ["3 : is not read: of such a file the first document counts"]);
}

#[test]
fn a_hundred_thousand_members_are_read_at_once() {
    let text: String =
        (0..100_000).map(|at| format!("m{at}: {{image: 'a/b:{at}'}}\nv{at}: text\n")).collect();
    let reading = read("values", &text);
    assert_eq!((reading.entries.len(), reading.faults.len()), (100_000, 0));
}
