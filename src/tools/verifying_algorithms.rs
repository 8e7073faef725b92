//! The algorithms for signatures of others that the provider of TLS has: where it is exchanged (FIPS), they are.

use rustls::crypto::CryptoProvider;
use rustls::pki_types::SignatureVerificationAlgorithm;

/// One way to check signatures, for keys of one kind.
pub type VerifyingAlgorithm = &'static dyn SignatureVerificationAlgorithm;

/// All those of the provider that the process has, else of the one that was built in; none where there is
/// neither.
#[must_use]
pub fn verifying_algorithms() -> &'static [VerifyingAlgorithm] {
    match CryptoProvider::get_default() {
        Some(provider) => provider.signature_verification_algorithms.all,
        None => built_in(),
    }
}

#[cfg(feature = "ring")]
fn built_in() -> &'static [VerifyingAlgorithm] {
    rustls::crypto::ring::default_provider().signature_verification_algorithms.all
}

#[cfg(not(feature = "ring"))]
fn built_in() -> &'static [VerifyingAlgorithm] {
    &[]
}
