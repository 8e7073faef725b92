//! What is measured: each task as sealift does it and as its peer does.

use super::against::{BEFORE, turn};
use super::measure::{self, Sample};
use super::set::Set;
use crate::relay::Relay;
use crate::server::Server;
use crate::{Result, shell};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// One line of the results.
pub struct Task {
    pub name: String,
    /// sealift first, where it is measured.
    pub sides: Vec<Side>,
}

/// A program with what was measured of it.
pub struct Side {
    pub program: &'static str,
    /// What it does; empty for sealift itself.
    pub does: &'static str,
    pub samples: Vec<Sample>,
}

const NAMES: [&str; 7] = [
    "export, directory",
    "verify, directory",
    "export, packed",
    "verify, packed",
    "import, packed",
    "import again",
    "export again, directory",
];
/// The place in [`NAMES`] of the task that older programs of sealift know nothing of.
const AGAIN: usize = 6;

/// What each program does for each of [`NAMES`]; nothing where it has nothing of the kind.
const SEALIFT: [&str; 7] = [""; 7];
/// What a program of sealift does that takes nothing from earlier bundles.
const SEALIFT_BEFORE: [&str; 7] = ["", "", "", "", "", "", NOTHING];
const SKOPEO: [&str; 7] = [
    "`skopeo copy` per image into one layout",
    "`sha256sum` of every blob, trusting no list",
    "`skopeo copy` per image, then `tar cf`",
    "`sha256sum` of the one file",
    "`tar xf`, then `skopeo copy` per image",
    "`skopeo copy` per image, already unpacked",
    "`skopeo copy` per image into its old layout",
];
const CRANE: [&str; 7] = [
    "one `crane pull --format=oci` of all",
    NOTHING,
    "one `crane pull` of all into its own kind of tar",
    NOTHING,
    "`crane push` per image, from a layout each that is there",
    "the same once more",
    "one `crane pull --format=oci` of all into its old folder",
];
const NOTHING: &str = "-";

/// Copies one image with all its platforms.
pub const COPY: &str = "skopeo --insecure-policy copy --quiet --all --preserve-digests";

/// Which of [`NAMES`] are measured of many small images: the rest is about bytes.
pub const SMALL: [usize; 5] = [0, AGAIN, 2, 4, 5];
/// Which of them are measured of the large ones.
pub const LARGE: [usize; 7] = [0, 1, AGAIN, 2, 3, 4, 5];

/// A peer whose tasks take longer together is measured once: over a line it waits for minutes.
const LONG: Duration = Duration::from_secs(90);

pub struct Bench<'a> {
    pub set: &'a Set,
    /// What the tasks' names begin with.
    pub title: &'a str,
    /// The places in [`NAMES`] of the tasks that are measured.
    pub chosen: &'a [usize],
    /// None: only the peers are measured.
    pub sealift: Option<PathBuf>,
    /// A second program of sealift, in place of the peers.
    pub against: Option<PathBuf>,
    /// None: it cannot be had here.
    pub crane: Option<PathBuf>,
    pub work: &'a Path,
    /// What a round trip to the registries takes beside their own time.
    pub round_trip: Duration,
}

/// What one program runs.
struct Scripts {
    program: &'static str,
    does: &'static [&'static str; 7],
    /// What it needs and is not measured.
    before: String,
    scripts: [String; 7],
}

impl Scripts {
    fn does(&self, at: usize) -> bool {
        self.does[at] != NOTHING
    }
}

/// A call of sealift.
fn ours(program: &Path, args: &str) -> String {
    format!("exec {} {args}", shell::quoted(program))
}

/// Whether this program of sealift takes blobs from an earlier bundle.
fn reuses(program: &Path) -> bool {
    let help = shell::output(Command::new(program).args(["export", "--help"]));
    help.is_ok_and(|help| help.contains("--reuse"))
}

impl Bench<'_> {
    pub fn run(&self, runs: usize) -> Result<Vec<Task>> {
        let outside = self.set.serve()?;
        let source = self.address(&outside)?;
        let mut programs = Vec::new();
        if let Some(sealift) = &self.sealift {
            let key = ours(sealift, "key generate --no-passphrase -o key --quiet > key.txt");
            shell::run(shell::script(&format!("rm -f key.*; {key}")).current_dir(self.work))?;
            programs.push(self.sealift("sealift", sealift, &source));
        }
        match &self.against {
            Some(before) => programs.push(self.sealift(BEFORE, before, &source)),
            None => {
                programs.push(self.skopeo(&source));
                let crane = self.crane.as_ref();
                programs.extend(crane.map(|crane| self.crane(crane, &source, &outside)));
            }
        }
        let side =
            |p: &Scripts, at| Side { program: p.program, does: p.does[at], samples: Vec::new() };
        let task = |at: &usize| Task {
            name: format!("{}{}", self.title, NAMES[*at]),
            sides: programs.iter().map(|program| side(program, *at)).collect(),
        };
        let mut tasks: Vec<Task> = self.chosen.iter().map(task).collect();
        let mut long = vec![false; programs.len()];
        self.set.warm()?;
        for run in 1..=runs {
            println!("run {run} of {runs}");
            let order = match self.against {
                Some(_) => turn(run, programs.len()),
                None => (0..programs.len()).collect(),
            };
            for place in order.into_iter().filter(|place| !long[*place]).collect::<Vec<_>>() {
                let program = &programs[place];
                let mut wall = 0.0;
                let samples = self.side(&outside, program)?;
                for (task, sample) in tasks.iter_mut().zip(samples) {
                    wall += sample.map_or(0.0, |sample| sample.wall);
                    task.sides[place].samples.extend(sample);
                }
                let is_peer = !["sealift", BEFORE].contains(&program.program);
                long[place] = is_peer && wall > LONG.as_secs_f64();
            }
        }
        tasks.iter_mut().for_each(|task| task.sides.retain(|side| side.does != NOTHING));
        Ok(tasks)
    }

    /// Measures all tasks of one program, from nothing to nothing.
    fn side(&self, outside: &Server, program: &Scripts) -> Result<Vec<Option<Sample>>> {
        let side = program.program;
        let store = self.work.join(format!("registry-{side}"));
        let inside = Server::registry(&store)?;
        let destination = self.address(&inside)?;
        shell::run(shell::script(&program.before).current_dir(self.work))?;
        let mut samples = Vec::new();
        for at in self.chosen {
            if !program.does(*at) {
                samples.push(None);
                continue;
            }
            let script = program.scripts[*at].replace("INSIDE", &destination);
            let sample = measure::run(self.work, &script)?;
            println!(
                "  {side:<7} {}{:<18} {:>7.2} s  cpu {:>6.2} s  {:>6.1} MiB",
                self.title, NAMES[*at], sample.wall, sample.cpu, sample.memory
            );
            samples.push(Some(sample));
        }
        self.set.stands_at(outside)?;
        self.set.stands_at(&inside)?;
        drop(inside);
        let clean = format!("rm -rf {side} {side}.tar {side}-* registry-{side}*");
        shell::run(shell::script(&clean).current_dir(self.work))?;
        Ok(samples)
    }

    /// Where the clients find `server`: behind the line, if there is one.
    fn address(&self, server: &Server) -> Result<String> {
        match self.round_trip {
            Duration::ZERO => Ok(server.host()),
            round_trip => Ok(Relay::to(server.port, round_trip)?.host()),
        }
    }

    /// What `program`, which is called `name`, does; its files are called so, too.
    fn sealift(&self, name: &'static str, program: &Path, outside: &str) -> Scripts {
        let names = self.names(outside);
        let quiet = "--no-progress --quiet";
        let import = format!("import {name}.tar --to docker://INSIDE --key key.pub.pem {quiet}");
        let scripts = [
            format!("export {names} -o {name} --sign-key key.key.pem {quiet}"),
            format!("verify {name} --key key.pub.pem {quiet}"),
            format!("export {names} -o {name}.tar --sign-key key.key.pem {quiet}"),
            format!("verify {name}.tar --key key.pub.pem {quiet}"),
            import.clone(),
            import,
            format!("export {names} -o {name}-again --reuse {name} --sign-key key.key.pem {quiet}"),
        ]
        .map(|args| ours(program, &args));
        let does = if reuses(program) { &SEALIFT } else { &SEALIFT_BEFORE };
        Scripts { program: name, does, before: String::new(), scripts }
    }

    fn skopeo(&self, outside: &str) -> Scripts {
        let pull = |folder: &str| {
            self.each_image(|name| {
                let from = format!("docker://{outside}/bench/{name}:1");
                format!("{COPY} --src-tls-verify=false {from} oci:{folder}:{name}:1")
            })
        };
        let push = self.each_image(|name| {
            let to = format!("docker://INSIDE/bench/{name}:1");
            format!("{COPY} --dest-tls-verify=false oci:skopeo-unpacked:{name}:1 {to}")
        });
        let scripts = [
            pull("skopeo"),
            "cd skopeo; find blobs -type f -print0 | xargs -0 sha256sum > ../sums".to_owned(),
            format!("{}; tar -C skopeo-staged -cf skopeo.tar .", pull("skopeo-staged")),
            "sha256sum skopeo.tar > sums".to_owned(),
            format!("mkdir skopeo-unpacked; tar -C skopeo-unpacked -xf skopeo.tar; {push}"),
            push,
            pull("skopeo"),
        ];
        Scripts { program: "skopeo", does: &SKOPEO, before: String::new(), scripts }
    }

    /// Its layouts keep no names by which it could push out of one that several images share.
    fn crane(&self, crane: &Path, source: &str, outside: &Server) -> Scripts {
        let crane = shell::quoted(crane);
        let names = self.names(source);
        let near = outside.host();
        let layouts = self.each_image(|name| {
            format!("{crane} pull --format=oci {near}/bench/{name}:1 crane-layouts/{name}")
        });
        let push = self.each_image(|name| {
            format!("{crane} push crane-layouts/{name} INSIDE/bench/{name}:1 > crane-pushed")
        });
        let scripts = [
            format!("{crane} pull --format=oci {names} crane"),
            String::new(),
            format!("{crane} pull {names} crane.tar"),
            String::new(),
            push.clone(),
            push,
            format!("{crane} pull --format=oci {names} crane"),
        ];
        let before = format!("mkdir -p crane-layouts; {layouts}");
        Scripts { program: "crane", does: &CRANE, before, scripts }
    }

    fn names(&self, registry: &str) -> String {
        let images = self.set.images.iter();
        let names: Vec<String> = images.map(|name| format!("{registry}/bench/{name}:1")).collect();
        names.join(" ")
    }

    fn each_image(&self, command: impl Fn(&str) -> String) -> String {
        let commands: Vec<String> = self.set.images.iter().map(|name| command(name)).collect();
        commands.join("; ")
    }
}
