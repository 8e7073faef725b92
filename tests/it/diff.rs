//! What changes from one set of images to another, told beforehand.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::many;
use crate::memory::peak_of;
use crate::support::content::{Layer, tar};
use crate::support::images::{self, Image};
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::text;

/// An uncompressed layer whose one file has `content`.
fn layer(content: &str) -> Layer {
    Layer::plain(&tar(&[("file", content.as_bytes(), 0o644)]))
}

/// An image of layers with these files.
fn image(cmd: &str, layers: &[&str]) -> Image {
    let layers: Vec<Layer> = layers.iter().map(|content| layer(content)).collect();
    Image::single("x", "1", &format!("[\"{cmd}\"]"), &layers)
}

/// Exports `images` under their names into `bundle`.
fn export(sealift: &Sealift, bundle: &str, images: &[(&str, &Image)]) {
    let layout = format!("{bundle}.layout");
    images::write_layout(&sealift.at(&layout), images);
    let source = format!("oci:{layout}");
    run!(sealift, "export", source, "-o", bundle, "--sign-key", "k.key.pem").ok();
}

/// May and June of a small set: `app` moved, `tool` was removed, two that share a layer are new,
/// `base` stays.
fn months() -> Sealift {
    let sealift = Sealift::new();
    sealift.keys("k");
    let base = image("base", &["base"]);
    let (old, new) = (image("old", &["base", "old"]), image("new", &["base", "new"]));
    let (one, two) = (image("one", &["base", "common"]), image("two", &["base", "common"]));
    let tool = image("tool", &["tool"]);
    export(
        &sealift,
        "may",
        &[("x.example/app:1", &old), ("x.example/base:1", &base), ("x.example/tool:1", &tool)],
    );
    let june = [
        ("x.example/app:1", &new),
        ("x.example/base:1", &base),
        ("x.example/one:1", &one),
        ("x.example/two:1", &two),
    ];
    export(&sealift, "june.tar", &june);
    sealift
}

/// How `line` compares, as JSON.
fn json(sealift: &Sealift, line: &str) -> Value {
    ran(sealift.command().arg("diff").args(line.split(' ')).args(["--format", "json"])).ok().json()
}

/// What became of `name`.
fn change<'t>(told: &'t Value, name: &str) -> &'t Value {
    let images = told["images"].as_array().unwrap();
    let name = format!("x.example/{name}:1");
    images.iter().find(|image| image["name"] == name.as_str()).unwrap()
}

#[test]
fn what_changes_is_told_with_what_each_image_alone_adds() {
    let sealift = months();

    let told = json(&sealift, "may june.tar --key k.pub.pem");

    assert_eq!(
        told["counts"],
        json!({"added": 2, "removed": 1, "moved": 1, "parts": 0, "unchanged": 1, "undecided": 0})
    );
    // A layer of one file is a tar of 2,048 bytes; a config and a manifest go with each image.
    let state = |name: &str, side: &str| change(&told, name)[side]["bytes"].as_u64().unwrap();
    assert_eq!(change(&told, "app")["change"], "moved");
    assert_eq!(change(&told, "app")["adds"], state("app", "after") - 2048);
    assert_eq!(change(&told, "app")["frees"], state("app", "before") - 2048);
    assert_eq!(change(&told, "tool")["frees"], state("tool", "before"));
    assert_eq!(change(&told, "tool")["after"], Value::Null);
    for new in ["one", "two"] {
        assert_eq!(change(&told, new)["adds"], state(new, "after") - 2 * 2048);
    }
    assert_eq!(told["new"]["ofSeveral"], json!({"blobs": 1, "bytes": 2048}));
    // All that June has is new or was there: a whole bundle weighs both.
    let sum = told["new"]["bytes"].as_u64().unwrap() + told["shared"]["bytes"].as_u64().unwrap();
    assert_eq!(told["after"]["total"]["bytes"], sum);
    let whole = run!(sealift, "inspect", "june.tar", "--format", "json").ok();
    assert_eq!(whole.number("/bytes"), sum);
    assert_eq!(told["after"]["trusted"], true);

    let back = json(&sealift, "june.tar may --key k.pub.pem");
    assert_eq!((&back["gone"], &back["new"]), (&told["new"], &told["gone"]));
    assert_eq!(back["shared"], told["shared"]);
}

#[test]
fn a_table_has_the_names_that_changed_and_the_rest_on_request() {
    let sealift = months();
    let diff = |more: &[&str]| ran(sealift.command().args(["diff", "may", "june.tar"]).args(more));

    let said = diff(&["--key", "k.pub.pem"]).ok();
    let said = said.says("2 added, 1 removed, 1 moved, 1 unchanged").says("signed by ");
    let said = said.says("2.00 KiB shared by several new images").says("in both: ");
    let row = |name: &str| said.stdout.lines().find(|line| line.contains(name));
    assert!(row("/app:1").unwrap().contains(" -> sha256:"), "{}", said.stdout);
    assert!(row("/tool:1").unwrap().contains("removed"), "{}", said.stdout);
    assert!(row("/base:1").is_none(), "{}", said.stdout);
    let all = diff(&["--all", "--long"]).ok().says("x.example/base:1");
    assert!(all.stdout.contains("NOT verified: claims to be signed by"), "{}", all.stdout);
}

#[test]
fn whether_two_differ_is_the_exit_code_where_that_is_asked() {
    let sealift = months();
    let diff = |args: &str| -> Ran {
        ran(sealift.command().arg("diff").args(args.split(' ')).arg("--exit-code"))
    };

    diff("may may").ok();
    diff("may june.tar").exits(1).says("may and june.tar differ");
    let told = diff("may june.tar --format json").exits(1).json();
    assert_eq!((&told["error"]["kind"], &told["ok"]), (&"differs".into(), &false.into()));
    assert_eq!(told["counts"]["added"], 2, "what differs is told all the same");
    // What cannot be compared is no difference.
    diff("may none").exits(code::INCOMPLETE);
    sealift.keys("stranger");
    diff("may june.tar --key stranger.pub.pem").exits(code::UNTRUSTED);
    run!(sealift, "diff", "may", "june.tar").ok();
}

#[test]
fn a_list_is_compared_by_names_and_pinned_digests_and_says_what_it_cannot_tell() {
    let sealift = months();
    let digest = change(&json(&sealift, "may may"), "base")["after"]["digest"].clone();
    let digest = digest.as_str().unwrap();
    let list = format!("# wanted\nx.example/app:1\nx.example/base:1@{digest}\nalpine:3\n");
    std::fs::write(sealift.at("list.txt"), list).unwrap();

    let told = json(&sealift, "june.tar list.txt");
    assert_eq!(change(&told, "app")["change"], "undecided");
    assert_eq!(change(&told, "base")["change"], "unchanged");
    assert_eq!(change(&told, "one")["change"], "removed");
    assert_eq!((told["counts"]["added"].as_u64(), &told["new"]), (Some(1), &Value::Null));
    assert_eq!(change(&told, "app")["adds"], Value::Null);
    assert_eq!((&told["after"]["kind"], &told["after"]["total"]), (&"list".into(), &Value::Null));
    assert_eq!(told["after"]["trusted"], Value::Null);
    let said = run!(sealift, "diff", "june.tar", "list.txt").ok();
    said.says("unknown").says("sizes unknown").says("1 of which it is not known");

    std::fs::write(sealift.at("list.txt"), "A\noci:may.layout\n").unwrap();
    run!(sealift, "diff", "june.tar", "list.txt").exits(code::USAGE).says("2 of the names");
}

#[test]
fn what_was_signed_is_compared_whether_it_has_expired_or_lost_its_layers() {
    let sealift = months();
    let args = ["export", "oci:may.layout", "-o", "old", "--sign-key", "k.key.pem"];
    ran(sealift.command().args(args).args(["--expires", "1"])).ok();
    run!(sealift, "diff", "old", "may", "--key", "k.pub.pem").ok().says("EXPIRED");

    // Layers may be gone: what was signed is compared, and nothing else.
    let blobs = sealift.at("may/blobs/sha256");
    let large = |entry: &std::fs::DirEntry| entry.metadata().unwrap().len() == 2048;
    let layers = std::fs::read_dir(&blobs).unwrap().map(Result::unwrap).filter(large);
    assert_eq!(layers.map(|it| std::fs::remove_file(it.path()).unwrap()).count(), 3);
    run!(sealift, "diff", "old", "may", "--exit-code").ok();
    std::fs::write(sealift.at("may/index.json"), "{}").unwrap();
    run!(sealift, "diff", "may", "june.tar").exits(code::DAMAGED);
}

#[test]
fn a_dry_run_tells_what_would_change_and_a_real_one_makes_it_so() {
    let sealift = months();
    let export = |output: &str, more: &[&str]| {
        let args = ["export", "oci:june.tar.layout", "-o", output, "--sign-key", "k.key.pem"];
        ran(sealift.command().args(args).args(["--since", "may"]).args(more)).ok()
    };

    let said = export("d.tar", &["--dry-run"]);
    said.says("2 added, 1 removed, 1 moved, 1 unchanged").says("room at d.tar: ");
    for output in ["d.tar", "d"] {
        let told = export(output, &["--dry-run", "--format", "json"]).json();
        let diff = json(&sealift, "may june.tar");
        for member in ["counts", "images", "new", "shared", "gone"] {
            assert_eq!(told["change"][member], diff[member], "{member}");
        }
        let sizes = &told["sizes"];
        assert_eq!(sizes["download"], told["fetched"]["bytes"]);
        assert_eq!(sizes["send"], 0);
        assert_eq!(
            (&sizes["write"], &sizes["room"][0]["needed"]),
            (&sizes["carry"], &sizes["carry"])
        );
        assert!(sizes["room"][0]["free"].as_u64() > Some(0), "{sizes}");
        export(output, &[]);
        assert_eq!(sizes["carry"].as_u64(), Some(size(&sealift.at(output))), "{output}");
    }
    let whole = ["export", "oci:june.tar.layout", "-o", "w", "--sign-key", "k.key.pem"];
    let told = ran(sealift.command().args(whole).args(["--dry-run", "--format", "json"])).ok();
    assert_eq!(told.json().get("change"), None);
}

/// Bytes of the file at `path`, or of all files below it.
fn size(path: &Path) -> u64 {
    match path.is_dir() {
        true => std::fs::read_dir(path).unwrap().map(|it| size(&it.unwrap().path())).sum(),
        false => path.metadata().unwrap().len(),
    }
}

#[test]
fn a_plan_of_an_import_says_what_is_written_and_sent_and_what_room_there_is() {
    let sealift = months();
    let import = |to: &str, more: &[&str]| {
        let args = ["import", "june.tar", "--key", "k.pub.pem", "--to", to];
        ran(sealift.command().args(args).args(more)).ok()
    };
    let sizes = |to: &str| {
        let told = import(to, &["--dry-run", "--format", "json"]).json();
        told["sizes"].clone()
    };
    import("oci:store", &["--dry-run"]).says("to write ").says("room at store: ");
    let told = sizes("oci:store");
    let whole = run!(sealift, "inspect", "june.tar", "--format", "json").ok().number("/bytes");
    assert_eq!(
        (&told["carry"], &told["write"], &told["send"]),
        (&whole.into(), &whole.into(), &0.into())
    );
    import("oci:store", &[]);
    assert_eq!(size(&sealift.at("store/blobs")), whole);
    assert_eq!(sizes("oci:store")["write"], 0);

    for to in ["oci-archive:all.tar", "docker-archive:each/"] {
        let told = sizes(to);
        import(to, &[]);
        let path = sealift.at(to.split_once(':').unwrap().1);
        assert_eq!(told["write"], size(&path), "{to}");
        assert!(told["room"][0]["free"].as_u64() > Some(0), "{told}");
    }
    let double = crate::support::double::Double::start(crate::support::double::no_script);
    let told = sizes(&format!("docker://{}/group", double.host()));
    assert_eq!((&told["send"], &told["write"]), (&whole.into(), &0.into()));
    assert_eq!(told["room"][0]["free"], Value::Null);
    import(&format!("docker://{}/group", double.host()), &["--dry-run"]).says("unknown there");
}

#[test]
fn who_shares_which_layers_reads_as_a_disk_usage() {
    let sealift = months();

    let told = run!(sealift, "inspect", "june.tar", "--tree", "--format", "json").ok().json();
    let rows = told["usage"].as_array().unwrap();
    let number = |row: &Value, member: &str| row[member].as_u64().unwrap();
    let top = rows.iter().filter(|row| row["depth"] == 0);
    assert_eq!(top.map(|row| number(row, "totalBytes")).sum::<u64>(), number(&told, "bytes"));
    // All four stand on one layer, two of them on one more.
    let bases: Vec<(u64, u64, u64)> = rows
        .iter()
        .filter(|row| row["kind"] == "base")
        .map(|row| (number(row, "depth"), number(row, "imageCount"), number(row, "ownBytes")))
        .collect();
    assert_eq!(bases, [(0, 4, 2048), (1, 2, 2048)]);
    let one = rows.iter().find(|row| row["names"][0] == "x.example/one:1").unwrap();
    assert_eq!((number(one, "depth"), number(one, "sharedBytes")), (2, 4096));
    assert_eq!(told["bytesLacking"], 0);

    let said = run!(sealift, "inspect", "june.tar", "--tree").ok();
    let said = said.says("1 layer under 4 images").says("    x.example/one:1");
    assert!(!said.stdout.contains("NOT CARRIED"), "{}", said.stdout);
    let args = ["export", "oci:june.tar.layout", "-o", "d", "--sign-key", "k.key.pem"];
    ran(sealift.command().args(args).args(["--since", "may"])).ok();
    run!(sealift, "inspect", "d", "--tree").ok().says("NOT CARRIED").says("a delta: needs ");
    let delta = json(&sealift, "june.tar d");
    assert_eq!(delta["counts"]["unchanged"], 4, "a delta is compared as the whole that it makes");
    assert_eq!(delta["new"]["blobs"], 0);
    assert!(delta["after"]["lacking"]["blobs"].as_u64() > Some(0));

    // What was lost from a whole bundle makes it no delta.
    run!(sealift, "pack", "june.tar", "-o", "june").ok();
    let blobs = std::fs::read_dir(sealift.at("june/blobs/sha256")).unwrap();
    let size = |path: &std::path::PathBuf| path.metadata().unwrap().len();
    let layer = blobs.map(|blob| blob.unwrap().path()).max_by_key(size).unwrap();
    std::fs::remove_file(layer).unwrap();
    let said = run!(sealift, "inspect", "june").says(" that its images need");
    assert!(!said.stdout.contains("a delta"), "{}", said.stdout);
}

#[test]
fn a_registry_and_its_receipt_are_compared_under_the_names_that_images_have_there() {
    need!("docker-registry");
    let sealift = months();
    let (registry, other) = (Registry::empty(), Registry::empty());
    let to = format!("docker://{}/group", registry.host());
    for (bundle, to) in [("may", &to), ("may", &format!("docker://{}/a", other.host()))] {
        run!(sealift, "import", bundle, "--to", to, "--key", "k.pub.pem").ok();
    }
    run!(sealift, "inventory", &to, "-o", "receipt.json").ok();

    let wanted = json(&sealift, "may june.tar");
    for before in [to.as_str(), "receipt.json"] {
        let told = json(&sealift, &format!("{before} june.tar"));
        assert_eq!(told["counts"], wanted["counts"], "{before}");
        assert_eq!(told["new"], wanted["new"], "{before}");
        // What belongs to which image say manifests, and no receipt.
        let of_one = if before == to { wanted["gone"]["ofOne"].clone() } else { Value::Null };
        assert_eq!(told["gone"]["ofOne"], of_one, "{before}");
        assert_eq!(told["gone"]["bytes"], wanted["gone"]["bytes"]);
        let name = format!("{}/group/app:1", registry.host());
        assert!(told["images"].to_string().contains(&name), "{told}");
    }
    // Two registries, and nothing else than the registry in place of it.
    let both = format!("{to} docker://{}/a", other.host());
    assert_eq!(json(&sealift, &both)["counts"]["unchanged"], 3);
    let june = format!("docker://{}/june", other.host());
    run!(sealift, "import", "june.tar", "--to", &june, "--key", "k.pub.pem").ok();
    let told = json(&sealift, &format!("{to} {june}"));
    for member in ["counts", "new", "shared", "gone"] {
        assert_eq!(told[member], wanted[member], "{member}");
    }
    let weights = |told: &Value| -> Vec<[Value; 4]> {
        let images = told["images"].as_array().unwrap().iter();
        let weight = |it: &Value| {
            ["/adds", "/frees", "/before/bytes", "/after/bytes"]
                .map(|path| it.pointer(path).cloned().unwrap_or_default())
        };
        images.map(weight).collect()
    };
    assert_eq!(weights(&told), weights(&wanted));
    let rule = format!("may {to} --map x.example/app=renamed");
    assert_eq!(json(&sealift, &rule)["counts"]["added"], 1);
    let args = ["export", "oci:june.tar.layout", "-o", "d", "--sign-key", "k.key.pem"];
    let args = [&args[..], &["--since", "receipt.json", "--dry-run", "--format", "json"]].concat();
    let told = ran(sealift.command().args(args)).ok().json();
    assert_eq!(
        (&told["change"]["counts"], &told["change"]["new"]),
        (&wanted["counts"], &wanted["new"])
    );
}

#[test]
fn layouts_and_archives_are_compared_as_places() {
    let sealift = months();
    run!(sealift, "import", "may", "--to", "oci-archive:all.tar", "--key", "k.pub.pem").ok();
    for place in ["oci:may.layout", "oci-archive:all.tar"] {
        let told = json(&sealift, &format!("{place} may"));
        assert_eq!(told["counts"]["unchanged"], 3, "{place}");
        assert_eq!(
            (&told["before"]["kind"], &told["before"]["trusted"]),
            (&"place".into(), &Value::Null)
        );
        assert_eq!(told["new"]["blobs"], 0, "{place}");
    }
    run!(sealift, "diff", "oci:nowhere", "may").exits(code::INCOMPLETE);
    run!(sealift, "diff", "ftp://x", "may").exits(code::USAGE);
}

/// The images of a month: all but the first tenth are as in any other.
fn month(sealift: &Sealift, bundle: &str, count: usize, month: usize) {
    let variant = |image: usize| if image < count / 10 { month } else { 0 };
    many::archive_of(&sealift.at("source.tar"), (0..count).map(|image| (image, variant(image))));
    run!(sealift, "export", "oci-archive:source.tar", "-o", bundle, "--sign-key", "k.key.pem").ok();
}

#[test]
fn two_large_bundles_are_compared_in_little_time_and_memory() {
    // Below that, the program itself has most of the memory.
    let (count, limit) = match std::env::var_os("SEALIFT_TEST_FULL") {
        Some(_) => (5_000, 256 << 10),
        None => (250, 48 << 10),
    };
    let scratch = TempDir::new_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let sealift = Sealift::new_in(scratch.path());
    sealift.keys("k");
    month(&sealift, "may.tar", count, 1);
    month(&sealift, "june.tar", count, 2);

    let told = json(&sealift, "may.tar june.tar --key k.pub.pem");
    let moved = (count / 10) as u64;
    assert_eq!(told["counts"]["moved"], moved);
    assert_eq!(told["counts"]["unchanged"], (count as u64) - moved);
    assert_eq!(told["new"]["blobs"], moved * 20);
    let diff = || {
        let mut command = sealift.command();
        command.args(["diff", "may.tar", "june.tar", "--key", "k.pub.pem"]);
        command
    };
    let (peak, ended) = peak_of(&mut diff());
    assert_eq!(ended, Some(0));
    let took = processor_time(&diff());
    println!("diff of {count} images with {count}: {took:.1} s, {} MiB", peak >> 10);
    assert!(peak < limit, "{} MiB", peak >> 10);
    // Without optimization it was seen to take some five times as long.
    let most = if cfg!(debug_assertions) { 50.0 } else { 10.0 };
    assert!(took < most, "{took} s");
}

/// How many seconds `command` keeps processors busy, whatever else they do.
fn processor_time(command: &Command) -> f64 {
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$@\" > /dev/null && times", "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
        .current_dir(command.get_current_dir().unwrap())
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // The second line is that of the children, as in `0m1.250s 0m0.310s`.
    let said = text(&mut shell);
    let words = said.lines().nth(1).unwrap().split_whitespace();
    let seconds = |word: &str| {
        let (minutes, seconds) = word.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    };
    words.map(seconds).sum()
}
