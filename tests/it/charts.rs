//! Charts and files: carried as artifacts, and come out again as what they were.

use std::path::Path;

use serde_json::Value;

use crate::support::registry::Registry;
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};

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
    let digest = |bytes: &[u8]| crate::support::content::digest(bytes);
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
