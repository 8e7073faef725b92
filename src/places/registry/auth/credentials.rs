//! [`Credentials`]: what docker's and podman's files say about a registry, for that host alone.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::credential::Credential;
use super::helper;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::phrase;
use crate::words::reference::{Registry, Repository};
use crate::words::remedy::Remedy;

/// Largest credentials file that is read. Real ones have a few KiB.
pub(crate) const MAX_FILE: u64 = 1 << 20;

/// The server name under which docker keeps Docker Hub's credentials.
pub(crate) const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The credentials files, read once, and what helpers answered so far.
pub(crate) struct Credentials {
    files: Vec<(PathBuf, AuthFile)>,
    /// What was given for one registry, instead of all files.
    given: Option<(Registry, Credential)>,
    asked: Mutex<HashMap<(String, String), Option<Credential>>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.files.iter().map(|(path, _)| path)).finish()
    }
}

/// What a credentials file says.
#[derive(Deserialize, Default)]
pub(crate) struct AuthFile {
    #[serde(default, deserialize_with = "or_none")]
    pub(crate) auths: BTreeMap<String, AuthEntry>,
    #[serde(default, rename = "credHelpers", deserialize_with = "or_none")]
    pub(crate) helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    pub(crate) store: Option<String>,
}

/// What it says of one host or path.
#[derive(Deserialize, Default)]
pub(crate) struct AuthEntry {
    auth: Option<Zeroizing<String>>,
    username: Option<String>,
    password: Option<Zeroizing<String>>,
    identitytoken: Option<Zeroizing<String>>,
    registrytoken: Option<Zeroizing<String>>,
}

/// Takes `null` for a member that is not there, as programs written in Go do.
fn or_none<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl Credentials {
    /// Reads `files`, of which an earlier one counts more; those that do not exist are left out
    /// unless they are `required`.
    ///
    /// # Errors
    /// [`Class::Usage`] for a file that is unreadable, too large or no such JSON. A broken file
    /// is never passed over: the next one may hold credentials that were not meant.
    pub(crate) fn read(files: &[PathBuf], required: bool) -> Result<Credentials> {
        let mut read = Vec::new();
        for path in files {
            if let Some(file) = read_file(path, required)? {
                read.push((path.clone(), file));
            }
        }
        Ok(Credentials { files: read, given: None, asked: Mutex::default() })
    }

    /// `credential` for `registry`, and nothing for any other.
    pub(crate) fn only(registry: &Registry, credential: Credential) -> Credentials {
        let given = Some((registry.clone(), credential));
        Credentials { files: Vec::new(), given, asked: Mutex::default() }
    }

    /// The credentials for `repository` at exactly this `registry`, if there are any. In each
    /// file a helper for the host comes first, then the longest path that leads to the
    /// repository, then the host, then the default helper.
    ///
    /// # Errors
    /// [`Class::Usage`] when an entry or a helper cannot be understood.
    pub(crate) fn find(
        &self,
        registry: &Registry,
        repository: &Repository,
    ) -> Result<Option<Credential>> {
        if let Some((host, credential)) = &self.given
            && host == registry
        {
            return Ok(Some(credential.clone()));
        }
        for (path, file) in &self.files {
            let broken = |error: Error| error.context(path.display());
            let own = file.helpers.iter().find(|(key, _)| names_host(key, registry));
            if let Some((key, name)) = own
                && !name.is_empty()
                && let Some(found) = self.ask(name, key).map_err(broken)?
            {
                return Ok(Some(found));
            }
            for entry in matching(&file.auths, registry, repository) {
                if let Some(found) = entry.credential().map_err(broken)? {
                    return Ok(Some(found));
                }
            }
            if own.is_none()
                && let Some(name) = file.store.as_ref().filter(|name| !name.is_empty())
                && let Some(found) = self.ask(name, server_name(registry)).map_err(broken)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Whether the user keeps credentials for `registry` under `http://`, and so means them to go
    /// there in the clear.
    pub(crate) fn are_for_plain_http(&self, registry: &Registry) -> bool {
        let mut keys = self.files.iter().flat_map(|(_, file)| file.auths.keys());
        keys.any(|key| key.starts_with("http://") && names_host(key, registry))
    }

    /// Asks the helper `name` about `server`, once.
    fn ask(&self, name: &str, server: &str) -> Result<Option<Credential>> {
        // Held while the helper runs: a helper may ask the user, and must do so once only.
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), server.to_owned());
        if let Some(known) = asked.get(&key) {
            return Ok(known.clone());
        }
        let answer = helper::get(name, server)?;
        asked.insert(key, answer.clone());
        Ok(answer)
    }
}

/// What the file at `path` says; `None` when it is not there and need not be.
///
/// # Errors
/// As [`Credentials::read`].
pub(crate) fn read_file(path: &Path, required: bool) -> Result<Option<AuthFile>> {
    let broken = |why: String| {
        Error::new(Class::Usage, format!("credentials file {}: {why}", path.display()))
            .subject(Subject::Path(path.to_owned()))
            .hint(phrase!["repair the file, or name another one with ", Remedy::AuthFiles])
    };
    let file = match std::fs::File::open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !required => return Ok(None),
        other => other.map_err(|e| broken(e.to_string()))?,
    };
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| broken(e.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(broken("larger than 1 MiB".to_owned()));
    }
    if bytes.trim_ascii().is_empty() {
        return Ok(Some(AuthFile::default()));
    }
    // serde's message may quote the value it stumbled over, which may be a password.
    let place = |e: serde_json::Error| format!("no such JSON at line {}", e.line());
    serde_json::from_slice(&bytes).map(Some).map_err(|e| broken(place(e)))
}

impl AuthEntry {
    /// Whether nothing is kept here: docker leaves such entries where a helper has the rest.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.credential(), Ok(None))
    }

    fn credential(&self) -> Result<Option<Credential>> {
        if let Some(token) = self.registrytoken.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Some(Credential::Bearer(token.clone())));
        }
        if let Some(token) = self.identitytoken.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Some(Credential::Identity(token.clone())));
        }
        if let Some(auth) = self.auth.as_ref().filter(|auth| !auth.is_empty()) {
            let bad = || {
                Error::new(Class::Usage, "an entry's auth is not the base64 of user:password").hint(
                    phrase![
                        "log in again, with ",
                        Remedy::Login,
                        " or the program whose file it is"
                    ],
                )
            };
            let engine = base64::engine::general_purpose::STANDARD;
            let bytes = Zeroizing::new(engine.decode(auth.trim()).map_err(|_| bad())?);
            // Docker once padded the field with NUL bytes.
            let text = std::str::from_utf8(&bytes).map_err(|_| bad())?.trim_end_matches('\0');
            let (user, password) = text.split_once(':').ok_or_else(bad)?;
            return Ok(Some(Credential::pair(user, password)));
        }
        Ok(match (&self.username, &self.password) {
            (Some(user), Some(password)) if !user.is_empty() => {
                Some(Credential::pair(user, password))
            }
            _ => None,
        })
    }
}

/// What a helper is asked for `registry`.
pub(crate) fn server_name(registry: &Registry) -> &str {
    match registry.as_str() {
        "docker.io" => DOCKER_HUB,
        other => other,
    }
}

/// The entries for `repository` at `registry`, the most specific first.
fn matching<'a>(
    auths: &'a BTreeMap<String, AuthEntry>,
    registry: &Registry,
    repository: &Repository,
) -> Vec<&'a AuthEntry> {
    let name = format!("{registry}/{repository}");
    let mut found: Vec<(usize, &AuthEntry)> = auths
        .iter()
        .filter_map(|(key, entry)| {
            let path = name.strip_prefix(key.as_str());
            let leads = path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            match leads && key.len() > registry.as_str().len() {
                true => Some((key.len(), entry)),
                false => names_host(key, registry).then_some((0, entry)),
            }
        })
        .collect();
    found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// Whether `key` names exactly this host: `host`, or docker's old `https://host/v1/`.
pub(crate) fn names_host(key: &str, registry: &Registry) -> bool {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let host = match bare {
        Some(rest) => {
            let rest = rest.trim_end_matches('/');
            rest.strip_suffix("/v1").or_else(|| rest.strip_suffix("/v2")).unwrap_or(rest)
        }
        None => key,
    };
    !host.contains('/') && host.parse::<Registry>().is_ok_and(|host| host == *registry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(json: &str, registry: &str, repository: &str) -> Result<Option<String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        std::fs::write(&path, json).unwrap();
        let credentials = Credentials::read(&[path], true)?;
        let found = credentials.find(&registry.parse()?, &repository.parse()?)?;
        Ok(found.map(|credential| match credential {
            Credential::Password { user, password } => format!("{user}:{}", *password),
            Credential::Identity(token) => format!("<{}>", *token),
            Credential::Bearer(token) => format!("bearer {}", *token),
        }))
    }

    #[test]
    fn who_writes_http_means_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        let json =
            r#"{"auths":{"http://a.example:5000":{},"https://b.example":{},"c.example":{}}}"#;
        std::fs::write(&path, json).unwrap();
        let credentials = Credentials::read(&[path], true).unwrap();
        let plain = |host: &str| credentials.are_for_plain_http(&host.parse().unwrap());

        assert!(plain("a.example:5000"));
        assert!(!["a.example", "b.example", "c.example"].into_iter().any(plain));
    }

    #[test]
    fn credentials_go_to_their_host_and_path_only() {
        // u:p, n:p:q, <token>:t
        let json = r#"{"auths":{
            "harbor.example":{"auth":"dTpw"},
            "harbor.example/team":{"auth":"bjpwOnE="},
            "harbor.example/team/app":{"identitytoken":"it"},
            "port.example:5000":{"auth":"PHRva2VuPjp0"},
            "https://old.example/v1/":{"auth":"dTpw"},
            "https://index.docker.io/v1/":{"auth":"dTpw"},
            "https://path.example/team":{"auth":"dTpw"},
            "empty.example":{},
            "bearer.example":{"auth":"dTpw","registrytoken":"rt"},
            "plain.example":{"username":"a","password":"b"}}}"#;
        for (registry, repository, found) in [
            ("harbor.example", "x", Some("u:p")),
            ("harbor.example", "teams/x", Some("u:p")),
            ("harbor.example", "team/x", Some("n:p:q")),
            ("harbor.example", "team/app", Some("<it>")),
            ("harbor.example", "team/app/sub", Some("<it>")),
            ("harbor.example", "team/apps", Some("n:p:q")),
            ("harbor.example:443", "x", None),
            ("xharbor.example", "x", None),
            ("harbor.example.evil", "x", None),
            ("port.example:5000", "x", Some("<t>")),
            ("port.example", "x", None),
            ("old.example", "x", Some("u:p")),
            ("docker.io", "library/alpine", Some("u:p")),
            ("path.example", "team/x", None),
            ("empty.example", "x", None),
            ("bearer.example", "x", Some("bearer rt")),
            ("plain.example", "x", Some("a:b")),
        ] {
            let got = find(json, registry, repository).unwrap();
            assert_eq!(got.as_deref(), found, "{registry}/{repository}");
        }
    }

    #[test]
    fn a_broken_file_is_named_and_its_secrets_are_not() {
        for json in [
            "{",
            r#"{"auths":{"h.example":{"auth":"s3cret!"}}}"#,
            r#"{"auths":{"h.example":{"auth":"czNjcmV0"}}}"#,
            r#"{"auths":{"h.example":{"auth":["s3cret"]}}}"#,
            r#"{"credsStore":"../s3cret"}"#,
        ] {
            let error = find(json, "h.example", "x").unwrap_err();

            assert_eq!(error.class(), Class::Usage, "{json}");
            assert!(error.to_string().contains("auth.json"), "{error}");
            let helper = json.contains("credsStore");
            assert!(helper || !format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn a_missing_file_matters_only_when_it_was_named() {
        let files = [PathBuf::from("/nonexistent/auth.json")];

        assert!(Credentials::read(&files, false).is_ok());
        assert_eq!(Credentials::read(&files, true).unwrap_err().class(), Class::Usage);
    }
}
