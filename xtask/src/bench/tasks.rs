//! What is measured: each task as sealift does it and as its peer does.

use super::measure::{self, Sample};
use super::set::Set;
use crate::relay::Relay;
use crate::server::Server;
use crate::{Result, http, image, shell};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One line of the results.
pub struct Task {
    pub name: String,
    pub peer: &'static str,
    pub ours: Vec<Sample>,
    pub theirs: Vec<Sample>,
}

const NAMES: [(&str, &str); 6] = [
    ("export, directory", "`skopeo copy` per image into one layout"),
    ("verify, directory", "`sha256sum` of every blob, trusting no list"),
    ("export, packed", "`skopeo copy` per image, then `tar cf`"),
    ("verify, packed", "`sha256sum` of the one file"),
    ("import, packed", "`tar xf`, then `skopeo copy` per image"),
    ("import again", "`skopeo copy` per image, already unpacked"),
];

const COPY: &str = "skopeo --insecure-policy copy --quiet --all --preserve-digests";

/// Which of [`NAMES`] are measured of many small images: the rest is about bytes.
pub const SMALL: [usize; 3] = [2, 4, 5];

pub struct Bench<'a> {
    pub set: &'a Set,
    /// What the tasks' names begin with.
    pub title: &'a str,
    /// The places in [`NAMES`] of the tasks that are measured.
    pub chosen: &'a [usize],
    /// None: only the peers are measured.
    pub sealift: Option<PathBuf>,
    pub work: &'a Path,
    /// What a round trip to the registries takes beside their own time.
    pub round_trip: Duration,
}

impl Bench<'_> {
    pub fn run(&self, runs: usize) -> Result<Vec<Task>> {
        let task = |at: &usize| Task {
            name: format!("{}{}", self.title, NAMES[*at].0),
            peer: NAMES[*at].1,
            ours: Vec::new(),
            theirs: Vec::new(),
        };
        let mut tasks: Vec<Task> = self.chosen.iter().map(task).collect();
        let outside = self.set.serve()?;
        let source = self.address(&outside)?;
        if self.sealift.is_some() {
            let key = self.sealift("key generate --no-passphrase -o key --quiet > key.txt");
            shell::run(shell::script(&format!("rm -f key.*; {key}")).current_dir(self.work))?;
        }
        self.set.warm()?;
        for run in 1..=runs {
            println!("run {run} of {runs}");
            if self.sealift.is_some() {
                let samples = self.side(&outside, "ours", &self.ours(&source))?;
                tasks.iter_mut().zip(samples).for_each(|(task, s)| task.ours.push(s));
            }
            let samples = self.side(&outside, "theirs", &self.theirs(&source))?;
            tasks.iter_mut().zip(samples).for_each(|(task, s)| task.theirs.push(s));
        }
        Ok(tasks)
    }

    /// Measures all tasks of one side, from nothing to nothing.
    fn side(&self, outside: &Server, side: &str, scripts: &[String; 6]) -> Result<Vec<Sample>> {
        let store = self.work.join(format!("registry-{side}"));
        let inside = Server::registry(&store)?;
        let destination = self.address(&inside)?;
        let mut samples = Vec::new();
        for at in self.chosen {
            let (script, name) = (&scripts[*at], NAMES[*at].0);
            let script = script.replace("INSIDE", &destination);
            let sample = measure::run(self.work, &script)?;
            println!(
                "  {side:<6} {}{name:<18} {:>7.2} s  cpu {:>6.2} s  {:>6.1} MiB",
                self.title, sample.wall, sample.cpu, sample.memory
            );
            samples.push(sample);
        }
        self.compare(outside, &inside)?;
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

    fn ours(&self, outside: &str) -> [String; 6] {
        let images = self.set.images.iter();
        let names: Vec<String> = images.map(|name| format!("{outside}/bench/{name}:1")).collect();
        let names = names.join(" ");
        let import = "import ours.tar --to docker://INSIDE --key key.pub.pem --no-progress --quiet";
        [
            &*format!("export {names} -o ours --sign-key key.key.pem --no-progress --quiet"),
            "verify ours --key key.pub.pem --no-progress --quiet",
            &*format!("export {names} -o ours.tar --sign-key key.key.pem --no-progress --quiet"),
            "verify ours.tar --key key.pub.pem --no-progress --quiet",
            import,
            import,
        ]
        .map(|args| self.sealift(args))
    }

    fn sealift(&self, args: &str) -> String {
        let program = self.sealift.as_deref().unwrap_or(Path::new("sealift"));
        format!("exec {} {args}", shell::quoted(program))
    }

    fn theirs(&self, outside: &str) -> [String; 6] {
        let pull = |folder: &str| {
            self.each_image(|name| {
                let from = format!("docker://{outside}/bench/{name}:1");
                format!("{COPY} --src-tls-verify=false {from} oci:{folder}:{name}:1")
            })
        };
        let push = self.each_image(|name| {
            let to = format!("docker://INSIDE/bench/{name}:1");
            format!("{COPY} --dest-tls-verify=false oci:theirs-unpacked:{name}:1 {to}")
        });
        [
            pull("theirs"),
            "cd theirs; find blobs -type f -print0 | xargs -0 sha256sum > ../sums".to_owned(),
            format!("{}; tar -C theirs-staged -cf theirs.tar .", pull("theirs-staged")),
            "sha256sum theirs.tar > sums".to_owned(),
            format!("mkdir theirs-unpacked; tar -C theirs-unpacked -xf theirs.tar; {push}"),
            push,
        ]
    }

    fn each_image(&self, command: impl Fn(&str) -> String) -> String {
        let commands: Vec<String> = self.set.images.iter().map(|name| command(name)).collect();
        commands.join("; ")
    }

    /// Every image must have arrived with its digest.
    fn compare(&self, outside: &Server, inside: &Server) -> Result {
        for (name, digest) in self.set.images.iter().zip(&self.set.digests) {
            let path = format!("/v2/bench/{name}/manifests/1");
            for registry in [outside, inside] {
                let (status, body) = http::get(registry.port, &path)?;
                if status != 200 || image::digest(&body) != *digest {
                    return Err(format!("{}{path} is not {digest} ({status})", registry.host()));
                }
            }
        }
        Ok(())
    }
}
