//! `sealift login` and `sealift logout`.

use std::process::ExitCode;

use clap::Args;

use super::idle;
use super::printer::Printer;
use super::registries::Registries;
use super::secrets;
use crate::places::registry::CredentialFile;
use crate::verbs::login::{Logout, Request, Summary, login, logout};
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::reference::Registry;

/// Log in to a registry
///
/// The registry is asked first; only credentials that it takes are kept, in the file that podman
/// and skopeo read (or docker's, with --authfile), or with the credential helper that it names.
#[derive(Debug, Args)]
#[command(
    mut_arg("jobs", |jobs| jobs.hide(true)),
    after_help = "Examples:
  sealift login harbor.example
  sealift login harbor.example -u 'robot$team+ci' --password-stdin < token.txt
  sealift login docker.io --authfile ~/.docker/config.json
  sealift login --plain-http harbor.local:8080 harbor.local:8080

The password is read from the terminal or from standard input, never from an argument. Without
--authfile it is kept in REGISTRY_AUTH_FILE, else in $XDG_RUNTIME_DIR/containers/auth.json, else in
~/.config/containers/auth.json. With --plain-http it is kept under http://HOST, and so goes there in
the clear in later runs, too. docs/registries.md tells what each registry wants."
)]
pub(super) struct Login {
    /// The registry
    #[arg(value_name = "HOST[:PORT]")]
    registry: Registry,
    /// User name [default: ask]
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
    #[command(flatten)]
    registries: Registries,
}

impl Login {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        idle::tell(&self.registries.given_for_blobs(), "no blob is moved", printer);
        let user = match self.username {
            Some(user) => user,
            None => secrets::ask_line(
                &format!("User name at {}: ", self.registry),
                ("a user name", secrets::LOGIN),
                printer.cancel(),
            )?,
        };
        // With a colon in it, nobody could tell where the password begins (RFC 7617, section 2).
        if user.is_empty() || user.contains(':') {
            return Err(Error::new(Class::Usage, "a user name is not empty and has no colon"));
        }
        let password = match self.password_stdin {
            true => secrets::password_from_stdin()?,
            false => secrets::ask_password(&format!("Password of {user} at {}: ", self.registry))?,
        };
        let file = CredentialFile::new(self.registries.login_file()?);
        let settings = self.registries.settings();
        let request = Request { registry: self.registry, user, password, file, settings };
        let summary = login(request, printer.progress())?;
        if !summary.checked {
            printer.note(&format!(
                "warning: {} lets anyone in, so the password could not be checked",
                summary.registry
            ));
        }
        printer.result(&summary, || welcome(&summary))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn welcome(summary: &Summary) -> Vec<String> {
    let place = match &summary.helper {
        Some(name) => format!("docker-credential-{}", Safe(name)),
        None => Safe(&summary.file.display().to_string()).to_string(),
    };
    vec![
        format!("logged in to {} as {}", summary.registry, Safe(&summary.user)),
        format!("kept in {place}"),
    ]
}

/// Forget the credentials of a registry
#[derive(Debug, Args)]
#[command(
    mut_arg("jobs", |jobs| jobs.hide(true)),
    mut_arg("limit_rate", |rate| rate.hide(true)),
    mut_arg("timeout", |timeout| timeout.hide(true)),
    after_help = "Examples:
  sealift logout harbor.example
  sealift logout docker.io --authfile ~/.docker/config.json

They are removed from the file that login writes, or from the credential helper that it names."
)]
pub(super) struct LogoutArgs {
    /// The registry
    #[arg(value_name = "HOST[:PORT]")]
    registry: Registry,
    #[command(flatten)]
    registries: Registries,
}

impl LogoutArgs {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let given = [&self.registries.given()[1..], &self.registries.given_for_blobs()[1..]];
        idle::tell(&given.concat(), "the registry is not asked", printer);
        let file = CredentialFile::new(self.registries.login_file()?);
        let file = file.until(printer.cancel().clone());
        let others = self.registries.settings().auth_files;
        let done = logout(self.registry, &file, &others)?;
        printer.result(&done, || farewell(&done))?;
        for path in &done.also_in {
            let (shown, host) = (path.display().to_string(), &done.registry);
            let (same, path) = (*path == done.file, Safe(&shown));
            printer.note(&match same {
                true => format!(
                    "warning: {path} still holds credentials for paths below {host}; podman \
                     logout {host}/PATH --authfile {path} removes them"
                ),
                false => format!(
                    "warning: {path} still holds credentials for {host}; sealift logout {host} \
                     --authfile {path} removes those of the whole host"
                ),
            });
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn farewell(done: &Logout) -> Vec<String> {
    let file = done.file.display().to_string();
    vec![match done.removed {
        true => format!("logged out of {}", done.registry),
        false => format!("{} holds no credentials for {}", Safe(&file), done.registry),
    }]
}
