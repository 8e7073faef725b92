//! The only reader of the arguments, the environment, the clock and standard input.
#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]

use std::ffi::OsString;
use std::io::{IsTerminal as _, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::SystemTime;

use rustix::termios::tcgetwinsize;

use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;

/// A variable that is set and not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that is set, be it to nothing.
pub(super) fn given(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A variable that holds a path.
pub(super) fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The arguments, with the name of the program before them.
pub(super) fn arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// The socket on which whoever started the program listens for it (`sd_listen_fds(3)`), where there is one.
///
/// # Errors
/// When there are several, or it is none that clients connect to by TCP.
pub(super) fn inherited_listener() -> Result<Option<std::net::TcpListener>> {
    let mut given = listenfd::ListenFd::from_env();
    let fault = |e| Error::io("the socket that was handed over (LISTEN_FDS) is none for TCP", e);
    match given.len() {
        0 => Ok(None),
        1 => given.take_tcp_listener(0).map_err(fault),
        several => {
            let text = format!("{several} sockets were handed over (LISTEN_FDS)");
            Err(Error::new(Class::Usage, text).hint("hand over one, or none and name --listen"))
        }
    }
}

/// What of the environment a job of a scheduler gets: where programs are, who asks, the language, and what
/// the scheduler's own commands read. Whatever else is set stays here: it may be a secret.
pub(super) fn for_jobs() -> Vec<(String, OsString)> {
    let own = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ"];
    let of_schedulers = ["SLURM_", "SBATCH_", "SINFO_", "SQUEUE_", "SCANCEL_", "MUNGE_"];
    let is_one = |name: &str| {
        own.contains(&name) || of_schedulers.iter().any(|begin| name.starts_with(begin))
    };
    let all =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    all.filter(|(name, _)| is_one(name)).collect()
}

/// How many columns the terminal has, or `COLUMNS` says; nothing where there is none.
pub(super) fn columns() -> Option<usize> {
    let (out, err, input) = (std::io::stdout(), std::io::stderr(), std::io::stdin());
    let seen = [size(&out), size(&err), size(&input)].into_iter().flatten().next();
    let said = || variable("COLUMNS")?.parse().ok().filter(|columns| *columns > 0);
    seen.map(|(columns, _)| columns).or_else(said)
}

/// How many columns and rows the terminal behind `place` has.
pub(super) fn size(place: &impl AsFd) -> Option<(usize, usize)> {
    let size = tcgetwinsize(place).ok()?;
    (size.ws_col > 0).then_some((size.ws_col.into(), size.ws_row.into()))
}

/// Where what is worth keeping between runs lies (XDG Base Directory Specification); nothing
/// where there is no home either.
pub(super) fn state_folder() -> Option<PathBuf> {
    let state = path("XDG_STATE_HOME").filter(|state| state.is_absolute());
    let state = state.or_else(|| path("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("sealift"))
}

/// Where the root of trust lies if that is not said, the first one first: the machine's, and the user's own
/// (XDG Base Directory Specification).
pub(super) fn trust_folders() -> Vec<PathBuf> {
    let config = path("XDG_CONFIG_HOME").filter(|config| config.is_absolute());
    let config = config.or_else(|| path("HOME").map(|home| home.join(".config")));
    let own = config.map(|config| config.join("sealift/trust"));
    [PathBuf::from("/etc/sealift/trust")].into_iter().chain(own).collect()
}

/// The file in which it is noted what was done, where none is named: the machine's own for root, unless
/// another place is set for what is kept; nothing where there is no home either.
pub(super) fn ledger_file() -> Option<PathBuf> {
    let is_set = path("XDG_STATE_HOME").is_some_and(|state| state.is_absolute());
    let folder = match rustix::process::geteuid().is_root() && !is_set {
        true => Some(PathBuf::from("/var/lib/sealift")),
        false => state_folder(),
    };
    folder.map(|folder| folder.join("ledger.jsonl"))
}

/// The user who runs this, and for whom where somebody became root for that.
pub(super) fn user() -> String {
    let id = rustix::process::geteuid().as_raw().to_string();
    let all = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let own = all.lines().map(|line| line.split(':')).find_map(|mut parts| {
        let name = parts.next()?;
        (parts.nth(1)? == id).then(|| name.to_owned())
    });
    let own = own.unwrap_or(id);
    match variable("SUDO_USER") {
        Some(other) => format!("{own} for {other}"),
        None => own,
    }
}

/// What this machine is called.
pub(super) fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// Standard input, for an archive that comes through a pipe.
pub(super) fn standard_input() -> Result<Box<dyn Read>> {
    let way_out = "pipe one in: docker save NAME | sealift export docker-archive:- ...";
    input_of(", not an archive", way_out)
}

/// Standard input, for the list that is called `-`.
pub(super) fn listed_input() -> Result<Box<dyn Read>> {
    input_of(", not a list", "pipe one in: helm template CHART | sealift export -f - ...")
}

/// Standard input, for what another program prints.
pub(super) fn piped() -> Result<Box<dyn Read>> {
    input_of("", "pipe something in: kubectl get pods -A -o json | sealift list -")
}

fn input_of(not: &str, way_out: &str) -> Result<Box<dyn Read>> {
    let stdin = std::io::stdin();
    match stdin.is_terminal() {
        true => {
            let text = format!("standard input is a terminal{not}");
            Err(Error::new(Class::Usage, text).hint(way_out))
        }
        false => Ok(Box::new(stdin)),
    }
}

/// Now.
pub(super) fn now() -> Result<Moment> {
    SystemTime::now().try_into()
}

/// The time that a bundle gets: `SOURCE_DATE_EPOCH` where it is set
/// (reproducible-builds.org/specs/source-date-epoch), else now.
pub(super) fn creation_time() -> Result<Moment> {
    match variable("SOURCE_DATE_EPOCH") {
        None => now(),
        Some(text) => {
            let seconds = text.parse::<u32>().map_err(|_| {
                Error::new(Class::Usage, format!("SOURCE_DATE_EPOCH={text:?} is no time"))
                    .hint("set it to whole seconds since 1970, or not at all")
            })?;
            Moment::from_unix(seconds.into())
        }
    }
}
