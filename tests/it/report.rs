//! A report says what a bundle holds, to a browser, to paper and to programs, and is fooled by nothing
//! in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::ceremony;
use crate::support::chromium::{parsed, shown};
use crate::support::content::Layer;
use crate::support::engines::Podman;
use crate::support::images::{self, Image, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use crate::support::sealift::{Sealift, code, ran};
use crate::support::{command, files, http, output, text};

/// What whoever makes an image would like to be read as markup.
const EVIL: &str = "</dd><script>document.title='owned'</script><img src=http://127.0.0.1:9/x \
                    onerror=alert(1)><a href=\"javascript:alert(2)\">click</a>'\"`|[l](http://x.example)";
/// The same as a label's name.
const EVIL_NAME: &str = "<svg onload=alert(3)>&lt;b&gt;</style><!--";

/// An image with this config beside its layers, and these annotations of its manifest.
fn image(files: &[&str], config: &Value, annotations: &Value) -> Image {
    let mut image = Image::new("x", "1");
    let layers: Vec<Layer> =
        files.iter().map(|it| Layer::plain(&images::one_file("file", it))).collect();
    let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
    let mut config = config.clone();
    config["architecture"] = json!("amd64");
    config["os"] = json!("linux");
    config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
    let config = image.blob(OCI_CONFIG, config.to_string().as_bytes());
    let layers: Vec<String> =
        layers.iter().map(|layer| image.blob(layer.media_type, &layer.bytes)).collect();
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{}],"annotations":{annotations}}}"#,
        layers.join(",")
    );
    image.document(OCI_MANIFEST, &manifest, "");
    image.name("1");
    image
}

/// An image that has all that a report tells.
fn told() -> Image {
    let config = json!({
        "created": "2025-10-01T00:00:00Z",
        "config": {
            "User": "app:app", "Entrypoint": ["/bin/app", "--serve"], "Cmd": ["-v"],
            "ExposedPorts": {"8443/tcp": {}}, "WorkingDir": "/srv", "Volumes": {"/data": {}},
            "Env": ["TOKEN=secret-of-the-environment"],
            "Labels": {"org.opencontainers.image.version": "4.2"},
        },
    });
    let base = json!({
        "org.opencontainers.image.base.name": "docker.io/library/debian:12",
        "org.opencontainers.image.base.digest": format!("sha256:{}", "ab".repeat(32)),
    });
    image(&["base", "app"], &config, &base)
}

/// An image whose maker attacks whoever reads about it.
fn evil() -> Image {
    let config = json!({
        "created": "2025-10-02T00:00:00Z",
        "config": {
            "User": EVIL, "Entrypoint": [EVIL, "\u{202e}gnp.exe"], "Cmd": [EVIL],
            "ExposedPorts": {EVIL: {}}, "Labels": {EVIL_NAME: EVIL, "long": "x".repeat(100_000)},
        },
    });
    image(&["base", "evil"], &config, &json!({"org.opencontainers.image.base.name": EVIL}))
}

/// Exports `images` into `bundle`, from a layout that is called `source`.
fn export(sealift: &Sealift, source: &str, bundle: &str, images: &[(&str, &Image)]) {
    images::write_layout(&sealift.at(source), images);
    let source = format!("oci:{source}");
    run!(sealift, "export", source, "-o", bundle, "--sign-key", "k.key.pem").ok();
}

/// May and June: `app` moved, `tool` went, `new` came, `base` stays.
fn months() -> Sealift {
    let sealift = Sealift::new();
    sealift.keys("k");
    let single = |name: &str| {
        let layer = Layer::plain(&images::one_file("file", name));
        let base = Layer::plain(&images::one_file("file", "base"));
        Image::single("x", "1", &format!("[\"{name}\"]"), &[base, layer])
    };
    let (base, old, tool, new) = (single("stays"), single("old"), single("tool"), single("new"));
    let may = [("x.example/app:1", &old), ("x.example/base:1", &base), ("x.example/tool:1", &tool)];
    export(&sealift, "may.layout", "may", &may);
    let app = told();
    let june = [("x.example/app:1", &app), ("x.example/base:1", &base), ("x.example/new:1", &new)];
    export(&sealift, "june.layout", "june.tar", &june);
    sealift
}

/// A bundle in which everything is hostile that can be.
fn hostile() -> Sealift {
    let sealift = Sealift::new();
    sealift.keys("k");
    // The most that a name of an image may be, and what a folder may be called.
    let name = format!("x.example/{}:{}", "long-name/".repeat(20) + "end", "t".repeat(128));
    let layout = "<b>a<script>alert(4)<!--|`x`_*[l](javascript:1)\u{202e}";
    fs::create_dir(sealift.at(layout)).unwrap();
    export(
        &sealift,
        layout,
        "evil<img src=x>'\"&.tar",
        &[(&name, &evil()), ("x.example/app:1", &told())],
    );
    sealift
}

/// Everything on a page that could do or load something, or lead away.
fn assert_inert(page: &Path) -> Value {
    let read = parsed(page);
    let allowed = [
        "html", "head", "meta", "title", "style", "body", "main", "header", "section", "article",
        "div", "p", "h1", "h2", "h3", "h4", "ul", "ol", "li", "dl", "dt", "dd", "span", "b", "br",
        "strong", "pre", "svg", "rect",
    ];
    let attributes = [
        "lang",
        "charset",
        "name",
        "content",
        "http-equiv",
        "class",
        "id",
        "viewbox",
        "preserveaspectratio",
        "role",
        "x",
        "y",
        "width",
        "height",
    ];
    for tag in read["tags"].as_array().unwrap() {
        assert!(allowed.contains(&tag[0].as_str().unwrap()), "{tag}");
        for (name, value) in tag[1].as_object().unwrap() {
            assert!(attributes.contains(&name.as_str()), "{tag}");
            assert!(!value.as_str().unwrap_or_default().contains("alert"), "{tag}");
        }
    }
    read
}

#[test]
fn a_board_reads_what_it_has_to_decide_about() {
    need!("python3");
    let sealift = months();
    let line = "report june.tar --key k.pub.pem --against may -o june.html";

    let done = ran(sealift.command().args(line.split(' '))).ok();

    assert!(done.stdout.contains("1 new, 1 moved, 0 with other platforms, 1 gone, 1 as before"));
    let read = assert_inert(&sealift.at("june.html"));
    let page = read["text"].as_str().unwrap();
    let id = run!(sealift, "key", "show", "k.pub.pem", "--format", "json").json();
    let about = run!(sealift, "inspect", "june.tar", "--format", "json").ok().json();
    let digest = about["images"][0]["digest"].as_str().unwrap();
    for expected in [
        id["keyId"].as_str().unwrap(),
        about["statement"].as_str().unwrap(),
        digest,
        "2025-10-09T08:53:20Z",
        "Every byte of it was read",
        "x.example/app:1",
        "oci:june.layout",
        "linux/amd64",
        "docker.io/library/debian:12",
        &"ab".repeat(32),
        "app:app",
        r#"["/bin/app","--serve"]"#,
        "8443/tcp",
        "org.opencontainers.image.version = 4.2",
        "2025-10-01T00:00:00Z, ",
        "days before this report",
        "x.example/tool:1",
        "sealift diff may june.tar --key",
    ] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
    assert!(!page.contains("secret-of-the-environment"));
    // What moved stands under its heading, with what it was.
    let moved = page.split("\nMoved\n").nth(1).unwrap().split("\nGone\n").next().unwrap();
    assert!(moved.contains("x.example/app:1") && moved.contains("was sha256:"), "{moved}");
    let bars = read["tags"].as_array().unwrap().iter().filter(|tag| tag[0] == "svg").count();
    assert_eq!(bars, 4, "three images, and the layer below them");
}

#[test]
fn the_same_bundle_at_the_same_time_is_the_same_page() {
    let sealift = months();
    let page = |name: &str| {
        let line = format!("report june.tar --key k.pub.pem --jobs 2 -o {name}");
        ran(sealift.command().args(line.split(' '))).ok();
        fs::read_to_string(sealift.at(name)).unwrap()
    };
    let line = |page: &str| {
        let at =
            |line: &&str| !line.contains("This report") && !line.contains("before this report");
        page.lines().filter(at).map(str::to_owned).collect::<Vec<_>>()
    };

    assert_eq!(line(&page("one.html")), line(&page("two.html")));
    assert_eq!(page("one.html").matches("This report").count(), 1);
}

#[test]
fn a_bundle_that_is_not_right_has_no_report() {
    let sealift = months();
    sealift.keys("other");
    let report = |more: &str| {
        let line = format!("report june.tar -o r.html {more}");
        ran(sealift.command().args(line.split(' ')))
    };
    report("--key other.pub.pem").exits(code::UNTRUSTED);
    report("").exits(code::USAGE);
    fs::write(sealift.at("may/extra"), "x").unwrap();
    report("--key k.pub.pem --against may").exits(code::DAMAGED);
    assert!(!sealift.at("r.html").exists());

    let size = fs::metadata(sealift.at("june.tar")).unwrap().len();
    files::flip(&sealift.at("june.tar"), size - 2000);
    report("--key k.pub.pem").exits(code::DAMAGED);
    assert!(!sealift.at("r.html").exists());
}

#[test]
fn a_report_is_written_nowhere_in_the_bundle() {
    let sealift = months();
    let before = fs::read(sealift.at("june.tar")).unwrap();

    for (bundle, path) in [("june.tar", "june.tar"), ("may", "may/r.html")] {
        let done =
            run!(sealift, "report", bundle, "--key", "k.pub.pem", "-o", path, "--as", "html");
        done.exits(code::USAGE).says("lies in the bundle");
    }
    let line = ["report", "june.tar", "--key", "k.pub.pem", "-o"];
    for odd in ["r.txt", "r", "-"] {
        ran(sealift.command().args(line).arg(odd)).exits(code::USAGE).says("--as");
    }
    assert!(fs::read(sealift.at("june.tar")).unwrap() == before && !sealift.at("r.txt").exists());
}

#[test]
fn the_rule_and_who_of_whom_has_signed_are_told() {
    need!("python3");
    let sealift = Sealift::new();
    ceremony::two_of_three(&sealift);
    ceremony::export(&sealift, "b", "alice", "");
    let line = "report b --trust trust -o r.html";
    ceremony::run(&sealift, line).exits(code::UNTRUSTED);
    assert!(!sealift.at("r.html").exists());
    ceremony::countersign(&sealift, "b", "carol");

    ceremony::run(&sealift, line).ok();

    let read = assert_inert(&sealift.at("r.html"));
    let page = read["text"].as_str().unwrap();
    for said in ["2 of those who sign for ", "as version 1 of the root of trust has it"] {
        assert!(page.contains(said), "{page}");
    }
    assert!(page.contains("alice has signed") && page.contains("carol has signed"), "{page}");
    assert!(page.contains("bob has not") && !page.contains("dave"), "{page}");
}

#[test]
fn one_that_has_expired_says_so_and_is_written() {
    let sealift = Sealift::new();
    sealift.keys("k");
    images::write_layout(&sealift.at("l"), &[("x.example/a:1", &told())]);
    let line = "export oci:l -o old --sign-key k.key.pem --expires 1";
    ran(sealift.command().args(line.split(' '))).ok();

    for name in ["r.html", "r.md"] {
        let done = run!(sealift, "report", "old", "--key", "k.pub.pem", "-o", name);
        done.exits(code::STALE);
        assert!(fs::read_to_string(sealift.at(name)).unwrap().contains("EXPIRED."), "{name}");
    }
}

#[test]
fn a_report_is_written_over_a_report_and_nothing_else() {
    let sealift = Sealift::new();
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats/v1");
    let (bundle, key) = (testdata.join("packed.tar"), testdata.join("signer.pub.pem"));
    let own = sealift.keys("own");
    let private = fs::read(&own.private).unwrap();
    fs::write(sealift.at("notes.md"), "# Notes\n").unwrap();

    for name in ["r.html", "r.md", "r.json"] {
        for _ in 0..2 {
            run!(sealift, "report", bundle, "--key", key, "-o", name).ok();
        }
        assert!(fs::read_to_string(sealift.at(name)).unwrap().ends_with('\n'), "{name}");
    }
    for over in ["own.key.pem", "own.pub.pem", "notes.md"] {
        run!(sealift, "report", bundle, "--key", key, "-o", over, "--as", "md")
            .exits(code::USAGE)
            .says("is there, and is no report");
    }
    assert_eq!(fs::read(&own.private).unwrap(), private);
}

#[test]
fn signatures_and_sboms_stand_beside_their_image_and_are_not_believed() {
    let sealift = Sealift::new();
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats/v1");
    let (bundle, key) = (testdata.join("packed.tar"), testdata.join("signer.pub.pem"));

    run!(sealift, "report", bundle, "--key", key, "-o", "r.md").ok();

    let page = fs::read_to_string(sealift.at("r.md")).unwrap();
    let multi = page.split("### docker.io/acme/multi:1.0").nth(1).unwrap();
    let multi = multi.split("\n### ").next().unwrap();
    for kind in ["SPDX SBOM", "cosign signature"] {
        assert!(multi.contains(&format!("Came along: {kind} sha256:")), "{multi}");
    }
    assert_eq!(multi.matches("what it says was not checked").count(), 2, "{multi}");
    let list = page.split("### docker.io/acme/list:1.0").nth(1).unwrap();
    assert!(list.split("\n### ").next().unwrap().contains("No signature, SBOM or attestation"));
}

#[test]
fn an_attestation_among_the_platforms_is_called_one() {
    let sealift = Sealift::new();
    sealift.keys("k");
    let mut image = told();
    let root = image.root().clone();
    let layer = image.blob("application/vnd.in-toto+json", b"{}");
    let config = image.blob(OCI_CONFIG, b"{\"architecture\":\"unknown\",\"os\":\"unknown\"}");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{layer}]}}"#
    );
    let extra = format!(
        r#","platform":{{"os":"unknown","architecture":"unknown"}},"annotations":{{"vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":"{}"}}"#,
        root.digest
    );
    let entry = image.document(OCI_MANIFEST, &manifest, &extra);
    let first = format!(
        r#"{{"mediaType":"{OCI_MANIFEST}","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"amd64"}}}}"#,
        root.digest,
        root.bytes.len()
    );
    let index =
        format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{first},{entry}]}}"#);
    image.document(OCI_INDEX, &index, "");
    image.name("1");
    export(&sealift, "l", "b", &[("x.example/a:1", &image)]);

    let told =
        run!(sealift, "report", "b", "--key", "k.pub.pem", "-o", "r.json", "--format", "json");
    let told = told.ok().json();

    let kept: Value = serde_json::from_slice(&fs::read(sealift.at("r.json")).unwrap()).unwrap();
    assert_eq!(kept["images"], told["images"], "the file is what is printed");
    let manifests = &told["images"][0]["manifests"];
    assert_eq!(manifests[0]["artifactType"], Value::Null);
    assert_eq!(manifests[0]["run"]["user"], "app:app");
    assert_eq!(manifests[1]["artifactType"], "BuildKit attestation");
    assert_eq!(
        (&manifests[1]["attests"], &manifests[1]["run"]),
        (&json!(root.digest), &Value::Null)
    );
}

#[test]
fn the_commands_of_the_page_check_the_bundle_and_find_a_change() {
    need!("python3", "openssl", "jq", "sha256sum");
    let sealift = months();
    run!(sealift, "pack", "june.tar", "-o", "june").ok();
    fs::copy(sealift.at("k.pub.pem"), sealift.at("transfer.pub.pem")).unwrap();
    let tmp = sealift.at("tmp");
    fs::create_dir(&tmp).unwrap();
    for bundle in ["june.tar", "june"] {
        run!(sealift, "report", bundle, "--key", "k.pub.pem", "-o", "r.html").ok();
        let page = fs::read_to_string(sealift.at("r.html")).unwrap();
        let commands = |id: &str| {
            let from = page.split(&format!("<pre id=\"{id}\">")).nth(1).unwrap();
            let from = from.split("</pre>").next().unwrap();
            from.replace("&#39;", "'")
                .replace("&#34;", "\"")
                .replace("&#62;", ">")
                .replace("&#60;", "<")
                .replace("&#38;", "&")
        };
        let walk = || {
            let mut shell = command("sh");
            shell.args(["-euc", &commands("without-sealift")]).current_dir(sealift.at(""));
            shell.env("TMPDIR", &tmp).stdin(Stdio::null()).output().unwrap()
        };

        let done = walk();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
        assert!(said.contains("Signature Verified Successfully"), "{said}");
        assert!(said.contains("x.example/app:1 sha256:"), "{said}");

        assert!(commands("with-sealift").starts_with("sealift verify june"), "{page}");
        let place = sealift.at(bundle);
        if place.is_dir() {
            fs::write(place.join("extra"), "x").unwrap();
        } else {
            // A byte of a config.
            let bytes = fs::read(&place).unwrap();
            let at = bytes.windows(7).position(|it| it == b"/bin/ap").unwrap();
            files::flip(&place, at as u64);
        }
        assert!(!walk().status.success(), "{bundle} was changed");
    }
}

#[test]
fn what_an_image_says_is_text_on_every_page() {
    need!("python3");
    let sealift = hostile();
    let bundle = "evil<img src=x>'\"&.tar";
    run!(sealift, "report", bundle, "--key", "k.pub.pem", "-o", "r.html").ok();
    run!(sealift, "report", bundle, "--key", "k.pub.pem", "-o", "r.md").ok();

    let read = assert_inert(&sealift.at("r.html"));
    let page = read["text"].as_str().unwrap();
    assert!(page.contains(EVIL) && page.contains(EVIL_NAME), "{page}");
    assert!(page.contains("<b>a<script>alert(4)<!--|`x`_*[l](javascript:1)\\u{202e}"), "{page}");
    assert!(!page.contains('\u{202e}') && !page.contains(&"x".repeat(300)));

    // Without what is escaped, no mark is left that any of the hostile texts brought.
    let markdown = fs::read_to_string(sealift.at("r.md")).unwrap();
    let bare = |line: &str| {
        let mut out = String::new();
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => drop(chars.next()),
                c => out.push(c),
            }
        }
        out
    };
    for line in markdown.lines() {
        let bare = bare(line).replace("**root**", "").replace("**Verified.**", "");
        assert!(!bare.contains(['<', '>', '`', '*', '[', ']', '|', '_', '@']), "{line}\n{bare}");
        assert!(!bare.contains("://") && !bare.contains("www."), "{line}");
    }
    assert!(markdown.lines().all(|line| line.len() < 4000), "texts are cut");
}

#[test]
fn the_page_fits_a_phone_a_screen_and_paper_and_runs_nothing() {
    need!("python3", "chromium-headless-shell");
    let hostile = hostile();
    let evil = "evil<img src=x>'\"&.tar";
    run!(hostile, "report", evil, "--key", "k.pub.pem", "-o", "r.html").ok();
    let months = months();
    let line = "report june.tar --key k.pub.pem --against may -o r.html";
    ran(months.command().args(line.split(' '))).ok();

    for (sealift, name) in [(&months, "report"), (&hostile, "report-hostile")] {
        let page = sealift.at("r.html");
        let (shown, folder) = shown(&page, name);
        assert_eq!(shown.len(), 3);
        for told in &shown {
            let wide = |member: &str| told[member].as_f64().unwrap();
            assert!(wide("content") <= wide("window"), "wider than the window: {told}");
            assert!(wide("height") > 800.0 && told["elements"].as_u64() > Some(60), "{told}");
            assert_eq!(told["active"], 0, "{told}");
            assert!(told["svg"].as_u64() > Some(1), "{told}");
            assert_eq!(told["requests"], json!([format!("file://{}", page.display())]));
            let title = told["targets"][0].as_str().unwrap();
            assert!(title.ends_with(".tar: what it holds, and whose word that is"), "{title}");
            let picture = folder.join(format!("{}.png", told["name"].as_str().unwrap()));
            assert!(fs::read(picture).unwrap().starts_with(b"\x89PNG"));
        }
        let windows: BTreeSet<u64> =
            shown.iter().map(|told| told["window"].as_f64().unwrap() as u64).collect();
        assert_eq!(windows, BTreeSet::from([360, 703, 1280]));
        assert!(fs::read(folder.join("paper.pdf")).unwrap().starts_with(b"%PDF"));
    }
}

#[test]
fn a_server_shows_the_page_and_the_commands_on_it_pull() {
    need!("python3");
    let sealift = months();
    let served = sealift.serve(&sealift.at("june.tar"), &sealift.at("k.pub.pem"));

    let front = http::get(served.port, "/", &[]);

    assert_eq!(front.status, 200);
    assert_eq!(front.header("Content-Type"), Some("text/html; charset=utf-8"));
    let policy = front.header("Content-Security-Policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let bytes = front.bytes();
    fs::write(sealift.at("front.html"), &bytes).unwrap();
    let read = assert_inert(&sealift.at("front.html"));
    let page = read["text"].as_str().unwrap();
    let name = format!("{}/x.example/app:1", served.host());
    let podman = format!("podman pull --tls-verify=false {name}");
    for line in
        [&podman, &format!("docker pull {name}"), &format!("ctr images pull --plain-http {name}")]
    {
        assert!(page.contains(line.as_str()), "{line} is not in\n{page}");
    }
    let head = http::send(served.port, "HEAD", "/", &[], 0, &mut |_| Ok(()));
    assert_eq!(head.header("Content-Length"), Some(bytes.len().to_string().as_str()));
    assert_eq!(http::get(served.port, "/index.html", &[]).status, 404);

    need!("root", "podman");
    let engine = Podman::new();
    output(engine.command().args(podman.split(' ').skip(1)));
    let images = text(engine.command().args(["images", "--format", "{{.Repository}}"]));
    assert!(images.contains("x.example/app"), "{images}");
}
