//! Ways to a registry that is not where its name says: mirrors and proxies.

use std::path::Path;
use std::process::Command;

use crate::support::command;
use crate::support::images::{self, Image};
use crate::support::proxy::{NAME, Proxy};
use crate::support::registry::{Access, Credentials, Registry};
use crate::support::sealift::{Sealift, code, ran};

/// A dry run reads every document, and fails where one cannot be had.
fn export(sealift: &Sealift, name: &str) -> Command {
    let key = sealift.at("signer.key.pem");
    if !key.exists() {
        sealift.keys("signer");
    }
    let mut export = sealift.command();
    export.args(["export", name, "--dry-run", "-o", "x.tar", "--sign-key"]).arg(key);
    export
}

fn write_conf(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A registry with TLS that an image is in, and who may read it.
fn guarded(credentials: &Credentials) -> (Registry, Registry, Image) {
    let (open, image) = (Registry::empty(), images::hello());
    image.push(&open);
    let registry = Registry::start(Some(open.storage()), &Access::Password(credentials));
    (registry, open, image)
}

#[test]
fn one_registries_conf_leads_skopeo_and_sealift_to_the_same_mirror() {
    need!("docker-registry", "skopeo", "busybox");
    let (near, image, sealift) = (Registry::empty(), images::hello(), Sealift::new());
    image.push(&near);
    let name = format!("far.example/{}", image.path());
    let home = sealift.at("../home");
    let conf = home.join(".config/containers/registries.conf");
    write_conf(
        &conf,
        &format!(
            "[[registry]]\nprefix = 'far.example'\nlocation = '127.0.0.1:1'\n\
             [[registry.mirror]]\nlocation = '{}'\n\
             insecure = true\n[[registry]]\nlocation = 'shut.example'\nblocked = true\n",
            near.host()
        ),
    );
    for shut in [false, true] {
        let name = if shut { name.replace("far.", "shut.") } else { name.clone() };
        let mut inspect = command("skopeo");
        inspect.env("HOME", &home).args(["inspect", "--raw"]);
        let inspected = ran(inspect.arg(format!("docker://{name}")));
        let exported = ran(&mut export(&sealift, &name));
        match shut {
            false => {
                assert_eq!(inspected.ok().stdout.as_bytes(), image.root().bytes);
                exported.ok().says(image.digest());
            }
            true => {
                assert_eq!(inspected.code, 1);
                exported.exits(code::REFUSED).says("blocked");
            }
        }
    }
}

#[test]
fn the_users_own_registries_conf_is_read_and_a_broken_one_is_named() {
    need!("docker-registry", "openssl", "htpasswd", "busybox");
    let credentials = Credentials::new();
    let (registry, _open, image) = guarded(&credentials);
    let (sealift, host) = (Sealift::new(), registry.host());
    let conf = sealift.at("../home/.config/containers/registries.conf");
    let name = format!("{host}/{}", image.path());
    let auth = credentials.authfile(&host);
    let export = || ran(export(&sealift, &name).arg("--authfile").arg(&auth));

    export().exits(1).says("certificate");
    write_conf(&conf, &format!("[[registry]]\nlocation = '{host}'\ninsecure = true\n"));
    export().ok();
    write_conf(&conf, "[[registry]]\nlocation = 7\n");
    export().exits(code::USAGE).says("registries.conf: line 2");
}

#[test]
fn a_registry_behind_a_proxy_is_reached_with_and_without_tls() {
    need!("docker-registry", "openssl", "htpasswd", "busybox");
    let credentials = Credentials::new();
    let (registry, open, image) = guarded(&credentials);
    let (sealift, proxy) = (Sealift::new(), Proxy::start());
    let host = format!("{NAME}:{}", registry.port());
    let name = format!("{host}/{}", image.path());
    let secure = || {
        let mut export = export(&sealift, &name);
        export.arg("--authfile").arg(credentials.authfile(&host));
        export.arg("--cert-dir").arg(credentials.cert_dir());
        export
    };

    ran(secure().env("HTTPS_PROXY", proxy.address())).ok();
    let tunnels = proxy.asked();
    assert!(!tunnels.is_empty());
    let connect = format!("CONNECT {host} HTTP/1.1");
    assert!(tunnels.iter().all(|line| *line == connect), "nothing but tunnels: {tunnels:?}");

    // The proxy is for the other scheme, or not for this host.
    ran(secure().env("HTTP_PROXY", proxy.address())).ok();
    let mut direct = secure();
    direct.env("HTTPS_PROXY", proxy.address()).env("NO_PROXY", "example.com,0.0.0.0/8");
    ran(&mut direct).ok();
    assert_eq!(proxy.asked().len(), tunnels.len());

    // One that the proxy does not let in; its password is in no message.
    let wrong = proxy.address().replace("keeper", "s3cret");
    let refused = ran(secure().env("HTTPS_PROXY", wrong)).exits(1).says("proxy");
    assert!(!format!("{}{}", refused.stdout, refused.stderr).contains("s3cret"));

    let plain = format!("{NAME}:{}", open.port());
    let mut export = export(&sealift, &format!("{plain}/{}", image.path()));
    export.args(["--plain-http", &plain]).env("http_proxy", proxy.address());
    ran(&mut export).ok();
    assert_eq!(*proxy.asked().last().unwrap(), format!("CONNECT {plain} HTTP/1.1"));
}
