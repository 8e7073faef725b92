#!/usr/bin/env python3
"""Adds images that are signed with certificates to `layout`, and `trusted_root.json`; see README.md.

    make_keyless.py          (behind make.py; takes openssl, and asks nobody)
"""

import base64, datetime, hashlib, json, os, subprocess, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
LAYOUT = os.path.join(HERE, "layout")
WORK = tempfile.mkdtemp()
INDEX, MANIFEST = (f"application/vnd.oci.image.{kind}.v1+json" for kind in ("index", "manifest"))
CONFIG, LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAIL, ISSUER = "builder@example.org", "https://login.example.org"
WORKFLOW = "https://git.example.org/org/app/.workflows/build.yml@refs/heads/main"
NOW = int(time.time()) + 60
entries = []


def run(*command, data=None):
    return subprocess.run(command, cwd=WORK, check=True, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def b64(data):
    return base64.b64encode(data).decode()


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def keep(data, kind, **more):
    with open(os.path.join(LAYOUT, "blobs", "sha256", sha(data).split(":")[1]), "wb") as file:
        file.write(data)
    return {"mediaType": kind, "digest": sha(data), "size": len(data), **more}


def document(value, kind):
    return keep(json.dumps(value, separators=(",", ":")).encode(), kind)


def name(descriptor, repository, tag):
    ref = f"quay.io/org/{repository}:{tag}"
    entries.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": ref}})


def image(repository):
    empty, config = bytes(1024), {"architecture": "amd64", "os": "linux", "config": {"Labels": {"case": repository}}}
    config["rootfs"] = {"type": "layers", "diff_ids": [sha(empty)]}
    manifest = document({"schemaVersion": 2, "mediaType": MANIFEST, "config": document(config, CONFIG),
                         "layers": [keep(empty, LAYER)]}, MANIFEST)
    listed = {**manifest, "platform": {"architecture": "amd64", "os": "linux"}}
    index = document({"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}, INDEX)
    name(index, repository, "1")
    return index


def key(file, curve="P-256"):
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", f"{file}.key")


def issue(file, by, extensions, subject, days="3650"):
    """The certificate of `file`.key, by `by`, or by itself."""
    with open(os.path.join(WORK, "ext"), "w") as out:
        out.write(extensions)
    run("openssl", "req", "-new", "-key", f"{file}.key", "-subj", subject, "-out", "csr")
    signer = ["-signkey", f"{file}.key"] if by is None else ["-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial"]
    run("openssl", "x509", "-req", "-in", "csr", "-days", days, "-sha384", "-extfile", "ext", *signer, "-out", f"{file}.pem")


def authority(file):
    ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
    key(f"{file}-root", "P-384")
    issue(f"{file}-root", None, ca, f"/O={file}/CN=root")
    key(file, "P-384")
    issue(file, f"{file}-root", ca + "authorityKeyIdentifier=keyid\nextendedKeyUsage=codeSigning\n", f"/O={file}/CN=between")


def leaf(identity, authority="fulcio", purpose="codeSigning"):
    key("leaf")
    kind = "URI" if "://" in identity else "email"
    issue("leaf", authority, "keyUsage=critical,digitalSignature\n" f"extendedKeyUsage={purpose}\n"
          "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" f"subjectAltName=critical,{kind}:{identity}\n"
          f"1.3.6.1.4.1.57264.1.1=DER:{ISSUER.encode().hex()}\n"
          f"1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:{ISSUER}\n", "/", "1")


def sign(file, data):
    return run("openssl", "dgst", "-sha256", "-sign", f"{file}.key", data=data)


def der(file):
    return run("openssl", "x509", "-in", f"{file}.pem", "-outform", "DER")


def pem(file):
    with open(os.path.join(WORK, f"{file}.pem"), "rb") as data:
        return data.read()


def public(file):
    return run("openssl", "pkey", "-in", f"{file}.key", "-pubout", "-outform", "DER")


def promise(body, at, log="rekor"):
    """What a log signs, as it signs it."""
    payload = {"body": b64(json.dumps(body, separators=(",", ":"), sort_keys=True).encode()), "integratedTime": at,
               "logID": hashlib.sha256(public(log)).hexdigest(), "logIndex": 7}
    return payload, sign(log, json.dumps(payload, separators=(",", ":"), sort_keys=True).encode())


def payload_of(repository, digest):
    return json.dumps({"critical": {"identity": {"docker-reference": f"quay.io/org/{repository}"},
                                    "image": {"docker-manifest-digest": digest},
                                    "type": "cosign container image signature"}, "optional": None}).encode()


def hashedrekord(payload, signature):
    return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}},
        "signature": {"content": b64(signature), "publicKey": {"content": b64(pem("leaf"))}}}}


def tagged(repository, logged=True, at=NOW, entry=None, log="rekor", **how):
    """An image with simple signing under a tag."""
    index = image(repository)
    leaf(MAIL, **how)
    payload = payload_of(repository, index["digest"])
    signature = sign("leaf", payload)
    annotations = {"dev.cosignproject.cosign/signature": b64(signature),
                   "dev.sigstore.cosign/certificate": pem("leaf").decode(), "dev.sigstore.cosign/chain": pem("fulcio").decode()}
    if logged:
        noted, promised = promise(entry or hashedrekord(payload, signature), at, log)
        annotations["dev.sigstore.cosign/bundle"] = json.dumps({"SignedEntryTimestamp": b64(promised), "Payload": noted})
    config = document({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": [sha(payload)]}}, CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config,
                "layers": [keep(payload, SIMPLE, annotations=annotations)]}
    name(document(manifest, MANIFEST), repository, index["digest"].replace(":", "-") + ".sig")
    return hashedrekord(payload, signature)


def bundled(repository):
    """An image with a Sigstore bundle as a referrer."""
    index = image(repository)
    leaf(WORKFLOW)
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": index["digest"].split(":")[1]}}],
                 "predicateType": "https://sigstore.dev/cosign/sign/v1"}
    payload, kind = json.dumps(statement).encode(), "application/vnd.in-toto+json"
    signature = sign("leaf", b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload))
    body = {"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
        "signatures": [{"signature": b64(signature), "verifier": b64(pem("leaf"))}]}}
    noted, promised = promise(body, NOW)
    bundle = {"mediaType": BUNDLE, "verificationMaterial": {
        "certificate": {"rawBytes": b64(der("leaf"))},
        "tlogEntries": [{"logIndex": str(noted["logIndex"]), "logId": {"keyId": b64(bytes.fromhex(noted["logID"]))},
                         "kindVersion": {"kind": "dsse", "version": "0.0.1"}, "integratedTime": str(NOW),
                         "inclusionPromise": {"signedEntryTimestamp": b64(promised)}, "canonicalizedBody": noted["body"]}]},
        "dsseEnvelope": {"payload": b64(payload), "payloadType": kind, "signatures": [{"sig": b64(signature)}]}}
    empty = keep(b"{}", "application/vnd.oci.empty.v1+json")
    manifest = document({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE, "config": empty,
                         "layers": [keep(json.dumps(bundle).encode(), BUNDLE)], "subject": index}, MANIFEST)
    listed = document({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**manifest, "artifactType": BUNDLE}]}, INDEX)
    name(listed, repository, index["digest"].replace(":", "-"))


for each in ("fulcio", "stranger"):
    authority(each)
for each in ("rekor", "others"):
    key(each)
good = tagged("keyless-tag")
bundled("keyless-bundle")
tagged("keyless-unlogged", logged=False)
tagged("keyless-late", at=NOW + 10 * 24 * 3600)
tagged("keyless-other-entry", entry=good)
tagged("keyless-other-log", log="others")
tagged("keyless-stranger", authority="stranger")
tagged("keyless-server", purpose="serverAuth")

start = datetime.datetime.fromtimestamp(NOW - 24 * 3600, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
root = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [{"baseUrl": "https://rekor.example.org", "hashAlgorithm": "SHA2_256",
                   "publicKey": {"rawBytes": b64(public("rekor")), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": {"start": start}},
                   "logId": {"keyId": b64(hashlib.sha256(public("rekor")).digest())}}],
        "certificateAuthorities": [{"uri": "https://fulcio.example.org", "validFor": {"start": start},
                                    "certChain": {"certificates": [{"rawBytes": b64(der("fulcio"))}, {"rawBytes": b64(der("fulcio-root"))}]}}],
        "ctlogs": [], "timestampAuthorities": []}
with open(os.path.join(HERE, "trusted_root.json"), "w") as file:
    json.dump(root, file, indent=1)
    file.write("\n")
path = os.path.join(LAYOUT, "index.json")
with open(path) as file:
    index = json.load(file)
index["manifests"] = [it for it in index["manifests"] if "/keyless-" not in it["annotations"]["org.opencontainers.image.ref.name"]]
index["manifests"] += entries
with open(path, "w") as file:
    json.dump(index, file, indent=1)
    file.write("\n")
