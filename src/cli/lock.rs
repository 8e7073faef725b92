//! The options that say to whom a bundle is encrypted.

#[cfg(feature = "age")]
use std::path::{Path, PathBuf};

use clap::Args;

use crate::medium::Medium;
use crate::words::error::Result;

/// To whom a bundle is encrypted.
#[derive(Debug, Args)]
pub(super) struct Lock {
    /// Encrypt the bundle to this public key, of age (age1...) or an ssh key of the kind ed25519, or to
    /// those in a file, one a line (can be repeated)
    #[cfg(feature = "age")]
    #[arg(long, value_name = "RECIPIENT|@FILE")]
    recipient: Vec<String>,
    /// Encrypt the bundle with a passphrase, which is asked for (=FILE: the first line of this file)
    #[cfg(feature = "age")]
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with = "recipient"
    )]
    encrypt_passphrase: Option<Option<PathBuf>>,
}

impl Lock {
    /// The same `medium`, of which a bundle that is made there is encrypted as was asked for.
    #[cfg(feature = "age")]
    pub(super) fn medium(&self, medium: Medium) -> Result<Medium> {
        use crate::medium::Form;
        use crate::tools::cipher::Recipients;
        use crate::words::error::{Class, Error};
        use crate::words::escape::Safe;

        let recipients = match &self.encrypt_passphrase {
            _ if !self.recipient.is_empty() => recipients(&self.recipient)?,
            // Nothing is asked for in vain.
            Some(_) if !matches!(medium.form(), Form::Encrypted | Form::Volumes) => {
                Recipients::default()
            }
            Some(file) => {
                Recipients::knowing(&super::secrets::new_bundle_passphrase(file.as_deref())?)
            }
            None if medium.form() == Form::Encrypted => {
                let shown = medium.to_string();
                let text = format!("{} would be encrypted to nobody", Safe(&shown));
                return Err(Error::new(Class::Usage, text)
                    .hint("say who may read it with --recipient, or name it NAME.tar"));
            }
            None => return Ok(medium),
        };
        medium.sealed_for(std::sync::Arc::new(recipients))
    }

    /// The same `medium`: age was left out of this program.
    #[cfg(not(feature = "age"))]
    pub(super) fn medium(&self, medium: Medium) -> Result<Medium> {
        Ok(medium)
    }
}

/// The public keys that are named, and those in the files that are.
#[cfg(feature = "age")]
fn recipients(named: &[String]) -> Result<crate::tools::cipher::Recipients> {
    use crate::words::error::{Class, Error, Subject};

    /// Largest file of recipients.
    const MAX_LIST: u64 = 1 << 20;

    let mut all = crate::tools::cipher::Recipients::default();
    for name in named {
        let Some(file) = name.strip_prefix('@') else {
            all.add(name)?;
            continue;
        };
        let path = Path::new(file);
        let text = super::secrets::read_text(path, MAX_LIST)?;
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(at, line)| (at, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .peekable();
        if lines.peek().is_none() {
            return Err(Error::new(Class::Usage, format!("{file} names no recipient"))
                .subject(Subject::Path(path.to_owned()))
                .hint("write one a line"));
        }
        for (at, line) in lines {
            all.add(line).map_err(|e| {
                e.context(format!("{file}: line {}", at + 1))
                    .subject(Subject::Path(path.to_owned()))
            })?;
        }
    }
    Ok(all)
}
