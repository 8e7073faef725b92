// Verifies a Sigstore bundle by one public key, with Sigstore's own libraries: BUNDLE KEY.pem
const { bundleFromJSON } = require('@sigstore/bundle');
const { toSignedEntity, toTrustMaterial, Verifier } = require('@sigstore/verify');
const crypto = require('crypto');
const fs = require('fs');

const [bundle, pem] = process.argv.slice(2).map((path) => fs.readFileSync(path));
const key = crypto.createPublicKey(pem);
const der = key.export({ type: 'spki', format: 'der' });
const id = crypto.createHash('sha256').update(der).digest('hex');
const find = (hint) => {
  if (hint !== id) throw new Error(`another key: ${hint}`);
  return { publicKey: key, validFor: () => true };
};
const nobody = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
const verifier = new Verifier(toTrustMaterial(nobody, find), thresholds);
verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle))));
