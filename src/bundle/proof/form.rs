//! What the files of a proof are called.

use crate::bundle::keys::KeyId;

/// What every signature but ssh's is over, and ssh's too by its hash: the pre-authentication encoding of the
/// statement.
pub const SIGNED: &str = "statement.pae";
/// The statement by itself, for people and jq.
pub const STATEMENT: &str = "statement.json";
/// How each is checked.
pub const PAGE: &str = "README.txt";
/// Whose signature ssh-keygen takes: its own form of a list of keys.
pub const ALLOWED_SIGNERS: &str = "allowed_signers";
/// What an ssh signature is for: one that was made for anything else is none of a bundle.
pub const NAMESPACE: &str = "sealift-bundle";

/// A form that a signature, or the key to check it with, is written in.
#[derive(Debug, Clone, Copy)]
pub(super) enum ProofForm {
    PublicKey,
    Signature,
    Sigstore,
    SignifyKey,
    Signify,
    Minisign,
    Ssh,
}

impl ProofForm {
    /// What the file of the signer `id` is called.
    pub(super) fn name(self, id: &KeyId) -> String {
        let ending = match self {
            ProofForm::PublicKey => "pub.pem",
            ProofForm::Signature => "sig",
            ProofForm::Sigstore => "sigstore.json",
            ProofForm::SignifyKey => "signify.pub",
            ProofForm::Signify => "signify.sig",
            ProofForm::Minisign => "minisig",
            ProofForm::Ssh => "sshsig",
        };
        format!("{}.{ending}", id.short())
    }
}
