//! [`CredentialFile`]: where `login` keeps credentials, in the form that podman and docker read.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use zeroize::Zeroizing;

use super::credentials::{AuthFile, DOCKER_HUB, MAX_FILE, names_host, read_file, server_name};
use super::{helper, splice};
use crate::tools::file::AtomicFile;
use crate::tools::folder::Folder;
use crate::tools::lock::lock_patiently;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::reference::Registry;
use crate::words::remedy::Remedy;

/// How long another login is waited for: it takes a moment. Whoever may read the folder can keep
/// it locked, and must not keep everybody waiting for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// A credentials file that may be written, and that may say that a helper keeps credentials.
#[derive(Debug, Clone)]
pub struct CredentialFile(PathBuf, Cancel);

/// Where the credentials of a registry went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptIn {
    /// Into the file itself.
    File,
    /// To the helper of this name, `docker-credential-NAME`.
    Helper(String),
}

impl CredentialFile {
    /// The file at `path`, which need not exist. Nothing is read yet.
    #[must_use]
    pub fn new(path: PathBuf) -> CredentialFile {
        CredentialFile(path, Cancel::default())
    }

    /// The same, which waits for other logins no longer once `cancel` says stop.
    #[must_use]
    pub fn until(self, cancel: Cancel) -> CredentialFile {
        CredentialFile(self.0, cancel)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Keeps `user` and `password` for `registry` in place of what was there, in the file or in
    /// the helper that the file names for it. `plain` says that they are meant to go there by plain
    /// HTTP: they get the key `http://HOST`, which says so to every later run. Everything else in the
    /// file stays as it is, byte for byte; the file becomes readable for its owner only.
    ///
    /// # Errors
    /// [`Class::Usage`] when the user's name cannot be written, or the file or its helper is
    /// broken; the file is as it was then.
    pub fn store(
        &self,
        registry: &Registry,
        user: &str,
        password: &str,
        plain: bool,
    ) -> Result<KeptIn> {
        if user.is_empty() || user.contains(':') || user.chars().any(char::is_control) {
            let text = format!("{user:?} cannot be a user name");
            return Err(Error::new(Class::Usage, text).hint("user names hold no colon"));
        }
        let _lock = self.lock()?;
        let (file, text) = self.read()?;
        let key = self.key(&file, registry, plain);
        let clean = self.without(&text, &file, registry, &key)?;
        let set = |entry: &str| {
            let new = splice::set(&clean, &["auths", &key], entry).map_err(|why| self.broken(why));
            self.write_changed(&text, &Zeroizing::new(new?))
        };
        if let Some((name, server)) = keeper(&file, registry) {
            helper::store(&name, &server, user, password)?;
            // A password that the file held in the clear would be found before the helper. Where
            // something is to be said of it, an entry without one says it, as docker has them.
            match plain {
                true => set("{}")?,
                false => self.write_changed(&text, &self.spliced(&clean, &key)?)?,
            }
            return Ok(KeptIn::Helper(name));
        }
        let pair = Zeroizing::new(format!("{user}:{password}"));
        let auth = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(&*pair));
        let entry = Zeroizing::new(format!("{{\n\t\t\t\"auth\": \"{}\"\n\t\t}}", *auth));
        set(&entry)?;
        Ok(KeptIn::File)
    }

    /// Removes what is kept for `registry`, in the file and in its helper; whether there was any.
    /// Credentials for single paths below the registry stay.
    ///
    /// # Errors
    /// As [`store`](CredentialFile::store).
    pub fn erase(&self, registry: &Registry) -> Result<bool> {
        if !self.0.exists() {
            return Ok(false);
        }
        let _lock = self.lock()?;
        let (file, text) = self.read()?;
        let mut erased = false;
        if let Some((name, server)) = keeper(&file, registry) {
            erased = helper::erase(&name, &server)?;
        }
        let mut clean = text.clone();
        for key in file.auths.keys().filter(|key| names_host(key, registry)) {
            clean = self.spliced(&clean, key)?;
            erased = true;
        }
        self.write_changed(&text, &clean)?;
        Ok(erased)
    }

    /// Whether the file holds credentials for `registry`, or for a path below it, itself.
    ///
    /// # Errors
    /// [`Class::Usage`] when the file is broken.
    pub fn holds(&self, registry: &Registry) -> Result<bool> {
        let below = format!("{registry}/");
        let file = read_file(&self.0, false)?.unwrap_or_default();
        Ok(file.auths.iter().any(|(key, entry)| {
            !entry.is_empty() && (names_host(key, registry) || key.starts_with(&below))
        }))
    }

    /// The name under which the entry is kept: the one it has, else the usual one of the program
    /// whose file it is; with `http://` if it is to go by plain HTTP, and only then.
    fn key(&self, file: &AuthFile, registry: &Registry, plain: bool) -> String {
        let is_plain = |key: &str| key.starts_with("http://");
        let mut there = file.auths.keys().filter(|key| names_host(key, registry));
        let docker = self.0.file_name().is_some_and(|name| name == "config.json");
        match there.find(|key| is_plain(key) == plain) {
            Some(key) => key.clone(),
            None if plain => format!("http://{registry}"),
            None if docker && registry.as_str() == "docker.io" => DOCKER_HUB.to_owned(),
            None => registry.to_string(),
        }
    }

    /// The text without any entry for `registry` but the one under `keep`: docker and podman would
    /// read either of two spellings.
    fn without(
        &self,
        text: &str,
        file: &AuthFile,
        registry: &Registry,
        keep: &str,
    ) -> Result<Zeroizing<String>> {
        let entries = file.auths.keys().filter(|key| names_host(key, registry));
        let mut clean = Zeroizing::new(text.to_owned());
        for key in entries.filter(|key| *key != keep) {
            clean = self.spliced(&clean, key)?;
        }
        Ok(clean)
    }

    fn spliced(&self, text: &str, key: &str) -> Result<Zeroizing<String>> {
        let less = splice::remove(text, &["auths", key]).map_err(|why| self.broken(why))?;
        Ok(Zeroizing::new(less.unwrap_or_else(|| text.to_owned())))
    }

    fn broken(&self, why: &str) -> Error {
        Error::new(Class::Usage, format!("credentials file {}: {why}", self.0.display()))
            .hint(phrase!["repair the file, or name another one with ", Remedy::AuthFiles])
    }

    /// The file as credentials and as text; both empty when it is not there.
    fn read(&self) -> Result<(AuthFile, Zeroizing<String>)> {
        let Some(file) = read_file(&self.0, false)? else {
            return Ok((AuthFile::default(), Zeroizing::default()));
        };
        let mut text = Zeroizing::new(String::new());
        std::fs::File::open(&self.0)
            .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
            .map_err(|e| Error::io(format!("cannot read {}", self.0.display()), e))?;
        Ok((file, text))
    }

    fn write_changed(&self, old: &str, new: &str) -> Result<()> {
        if old == new {
            return Ok(());
        }
        // A link stays one: many keep such files elsewhere and link to them.
        let path = std::fs::canonicalize(&self.0).unwrap_or_else(|_| self.0.clone());
        let mut file = AtomicFile::create(&path, 0o600)?;
        file.write_all(new.as_bytes())
            .map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
        file.commit()
    }

    /// Makes the folder where it is missing, for the user alone, and keeps every other login out
    /// of it until the value is dropped: two of them would lose one's credentials.
    ///
    /// # Errors
    /// [`Class::Busy`] when one is at it for longer than it takes.
    fn lock(&self) -> Result<Folder> {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let fault = |e: std::io::Error| Error::io(format!("cannot use {}", folder.display()), e);
        let folder = Folder::make(folder, 0o700).map_err(fault)?;
        lock_patiently(&folder, &self.0, PATIENCE, &self.1)?;
        Ok(folder)
    }
}

/// The helper that keeps the credentials of `registry`, and its name for the registry.
fn keeper(file: &AuthFile, registry: &Registry) -> Option<(String, String)> {
    let own = file.helpers.iter().find(|(key, _)| names_host(key, registry));
    match (own, &file.store) {
        // An empty name says that this host has no helper.
        (Some((_, name)), _) if name.is_empty() => None,
        (Some((key, name)), _) => Some((name.clone(), key.clone())),
        (None, Some(name)) if !name.is_empty() => {
            Some((name.clone(), server_name(registry).to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn registry(name: &str) -> Registry {
        name.parse().unwrap()
    }

    #[test]
    fn a_login_is_found_again_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = CredentialFile::new(folder.path().join("new/containers/auth.json"));

        file.store(&registry("harbor.example"), "robot$team+ci", "pa:ss", false).unwrap();
        file.store(&registry("other.example:5000"), "u", "p", false).unwrap();
        file.store(&registry("harbor.example"), "robot$team+ci", "second", false).unwrap();

        let text = std::fs::read_to_string(file.path()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["auths"].as_object().unwrap().len(), 2);
        let auth = json["auths"]["harbor.example"]["auth"].as_str().unwrap();
        let pair = base64::engine::general_purpose::STANDARD.decode(auth).unwrap();
        assert_eq!(pair, b"robot$team+ci:second");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(file.path()), 0o600);
        assert_eq!(mode(file.path().parent().unwrap()), 0o700);
    }

    #[test]
    fn what_docker_keeps_in_its_file_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = CredentialFile::new(folder.path().join("config.json"));
        let docker = "{\n\t\"auths\": {\n\t\t\"a.example\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t},\n\
                      \t\"HttpHeaders\": { \"X\":\"y\" },\n\t\"psFormat\": \"table {{.ID}}\"\n}";
        std::fs::write(file.path(), docker).unwrap();

        file.store(&registry("docker.io"), "me", "secret", false).unwrap();
        let with = std::fs::read_to_string(file.path()).unwrap();
        assert!(file.erase(&registry("docker.io")).unwrap());

        assert!(with.contains("\"https://index.docker.io/v1/\": {"), "{with}");
        assert!(with.contains("\t\"HttpHeaders\": { \"X\":\"y\" },\n"), "{with}");
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), docker);
        assert!(!file.erase(&registry("docker.io")).unwrap(), "it is gone already");
    }

    #[test]
    fn two_spellings_of_one_host_become_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = CredentialFile::new(folder.path().join("auth.json"));
        let two = r#"{"auths":{"https://h.example/v1/":{"auth":"dTpw"},"h.example":{"auth":"dTpw"},
                     "h.example/team":{"auth":"dTpw"}}}"#;
        std::fs::write(file.path(), two).unwrap();

        file.store(&registry("h.example"), "u", "new", false).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();

        assert_eq!(json["auths"].as_object().unwrap().len(), 2, "{text}");
        assert!(file.erase(&registry("h.example")).unwrap());
        assert!(file.holds(&registry("h.example")).unwrap(), "the path's own are left");
    }

    #[test]
    fn what_is_meant_for_plain_http_says_so_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = CredentialFile::new(folder.path().join("auth.json"));
        std::fs::write(file.path(), r#"{"auths":{"h.example:5000":{"auth":"dTpw"}}}"#).unwrap();
        let host = registry("h.example:5000");
        let keys = || -> Vec<String> {
            let text = std::fs::read_to_string(file.path()).unwrap();
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            json["auths"].as_object().unwrap().keys().cloned().collect()
        };

        file.store(&host, "u", "p", true).unwrap();
        assert_eq!(keys(), ["http://h.example:5000"]);
        file.store(&host, "u", "q", true).unwrap();
        assert_eq!(keys(), ["http://h.example:5000"]);
        file.store(&host, "u", "r", false).unwrap();
        assert_eq!(keys(), ["h.example:5000"], "it was asked by TLS now");
        file.store(&host, "u", "s", true).unwrap();
        assert!(file.erase(&host).unwrap() && keys().is_empty());
    }

    #[test]
    fn a_link_to_the_file_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.json"), folder.path().join("auth.json"));
        std::fs::write(&real, "{}").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();

        CredentialFile::new(link.clone()).store(&registry("h.example"), "u", "p", false).unwrap();

        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(std::fs::read_to_string(&real).unwrap().contains("h.example"));
    }

    #[test]
    fn a_folder_that_somebody_keeps_locked_ends_a_login_and_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = CredentialFile::new(folder.path().join("auth.json"));
        let held = std::fs::File::open(folder.path()).unwrap();
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockShared).unwrap();

        let error = file.store(&registry("h.example"), "u", "p", false).unwrap_err();

        assert_eq!(error.class(), Class::Busy);
        assert!(error.to_string().contains("auth.json") && error.way_out().is_some(), "{error:?}");
        assert!(!file.path().exists());
        drop(held);
        file.store(&registry("h.example"), "u", "p", false).unwrap();
    }

    #[test]
    fn a_broken_file_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = CredentialFile::new(folder.path().join("auth.json"));
        for text in ["{", r#"{"auths":[]}"#, r#"{"auths":{"h.example":{},"h.example":{}}}"#] {
            std::fs::write(file.path(), text).unwrap();

            let error = file.store(&registry("h.example"), "u", "s3cret", false).unwrap_err();

            assert_eq!(error.class(), Class::Usage, "{error}");
            assert!(!format!("{error:?}").contains("s3cret"));
            assert_eq!(std::fs::read_to_string(file.path()).unwrap(), text);
        }
        assert!(file.store(&registry("h.example"), "a:b", "p", false).is_err());
    }
}
