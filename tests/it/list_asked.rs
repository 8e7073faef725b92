//! `list -f`: what lists ask for, as one plain list with the line that asks for each name.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;

use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::{command, output};

/// The samples of all formats, but those that are several files.
fn samples() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/lists");
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(|it| it.unwrap());
    let expected = files
        .map(|file| file.path().to_owned())
        .filter(|path| path.extension().is_some_and(|it| it == "images"));
    // Those in a folder of their own are projects of Compose.
    let samples = expected.map(|path| path.with_extension("")).filter(|path| path.is_file());
    samples.filter(|path| !path.to_str().unwrap().contains("/compose/")).collect()
}

/// Runs `list -f -` with `list` on standard input.
fn piped(sealift: &Sealift, list: &str) -> Ran {
    let mut command = sealift.command();
    command.args(["list", "-f", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    Ran::new(format!("{command:?}"), child.wait_with_output().unwrap())
}

fn names(list: &str) -> Vec<&str> {
    list.lines().map(|line| line.split("  # ").next().unwrap()).collect()
}

#[test]
fn what_is_printed_of_any_list_is_a_list_of_the_same_images() {
    let sealift = Sealift::new();
    for sample in samples() {
        let folder = sample.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let is_values = ["--as", "values"].iter().filter(|_| folder == "values");
        let mut list = sealift.command();
        let told = ran(list.arg("list").arg("-f").arg(&sample).args(is_values));
        // Some ask for nothing.
        if told.code == code::USAGE {
            told.says("names no image");
            continue;
        }
        let told = told.ok();
        let again = piped(&sealift, &told.stdout).ok();
        assert_eq!(names(&again.stdout), names(&told.stdout), "{}", sample.display());
    }
}

#[test]
fn each_name_has_the_line_that_asks_and_the_order_is_that_of_the_lists() {
    let sealift = Sealift::new();
    std::fs::write(sealift.at("b.txt"), "alpine:>=3.18 <4\noci:dir:x\n").unwrap();
    let compose = "services:\n  \"e\\u001b[2J\\nevil\":\n    image: oci:3\n  b:\n    image: nginx\n    profiles: [p]\n";
    std::fs::write(sealift.at("compose.yaml"), compose).unwrap();
    let line = ["b.txt", "compose.yaml"].map(|name| ["-f", name]).concat();
    let list = |more: &[&str]| ran(sealift.command().arg("list").args(&line).args(more)).ok();

    assert_eq!(
        list(&[]).stdout,
        "alpine:>=3.18 <4  # b.txt: line 1\n\
         oci:dir:x  # b.txt: line 2\n\
         docker://oci:3  # compose.yaml: line 3 services.e\\u{1b}[2J\\u{a}evil\n"
    );
    let told = list(&["--latest-patch", "--profile", "p", "--format", "json"]).json();
    assert_eq!(
        told["asked"][0],
        json!({"text": "alpine:>=3.18 <4 latest-patch", "file": "b.txt", "line": 1})
    );
    assert_eq!(
        told["asked"][3],
        json!({"text": "nginx", "file": "compose.yaml", "line": 5, "what": "services.b"})
    );
    list(&["--timeout", "9"]).says("note: --timeout has no effect here");
}

#[test]
fn all_that_is_wrong_is_told_and_places_are_not_asked_beside_lists() {
    let sealift = Sealift::new();
    std::fs::write(sealift.at("l.txt"), "Alpine\nok\nx:>=y\n").unwrap();
    std::fs::write(sealift.at("pod.yaml"), "kind: Pod\nkind: Pod\n").unwrap();

    let told = run!(sealift, "list", "-f", "l.txt", "-f", "pod.yaml").exits(code::USAGE);
    assert_eq!(told.stdout, "");
    told.says("3 of the names cannot be read")
        .says("l.txt: line 1: ")
        .says("l.txt: line 3: ")
        .says("pod.yaml: line 2: the key \"kind\" stands twice");
    for beside in ["kubernetes:", "--digests", "--with-place", "--unused-against=kubernetes:"] {
        run!(sealift, "list", "-f", "l.txt", beside).exits(code::USAGE).says("cannot be used with");
    }
    // What is not there needs no key.
    run!(sealift, "list", "gone.txt").exits(code::INCOMPLETE).says("gone.txt");
    std::fs::write(sealift.at("ok.txt"), "alpine\n").unwrap();
    run!(sealift, "list", "ok.txt", "--insecure-no-verify")
        .ok()
        .says("--insecure-no-verify has no effect");
}

#[test]
fn what_could_exhaust_a_reader_is_refused_and_odd_spelling_is_not() {
    let sealift = Sealift::new();
    let said = |name: &str, text: &str| {
        std::fs::write(sealift.at(name), text).unwrap();
        run!(sealift, "list", "-f", name)
    };
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..12 {
        let row = vec![format!("*a{}", at - 1); 10].join(", ");
        bomb.push_str(&format!("a{at}: &a{at} [{row}]\n"));
    }
    let kind = "kind: Pod\nspec:\n";
    for (text, line, error) in [
        (format!("kind: Pod\n{bomb}"), 7, "more than 1000000 values"),
        (format!("{kind}  x: &x\n    y: *x\n"), 4, "stands within what it is an alias of"),
        (format!("{kind}  x: 1\n  x: 2\n"), 4, "the key \"x\" stands twice"),
        (format!("{kind}\tx: 1\n"), 3, "cannot be read as YAML"),
        (format!("{kind}  x: {}\n", "[".repeat(5000)), 3, "recursion limit exceeded"),
    ] {
        let line = format!("list.yaml: line {line}: ");
        said("list.yaml", &text).exits(code::USAGE).says(error).says(&line);
    }
    let odd = "apiVersion: v1\r\nkind: Pod\r\nspec: !odd\r\n  containers:\r\n\
               \x20 - {name: a, image: !mine 'nginx:1'}\r\n";
    assert_eq!(names(&said("odd.yaml", odd).ok().stdout), ["nginx:1"]);

    let many: String = (0..100_000).map(|n| format!("x.example/a/b{n}:1\n")).collect();
    assert_eq!(said("many.txt", &many).ok().stdout.lines().count(), 100_000);
    // What is too large is not read.
    let large = std::fs::File::create(sealift.at("large.txt")).unwrap();
    large.set_len(50 << 20).unwrap();
    run!(sealift, "list", "-f", "large.txt").exits(code::USAGE).says("large.txt").says("larger");
}

#[test]
fn another_program_finds_the_same_images_in_manifests() {
    need!("python3", "python3-yaml");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/lists");
    let ours = samples().into_iter().filter(|path| path.parent().unwrap().ends_with("kubernetes"));
    let ours: Vec<PathBuf> = ours.collect();
    let found = output(command("python3").arg(folder.join("kubernetes.py")).args(&ours));
    let found = String::from_utf8(found).unwrap();

    let expected = ours.iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let images = std::fs::read_to_string(format!("{}.images", path.display())).unwrap();
        let images: String = images.lines().map(|image| format!("\t{image}\n")).collect();
        format!("{name}\n{images}")
    });
    assert!(ours.len() >= 30);
    assert_eq!(found, expected.collect::<String>());
}
