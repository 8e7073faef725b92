//! `hosts.toml`, as containerd reads it (containerd, docs/hosts.md).

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::files::{broken, read_text, syntax};
use super::order::{PullOrder, PullSite};
use crate::places::registry::http::access::Access;
use crate::places::registry::http::url::Url;
use crate::words::error::{Error, Result};
use crate::words::reference::{Registry, Repository};

/// Where `repository` at `registry` is fetched from, as the first fitting file below `folders`
/// says.
///
/// # Errors
/// [`Class::Usage`](crate::words::error::Class::Usage) for a file that cannot be read or
/// understood.
pub(super) fn order(
    folders: &[PathBuf],
    registry: &Registry,
    repository: &Repository,
) -> Result<PullOrder> {
    for folder in folders {
        for name in names(registry) {
            let path = folder.join(name).join("hosts.toml");
            if let Some(text) = read_text(&path)? {
                return HostsFile { path: &path, registry, repository }.order(&text);
            }
        }
    }
    Ok(PullOrder { mirrors: Vec::new(), primary: PullSite::direct(registry, repository) })
}

/// What the folder of a host may be called, in containerd's order. Colons are no fit for the file
/// systems of some.
fn names(registry: &Registry) -> Vec<String> {
    let mut names = Vec::new();
    if let Some((host, port)) = registry.as_str().rsplit_once(':') {
        names.push(format!("{host}_{port}_"));
    }
    names.push(registry.to_string());
    names.push("_default".to_owned());
    names
}

/// A file that is being read, for whom.
struct HostsFile<'a> {
    path: &'a Path,
    registry: &'a Registry,
    repository: &'a Repository,
}

impl HostsFile<'_> {
    fn order(&self, text: &str) -> Result<PullOrder> {
        let table: Table = toml::from_str(text).map_err(|e| syntax(self.path, text, &e))?;
        let mut mirrors = Vec::new();
        match table.get("host") {
            None => {}
            Some(Value::Table(hosts)) => {
                for (address, options) in hosts {
                    // An address with a password is not repeated.
                    let what = if address.contains('@') { "host" } else { address };
                    let options = options.as_table().ok_or_else(|| self.bad(what, "no table"))?;
                    mirrors.push(self.stop(what, address, options)?);
                }
            }
            Some(_) => return Err(self.bad("host", "no table")),
        }
        let primary = match table.get("server") {
            Some(Value::String(server)) => self.stop("server", server, &table)?,
            Some(_) => return Err(self.bad("server", "no text")),
            None => {
                let mut stop = PullSite::direct(self.registry, self.repository);
                stop.access = self.access("server", &table)?;
                stop
            }
        };
        // One that may do neither is for pushes only.
        mirrors.retain(|stop| stop.tags || stop.digests);
        Ok(PullOrder { mirrors, primary })
    }

    /// The place at `address`, to which `options` belong.
    fn stop(&self, what: &str, address: &str, options: &Table) -> Result<PullSite> {
        let full = match address.contains("://") {
            true => address.to_owned(),
            false => format!("https://{address}"),
        };
        let bad = || self.bad(what, "no http or https address");
        let url = Url::parse(&full).filter(|url| !url.path().contains('?')).ok_or_else(bad)?;
        let registry: Registry = url.authority().parse().map_err(|_| bad())?;
        let mut access = self.access(what, options)?;
        access.plain = Some(!url.is_https());
        let path = url.path().trim_end_matches('/');
        let kept = self.flag(what, options, "override_path")? || path.ends_with("/v2");
        access.root = Some(if kept { path.to_owned() } else { format!("{path}/v2") });
        access.namespace = (registry != *self.registry).then(|| self.registry.clone());
        let able = self.capabilities(what, options)?;
        let repository = self.repository.clone();
        Ok(PullSite { registry, repository, access, tags: able.0, digests: able.1 })
    }

    fn access(&self, what: &str, options: &Table) -> Result<Access> {
        let authorities = match options.get("ca") {
            None => Vec::new(),
            Some(value) => self.files(what, value)?,
        };
        let identity = match options.get("client") {
            None => None,
            Some(value) => self.identity(what, value)?,
        };
        let insecure = self.flag(what, options, "skip_verify")?;
        Ok(Access { insecure, authorities, identity, ..Access::default() })
    }

    /// Whether a host may say what a tag means, and give content.
    fn capabilities(&self, what: &str, options: &Table) -> Result<(bool, bool)> {
        let Some(value) = options.get("capabilities") else { return Ok((true, true)) };
        let bad = || self.bad(what, "capabilities are a list of pull, resolve and push");
        let mut able = (false, false);
        for name in value.as_array().ok_or_else(bad)? {
            match name.as_str() {
                Some("resolve") => able.0 = true,
                Some("pull") => able.1 = true,
                Some("push") => {}
                _ => return Err(bad()),
            }
        }
        Ok(able)
    }

    fn flag(&self, what: &str, options: &Table, name: &str) -> Result<bool> {
        match options.get(name) {
            None => Ok(false),
            Some(Value::Boolean(set)) => Ok(*set),
            Some(_) => Err(self.bad(what, &format!("{name} is neither true nor false"))),
        }
    }

    /// One file or several; relative ones lie beside this file.
    fn files(&self, what: &str, value: &Value) -> Result<Vec<PathBuf>> {
        let list = match value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let path = |value: &Value| match value.as_str() {
            Some(name) => Ok(self.path.parent().unwrap_or(Path::new(".")).join(name)),
            None => Err(self.bad(what, "a file's name is no text")),
        };
        list.iter().map(path).collect()
    }

    /// The client certificate: one file with both, or the first pair of a list.
    fn identity(&self, what: &str, value: &Value) -> Result<Option<(PathBuf, PathBuf)>> {
        let first = match value {
            Value::Array(list) => list.first(),
            one => Some(one),
        };
        let Some(first) = first else { return Ok(None) };
        match self.files(what, first)?.as_slice() {
            [both] => Ok(Some((both.clone(), both.clone()))),
            [certificate, key] => Ok(Some((certificate.clone(), key.clone()))),
            _ => Err(self.bad(what, "client is a file, or a certificate with its key")),
        }
    }

    fn bad(&self, what: &str, why: &str) -> Error {
        broken(self.path, &format!("{what}: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::error::Class;

    fn read(name: &str, text: &str) -> Result<PullOrder> {
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join(name);
        std::fs::create_dir(&host).unwrap();
        std::fs::write(host.join("hosts.toml"), text).unwrap();
        order(
            &[folder.path().join("absent"), folder.path().to_owned()],
            &"r.example:5000".parse().unwrap(),
            &"team/app".parse().unwrap(),
        )
    }

    fn address(stop: &PullSite) -> String {
        let host = Url::of(stop.access.plain == Some(false), stop.registry.as_str()).unwrap();
        stop.access.url(&host, stop.repository.as_str(), "tags/list?n=1").to_string()
    }

    #[test]
    fn mirrors_come_in_the_order_of_the_file() {
        let route = read(
            "r.example_5000_",
            r#"
            server = "https://up.example"
            skip_verify = true
            [host."https://z.example/harbor/v2/hub"]
            capabilities = ["pull"]
            override_path = true
            ca = ["a.crt", "/etc/b.crt"]
            client = [["c.cert", "c.key"]]
            [host."http://a.example:8080/sub/"]
            capabilities = ["resolve", "pull"]
            [host."push.example"]
            capabilities = ["push"]
            [host."bare.example/v2"]
            header.authorization = ["secret"]
            "#,
        )
        .unwrap();

        let addresses: Vec<String> = route.mirrors.iter().map(address).collect();
        assert_eq!(
            addresses,
            [
                "https://z.example/harbor/v2/hub/team/app/tags/list?n=1&ns=r.example:5000",
                "http://a.example:8080/sub/v2/team/app/tags/list?n=1&ns=r.example:5000",
                "https://bare.example/v2/team/app/tags/list?n=1&ns=r.example:5000",
            ]
        );
        let able: Vec<_> = route.mirrors.iter().map(|stop| (stop.tags, stop.digests)).collect();
        assert_eq!(able, [(false, true), (true, true), (true, true)]);
        let access = &route.mirrors[0].access;
        assert!(access.authorities[0].ends_with("r.example_5000_/a.crt"));
        assert_eq!(access.authorities[1], Path::new("/etc/b.crt"));
        assert!(access.identity.as_ref().unwrap().1.ends_with("r.example_5000_/c.key"));
        assert!(!access.insecure && route.primary.access.insecure);
        let up = "https://up.example/v2/team/app/tags/list?n=1&ns=r.example:5000";
        assert_eq!(address(&route.primary), up);
    }

    #[test]
    fn without_a_server_the_registry_itself_is_the_last() {
        let route = read("_default", "[host.'https://m.example']").unwrap();

        assert_eq!(route.primary.registry.as_str(), "r.example:5000");
        assert_eq!(route.primary.access, Access::default());
        assert_eq!(route.mirrors.len(), 1);
        assert!(read("other.example", "not read").unwrap().mirrors.is_empty());
    }

    #[test]
    fn a_malformed_file_is_named_with_the_fault_and_without_its_secrets() {
        for (text, named) in [
            ("\nserver =", "line 2"),
            ("server = 7", "server: no text"),
            ("server = 'ftp://x'", "no http or https address"),
            ("host = 1", "host: no table"),
            ("host.'https://m.example' = 1", "no table"),
            ("[host.'https://u:s3cret@m.example']", "address"),
            ("[host.'https://m.example']\ncapabilities = ['all']", "capabilities"),
            ("[host.'https://m.example']\nskip_verify = 'yes'", "skip_verify"),
            ("[host.'https://m.example']\nca = 1", "a file's name"),
            ("[host.'https://m.example']\nclient = [['a', 'b', 'c']]", "client is"),
            ("[host.'https://m.example'.header]\nauthorization = ['s3cret'", "line 2"),
        ] {
            let error = read("r.example:5000", text).unwrap_err();

            assert_eq!(error.class(), Class::Usage, "{text}");
            assert!(error.to_string().contains(named), "{text}: {error}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
