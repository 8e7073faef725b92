//! What a person sees and does at a terminal: bars that fit, and prompts that end.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Random;
use crate::support::content::{Layer, tar};
use crate::support::images::{self, Image};
use crate::support::sealift::{Sealift, code};

/// `line`, run by a shell at a terminal of `columns`, with `typed` written to it after a moment. Gives
/// what was shown, and the exit code.
fn at_terminal(sealift: &Sealift, columns: u16, line: &str, typed: &str) -> (String, i32) {
    use std::io::Write as _;
    let program = env!("CARGO_BIN_EXE_sealift");
    let line = format!("stty cols {columns} rows 24; exec {program} {line}");
    let own = sealift.command();
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &line, "/dev/null"]).env_clear();
    for (name, value) in own.get_envs() {
        value.map(|value| script.env(name, value));
    }
    script.env("TERM", "xterm").env("SHELL", "/bin/sh").current_dir(sealift.at(""));
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = script.spawn().unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    if !typed.is_empty() {
        std::thread::sleep(Duration::from_millis(1500));
        keyboard.write_all(typed.as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    drop(keyboard);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    (shown, output.status.code().unwrap_or(-1))
}

/// The lines that were shown at any time, without what moves the cursor.
fn lines(shown: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for piece in shown.split(['\r', '\n']) {
        let mut line = String::new();
        let mut rest = piece.chars();
        while let Some(c) = rest.next() {
            if c != '\u{1b}' {
                line.push(c);
            } else if rest.next() == Some('[') {
                rest.find(|c| c.is_ascii_alphabetic());
            }
        }
        lines.push(line);
    }
    lines
}

#[test]
fn bars_fit_the_terminal_and_name_the_images_in_flight() {
    need!("script");
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let mut random = Random::new(7);
    let mut image = |name: &str| {
        let layer = Layer::gzip(&tar(&[("x", &random.bytes(1 << 20), 0o644)]));
        Image::single(name, "1", "[]", &[layer])
    };
    let long = "acme/a-name-that-is-longer-than-forty-columns/of-a-terminal";
    let (one, two) = (image("acme/one"), image(long));
    let named = format!("docker.io/{long}:1");
    images::write_layout(&sealift.at("source"), &[("docker.io/acme/one:1", &one), (&named, &two)]);
    run!(sealift, "export", "oci:source", "-o", "b.tar", "--sign-key", keys.private).ok();
    let served = sealift.serve(&sealift.at("b.tar"), &keys.public);
    let host = served.host();

    for columns in [40, 80, 200] {
        let images = format!("{host}/acme/one:1 {host}/{long}:1");
        let rest = "--limit-rate 1MB --sign-key signer.key.pem --format json";
        let line = format!("export {images} -o again-{columns}.tar {rest} > result");
        let (shown, exit) = at_terminal(&sealift, columns, &line, "");

        assert_eq!(exit, code::DONE, "{shown}");
        // A line that is filled to its end is followed by the next one without a word.
        let lines: Vec<String> = lines(&shown)
            .iter()
            .flat_map(|line| {
                let all: Vec<char> = line.chars().collect();
                let parts = all.chunks(columns.into()).map(|part| part.iter().collect());
                parts.collect::<Vec<String>>()
            })
            .collect();
        for line in &lines {
            let whole = match line.contains("fetching") {
                true => line.starts_with("fetching") && line.contains("MiB"),
                false if line.contains(":1 ") => line.starts_with("  "),
                false => true,
            };
            assert!(whole, "at {columns}: {line:?}");
        }
        let says = |words: &str| lines.iter().any(|line| line.contains(words));
        assert!(says("fetching") && says("/acme/one:1") && says("of-a-terminal:1"), "{shown}");
    }
}

#[test]
fn an_interrupt_at_a_prompt_ends_at_once() {
    need!("script");
    let sealift = Sealift::new();
    for line in ["key generate -o k", "login h.example", "login h.example -u me"] {
        let begun = Instant::now();
        let (shown, exit) = at_terminal(&sealift, 80, line, "\u{3}");

        assert_eq!(exit, code::INTERRUPTED, "{line}: {shown}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{line}: {:?}", begun.elapsed());
        assert!(!sealift.at("k.key.pem").exists());
    }
}

#[test]
fn nothing_is_tried_again_after_an_interrupt() {
    use crate::support::double::{Double, Reply};
    use std::io::{BufRead as _, BufReader};
    let busy = Double::start(|_| Some(Reply::new(503, "").header("retry-after", "1")));
    let sealift = Sealift::new();
    sealift.keys("signer");
    let mut command = sealift.command();
    let name = format!("{}/acme/app:1", busy.host());
    command.args(["export", &name, "-o", "b", "--sign-key", "signer.key.pem"]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();

    assert!(lines.any(|line| line.unwrap().starts_with("retrying in ")));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();

    assert_eq!(child.wait().unwrap().code(), Some(code::INTERRUPTED), "{rest:?}");
    assert!(!rest.iter().any(|line| line.contains("retrying")), "{rest:?}");
    assert!(rest.iter().any(|line| line.starts_with("error: interrupted")), "{rest:?}");
}

#[test]
fn tables_fold_at_a_narrow_terminal_and_nowhere_else() {
    need!("script");
    let sealift = Sealift::new();
    sealift.keys("k");
    let layout = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");
    run!(sealift, "export", layout, "-o", "b", "--sign-key", "k.key.pem").ok();
    for line in [
        "inspect b --key k.pub.pem",
        "verify b --key k.pub.pem",
        "import b --to oci:x --key k.pub.pem --dry-run",
    ] {
        let piped = crate::support::sealift::ran(sealift.command().args(line.split(' '))).ok();
        let (wide, _) = at_terminal(&sealift, 200, line, "");
        for row in piped.stdout.lines().filter(|row| row.contains("library/hello")) {
            assert!(lines(&wide).iter().any(|shown| shown == row), "{row:?} in {wide}");
        }
        let (narrow, code) = at_terminal(&sealift, 40, line, "");
        assert_eq!(code, code::DONE, "{narrow}");
        let shown = lines(&narrow);
        assert!(shown.iter().any(|row| row == "docker.io/library/hello:1.0"), "{narrow}");
        let rows = shown.iter().filter(|row| row.contains("linux/amd64") || row.contains("KiB"));
        let cells = rows.filter(|row| row.starts_with("  "));
        cells.for_each(|row| assert!(row.chars().count() <= 40, "{row:?} in {narrow}"));
    }
}
