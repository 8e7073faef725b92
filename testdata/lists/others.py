"""Writes what is expected of the smaller formats of YAML, by PyYAML and a walk of its own.

    python3 testdata/lists/others.py
"""

import pathlib
import yaml

HERE = pathlib.Path(__file__).parent


class Loader(yaml.SafeLoader):
    """Scalars as they are spelled: a tag 3.10 is no number."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in all if tag in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")]
    for first, all in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def skopeo_sync(doc):
    for registry, config in doc.items():
        for name, tags in (config.get("images") or {}).items():
            for tag in tags or ["*"]:
                yield f"{registry}/{name}" + ("@" if ":" in tag else ":") + tag
        for name, expression in (config.get("images-by-tag-regex") or {}).items():
            yield f"{registry}/{name}:/{expression}/"
        for name, constraint in (config.get("images-by-semver") or {}).items():
            yield f"{registry}/{name}:{RANGES[constraint]}"


# Worked out by hand, from Masterminds' README and regclient's internal/semver.
RANGES = {
    ">= 3.12.0": ">=3.12.0",
    "1.2 - 1.4": ">=1.2 <=1.4",
    "~1.0 || >=2, <3": "~1.0 || >=2 <3",
    (">=1.0.0 <2.0.0", "~4"): ">=1.0.0 <2.0.0 || ~4.0.0 *",
    ("^2.1",): "^2.1.0 *",
}


def regsync(doc):
    for step in doc["sync"]:
        if step["type"] == "image":
            yield step["source"]
            continue
        sets = step.get("tagSets", []) + [step.get("tags", {})]
        rules = [rule(one) for one in sets if any(one.values())]
        for text in rules or ["*"]:
            yield f"{step['source']}:{text}"


def rule(one):
    words = []
    if one.get("semverRange"):
        words.append(RANGES[tuple(one["semverRange"])])
    words += [f"/^{text}$/" for text in one.get("allow", [])]
    words += [f"not /^{text}$/" for text in one.get("deny", [])]
    return " ".join(words)


def hauler(doc):
    if doc["kind"] == "Images":
        registry = doc["metadata"].get("annotations", {}).get("hauler.dev/registry")
        for image in doc["spec"]["images"]:
            first, _, rest = image["name"].partition("/")
            has_one = rest and ("." in first or ":" in first)
            yield image["name"] if has_one or not registry else f"{registry}/{image['name']}"


def zarf(doc, folder=HERE / "zarf", only=None):
    for component in doc.get("components", [doc.get("component")]):
        if only and component["name"] != only:
            continue
        for image in component.get("images", []):
            if isinstance(image, str):
                yield image
            else:
                yield ("docker-daemon:" if image.get("source") == "daemon" else "") + image["name"]
        imports = component.get("import", {})
        if "path" in imports:
            below = folder / imports["path"]
            other = yaml.load((below / "zarf.yaml").read_text(), Loader)
            yield from zarf(other, below, imports.get("name", component["name"]))
        for local in imports.get("local", []):
            yield from zarf(yaml.load((folder / local["path"]).read_text(), Loader))


def images_lock(doc):
    return [image["image"] for image in doc["images"]]


def oc_mirror(doc):
    return [image["name"].removeprefix("docker://") for image in doc["mirror"]["additionalImages"]]


def chart(doc):
    for key in ("artifacthub.io/images", "images"):
        for entry in yaml.load(doc["annotations"].get(key, ""), Loader) or []:
            yield entry["image"]


def values(doc, parent="", registry=None):
    """What the helpers of Bitnami, of kube-prometheus-stack, Cilium and `helm create` make of it."""
    registry = registry or doc.get("global", {}).get("imageRegistry", "").rstrip("/")
    last = parent.lower().rsplit(".", 1)[-1]
    text = {key: value for key, value in doc.items() if isinstance(value, str)}
    tag = text.get("tag") or text.get("imageTag")
    name = text.get("repository") or (text.get("name") if last == "image" else None)
    if text.get("override"):
        yield text["override"]
    elif name and tag and "://" not in name:
        digest = text.get("digest") or ("sha256:" + text["sha"] if text.get("sha") else None)
        before = (registry or text["registry"]) + "/" if "registry" in text else ""
        yield before + name + ":" + tag + ("@" + digest if digest and text.get("useDigest") != "false" else "")
    elif text.get("image"):
        yield text["image"] + (":" + tag if tag else "")
    for key, value in doc.items():
        if isinstance(value, str) and (key.endswith("Image") or ".images." in f".{parent}.") and ":" in value:
            yield value
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from values(inner, f"{parent}.{key}", registry)


for format in (skopeo_sync, regsync, hauler, zarf, images_lock, oc_mirror, chart, values):
    for path in (HERE / format.__name__.replace("_", "-")).iterdir():
        if path.suffix == ".images" or path.is_dir():
            continue
        documents = yaml.load_all(path.read_text(encoding="utf-8-sig"), Loader)
        names = {name for doc in documents if doc for name in format(doc)}
        (path.parent / (path.name + ".images")).write_text("".join(f"{name}\n" for name in sorted(names)))
