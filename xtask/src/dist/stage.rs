//! The tree that every package unpacks: `bin` and `share`, as they lie below `/usr` or `/usr/local`.

use super::{Release, notices};
use crate::{Result, shell};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where each shell looks below the prefix.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/sealift"),
    ("zsh", "share/zsh/vendor-completions/_sealift"),
    ("fish", "share/fish/vendor_completions.d/sealift.fish"),
];
/// Kept beside the program, from the root of the repository.
const TEXTS: [&str; 4] = ["README.md", "SECURITY.md", "LICENSE-APACHE", "LICENSE-MIT"];
const DOC: &str = "share/doc/sealift";

pub struct Stage {
    pub prefix: PathBuf,
}

impl Stage {
    /// Fills the folder `prefix` by asking the program for its pages and completions.
    pub fn fill(release: &Release, prefix: &Path) -> Result<Stage> {
        let stage = Stage { prefix: prefix.to_path_buf() };
        stage.put("bin/sealift", shell::read(&release.program)?)?;
        let ask = |args: &[&str]| shell::output(Command::new(&release.program).args(args));
        let verbs = ask(&["man", "--list"])?;
        for verb in std::iter::once("").chain(verbs.lines()) {
            let words: Vec<&str> = verb.split_whitespace().collect();
            let page = ask(&[&["man"], words.as_slice()].concat())?;
            let name = [&["sealift"], words.as_slice()].concat().join("-");
            stage.put(&format!("share/man/man1/{name}.1"), page)?;
        }
        for (shell, path) in COMPLETIONS {
            stage.put(path, ask(&["completions", shell])?)?;
        }
        for text in TEXTS {
            stage.put(&format!("{DOC}/{text}"), shell::read(&shell::root().join(text))?)?;
        }
        stage.put(&format!("{DOC}/copyright"), notices::copyright()?)?;
        stage
            .put(&format!("{DOC}/changelog"), shell::read(&shell::root().join("CHANGELOG.md"))?)?;
        stage.finish()?;
        Ok(stage)
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>) -> Result {
        shell::write(&self.prefix.join(path), content)
    }

    /// Compresses what Debian has compressed, without a time of its own, and sets the rights, which
    /// are else those of whoever packs.
    fn finish(&self) -> Result {
        let script = format!(
            "gzip -9n share/man/man1/*.1 {DOC}/changelog
             find . -type d -exec chmod 755 '{{}}' +
             find . -type f -exec chmod 644 '{{}}' +
             chmod 755 bin/sealift"
        );
        shell::output(shell::script(&script).current_dir(&self.prefix)).map(drop)
    }
}
