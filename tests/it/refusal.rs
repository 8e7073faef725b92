//! What refusing a bundle means: every verb says no, says why, and leaves nothing behind.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::PATIENCE;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift};

/// Which part of a bundle a fault is in: blobs are found while they move, the rest before.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    Head,
    Blob,
}

/// The four ways to use a bundle, each of which has to refuse it.
pub struct Refusal {
    pub sealift: Sealift,
    inside: Registry,
}

impl Refusal {
    /// An empty destination and nothing refused so far.
    pub fn new() -> Refusal {
        Refusal { sealift: Sealift::new(), inside: Registry::empty() }
    }

    /// Asserts that nothing takes `bundle`, that all say `named`, and what is left behind.
    pub fn check(&self, bundle: &Path, key: &Path, what: &str, code: i32, named: &str, part: Part) {
        let sealift = &self.sealift;
        println!("{what}");
        let verify = run!(sealift, "verify", bundle, "--key", key).exits(code).says(named);
        assert!(!verify.stdout.contains("\x1b"), "{what}");
        let report = run!(sealift, "verify", bundle, "--key", key, "--format", "json").exits(code);
        if report.stdout.starts_with('{') {
            assert_eq!(report.json()["ok"], false, "{what}");
        }

        let layout = sealift.at("layout");
        let to = format!("oci:{}", layout.display());
        run!(sealift, "import", bundle, "--to", to, "--key", key).exits(code).says(named);
        let index = std::fs::read_to_string(layout.join("index.json")).unwrap_or_default();
        assert!(!index.contains("sha256:"), "{what}: {index}");
        assert!(part == Part::Blob || !layout.exists(), "{what}: {} exists", layout.display());
        let _ = std::fs::remove_dir_all(layout);

        let before = self.inside.writes().len();
        let to = format!("docker://{}", self.inside.host());
        run!(sealift, "import", bundle, "--to", to, "--key", key).exits(code).says(named);
        let written = self.inside.writes().split_off(before);
        assert!(!written.iter().any(|request| request.is_tagging()), "{what}: {written:?}");
        assert!(part == Part::Blob || written.is_empty(), "{what}: {written:?}");

        serve_refuses(sealift, bundle, key).exits(code).says(named);
    }

    /// A name in the scratch folder, free again.
    pub fn fresh(&self, name: &str) -> PathBuf {
        let path = self.sealift.at(name);
        let _ = std::fs::remove_dir_all(&path);
        let _ = std::fs::remove_file(&path);
        path
    }
}

/// Runs `serve` on a bundle that it should not serve; one that it does serve is ended.
fn serve_refuses(sealift: &Sealift, bundle: &Path, key: &Path) -> Ran {
    let mut command = sealift.command();
    command.arg("serve").arg(bundle).arg("--key").arg(key).args(["--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let done = Ran::new(format!("{command:?}"), child.wait_with_output().unwrap());
    assert!(!done.stdout.contains("listening"), "{} was served", bundle.display());
    done
}
