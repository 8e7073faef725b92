//! Logging in: what sealift keeps others read, what others keep sealift reads, and nothing wrong
//! is ever kept.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::engines::Podman;
use crate::support::images::{self, Image};
use crate::support::registry::{Access, Credentials, Registry};
use crate::support::sealift::{Ran, Sealift, code};
use crate::support::token::TokenServer;
use crate::support::{command, output};

/// A registry that wants to know who asks, an image in it, and how to get in.
struct Guarded {
    registry: Registry,
    /// Owns the storage.
    _filled: Registry,
    image: Image,
    user: &'static str,
    password: &'static str,
    /// Folder with the authority, for a registry with TLS.
    certs: Option<PathBuf>,
    /// The token server, which is on another port.
    tokens: Option<String>,
}

impl Guarded {
    /// Starts it over a storage that an open registry filled.
    fn start(access: &Access<'_>) -> Guarded {
        let (open, image) = (Registry::empty(), images::hello());
        image.push(&open);
        let (user, password, certs) = match access {
            Access::Password(c) => (Credentials::USER, Credentials::PASSWORD, Some(c.cert_dir())),
            Access::PlainPassword(_) => (Credentials::USER, Credentials::PASSWORD, None),
            _ => (TokenServer::USER, TokenServer::PASSWORD, None),
        };
        let tokens = match access {
            Access::Token(tokens) => Some(tokens.host()),
            _ => None,
        };
        let registry = Registry::start(Some(open.storage()), access);
        Guarded { registry, _filled: open, image, user, password, certs, tokens }
    }

    fn name(&self) -> String {
        format!("{}/{}", self.registry.host(), self.image.path())
    }

    fn login(&self, sealift: &Sealift, password: &str, more: &[&str]) -> Ran {
        let mut login = sealift.command();
        login
            .args(["login", &self.registry.host(), "-u", self.user, "--password-stdin"])
            .args(more);
        self.reach(&mut login);
        typed(&mut login, password)
    }

    /// What sealift needs beside credentials.
    fn reach(&self, command: &mut Command) {
        match &self.certs {
            Some(certs) => command.arg("--cert-dir").arg(certs),
            None => command.arg("--plain-http").arg(self.registry.host()),
        };
        if let Some(tokens) = &self.tokens {
            command.arg("--plain-http").arg(tokens);
        }
    }

    /// What skopeo and podman need beside credentials.
    fn tls(&self, command: &mut Command) {
        match &self.certs {
            Some(certs) => command.arg("--cert-dir").arg(certs),
            None => command.arg("--tls-verify=false"),
        };
    }
}

/// Runs `command` with `text` on its standard input.
fn typed(command: &mut Command, text: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(format!("{text}\n").as_bytes());
    Ran::new(format!("{command:?}"), child.wait_with_output().unwrap())
}

fn export(sealift: &Sealift, guarded: &Guarded, authfile: Option<&Path>) -> Ran {
    let key = sealift.at("signer.key.pem");
    if !key.exists() {
        sealift.keys("signer");
    }
    let mut export = sealift.command();
    export.arg("export").arg(guarded.name()).args(["--dry-run", "-o", "x.tar"]);
    export.arg("--sign-key").arg(key);
    if let Some(authfile) = authfile {
        export.arg("--authfile").arg(authfile);
    }
    guarded.reach(&mut export);
    crate::support::sealift::ran(&mut export)
}

fn podman_and_skopeo_read_what_sealift_keeps(guarded: &Guarded) {
    let sealift = Sealift::new();
    let authfile = sealift.at("kept/auth.json");
    let kept = ["--authfile", authfile.to_str().unwrap()];

    guarded.login(&sealift, "wrong", &kept).exits(code::REFUSED).says("does not take the password");
    assert!(!authfile.exists(), "nothing is kept that the registry refuses");
    guarded.login(&sealift, guarded.password, &kept).ok().says("logged in to");

    let mode = std::fs::metadata(&authfile).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut inspect = command("skopeo");
    inspect.arg("inspect").arg("--authfile").arg(&authfile);
    guarded.tls(&mut inspect);
    output(inspect.arg(format!("docker://{}", guarded.name())));
    let podman = Podman::new();
    let mut pull = podman.command();
    pull.arg("pull").arg("--quiet").arg("--authfile").arg(&authfile);
    guarded.tls(&mut pull);
    output(pull.arg(guarded.name()));
}

fn sealift_reads_what_podman_and_skopeo_keep(guarded: &Guarded) {
    let sealift = Sealift::new();
    export(&sealift, guarded, None).exits(code::REFUSED);
    let podman = Podman::new();
    for (name, mut login) in [("podman", podman.command()), ("skopeo", command("skopeo"))] {
        let authfile = sealift.at(&format!("{name}.json"));
        login.arg("login").arg("--authfile").arg(&authfile);
        guarded.tls(&mut login);
        login.args(["-u", guarded.user, "--password-stdin", &guarded.registry.host()]);
        typed(&mut login, guarded.password).ok();

        export(&sealift, guarded, Some(&authfile)).ok();
    }
}

#[test]
fn a_login_by_password_works_both_ways_with_podman_and_skopeo() {
    need!("docker-registry", "openssl", "htpasswd", "skopeo", "podman", "busybox");
    let credentials = Credentials::new();
    let guarded = Guarded::start(&Access::Password(&credentials));

    podman_and_skopeo_read_what_sealift_keeps(&guarded);
    sealift_reads_what_podman_and_skopeo_keep(&guarded);
}

#[test]
fn a_login_by_token_works_both_ways_with_podman_and_skopeo() {
    need!("docker-registry", "openssl", "skopeo", "podman", "busybox");
    let tokens = TokenServer::start(300);
    let guarded = Guarded::start(&Access::Token(&tokens));

    podman_and_skopeo_read_what_sealift_keeps(&guarded);
    sealift_reads_what_podman_and_skopeo_keep(&guarded);
}

#[test]
fn a_login_is_used_by_the_next_command_until_the_logout() {
    need!("docker-registry", "openssl", "htpasswd", "busybox");
    let credentials = Credentials::new();
    let guarded = Guarded::start(&Access::Password(&credentials));
    let (sealift, host) = (Sealift::new(), guarded.registry.host());

    let report = guarded.login(&sealift, guarded.password, &["--format", "json"]).ok();
    assert_eq!(report.json()["checked"], true);
    assert!(report.json()["file"].as_str().unwrap().ends_with("run/containers/auth.json"));
    assert!(!format!("{report:?}").contains(guarded.password));
    export(&sealift, &guarded, None).ok();

    let out = run!(sealift, "logout", host, "--format", "json").ok();
    assert_eq!(out.json()["removed"], true);
    export(&sealift, &guarded, None).exits(code::REFUSED).says("sealift login");
    run!(sealift, "logout", host).ok().says("holds no credentials");
}

#[test]
fn a_helper_keeps_what_the_file_says_it_keeps() {
    need!("docker-registry", "openssl", "htpasswd", "busybox");
    let credentials = Credentials::new();
    let guarded = Guarded::start(&Access::Password(&credentials));
    let sealift = Sealift::new();
    let helper = sealift.at("docker-credential-drawer");
    let drawer = sealift.at("drawer");
    let script = format!(
        "#!/bin/sh\ncase $1 in\nstore) cat > {0} ;;\nget) cat {0} 2>/dev/null || \
         {{ echo credentials not found in native keychain; exit 1; }} ;;\nerase) rm {0} ;;\nesac\n",
        drawer.display()
    );
    std::fs::write(&helper, script).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = sealift.at("config.json");
    let text = "{\n\t\"credsStore\": \"drawer\",\n\t\"proxies\": {}\n}";
    std::fs::write(&config, text).unwrap();
    let path = format!("{}:{}", helper.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let with_helper = |arguments: &[&str], password: &str| {
        let mut command = sealift.command();
        command.env("PATH", &path).env("REGISTRY_AUTH_FILE", &config).args(arguments);
        command.arg("--cert-dir").arg(guarded.certs.as_ref().unwrap());
        typed(&mut command, password)
    };
    let host = guarded.registry.host();

    let login = ["login", &host, "-u", guarded.user, "--password-stdin", "--format", "json"];
    let report = with_helper(&login, guarded.password).ok();
    assert_eq!(report.json()["helper"], "drawer");
    assert!(std::fs::read_to_string(&drawer).unwrap().contains(&host));
    assert_eq!(std::fs::read_to_string(&config).unwrap(), text, "the file itself has no secret");

    let keys = sealift.keys("signer");
    let key = keys.private.to_str().unwrap();
    let name = guarded.name();
    with_helper(&["export", &name, "--dry-run", "-o", "x.tar", "--sign-key", key], "").ok();

    with_helper(&["logout", &host], "").ok().says("logged out");
    assert!(!drawer.exists());
    with_helper(&["logout", &host], "").ok().says("holds no credentials");
}

#[test]
fn a_password_is_no_argument_and_needs_a_terminal_or_standard_input() {
    let sealift = Sealift::new();

    run!(sealift, "login", "h.example", "-u", "u", "-p", "secret").exits(code::USAGE);
    run!(sealift, "login", "h.example", "--password-stdin").exits(code::USAGE);
    run!(sealift, "login", "h.example", "-u", "u").exits(code::USAGE).says("--password-stdin");
    run!(sealift, "login", "h.example").exits(code::USAGE).says("no terminal");
    let mut empty = sealift.command();
    empty.args(["login", "h.example", "-u", "u", "--password-stdin"]);
    typed(&mut empty, "").exits(code::USAGE).says("is empty");
    for user in ["", "a:b"] {
        let mut command = sealift.command();
        command.args(["login", "h.example", "-u", user, "--password-stdin"]);
        typed(&mut command, "secret").exits(code::USAGE).says("user name");
    }
}

/// What a login says of plain HTTP holds for what comes after it: nobody has to say it again, nor
/// write into the file by hand.
#[test]
fn a_login_by_plain_http_is_good_for_transfers_by_plain_http() {
    need!("docker-registry", "htpasswd", "openssl", "skopeo", "podman");
    let credentials = Credentials::new();
    let guarded = Guarded::start(&Access::PlainPassword(&credentials));
    podman_and_skopeo_read_what_sealift_keeps(&guarded);
    let sealift = Sealift::new();
    let authfile = sealift.at("kept/auth.json");
    let (host, kept) = (guarded.registry.host(), ["--authfile", authfile.to_str().unwrap()]);
    let keys = sealift.keys("signer");
    let export = |out: &str| {
        let mut export = sealift.command();
        export.arg("export").arg(guarded.name()).args(["-o", out, "--sign-key"]);
        crate::support::sealift::ran(export.arg(&keys.private).args(kept))
    };

    let mut unsaid = sealift.command();
    unsaid.args(["login", &host, "-u", guarded.user, "--password-stdin"]).args(kept);
    let way_out = format!("--plain-http {host}");
    typed(&mut unsaid, guarded.password).exits(code::REFUSED).says("speak TLS").says(&way_out);
    assert!(!authfile.exists(), "nothing was kept");
    guarded.login(&sealift, guarded.password, &kept).ok();
    export("a.tar").ok();
    let mut import = sealift.command();
    import.args(["import", "a.tar", "--to", &format!("docker://{host}/copy"), "--key"]);
    crate::support::sealift::ran(import.arg(&keys.public).args(kept)).ok();

    // The same credentials, kept for whoever speaks TLS, are not sent.
    let text = std::fs::read_to_string(&authfile).unwrap();
    std::fs::write(&authfile, text.replace("http://", "")).unwrap();
    let refused = export("b.tar").exits(code::REFUSED);
    refused.says("nothing was sent").says(&format!("sealift login --plain-http {host} {host}"));
    run!(sealift, "logout", &host, "--authfile", &authfile).ok();
    assert!(!std::fs::read_to_string(&authfile).unwrap().contains(&host));
}
