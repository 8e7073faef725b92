//! Many clients that read one large blob at a time: `sealift serve` beside other registries.

use super::against::{BEFORE, turn};
use super::measure::{Sample, median};
use super::set::Set;
use super::tasks::{self, Task};
use crate::image::{self, Descriptor};
use crate::server::Server;
use crate::{Result, go, shell};
use rustix::net::{AddressFamily, RecvFlags, SocketType, recv};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many clients ask at a time, unless others are asked for.
pub const CLIENTS: [usize; 3] = [20, 100, 200];
const NAME: &str = "large";
/// What the kernel counts processor time in (`man 5 proc`): the same on every Linux.
const TICKS: f64 = 100.0;

/// One server with what was measured of it, for each number of clients.
pub struct Side {
    name: &'static str,
    samples: Vec<Vec<Sample>>,
}

impl Side {
    /// What was measured for the number of clients at this place.
    fn of(&self, at: usize) -> tasks::Side {
        let program = if self.name == BEFORE { BEFORE } else { "sealift" };
        tasks::Side { program, does: "", samples: self.samples[at].clone() }
    }
}

/// What was measured, and of what.
pub struct Serving {
    sides: Vec<Side>,
    /// Servers that could not be had, each with the reason.
    missing: Vec<String>,
    clients: Vec<usize>,
    bytes: u64,
}

/// How much is measured: how large the image is, with how many clients, and how often.
pub struct Extent {
    pub quick: bool,
    pub clients: Vec<usize>,
    pub runs: usize,
}

/// Measures each server as often as `extent` says, in turns, fresh each time: sealift and others, or,
/// where there is a second program of it, those two.
pub fn run(
    cache: &Path,
    work: &Path,
    sealift: Option<&Path>,
    against: Option<&Path>,
    extent: Extent,
) -> Result<Serving> {
    let Extent { quick, clients, runs } = extent;
    let (set, blob) = make(cache, if quick { 40_000_000 } else { 333_000_000 })?;
    let bundle = |program: Option<&Path>, name: &str| {
        program.map(|program| pack(program, &set, work, name)).transpose()
    };
    let (bundle, old) = (bundle(sealift, "serving")?, bundle(against, "serving-before")?);
    let distribution = match against {
        Some(_) => Err("not measured".to_owned()),
        None => go::provide("distribution"),
    };
    let nothing = vec![Vec::new(); clients.len()];
    let mut serving = Serving { sides: Vec::new(), missing: Vec::new(), clients, bytes: blob.size };
    let names = match against {
        Some(_) => ["sealift serve", BEFORE].as_slice(),
        None => &["sealift serve", "nginx", "docker-registry", "distribution 3"],
    };
    serving.sides.extend(names.iter().map(|name| Side { name, samples: nothing.clone() }));
    serving.missing.push("zot: no program of it is to be had from Debian or Go's proxy".to_owned());
    if let Err(why) = &distribution {
        serving.missing.push(format!("distribution 3: {why}"));
    }
    set.warm()?;
    for run in 1..=runs {
        println!("serving, run {run} of {runs}");
        for place in 0..serving.clients.len() {
            let clients = serving.clients[place];
            let order = match against {
                Some(_) => turn(run, serving.sides.len()),
                None => (0..serving.sides.len()).collect(),
            };
            for at in order {
                let side = &mut serving.sides[at];
                let server = match side.name {
                    BEFORE => match (against, &old) {
                        (Some(program), Some(bundle)) => ours(program, bundle)?,
                        _ => continue,
                    },
                    "sealift serve" => match (sealift, &bundle) {
                        (Some(program), Some(bundle)) => ours(program, bundle)?,
                        _ => continue,
                    },
                    "docker-registry" => set.serve()?,
                    "nginx" => Server::nginx(&set.store, work)?,
                    _ => match &distribution {
                        Ok(program) => Server::distribution(program, &set.store)?,
                        Err(_) => continue,
                    },
                };
                let sample = measure(&server, &blob, clients)?;
                println!(
                    "  {:<16} {clients:>4} clients {}",
                    side.name,
                    figures(&sample, blob.size, clients)
                );
                side.samples[place].push(sample);
            }
        }
    }
    Ok(serving)
}

impl Serving {
    /// The same as tasks, one for each number of clients.
    pub fn tasks(&self) -> Vec<Task> {
        let task = |(at, clients): (usize, &usize)| Task {
            name: format!("serving {clients} clients"),
            sides: self.sides.iter().map(|side| side.of(at)).collect(),
        };
        self.clients.iter().enumerate().map(task).collect()
    }

    /// The figures as a table, with what they mean.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{} MB, read by many clients at a time from 127.0.0.1 over plain HTTP; a fresh server\n\
             each time, with a warm page cache. Clients take bytes without copying them. CPU is that\n\
             of the server alone, memory its peak. nginx (`sendfile`, a worker a core) has the files\n\
             of docker-registry's folder, and asks nobody who may have them.\n\n\
             | server | clients | throughput | CPU per GB | memory |\n|---|--:|--:|--:|--:|\n",
            self.bytes / 1_000_000
        );
        for side in &self.sides {
            for (clients, samples) in self.clients.iter().zip(&side.samples) {
                if let Some(sample) = median(samples) {
                    let cells = figures(&sample, self.bytes, *clients).replace(", ", " | ");
                    let _ = writeln!(text, "| {} | {clients} | {cells} |", side.name);
                }
            }
        }
        for missing in &self.missing {
            let _ = write!(text, "\nNot measured: {missing}.");
        }
        text.trim_end().to_owned() + "\n"
    }
}

fn figures(sample: &Sample, bytes: u64, clients: usize) -> String {
    let gigabytes = bytes as f64 * clients as f64 / 1e9;
    let (speed, cpu) = (gigabytes / sample.wall, sample.cpu / gigabytes);
    format!("{speed:.2} GB/s, {cpu:.2} s, {:.0} MiB", sample.memory)
}

/// An image with one layer of about `bytes` bytes, in a registry's folder.
fn make(cache: &Path, bytes: usize) -> Result<(Set, Descriptor)> {
    let layout = cache.join(format!("layout-{NAME}-{bytes}"));
    let mut content = Vec::with_capacity(bytes);
    let mut state = 1_u64;
    while content.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        content.extend((state ^ (state >> 33)).to_le_bytes());
    }
    let tar = image::tar("noise", 0o644, &content);
    drop(content);
    let diff_id = image::digest(&tar);
    let layer = match image::blob(&layout, &diff_id).is_file() {
        true => Descriptor::of(image::LAYER, &tar),
        false => image::put(&layout, image::LAYER, &tar)?,
    };
    let config = image::config("amd64", "2026-01-01T00:00:00Z", &[diff_id], &json!({}));
    let config = image::put(&layout, image::CONFIG, &config)?;
    let manifest = image::manifest(&config, std::slice::from_ref(&layer));
    let root = image::put(&layout, image::MANIFEST, &manifest)?;
    let digests = vec![root.digest.clone()];
    image::finish(&layout, &[(format!("{NAME}:1"), root)])?;
    let store = cache.join(format!("registry-{NAME}-{bytes}"));
    let set = Set { images: vec![NAME.to_owned()], digests, store, blobs: 2, bytes: layer.size };
    set.fill(&layout)?;
    Ok((set, layer))
}

/// The image as a packed bundle called `name`, with its key beside it.
fn pack(sealift: &Path, set: &Set, work: &Path, name: &str) -> Result<PathBuf> {
    let registry = set.serve()?;
    let program = shell::quoted(sealift);
    let script = format!(
        "{program} key generate --no-passphrase -o {name} --quiet > {name}.txt\n\
         {program} export {}/bench/{NAME}:1 -o {name}.tar --sign-key {name}.key.pem \
         --no-progress --quiet > {name}.txt",
        registry.host()
    );
    shell::run(shell::script(&script).current_dir(work))?;
    Ok(work.join(format!("{name}.tar")))
}

fn ours(sealift: &Path, bundle: &Path) -> Result<Server> {
    let mut command = std::process::Command::new(sealift);
    command.arg("serve").arg(bundle).arg("--key").arg(bundle.with_extension("pub.pem"));
    Server::sealift(command.args(["--listen", "127.0.0.1:0", "--no-progress", "--quiet"]))
}

/// All clients at once, each with a connection of its own; the time until the last one has it all.
fn measure(server: &Server, blob: &Descriptor, clients: usize) -> Result<Sample> {
    let processes = server.processes()?;
    let sum = |figure: fn(u32) -> Result<f64>| {
        processes.iter().try_fold(0.0, |sum, process| Ok::<_, String>(sum + figure(*process)?))
    };
    let before = sum(used)?;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..clients)
            .map(|number| scope.spawn(move || read(number, server.port, blob)))
            .collect();
        readers.into_iter().try_for_each(|reader| {
            reader.join().unwrap_or_else(|_| Err("a client stopped".to_owned()))
        })
    })?;
    let wall = begun.elapsed().as_secs_f64();
    // As the server works a little longer than its clients wait.
    std::thread::sleep(Duration::from_millis(50));
    Ok(Sample { wall, cpu: sum(used)? - before, memory: sum(peak)? })
}

/// Asks for the blob, and takes its bytes without copying them, which leaves the processors to the
/// server.
fn read(number: usize, port: u16, blob: &Descriptor) -> Result {
    let fail = |error: std::io::Error| format!("127.0.0.1:{port}: {error}");
    let mut socket = connect_as(number, port).map_err(|error| fail(error.into()))?;
    socket.set_read_timeout(Some(Duration::from_secs(120))).map_err(fail)?;
    let path = format!("/v2/bench/{NAME}/blobs/{}", blob.digest);
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).map_err(fail)?;
    let (mut buffer, mut got) = (vec![0; 256 << 10], 0);
    let first = socket.read(&mut buffer).map_err(fail)?;
    if !buffer.starts_with(b"HTTP/1.1 200 ") {
        return Err(format!("{path}: {}", String::from_utf8_lossy(&buffer[..first.min(200)])));
    }
    got += first as u64;
    loop {
        let taken = recv(&socket, buffer.as_mut_slice(), RecvFlags::TRUNC);
        match taken.map_err(|error| fail(error.into()))?.1 {
            0 if got > blob.size => return Ok(()),
            0 => return Err(format!("{path} ended after {got} bytes")),
            // The head is among them.
            count => got += count as u64,
        }
    }
}

/// A connection from an address that no other client has, as nodes have theirs: a server may judge by it.
fn connect_as(number: usize, port: u16) -> rustix::io::Result<TcpStream> {
    let [.., high, low] = u32::try_from(number + 1).unwrap_or(u32::MAX).to_be_bytes();
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &SocketAddr::from(([127, 1, high, low], 0)))?;
    rustix::net::connect(&socket, &SocketAddr::from(([127, 0, 0, 1], port)))?;
    Ok(socket.into())
}

/// Seconds of user and system time that a process has taken.
fn used(process: u32) -> Result<f64> {
    let text = shell::read_text(Path::new(&format!("/proc/{process}/stat")))?;
    ticks(&text).map(|ticks| ticks / TICKS).ok_or_else(|| format!("/proc says {text:?}"))
}

fn ticks(stat: &str) -> Option<f64> {
    // The name, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(next()? + next()?)
}

/// MiB that a process has had at most.
fn peak(process: u32) -> Result<f64> {
    let text = shell::read_text(Path::new(&format!("/proc/{process}/status")))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| "/proc says nothing of memory".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_any_name() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 100 0 0 0 25 17 0 0 20 0 1 0 100 0";
        assert_eq!(ticks(stat), Some(42.0));
        assert!(
            used(std::process::id()).unwrap() >= 0.0 && peak(std::process::id()).unwrap() > 0.0
        );
    }

    #[test]
    fn what_was_measured_is_a_line_a_server_and_number_of_clients() {
        let sample = Sample { wall: 2.0, cpu: 1.0, memory: 30.0 };
        let samples = vec![vec![sample], Vec::new()];
        let sides = vec![Side { name: "x", samples }];
        let (missing, clients) = (vec!["y: z".to_owned()], vec![20, 100]);
        let serving = Serving { sides, missing, clients, bytes: 100_000_000 };

        let table = serving.table();

        assert!(table.contains("| x | 20 | 1.00 GB/s | 0.50 s | 30 MiB |\n"), "{table}");
        assert!(table.ends_with("Not measured: y: z.\n") && !table.contains("| 100 |"));
    }
}
