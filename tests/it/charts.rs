//! Charts and files: carried as artifacts, and come out again as what they were.

use std::collections::HashMap;
use std::io::{BufReader, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::content::{Layer, digest, tar};
use crate::support::registry::{Registry, authfile};
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};
use crate::support::wire::{self, Free, Head, Port};

/// A home with keys, for one test.
struct Bench {
    sealift: Sealift,
    keys: Keys,
}

impl Bench {
    fn new() -> Bench {
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        Bench { sealift, keys }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.sealift.at(name), bytes).unwrap();
    }

    fn export(&self, output: &str, more: &[&str]) -> Ran {
        let mut export = self.sealift.command();
        export.arg("export").args(more).args(["-o", output]).arg("--sign-key");
        ran(export.arg(&self.keys.private))
    }

    fn import(&self, bundle: &str, to: &str, more: &[&str]) -> Ran {
        let mut import = self.sealift.command();
        import.args(["import", bundle, "--to", to]).args(more).arg("--key");
        ran(import.arg(&self.keys.public))
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.sealift.at(name)).unwrap()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_crosses_through_a_registry_and_comes_out_under_its_name() {
    let bench = Bench::new();
    bench.write("Tool.bin", "a tool");
    bench.write("list.txt", "file:Tool.bin # the tool\nfile:notes=tools/notes:1.0\n");
    bench.write("notes", "");

    // The same file makes the same manifest, whenever and from wherever.
    let first = bench.export("a.tar", &["-f", "list.txt", "--format", "json"]).ok().json();
    std::fs::rename(bench.sealift.at("Tool.bin"), bench.sealift.at("other")).unwrap();
    std::fs::create_dir(bench.sealift.at("in")).unwrap();
    std::fs::rename(bench.sealift.at("other"), bench.sealift.at("in/Tool.bin")).unwrap();
    let again = bench.export("b", &["file:in/Tool.bin", "--format", "json"]).ok().json();
    let image = |report: &Value, at: usize| report["images"][at].clone();
    assert_eq!(image(&first, 0)["name"], "docker.io/tools/notes:1.0");
    assert_eq!(image(&first, 1)["name"], "localhost/tool.bin:latest");
    assert_eq!(image(&first, 1)["digest"], image(&again, 0)["digest"]);
    bench.export("b", &["file:in/Tool.bin", "--update"]).ok().says("is complete already");

    // A registry holds it as what oras pushes.
    let registry = Registry::empty();
    let to = format!("docker://{}/group", registry.host());
    bench.import("a.tar", &to, &[]).ok();
    let manifest: Value =
        serde_json::from_slice(&registry.document("group/tool.bin", "latest").unwrap()).unwrap();
    assert_eq!(manifest["artifactType"], "application/vnd.unknown.artifact.v1");
    let layer = &manifest["layers"][0];
    assert_eq!(layer["annotations"]["org.opencontainers.image.title"], "Tool.bin");
    assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.oci.empty.v1+json");

    // And from there it is carried on, to a folder.
    let tool = format!("{}/group/tool.bin:latest", registry.host());
    let notes = format!("{}/group/tools/notes:1.0", registry.host());
    bench.export("c.tar", &[&tool, &notes]).ok();
    let plan = bench.import("c.tar", "file:out", &["--dry-run"]).ok();
    plan.says("out/Tool.bin");
    assert!(!bench.sealift.at("out").exists());
    let receipt = ["--receipt", "r.json", "--sign-key", "signer.key.pem"];
    bench.import("c.tar", "file:out", &receipt).ok();
    assert_eq!(names(&bench.sealift.at("out")), ["Tool.bin", "notes"]);
    assert_eq!((bench.read("out/Tool.bin"), bench.read("out/notes")), ("a tool".into(), "".into()));
    let sent = bench.import("c.tar", "file:out", &["--format", "json"]).ok();
    assert_eq!(sent.number("/copied/blobs"), 0, "they are there");
}

#[test]
fn what_stands_in_the_way_of_files_is_told_before_any_is_written() {
    let bench = Bench::new();
    for (folder, text) in [("one", "1"), ("two", "2")] {
        std::fs::create_dir(bench.sealift.at(folder)).unwrap();
        bench.write(&format!("{folder}/x"), text);
    }
    bench.write("y", "y");
    bench.export("b.tar", &["file:one/x=a:1", "file:two/x=b:1", "file:y"]).ok();

    // Two would be one.
    let both = bench.import("b.tar", "file:out", &[]).exits(code::USAGE);
    both.says("would both become the file x").says("--only");
    assert!(!bench.sealift.at("out").exists());

    // Something else is there.
    bench.import("b.tar", "file:out", &["--except", "b"]).ok();
    let other = bench.import("b.tar", "file:out", &["--except", "a"]).exits(code::REFUSED);
    other.says("out/x").says("--on-existing");
    bench.import("b.tar", "file:out", &["--except", "a", "--on-existing", "skip"]).ok();
    assert_eq!(bench.read("out/x"), "1");
    bench.import("b.tar", "file:out", &["--except", "a", "--on-existing", "overwrite"]).ok();
    assert_eq!(bench.read("out/x"), "2");
    let kept = bench.import("b.tar", "file:out", &["--on-existing", "keep-digest"]);
    kept.exits(code::USAGE).says("folder of files");

    // An image is no file, and a title no path.
    let shared = crate::support::shared::Shared::get();
    let import = |to: &str| {
        let mut import = bench.sealift.command();
        import.arg("import").arg(shared.forms()[0]).args(["--to", to]).arg("--key");
        ran(import.arg(&shared.keys.public))
    };
    import("file:images").exits(code::REFUSED).says("no chart and no file");
    assert!(!bench.sealift.at("images").exists());
}

#[test]
fn a_title_that_climbs_is_refused_and_writes_nothing() {
    let bench = Bench::new();
    let registry = Registry::empty();
    let (config, bytes) = (b"{}", b"evil");
    for title in ["../x", "/tmp/sealift-evil", "a\u{1b}[2Jb", ".."] {
        registry.put_blob("evil", &digest(config), config);
        registry.put_blob("evil", &digest(bytes), bytes);
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.unknown.artifact.v1",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json",
                       "digest": digest(config), "size": 2},
            "layers": [{"mediaType": "a/b", "digest": digest(bytes), "size": 4,
                        "annotations": {"org.opencontainers.image.title": title}}],
        });
        let kind = "application/vnd.oci.image.manifest.v1+json";
        registry.put_document("evil", "1", kind, manifest.to_string().as_bytes());
        let name = format!("{}/evil:1", registry.host());
        let _ = std::fs::remove_file(bench.sealift.at("e.tar"));
        bench.export("e.tar", &[&name]).ok();

        let refused = bench.import("e.tar", "file:out/deep", &[]).exits(code::REFUSED);

        assert!(!refused.stderr.contains('\u{1b}'), "{}", refused.stderr);
        refused.says("may not be made");
        assert!(!bench.sealift.at("out").exists());
    }
}

#[test]
fn a_folder_and_a_file_that_is_not_there_are_told_with_the_way_out() {
    let bench = Bench::new();
    std::fs::create_dir(bench.sealift.at("folder")).unwrap();
    bench.export("b.tar", &["file:folder"]).exits(code::USAGE).says("put it into a tar");
    bench.export("b.tar", &["file:none"]).exits(code::INCOMPLETE).says("no file none");
    bench.write("not a name", "");
    bench.export("b.tar", &["file:not a name"]).exits(code::USAGE).says("file:PATH=");
    assert!(!bench.sealift.at("b.tar").exists());
}

/// A chart as helm packs one.
fn chart(yaml: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let mut files = vec![("web/Chart.yaml", yaml.as_bytes(), 0o644)];
    files.extend(more.iter().map(|(path, bytes)| (*path, *bytes, 0o644)));
    Layer::gzip(&tar(&files)).bytes
}

const WEB: &str = "apiVersion: v2\nname: web\nversion: 1.2.3+x\nappVersion: 1.0\n";

/// What was asked for, and by whom.
type Asked = (String, Option<String>);

/// A Helm repository, which is files on a web server; it notes whom it was asked by.
struct Shop {
    port: Port,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// What the server answers.
enum Answer {
    Bytes(Vec<u8>),
    /// So many bytes, of which none comes.
    Announced(u64),
    Redirect(String),
    /// To those who show who they are.
    Members(Vec<u8>),
}

impl Shop {
    fn open(files: Vec<(&str, Answer)>) -> Shop {
        let files: HashMap<String, Answer> =
            files.into_iter().map(|(path, it)| (path.to_owned(), it)).collect();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let noted = Arc::clone(&asked);
        let port = Free::take().serve(move |stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let Some(head) = Head::read(&mut reader) else { return };
            let known = head.header("authorization").map(str::to_owned);
            noted.lock().unwrap().push((head.target.clone(), known.clone()));
            let whole = |bytes: &[u8]| ("200 OK", Vec::new(), bytes.len() as u64, bytes.to_vec());
            let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
            let (status, mut headers, length, body) = match files.get(&head.target) {
                None => ("404 Not Found", Vec::new(), 0, Vec::new()),
                Some(Answer::Bytes(bytes)) => whole(bytes),
                Some(Answer::Announced(length)) => ("200 OK", Vec::new(), *length, Vec::new()),
                Some(Answer::Redirect(to)) => ("302 Found", header("Location", to), 0, Vec::new()),
                Some(Answer::Members(bytes)) if known.is_some() => whole(bytes),
                Some(Answer::Members(_)) => {
                    let ask = header("WWW-Authenticate", "Basic realm=\"charts\"");
                    ("401 Unauthorized", ask, 0, Vec::new())
                }
            };
            headers.push(("Content-Length".to_owned(), length.to_string()));
            headers.push(("Connection".to_owned(), "close".to_owned()));
            let mut out = &stream;
            let _ = out.write_all(wire::head(status, &headers).as_bytes());
            let _ = out.write_all(&body);
        });
        Shop { port, asked }
    }

    fn chart(&self, rest: &str) -> String {
        format!("chart:http://{}/{rest}", self.port.host())
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// An index of one version of `web`.
fn index(version: &str, url: &str, digest: &str) -> Answer {
    let entry = format!("  - version: {version}\n    digest: {digest}\n    urls: [{url:?}]\n");
    let text =
        format!("apiVersion: v1\nentries:\n  other: []\n  web:\n  - version: 0.9.0\n{entry}");
    Answer::Bytes(text.into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    digest(bytes).trim_start_matches("sha256:").to_owned()
}

#[test]
fn a_chart_crosses_as_helm_pushes_it_and_comes_out_with_its_provenance() {
    let bench = Bench::new();
    let tgz = chart(WEB, &[("web/values.yaml", b"a: 1")]);
    let prov = format!("-----BEGIN PGP SIGNED MESSAGE-----\nweb-1.2.3+x.tgz: {}\n", digest(&tgz));
    let shop = Shop::open(vec![
        ("/stable/index.yaml", index("1.2.3+x", "charts/web-1.2.3+x.tgz", &hex(&tgz))),
        ("/stable/charts/web-1.2.3+x.tgz", Answer::Bytes(tgz.clone())),
        ("/stable/charts/web-1.2.3+x.tgz.prov", Answer::Bytes(prov.clone().into_bytes())),
    ]);
    let web = shop.chart("stable/web:1.2.3+x");

    // From a list or an argument, the same bytes make the same manifest.
    bench.write("list.txt", format!("{web}=r.example/charts/web # the chart\n"));
    let listed = bench.export("a.tar", &["-f", "list.txt", "--format", "json"]).ok().json();
    let named = bench.export("b.tar", &[&web, "--format", "json"]).ok().json();
    assert_eq!(listed["images"][0]["name"], "r.example/charts/web:1.2.3_x");
    let own = format!("{}/stable/web:1.2.3_x", shop.port.host());
    assert_eq!(named["images"][0]["name"], own.as_str());
    assert_eq!(listed["images"][0]["digest"], named["images"][0]["digest"]);
    assert!(shop.asked().iter().all(|(_, known)| known.is_none()));

    // A registry has what helm pulls.
    let registry = Registry::empty();
    bench.import("a.tar", &format!("docker://{}/group", registry.host()), &[]).ok();
    let read = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).unwrap();
    let manifest = read(registry.document("group/charts/web", "1.2.3_x").unwrap());
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.cncf.helm.config.v1+json");
    let types: Vec<_> = manifest["layers"].as_array().unwrap().iter().collect();
    assert_eq!(
        types.iter().map(|it| it["mediaType"].as_str().unwrap()).collect::<Vec<_>>(),
        [
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "application/vnd.cncf.helm.chart.provenance.v1.prov"
        ]
    );
    assert_eq!(types[0]["digest"], digest(&tgz).as_str());
    let config = manifest["config"]["digest"].as_str().unwrap();
    let config = read(registry.blob("group/charts/web", config).unwrap());
    assert_eq!((&config["name"], &config["appVersion"]), (&"web".into(), &"1.0".into()));

    // And a folder has what helm installs and verifies.
    bench.import("b.tar", "file:out", &[]).ok();
    assert_eq!(names(&bench.sealift.at("out")), ["web-1.2.3+x.tgz", "web-1.2.3+x.tgz.prov"]);
    assert!(std::fs::read(bench.sealift.at("out/web-1.2.3+x.tgz")).unwrap() == tgz);
    assert_eq!(bench.read("out/web-1.2.3+x.tgz.prov"), prov);
}

#[test]
fn a_chart_that_is_not_what_its_index_says_is_not_carried() {
    let bench = Bench::new();
    let (tgz, other) = (chart(WEB, &[]), chart("name: wab\nversion: 1.2.3+x\n", &[]));
    let wrong = index("1.2.3+x", "web.tgz", &"0".repeat(64));
    let shop = Shop::open(vec![
        ("/wrong/index.yaml", wrong),
        ("/wrong/web.tgz", Answer::Bytes(tgz.clone())),
        ("/other/index.yaml", index("1.2.3+x", "web.tgz", &hex(&other))),
        ("/other/web.tgz", Answer::Bytes(other)),
        ("/gone/index.yaml", index("1.2.3+x", "web.tgz", &hex(&tgz))),
        ("/large/index.yaml", Answer::Announced(200 << 20)),
        ("/page/index.yaml", Answer::Bytes(b"<html>no index</html>".to_vec())),
        ("/odd/index.yaml", Answer::Bytes(b"entries: {web: [".to_vec())),
    ]);
    for (rest, code, words) in [
        ("wrong/web:1.2.3+x", code::DAMAGED, "and the index sha256:0000"),
        ("other/web:1.2.3+x", code::DAMAGED, "is wab"),
        ("gone/web:1.2.3+x", code::INCOMPLETE, "is in the index, and not there"),
        ("gone/web:7", code::INCOMPLETE, "there is no version \"7\""),
        ("gone/db", code::INCOMPLETE, "there is no chart \"db\""),
        ("large/web", code::REFUSED, "more than 64 MiB"),
        ("page/web", code::INCOMPLETE, "there is no chart"),
        ("odd/web", code::DAMAGED, "the index is none"),
        ("none/web", code::INCOMPLETE, "has no index.yaml"),
    ] {
        bench.export("b.tar", &[&shop.chart(rest)]).exits(code).says(words).says(rest);
        assert!(!bench.sealift.at("b.tar").exists(), "{rest}");
    }
    bench.export("b.tar", &["chart:oci://x/y"]).exits(code::USAGE).says("docker://");
}

#[test]
fn credentials_for_charts_go_to_their_own_host_alone() {
    let bench = Bench::new();
    let tgz = chart("name: web\nversion: 1.0.0\n", &[]);
    let storage = Shop::open(vec![("/web.tgz", Answer::Bytes(tgz.clone()))]);
    let away = format!("http://{}/web.tgz", storage.port.host());
    let Answer::Bytes(listed) = index("1.0.0", "web.tgz", &hex(&tgz)) else { unreachable!() };
    let shop = Shop::open(vec![
        ("/index.yaml", Answer::Members(listed)),
        ("/web.tgz", Answer::Redirect(away)),
    ]);
    let web = shop.chart("web");

    bench.export("b.tar", &[&web]).exits(code::REFUSED);
    let file = authfile(&bench.sealift.home(), &shop.port.host(), "me", "secret");
    bench.export("b.tar", &[&web, "--authfile", file.to_str().unwrap()]).ok();

    assert!(shop.asked().iter().any(|(_, known)| known.is_some()));
    let there = storage.asked();
    assert!(there.iter().any(|(path, _)| path == "/web.tgz"));
    assert!(there.iter().all(|(_, known)| known.is_none()), "{there:?}");
}

#[test]
fn images_that_a_chart_names_are_told_and_come_along_on_demand() {
    let bench = Bench::new();
    let registry = Registry::empty();
    let image = &crate::support::images::all()[0];
    image.push(&registry);
    let values = format!(
        "image:\n  registry: {}\n  repository: {}\n  tag: '{}'\n",
        registry.host(),
        image.repository,
        image.tag
    );
    let template = b"spec:\n  image: {{ .Values.other }}\n";
    let more: [(&str, &[u8]); 2] =
        [("web/values.yaml", values.as_bytes()), ("web/templates/d.yaml", template)];
    let tgz = chart("name: web\nversion: 1.0.0\n", &more);
    let shop = Shop::open(vec![
        ("/index.yaml", index("1.0.0", "web.tgz", &hex(&tgz))),
        ("/web.tgz", Answer::Bytes(tgz)),
    ]);
    let web = shop.chart("web");

    let alone = bench.export("a.tar", &[&web]).ok().says("names 1 image").says("--with-images");
    assert_eq!(alone.stdout.matches(&image.repository).count(), 0);
    let both = bench.export("b.tar", &[&web, "--with-images", "--format", "json"]).ok();
    let name = format!("{}/{}", registry.host(), image.path());
    let both = both.says("1 line of templates has a name").json();
    let names: Vec<_> = both["images"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert!(names.len() == 2 && names.iter().any(|it| *it == name.as_str()), "{names:?}");

    let lost = values.replace(&image.repository, "no-such");
    let tgz = chart("name: web\nversion: 1.0.0\n", &[("web/values.yaml", lost.as_bytes())]);
    let shop = Shop::open(vec![
        ("/index.yaml", index("1.0.0", "web.tgz", &hex(&tgz))),
        ("/web.tgz", Answer::Bytes(tgz)),
    ]);
    let lost = bench.export("c.tar", &[&shop.chart("web"), "--with-images"]);
    lost.exits(code::INCOMPLETE).says("values.yaml: line ");
}
