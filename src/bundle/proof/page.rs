//! The page that lies beside the signatures: how each is checked.

use super::form::{ALLOWED_SIGNERS, NAMESPACE, ProofForm, SIGNED, STATEMENT};
use crate::bundle::check::Attested;
use crate::bundle::inventory::SUMS;
use crate::bundle::keys::KeyId;

/// The page, where what needs the key `private` was made too. What stands in it comes from digests and key
/// ids alone, so that nothing foreign is in a command.
pub(super) fn text(of: &Attested, private: Option<KeyId>) -> Vec<u8> {
    let digest = of.statement.digest;
    let mut text = format!(
        "The signatures of a bundle of sealift, for other programs to check.\n\
         \n\
         {SIGNED} is what was signed: the statement with its type and length before it, as DSSE has it.\n\
         {STATEMENT} is the statement alone, {digest}.\n\
         Run the commands in this folder. The public keys are here for convenience: compare them with those\n\
         that reached you by a way that you trust.\n"
    );
    for signature in &of.signatures {
        text += &of_signer(&signature.key.id(), private == Some(signature.key.id()));
    }
    text += &format!(
        "\n\
         The bundle\n\
         \n\
         That the statement is the one that was signed, and the list of files the one that it names:\n\
         \n\
         \x20 test \"$(tail -c \"$(wc -c < {STATEMENT})\" {SIGNED} | sha256sum)\" = \"$(sha256sum < {STATEMENT})\"\n\
         \x20 test \"$(jq -r '.subject[] | select(.name == \"{SUMS}\") | .digest.sha256' {STATEMENT})\" = \\\n\
         \x20     \"$(sha256sum < \"$BUNDLE/{SUMS}\" | cut -d' ' -f1)\"\n\
         \x20 (cd \"$BUNDLE\" && sha256sum -c {SUMS})\n\
         \n\
         docs/verify-without-sealift.md has all steps, for each form of a bundle.\n"
    );
    text.into_bytes()
}

fn of_signer(id: &KeyId, is_at_hand: bool) -> String {
    let [pem, sig, sigstore, key, signify, minisig, ssh] = [
        ProofForm::PublicKey,
        ProofForm::Signature,
        ProofForm::Sigstore,
        ProofForm::SignifyKey,
        ProofForm::Signify,
        ProofForm::Minisign,
        ProofForm::Ssh,
    ]
    .map(|form| form.name(id));
    let short = id.short();
    let mut text = format!(
        "\n\
         Signed by {id}\n\
         \n\
         OpenSSL\n\
         \x20 openssl pkey -pubin -in {pem} -outform DER | sha256sum\n\
         \x20 openssl pkeyutl -verify -pubin -inkey {pem} -rawin -in {SIGNED} -sigfile {sig}\n\
         signify (signify-openbsd in Debian)\n\
         \x20 signify -V -p {key} -x {signify} -m {SIGNED}\n\
         Python's cryptography\n\
         \x20 python3 -c 'from cryptography.hazmat.primitives.serialization import load_pem_public_key as load; \
         load(open(\"{pem}\", \"rb\").read()).verify(open(\"{sig}\", \"rb\").read(), open(\"{SIGNED}\", \"rb\").read())'\n\
         Sigstore (cosign, @sigstore/verify) and securesystemslib\n\
         \x20 {sigstore} is a Sigstore bundle v0.3 without log entries; its dsseEnvelope is the envelope\n"
    );
    if is_at_hand {
        text += &format!(
            "minisign\n\
             \x20 minisign -V -p {key} -x {minisig} -m {SIGNED}\n\
             ssh-keygen\n\
             \x20 ssh-keygen -Y verify -f {ALLOWED_SIGNERS} -I {short} -n {NAMESPACE} -s {ssh} < {SIGNED}\n"
        );
    }
    text
}
