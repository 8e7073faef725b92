//! Bundles as a later version may write them, signed like any other.

use std::path::Path;

use sealift::bundle::envelope::Envelope;
use sealift::bundle::keys::PrivateKey;

/// Signs the statement of the folder `bundle` again with the private key in the file `key`, with
/// `now` in place of `before`.
pub fn signed_again(bundle: &Path, key: &Path, before: &str, now: &str) {
    let signature = std::fs::read_dir(bundle.join("sig")).unwrap().next().unwrap().unwrap().path();
    let envelope = Envelope::from_bytes(&std::fs::read(&signature).unwrap()).unwrap();
    let statement = String::from_utf8(envelope.into_payload()).unwrap();
    assert_eq!(statement.matches(before).count(), 1, "{before} in {statement}");
    let key = PrivateKey::from_pem(&std::fs::read_to_string(key).unwrap(), None).unwrap();
    let changed = statement.replace(before, now);
    super::files::make_writable(&signature);
    std::fs::write(&signature, Envelope::sign(changed.as_bytes(), &key).to_bytes()).unwrap();
}
