//! The folder in which the demo plays, and the commands that it shows as it runs them.

use crate::{Result, shell, testdata};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub struct Stage {
    folder: shell::Scratch,
    sealift: PathBuf,
}

impl Stage {
    pub fn new(sealift: &Path) -> Result<Stage> {
        let folder = shell::Scratch::new("sealift-demo")?;
        println!("# every `sealift` with --no-progress, which leaves what counts");
        println!("$ cd {}", folder.path().display());
        Ok(Stage { folder, sealift: sealift.to_path_buf() })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn title(&self, text: &str) {
        println!("\n== {text}");
    }

    pub fn copy_folder(&self, from: &Path, to: &str) -> Result {
        println!("$ cp -r {} {to}", from.strip_prefix(shell::root()).unwrap_or(from).display());
        for path in shell::files(from)? {
            let name = path.strip_prefix(from).unwrap_or(&path);
            shell::write(&self.path(to).join(name), shell::read(&path)?)?;
        }
        Ok(())
    }

    /// The product with these words, run in the folder; no setting of this machine's user counts.
    pub fn command(&self, args: &str) -> Command {
        let mut command = Command::new(&self.sealift);
        command.args(args.split(' ')).arg("--no-progress").current_dir(self.folder.path());
        command.env("XDG_STATE_HOME", self.path("state"));
        for name in ["SEALIFT_PASSPHRASE", "SOURCE_DATE_EPOCH", "REGISTRY_AUTH_FILE"] {
            command.env_remove(name);
        }
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command
    }

    pub fn sealift(&self, args: &str) -> Result {
        self.sealift_ends(args, 0)
    }

    pub fn sealift_fails(&self, args: &str, code: i32) -> Result {
        self.sealift_ends(args, code)?;
        println!("# exit code {code}, as it should be");
        Ok(())
    }

    fn sealift_ends(&self, args: &str, code: i32) -> Result {
        println!("$ sealift {args}");
        let output = self.shown(&mut self.command(args))?;
        if output.status.code() == Some(code) {
            return Ok(());
        }
        Err(format!("`sealift {args}` should end with code {code}: {}", output.status))
    }

    /// Another program, which must succeed.
    pub fn run(&self, command: &mut Command) -> Result {
        println!("$ {}", shell::shown(command));
        let output = self.shown(command.current_dir(self.folder.path()))?;
        if output.status.success() { Ok(()) } else { Err(shell::shown(command)) }
    }

    fn shown(&self, command: &mut Command) -> Result<Output> {
        let output = command.stdin(std::process::Stdio::null()).output();
        let output = output.map_err(|error| format!("{}: {error}", shell::shown(command)))?;
        let mut terminal = std::io::stdout().lock();
        let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        terminal.write_all(&said).map_err(|error| error.to_string())?;
        Ok(output)
    }

    /// Writes a program into the folder and runs it; it must greet.
    pub fn run_program(&self, name: &str, content: &[u8]) -> Result<String> {
        let path = self.path("run").join(name);
        shell::write(&path, content)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        println!("$ run/{name}");
        let said = shell::output(&mut Command::new(&path))?;
        print!("{said}");
        if said.trim_end() == testdata::GREETING {
            return Ok(said);
        }
        Err(format!("the program says {said:?}"))
    }
}
