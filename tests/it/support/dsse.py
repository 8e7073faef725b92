"""Verifies the DSSE envelope in a Sigstore bundle by one public key, with securesystemslib: BUNDLE KEY.pem"""

import hashlib
import json
import sys

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

bundle, pem = (open(path, "rb").read() for path in sys.argv[1:])
public = load_pem_public_key(pem)
der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
key = SSlibKey.from_crypto(public, keyid=hashlib.sha256(der).hexdigest())
envelope = Envelope.from_dict(json.loads(bundle)["dsseEnvelope"])
assert len(envelope.verify([key], 1)) == 1
