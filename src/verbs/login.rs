//! `login` and `logout`: credentials of a registry, checked and kept, or removed.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::places::registry::{CredentialFile, KeptIn, LoginVerdict, Settings, check_login};
use crate::verbs::paths;
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::words::reference::Registry;

/// Who logs in where.
pub struct Request {
    /// The registry.
    pub registry: Registry,
    /// The user's name.
    pub user: String,
    /// The password or access token.
    pub password: Zeroizing<String>,
    /// Where they are kept.
    pub file: CredentialFile,
    /// How the registry is reached.
    pub settings: Settings,
}

impl std::fmt::Debug for Request {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("registry", &self.registry)
            .field("user", &self.user)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// What a login did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The registry.
    pub registry: Registry,
    /// The user's name.
    pub user: String,
    /// Whether the registry asked for the credentials and took them. One that asks nobody cannot
    /// tell good ones from bad ones.
    pub checked: bool,
    /// The credentials file, which holds them or names the helper that does.
    #[serde(serialize_with = "paths::one")]
    pub file: PathBuf,
    /// The helper that keeps them, `docker-credential-NAME`.
    pub helper: Option<String>,
}

/// Logs in: the registry has to take the credentials before they are kept.
///
/// # Errors
/// [`Class::Refused`](crate::words::error::Class::Refused) when it does not; then nothing was
/// kept. Those of the file and its helper.
pub fn login(request: Request, progress: Arc<dyn Progress>) -> Result<Summary> {
    let Request { registry, user, password, file, settings } = request;

    let file = file.until(progress.handle());
    let plain = settings.plain_http.contains(&registry);

    // 1. Does the registry take them?
    let verdict = check_login(settings, &registry, &user, &password, progress)?;

    // 2. Keep them, and whether they may go there by plain HTTP.
    let kept = file.store(&registry, &user, &password, plain)?;
    Ok(Summary {
        registry,
        user,
        checked: verdict == LoginVerdict::Taken,
        file: file.path().to_owned(),
        helper: match kept {
            KeptIn::File => None,
            KeptIn::Helper(name) => Some(name),
        },
    })
}

/// What a logout did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Logout {
    /// The registry.
    pub registry: Registry,
    /// The credentials file.
    #[serde(serialize_with = "paths::one")]
    pub file: PathBuf,
    /// Whether there was anything to remove.
    pub removed: bool,
    /// Other files that still hold credentials for the registry.
    #[serde(serialize_with = "paths::several")]
    pub also_in: Vec<PathBuf>,
}

/// Removes what `file` and its helper keep for `registry`, and says which of the `others` keep
/// some as well.
///
/// # Errors
/// Those of the files and the helper.
pub fn logout(registry: Registry, file: &CredentialFile, others: &[PathBuf]) -> Result<Logout> {
    let removed = file.erase(&registry)?;
    let mut also_in = Vec::new();
    for path in others {
        if CredentialFile::new(path.clone()).holds(&registry)? {
            also_in.push(path.clone());
        }
    }
    Ok(Logout { registry, file: file.path().to_owned(), removed, also_in })
}
