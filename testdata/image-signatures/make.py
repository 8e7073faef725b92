#!/usr/bin/env python3
"""Makes what lies in this folder with real ones of cosign; see README.md.

    make.py COSIGN_2 COSIGN_3 REGISTRY     (programs, and HOST:PORT of an empty docker-registry)
"""

import hashlib, json, os, shutil, subprocess, sys, tempfile, urllib.request

COSIGN_2, COSIGN_3, REGISTRY = sys.argv[1:]
HERE = os.path.dirname(os.path.abspath(__file__))
WORK = tempfile.mkdtemp()
INDEX, MANIFEST = (f"application/vnd.oci.image.{kind}.v1+json" for kind in ("index", "manifest"))
CONFIG, LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"
LAYOUT = os.path.join(HERE, "layout")
entries = []


def run(*command, **more):
    env = dict(os.environ, COSIGN_PASSWORD="", COSIGN_EXPERIMENTAL="1", HOME=WORK, TUF_MIRROR="http://127.0.0.1:9")
    return subprocess.run(command, cwd=WORK, env=env, check=True, stdout=subprocess.PIPE, **more).stdout


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def request(method, path, data=None, kind=None):
    url = path if path.startswith("http") else f"http://{REGISTRY}/v2/{path}"
    headers = {"Content-Type": kind} if kind else {}
    headers["Accept"] = f"{INDEX}, {MANIFEST}"
    return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method))


def push_blob(repository, data):
    where = request("POST", f"{repository}/blobs/uploads/").headers["Location"]
    request("PUT", f"{where}&digest={sha(data)}", data, "application/octet-stream")
    return {"digest": sha(data), "size": len(data)}


def push(repository, document, kind, tag=None):
    data = json.dumps(document, separators=(",", ":")).encode()
    request("PUT", f"{repository}/manifests/{tag or sha(data)}", data, kind)
    return {"mediaType": kind, "digest": sha(data), "size": len(data)}


def image(name, tag="1"):
    """An index of two platforms, unlike that of every other name."""
    repository = f"org/{name}"
    listed = []
    for arch in ("amd64", "arm64"):
        empty = bytes(1024)
        config = json.dumps({"architecture": arch, "os": "linux", "config": {"Labels": {"case": name}},
                             "rootfs": {"type": "layers", "diff_ids": [sha(empty)]}}).encode()
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": {"mediaType": CONFIG, **push_blob(repository, config)},
                    "layers": [{"mediaType": LAYER, **push_blob(repository, empty)}]}
        pushed = push(repository, manifest, MANIFEST)
        listed.append({**pushed, "platform": {"architecture": arch, "os": "linux"}})
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
    return push(repository, index, INDEX, tag)["digest"]


def keys(name, *openssl):
    run("openssl", *openssl, "-out", f"{name}.pem", stderr=subprocess.DEVNULL)
    run(COSIGN_2, "import-key-pair", "--key", f"{name}.pem", "--output-key-prefix", name, "--yes")
    shutil.copy(os.path.join(WORK, f"{name}.pub"), os.path.join(HERE, f"{name}.pub.pem"))


def sign(style, key, name, digest, identity=None):
    at = f"{REGISTRY}/org/{name}@{digest}"
    identity = ["--sign-container-identity", identity or f"quay.io/org/{name}"]
    common = ["sign", "--key", f"{key}.key", "--tlog-upload=false", "--allow-http-registry", "--yes"]
    old = {"tag": [], "referrer": ["--registry-referrers-mode=oci-1-1"]}
    if style == "bundle":
        # The form that version 3 writes unless told otherwise.
        run(COSIGN_3, *common, "--use-signing-config=false", at)
    else:
        run(COSIGN_2, *common, "--new-bundle-format=false", *old[style], *identity, at)


def attest(key, name, digest, *more):
    predicate = os.path.join(WORK, "spdx.json")
    with open(predicate, "w") as file:
        json.dump({"spdxVersion": "SPDX-2.3", "name": name}, file)
    cosign = COSIGN_3 if "--use-signing-config=false" in more else COSIGN_2
    run(cosign, "attest", "--key", f"{key}.key", "--type", "spdxjson", "--predicate", predicate,
        "--tlog-upload=false", "--allow-http-registry", "--yes", *more, f"{REGISTRY}/org/{name}@{digest}")


def get(repository, reference, what="manifests"):
    with request("GET", f"{repository}/{what}/{reference}") as answer:
        return answer.read(), answer.headers["Content-Type"]


def keep(data):
    with open(os.path.join(LAYOUT, "blobs", "sha256", sha(data).split(":")[1]), "wb") as file:
        file.write(data)


def keep_tag(repository, tag):
    """A tag with all below it, into the layout."""
    data, kind = get(repository, tag)
    entries.append({"mediaType": kind, "digest": sha(data), "size": len(data),
                    "annotations": {"org.opencontainers.image.ref.name": f"quay.io/{repository}:{tag}"}})
    ahead = [(data, kind)]
    while ahead:
        data, kind = ahead.pop()
        keep(data)
        document = json.loads(data)
        for entry in document.get("manifests", []):
            ahead.append(get(repository, entry["digest"]))
        for blob in [document.get("config"), *document.get("layers", [])]:
            if blob:
                keep(get(repository, blob["digest"], "blobs")[0])


def keep_all(name):
    with request("GET", f"org/{name}/tags/list") as answer:
        for tag in sorted(json.load(answer)["tags"]):
            keep_tag(f"org/{name}", tag)


def swap(style, of, name, digest):
    """Attaches the good signature of the image `of` to another one."""
    signed = entry_digest(of)
    ending = ".sig" if style == "tag" else ""
    data, kind = get(f"org/{of}", signed.replace(":", "-") + ending)
    document = json.loads(data)
    manifests = [document] if style == "tag" else [json.loads(get(f"org/{of}", it["digest"])[0]) for it in document["manifests"]]
    for manifest in manifests:
        for blob in [manifest["config"], *manifest["layers"]]:
            push_blob(f"org/{name}", get(f"org/{of}", blob["digest"], "blobs")[0])
        if "subject" in manifest:
            manifest["subject"]["digest"] = digest
    tag = digest.replace(":", "-") + ending
    if style == "tag":
        push(f"org/{name}", document, kind, tag)
    else:
        listed = [{**old, **push(f"org/{name}", it, MANIFEST)} for old, it in zip(document["manifests"], manifests)]
        push(f"org/{name}", {**document, "manifests": listed}, kind, tag)


def entry_digest(name):
    return sha(get(f"org/{name}", "1")[0])


shutil.rmtree(LAYOUT, ignore_errors=True)
os.makedirs(os.path.join(LAYOUT, "blobs", "sha256"))
keys("p256", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
keys("rsa", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
keys("ed25519", "genpkey", "-algorithm", "ED25519")
keys("stranger", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")

for key in ("p256", "rsa", "ed25519"):
    for style in ("tag", "referrer", "bundle"):
        sign(style, key, f"{key}-{style}", image(f"{key}-{style}"))
image("unsigned")
sign("tag", "p256", "moved", image("moved"), "quay.io/org/elsewhere")
sign("tag", "p256", "tagged", image("tagged"), "quay.io/org/tagged:1")
image("tagged", "2")
for style in ("tag", "referrer", "bundle"):
    swap(style, f"p256-{style}", f"swapped-{style}", image(f"swapped-{style}"))
attest("p256", "attested-tag", image("attested-tag"), "--new-bundle-format=false")
attest("p256", "attested-bundle", image("attested-bundle"), "--use-signing-config=false")
# The key's own signature by PSS over the payload of another, which cosign makes of keys that say so.
payload = json.dumps({"critical": {"identity": {"docker-reference": "quay.io/org/rsa-pss"},
                                   "image": {"docker-manifest-digest": image("rsa-pss")},
                                   "type": "cosign container image signature"}, "optional": None}).encode()
with open(os.path.join(WORK, "payload"), "wb") as file:
    file.write(payload)
run("openssl", "dgst", "-sha256", "-sign", "rsa.pem", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
    "rsa_pss_saltlen:digest", "-out", "pss.sig", "payload")
run("base64", "-w0", "pss.sig", stdin=None)
with open(os.path.join(WORK, "pss.b64"), "wb") as file:
    file.write(run("base64", "-w0", "pss.sig"))
run(COSIGN_2, "attach", "signature", "--payload", "payload", "--signature", "pss.b64", "--allow-http-registry",
    f"{REGISTRY}/org/rsa-pss@{entry_digest('rsa-pss')}")

with request("GET", "_catalog") as answer:
    for repository in sorted(json.load(answer)["repositories"]):
        keep_all(repository.split("/", 1)[1])
with open(os.path.join(LAYOUT, "index.json"), "w") as file:
    json.dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, file, indent=1)
    file.write("\n")
with open(os.path.join(LAYOUT, "oci-layout"), "w") as file:
    file.write('{"imageLayoutVersion":"1.0.0"}')
shutil.rmtree(WORK)
