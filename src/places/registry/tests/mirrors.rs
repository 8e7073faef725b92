//! Where an image is fetched from when files name mirrors.

use super::*;
use crate::storage::reading::read_small;
use crate::words::cancel::Cancel;

/// A registry that has the document and a blob, both for `path`.
fn full(path: &'static str) -> Server {
    Server::start(move |seen| {
        let below = seen.line.split(' ').nth(1).unwrap().strip_prefix(path);
        match below.map(|below| below.split('?').next().unwrap()) {
            Some(below) if below.starts_with("manifests/") => manifest(),
            Some(below) if below.starts_with("blobs/") => reply(200, &[], "hello"),
            _ => reply(404, &[], ""),
        }
    })
}

/// One that has other bytes under the digest of the blob, or fewer.
fn wrong(bytes: &'static str) -> Server {
    Server::start(move |seen| match seen.line.contains("/blobs/") {
        true => reply(200, &[], bytes),
        false => manifest(),
    })
}

/// A registry that has nothing.
fn empty() -> Server {
    Server::start(|_| reply(404, &[], r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#))
}

/// An address where nobody answers.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

struct Site {
    folder: tempfile::TempDir,
    progress: Arc<Recorder>,
}

impl Site {
    fn new() -> Site {
        Site { folder: tempfile::tempdir().unwrap(), progress: Arc::default() }
    }

    /// A site with this `registries.conf`.
    fn with(conf: &str) -> Site {
        let site = Site::new();
        std::fs::write(site.folder.path().join("registries.conf"), conf).unwrap();
        site
    }

    fn repository(&self, name: &str, side: Side) -> RegistryRepository {
        let mut settings = Settings {
            mirrors: MirrorFiles {
                registries_conf: vec![(self.folder.path().join("registries.conf"), Vec::new())],
                required: false,
                hosts: vec![self.folder.path().to_owned()],
            },
            ..Settings::default()
        };
        settings.retry.first = Duration::from_millis(1);
        let client = Client::new(settings, self.progress.clone()).unwrap();
        let (host, path) = name.split_once('/').unwrap();
        client.repository(&host.parse().unwrap(), &path.parse().unwrap(), side)
    }

    fn notes(&self) -> Vec<String> {
        let note = |event| match event {
            Event::Note(text) => Some(text.to_string()),
            _ => None,
        };
        self.progress.events().into_iter().filter_map(note).collect()
    }
}

fn mirrored(prefix: &str, location: &str, mirrors: &[&str]) -> String {
    let mut text = format!("[[registry]]\nprefix = '{prefix}'\nlocation = '{location}'\n");
    for mirror in mirrors {
        text += &format!("[[registry.mirror]]\nlocation = '{mirror}'\n");
    }
    text
}

fn tag() -> Reference {
    "origin.example/team/app:1".parse().unwrap()
}

fn blob() -> Descriptor {
    Descriptor::of("a/b", b"hello")
}

#[test]
fn mirrors_are_asked_in_their_order_and_the_registry_last() {
    let (lost, near, last) = (nobody(), empty(), full("/v2/x/team/app/"));
    let conf = mirrored(
        "origin.example",
        &format!("{}/x", last.address),
        &[&lost, &format!("{}/cache", near.address)],
    );
    let site = Site::with(&conf);
    let repository = site.repository("origin.example/team/app", Side::Source);

    let found = repository.resolve(&tag()).unwrap();
    let mut text = String::new();
    repository.open(&blob(), 0).unwrap().unchecked().read_to_string(&mut text).unwrap();

    assert_eq!((found.descriptor(), text.as_str()), (document().descriptor(), "hello"));
    let path = format!("blobs/{}", blob().digest);
    assert_eq!(
        near.log()[near.log().len() - 2..],
        ["GET /v2/cache/team/app/manifests/1".to_owned(), format!("GET /v2/cache/team/app/{path}")]
    );
    assert_eq!(last.seen("GET /v2/x/team/app/").len(), 2);
    let notes = site.notes();
    assert_eq!(notes.len(), 1, "one that does not answer is told of once: {notes:?}");
    assert!(notes[0].contains(&lost) && notes[0].contains("the next place"), "{notes:?}");
}

#[test]
fn a_mirror_that_has_it_is_the_only_one_asked() {
    let (near, last) = (full("/v2/team/app/"), full("/v2/team/app/"));
    let site = Site::with(&mirrored("origin.example", &last.address, &[&near.address]));
    let repository = site.repository("origin.example/team/app", Side::Source);

    repository.resolve(&tag()).unwrap();
    repository.document(document().descriptor()).unwrap();
    repository.open(&blob(), 0).unwrap();

    assert_eq!(near.seen("GET /v2/team/app/").len(), 3);
    assert_eq!(last.log(), Vec::<String>::new());
}

#[test]
fn a_mirror_for_digests_is_not_asked_what_a_tag_means() {
    let (near, last) = (full("/v2/team/app/"), full("/v2/team/app/"));
    let conf = mirrored("origin.example", &last.address, &[&near.address]);
    let only = "[[registry]]\nmirror-by-digest-only = true\n";
    let site = Site::with(&conf.replacen("[[registry]]\n", only, 1));
    let repository = site.repository("origin.example/team/app", Side::Source);

    repository.resolve(&tag()).unwrap();
    assert_eq!((near.log().len(), last.seen("GET /v2/team/app/").len()), (0, 1));
    let digest = document().descriptor().digest;
    repository.resolve(&format!("origin.example/team/app@{digest}").parse().unwrap()).unwrap();
    assert_eq!(near.seen("GET /v2/team/app/").len(), 1);
}

#[test]
fn a_mirror_with_other_bytes_is_passed_by() {
    let lying = Server::start(|_| {
        reply(
            200,
            &[&format!("content-type: {OCI_MANIFEST}")],
            r#"{"schemaVersion":2,"layers":[]}"#,
        )
    });
    let last = full("/v2/team/app/");
    let site = Site::with(&mirrored("origin.example", &last.address, &[&lying.address]));
    let repository = site.repository("origin.example/team/app", Side::Source);

    repository.document(document().descriptor()).unwrap();
    repository.document(document().descriptor()).unwrap();

    assert_eq!(lying.seen("GET /v2/team").len(), 1, "it is not asked again");
    assert_eq!(last.seen("GET /v2/team").len(), 2);
}

#[test]
fn what_no_place_has_is_told_of_the_registry_itself() {
    let (near, last) = (empty(), empty());
    let site = Site::with(&mirrored("origin.example", &last.address, &[&near.address]));

    let error =
        site.repository("origin.example/team/app", Side::Source).resolve(&tag()).unwrap_err();

    assert_eq!(error.class(), Class::Incomplete);
    assert!(error.to_string().contains(&last.address), "{error}");
}

#[test]
fn a_mirror_whose_bytes_are_wrong_is_passed_by_and_named() {
    let (near, next, last) = (wrong("hallo"), wrong("hello, and more"), full("/v2/team/app/"));
    let mirrors = mirrored("origin.example", &last.address, &[&near.address, &next.address]);
    let site = Site::with(&mirrors);
    let repository = site.repository("origin.example/team/app", Side::Source);

    for _ in 0..2 {
        assert_eq!(
            read_small(&repository, &blob(), 5, "test", &Cancel::default()).unwrap(),
            b"hello"
        );
    }

    let asked = |server: &Server| server.log().len();
    assert_eq!((asked(&near), asked(&next), asked(&last)), (1, 1, 2), "no mirror twice");
    let notes = site.notes();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains(&near.address) && notes[1].contains(&next.address), "{notes:?}");
}

#[test]
fn a_registry_whose_own_bytes_are_wrong_has_nobody_behind_it() {
    let (near, last) = (wrong("hallo"), wrong("hullo"));
    let site = Site::with(&mirrored("origin.example", &last.address, &[&near.address]));
    let repository = site.repository("origin.example/team/app", Side::Source);

    let error = read_small(&repository, &blob(), 5, "test", &Cancel::default()).unwrap_err();

    assert_eq!(error.class(), Class::Damaged);
    assert_eq!((near.log().len(), last.log().len()), (1, 1));
}

#[test]
fn referrers_are_asked_of_the_registry_itself_while_it_answers() {
    let (near, last) = (empty(), empty());
    let subject = document().descriptor().clone();
    let site = Site::with(&mirrored("origin.example", &last.address, &[&near.address]));

    site.repository("origin.example/team/app", Side::Source).referrers(&subject).unwrap();
    assert_eq!(near.log().len(), 0, "an empty list of a mirror proves nothing");

    let site = Site::with(&mirrored("origin.example", &nobody(), &[&near.address]));
    site.repository("origin.example/team/app", Side::Source).referrers(&subject).unwrap();
    assert!(!near.log().is_empty());
}

#[test]
fn a_blocked_registry_is_not_read_from() {
    let server = full("/v2/team/app/");
    let conf = format!("[[registry]]\nlocation = '{}'\nblocked = true\n", server.address);
    let site = Site::with(&conf);
    let repository = site.repository(&format!("{}/team/app", server.address), Side::Source);

    let refusals = [
        repository.resolve(&tag()).map(drop).unwrap_err(),
        repository.open(&blob(), 0).map(drop).unwrap_err(),
        repository.referrers(&blob()).map(drop).unwrap_err(),
        repository.tags().map(drop).unwrap_err(),
    ];

    for error in refusals {
        assert_eq!(error.class(), Class::Refused);
        assert!(error.to_string().contains("is blocked by"), "{error}");
    }
    assert_eq!(server.log(), Vec::<String>::new());
}

#[test]
fn nothing_is_pushed_to_a_mirror() {
    let (near, own) = (empty(), empty());
    let site = Site::with(&mirrored(&own.address, &near.address, &[&near.address]));
    let repository = site.repository(&format!("{}/team/app", own.address), Side::Destination);

    assert!(!repository.has(&blob()).unwrap());
    assert!(!repository.has_document(document().descriptor()).unwrap());

    assert_eq!(near.log(), Vec::<String>::new());
    assert_eq!(own.seen("HEAD /v2/team/app/").len(), 2);
}

#[test]
fn containerds_files_count_where_podmans_are_absent() {
    let near = full("/v2/hub/team/app/");
    let last = empty();
    let site = Site::new();
    let folder = site.folder.path().join(&last.address);
    std::fs::create_dir(&folder).unwrap();
    let text = format!("[host.'http://{}/v2/hub']\noverride_path = true\n", near.address);
    std::fs::write(folder.join("hosts.toml"), text).unwrap();
    let name = format!("{}/team/app", last.address);

    site.repository(&name, Side::Source).resolve(&tag()).unwrap();

    let line = format!("GET /v2/hub/team/app/manifests/1?ns={}", last.address);
    assert_eq!((near.log(), last.log()), (vec![line], Vec::new()));

    std::fs::write(site.folder.path().join("registries.conf"), "").unwrap();
    site.repository(&name, Side::Source).resolve(&tag()).unwrap_err();
    assert_eq!(near.log().len(), 1, "podman's file is there, and names no mirror");
}

#[test]
fn a_mirror_sees_its_own_credentials_and_never_the_registrys() {
    let asking = |seen: &Seen| match seen.header("authorization") {
        Some("Basic bWlycm9yOm0=") => manifest(),
        _ => reply(401, &["www-authenticate: Basic realm=\"x\""], ""),
    };
    let (strange, near) = (Server::start(asking), Server::start(asking));
    let conf = mirrored("origin.example", &nobody(), &[&strange.address, &near.address]);
    let site = Site::with(&conf);
    let auth = site.folder.path().join("auth.json");
    // origin:o, and mirror:m for the second mirror alone.
    let json = format!(
        r#"{{"auths":{{"origin.example":{{"auth":"b3JpZ2luOm8="}},"{}":{{"auth":"bWlycm9yOm0="}}}}}}"#,
        near.address
    );
    std::fs::write(&auth, json).unwrap();
    let settings = Settings {
        auth_files: vec![auth],
        plain_http: vec![near.address.parse().unwrap()],
        mirrors: MirrorFiles {
            registries_conf: vec![(site.folder.path().join("registries.conf"), Vec::new())],
            ..MirrorFiles::default()
        },
        ..Settings::default()
    };
    let client = Client::new(settings, site.progress.clone()).unwrap();
    let origin = "origin.example".parse().unwrap();

    client.repository(&origin, &"team/app".parse().unwrap(), Side::Source).resolve(&tag()).unwrap();

    assert!(strange.seen("").iter().all(|seen| seen.header("authorization").is_none()));
    assert_eq!(near.seen("GET /v2/team").len(), 2, "asked, and let in");
}
