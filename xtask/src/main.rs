//! The project's own chores: `cargo xtask tidy | test | demo | dist | peers | testdata | bench`.
//!
//! A plain program behind a cargo alias, so that a fresh machine needs git and Rust only. It knows
//! the product by its command line alone and builds without it.

mod bench;
mod debian;
mod demo;
mod deny;
mod dist;
mod go;
mod http;
mod image;
mod language_peers;
mod package;
mod program;
mod relay;
mod server;
mod shell;
mod slowest;
mod test;
mod testdata;
mod tidy;

use std::process::ExitCode;

/// What every chore answers: done, or one message that says what is wrong.
type Result<T = ()> = std::result::Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask <CHORE>

  test                          everything that must pass before a change goes in (35 to 40 minutes on a new machine)
  demo [--sealift FILE]         the whole crossing, with what the repository ships
  dist [--sealift FILE]         a static program, an archive, a Debian package, and checksums
  package [--sealift FILE]      tries that package in a fresh Debian root
  tidy                          the house rules that a compiler does not know
  peers [NAME]...               builds what tests/go-peers.txt lists, and prints where it is;
                                python and npm are the lists of those in tests/
  testdata [--check]            writes (or compares) the demo image in testdata/hello
  bench [--size quick|full] [--runs N] [--sealift FILE] [--peers-only] [--small-only]
        [--serving-only] [--requests-only] [--update-only] [--media-only] [--locking-only]
        [--clients N,...] [--against FILE]
                                sealift beside skopeo and crane; writes docs/performance.md,
                                with --requests-only its section of requests alone (seconds),
                                with --update-only that of what a month later costs;
                                with --media-only that of volumes, repair, encryption;
                                with --locking-only names that are locked, printed alone;
                                --clients says how many read at a time from each server;
                                --against another program of sealift, and writes nothing

--sealift FILE takes a built program instead of building one.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["tidy"] => tidy::run(),
        ["test"] => test::run(),
        ["demo", rest @ ..] => demo::run(rest),
        ["peers", "python"] => language_peers::PYTHON.provide().map(drop),
        ["peers", "npm"] => language_peers::NPM.provide().map(drop),
        ["peers", names @ ..] => go::run(names),
        ["dist", rest @ ..] => dist::run(rest),
        ["package", rest @ ..] => package::run(rest),
        ["testdata"] => testdata::write(),
        ["testdata", "--check"] => testdata::check(),
        ["bench", rest @ ..] => bench::run(rest),
        [] | ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
