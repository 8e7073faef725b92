//! `--require-signature`.

use std::path::Path;

use clap::Args;

use super::secrets::read_text;
use crate::bundle::image_signature::MAX_ROOT;
use crate::words::error::Result;
use crate::work::signature_rule::SignatureRule;

#[derive(Debug, Args)]
pub(super) struct SignatureRules {
    /// Take images whose names look like PATTERN (as for --only) only if they carry a signature of cosign
    /// by KEY, one of those in that file, over their own repository; with ,any-name over any name. A
    /// pattern that means no image is an error (can be repeated: an image has to keep all that mean it).
    /// keyless:trusted_root.json,identity=WHO,issuer=URL in place of KEY is a signer with certificates
    #[arg(long, value_name = "PATTERN=KEY.pem[,any-name]")]
    require_signature: Vec<String>,
}

impl SignatureRules {
    /// The rules, with their keys.
    pub(super) fn read(&self) -> Result<Vec<SignatureRule>> {
        let read = |path: &str| read_text(Path::new(path), MAX_ROOT).map(|text| text.to_string());
        self.require_signature.iter().map(|text| SignatureRule::parse(text, read)).collect()
    }
}
