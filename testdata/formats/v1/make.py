#!/usr/bin/env python3
"""Made the bundles beside it, once: make.py SEALIFT. Never run again for this version; see README.md."""

import gzip, hashlib, io, json, os, shutil, subprocess, sys, tarfile, tempfile

OCI, DOCKER = "application/vnd.oci.image.", "application/vnd.docker.distribution.manifest."
MANIFEST, INDEX = OCI + "manifest.v1+json", OCI + "index.v1+json"
CONFIG, LAYER = OCI + "config.v1+json", OCI + "layer.v1.tar"
SCHEMA2, LIST = DOCKER + "v2+json", DOCKER + "list.v2+json"
ROOTFS = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"

blobs, entries = {}, []


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def put(kind, data, **more):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    blobs[digest(data)] = data
    return {"mediaType": kind, "digest": digest(data), "size": len(data), **more}


def tar(path, text):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo(path)
        info.size, info.mtime = len(text), 0
        archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def zstd(data):
    return subprocess.run(["zstd", "-19", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


PACKERS = {
    LAYER: lambda data: data,
    LAYER + "+gzip": lambda data: gzip.compress(data, mtime=0),
    LAYER + "+zstd": zstd,
    ROOTFS: lambda data: gzip.compress(data, mtime=0),
}


def image(kind, arch, layers, **more):
    config = {"architecture": arch, "os": "linux", "config": {"Cmd": ["/bin/true"]},
              "rootfs": {"type": "layers", "diff_ids": [digest(data) for _, data in layers]}}
    config = put(DOCKER_CONFIG if kind == SCHEMA2 else CONFIG, config)
    layers = [put(layer, PACKERS[layer](data)) for layer, data in layers]
    body = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers}
    return put(kind, body, **more)


def index(kind, of, layer, name):
    children = [image(of, arch, [(layer, tar("arch", f"{name} on {arch}\n"))],
                      platform={"architecture": arch, "os": "linux"}) for arch in ("amd64", "arm64")]
    return put(kind, {"schemaVersion": 2, "mediaType": kind, "manifests": children})


def named(name, entry):
    entries.append({**entry, "annotations": {"org.opencontainers.image.ref.name": name}})


def artifact(kind, layers, config=None, **more):
    config = config or put(EMPTY, b"{}")
    return put(MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, **kind, "config": config,
                          "layers": layers, **more})


def source(folder):
    multi = index(INDEX, MANIFEST, LAYER + "+gzip", "multi")
    named("docker.io/acme/multi:1.0", multi)
    named("docker.io/acme/list:1.0", index(LIST, SCHEMA2, ROOTFS, "list"))
    named("docker.io/acme/schema2:2.0", image(SCHEMA2, "amd64", [(ROOTFS, tar("app", "schema 2\n"))]))
    named("quay.io/acme/zstd:1.0", image(MANIFEST, "amd64", [
        (LAYER + "+zstd", tar("zstd", "packed by zstd\n" * 50)), (LAYER, tar("plain", "not packed\n"))]))
    chart = put("application/vnd.cncf.helm.chart.content.v1.tar+gzip",
                gzip.compress(tar("web/Chart.yaml", "name: web\nversion: 0.1.0\n"), mtime=0))
    meta = put("application/vnd.cncf.helm.config.v1+json", {"name": "web", "version": "0.1.0"})
    named("ghcr.io/acme/charts/web:0.1.0", artifact({}, [chart], meta))
    # What refers to the first: an SBOM by its subject, a signature of cosign's by its tag.
    sbom = put("application/spdx+json", {"spdxVersion": "SPDX-2.3"})
    kind = {"artifactType": "application/spdx+json"}
    entries.append({**artifact(kind, [sbom], subject=multi), **kind})
    payload = {"critical": {"image": {"docker-manifest-digest": multi["digest"]},
                            "type": "cosign container image signature"}}
    layer = put("application/vnd.dev.cosign.simplesigning.v1+json", payload,
                annotations={"dev.cosignproject.cosign/signature": "MEQ="})
    config = put(CONFIG, {"architecture": "", "os": "", "config": {},
                          "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}})
    tag = multi["digest"].replace(":", "-") + ".sig"
    named("docker.io/acme/multi:" + tag, artifact({}, [layer], config))

    os.makedirs(folder + "/blobs/sha256")
    for name, data in blobs.items():
        open(f"{folder}/blobs/sha256/{name[7:]}", "wb").write(data)
    open(folder + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
    json.dump({"schemaVersion": 2, "manifests": entries}, open(folder + "/index.json", "w"))


def main(sealift):
    here, work = os.path.dirname(os.path.abspath(__file__)), tempfile.mkdtemp()
    source(work + "/source")
    shutil.copytree(work + "/source", work + "/partly/source")
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1795600000"}

    def run(*words):
        subprocess.run([sealift, *words], cwd=work, env=env, check=True)

    run("key", "generate", "--no-passphrase", "-o", "signer")
    signed = ["--sign-key", "signer.key.pem"]
    run("export", "oci:source", "-o", "folder", *signed)
    run("export", "oci:source", "-o", "packed.tar", "--expires", "36500", *signed)
    # One that says what it had to leave behind: an entry that is not there.
    odd = {"mediaType": MANIFEST, "digest": digest(b"absent"), "size": 6}
    index_of_partly = {"schemaVersion": 2, "manifests": [*entries, odd]}
    json.dump(index_of_partly, open(work + "/partly/source/index.json", "w"))
    run("export", "oci:partly/source", "-o", "skipped.tar", "--skip-unreadable", *signed)

    lines = [f"image {e['annotations']['org.opencontainers.image.ref.name']} {e['digest']}"
             for e in entries if "annotations" in e] + [f"blob {name}" for name in blobs]
    open(here + "/digests.txt", "w").write("".join(sorted(line + "\n" for line in lines)))
    shutil.copytree(work + "/folder", here + "/folder")
    for name in ("packed.tar", "skipped.tar", "signer.pub.pem"):
        shutil.copy(f"{work}/{name}", here)
    shutil.rmtree(work)


main(os.path.abspath(sys.argv[1]))
