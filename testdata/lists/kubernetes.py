#!/usr/bin/env python3
"""Every member named `image` in Kubernetes manifests, found by another program: kubernetes.py FILE...

Prints each FILE's name and the images in it, sorted, a line each with a tab before it. What is under `status`
is what runs and no wish; labels, annotations, schemas and the data of ConfigMaps and Secrets are no images.
"""
import re
import sys

import yaml


class Loader(yaml.SafeLoader):
    """Scalars as they are spelled, but for null and merge keys; unknown tags are nothing."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in all if tag.rsplit(":", 1)[1] in ("null", "merge")]
    for first, all in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))

NEVER = {"labels", "matchLabels", "nodeSelector", "annotations"}
NO_IMAGE = re.compile(r"^\s*$|\{\{|\$|://|^data:|^auto$|^(true|false)$|[*!]")


def joined(name, parts):
    if parts.get("registry"):
        name = parts["registry"].rstrip("/") + "/" + name
    tag = parts.get("tag") or (parts.get("version") if parts.get("repository") else None)
    digest = parts.get("digest")
    if tag and tag.startswith("sha256:"):
        tag, digest = None, tag
    return name + (":" + tag if tag else "") + ("@" + digest if digest else "")


def images(value, path=()):
    if isinstance(value, list):
        for entry in value:
            yield from images(entry, path)
    if not isinstance(value, dict):
        return
    for key, member in value.items():
        if key in NEVER:
            continue
        if key != "image":
            yield from images(member, path + (key,))
        elif isinstance(member, str):
            whole = re.search("[:@]", member.rsplit("/", 1)[-1])
            if "repository" in value and not whole:
                member = value["repository"] + "/" + member
            yield member if whole else joined(member, value)
        elif isinstance(member, dict) and "reference" in member:
            yield member["reference"]
        elif isinstance(member, dict) and "repository" in member:
            if member.get("tag") or member.get("digest"):
                yield joined(member["repository"], {**member, "repository": None})
        else:
            yield from images(member, path + (key,))


def objects(document):
    if isinstance(document, dict) and document.get("kind", "").endswith("List"):
        for item in document.get("items") or []:
            yield from objects(item)
    elif isinstance(document, dict) and document.get("kind") not in ("ConfigMap", "Secret", "CustomResourceDefinition"):
        yield {key: value for key, value in document.items() if key != "status"}


for file in sys.argv[1:]:
    print(file.rsplit("/", 1)[-1])
    with open(file, encoding="utf-8-sig", newline="") as opened:
        documents = list(yaml.load_all(opened.read(), Loader))
    found = {image for document in documents for object in objects(document) for image in images(object)}
    for image in sorted(image for image in found if not NO_IMAGE.search(image)):
        print("\t" + image)
