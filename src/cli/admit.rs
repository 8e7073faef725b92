//! The options that say by which policies images are let in.

use std::path::{Path, PathBuf};

use clap::Args;

use super::believe::usual_folder;
use super::idle;
use super::printer::Printer;
use super::secrets::read_bytes;
use crate::bundle::roots::{POLICY, beside_root};
use crate::verbs::admission::Admission;
use crate::words::error::{Class, Error, Result};
use crate::work::policy::{AdmissionPolicy, MAX_POLICY};

/// Largest file of public keys.
const MAX_KEY: u64 = 64 << 10;

/// By which policies images are let in.
#[derive(Debug, Args)]
pub(super) struct PolicyFiles {
    /// Policy that says which images are let in (can be repeated; all have to be kept) [default: none but
    /// policy.toml in the trust folder, which holds in any case]
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
}

/// By which policies images are let in, or in spite of them.
#[derive(Debug, Args)]
pub(super) struct Admit {
    #[command(flatten)]
    files: PolicyFiles,
    /// Go on though rules of a policy are broken; what is broken, and the reason, are recorded
    #[arg(long, value_name = "REASON")]
    warn_only: Option<String>,
}

impl PolicyFiles {
    /// The policies: those that are named, and that of the folder `trust`, else of the usual one.
    pub(super) fn read(&self, trust: Option<&Path>) -> Result<Vec<AdmissionPolicy>> {
        let named = self.policy.iter().map(|path| {
            let folder = path.parent().unwrap_or(Path::new(""));
            let key = |name: &str| read_bytes(&folder.join(name), MAX_KEY).map(|it| it.to_vec());
            AdmissionPolicy::read(path, &read_bytes(path, MAX_POLICY)?, &key)
        });
        let mut policies = named.collect::<Result<Vec<AdmissionPolicy>>>()?;
        if let Some(folder) = trust.map(Path::to_owned).or_else(usual_folder)
            && let Some(bytes) = beside_root(&folder, POLICY, MAX_POLICY)?
        {
            // Keys are believed as the policy is, and lie beside it.
            let key = |name: &str| {
                let there = beside_root(&folder, name, MAX_KEY)?;
                there.ok_or_else(|| {
                    Error::new(Class::Usage, format!("there is no {}", folder.join(name).display()))
                })
            };
            policies.push(AdmissionPolicy::read(&folder.join(POLICY), &bytes, &key)?);
        }
        Ok(policies)
    }
}

impl Admit {
    /// What images are held against, where the trust folder is `trust` or the usual one.
    pub(super) fn admission(self, trust: Option<&Path>, printer: &Printer) -> Result<Admission> {
        if self.warn_only.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            return Err(Error::new(Class::Usage, "--warn-only takes a reason, which is recorded")
                .hint("write why it goes on, as in --warn-only 'ticket 4711'"));
        }
        let policies = self.files.read(trust)?;
        if policies.is_empty() {
            let given = [("--warn-only", self.warn_only.is_some())];
            idle::tell(&given, "there is no policy", printer);
        }
        Ok(Admission::new(policies, self.warn_only))
    }
}
