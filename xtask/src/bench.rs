//! `cargo xtask bench`: sealift beside skopeo and crane, on the same images and the same registries.

mod against;
mod corpus;
mod inventory;
mod locking;
mod measure;
mod media;
mod months;
mod report;
mod requests;
mod serving;
mod set;
mod small;
mod stocked;
mod tasks;
mod update;
mod world;

use crate::{Result, debian, go, program, shell};
use corpus::{Corpus, Month};
use std::path::PathBuf;
use std::time::Duration;
use tasks::{Bench, Task};

const PACKAGES: [&str; 4] = ["docker-registry", "nginx-light", "skopeo", "time"];
/// How many small images go over a line with a round trip, and how long that takes.
const FAR_IMAGES: usize = 60;
/// How many repositories of 50 tags are locked.
const LOCKED: usize = 40;
/// How many repositories a large site has.
const REPOSITORIES: usize = 2_000;
const ROUND_TRIP: Duration = Duration::from_millis(40);
const PAGE: &str = "docs/performance.md";

/// What was asked for.
#[derive(Debug)]
struct Options {
    quick: bool,
    runs: usize,
    sealift: Option<PathBuf>,
    /// A second program of sealift: it is measured in place of the peers, and nothing is written.
    against: Option<PathBuf>,
    peers_only: bool,
    small_only: bool,
    serving_only: bool,
    requests_only: bool,
    update_only: bool,
    media_only: bool,
    locking_only: bool,
    /// How many clients read at a time where serving is measured.
    clients: Vec<usize>,
}

pub fn run(args: &[&str]) -> Result {
    let options = parse(args)?;
    debian::provide(&PACKAGES.map(str::to_owned))?;
    for program in ["docker-registry", "skopeo", "/usr/bin/time", "dpkg-deb", "apt-get"] {
        if !shell::installed(program) {
            return Err(format!("the bench needs {program}"));
        }
    }
    let sealift = match (&options.sealift, options.peers_only) {
        (_, true) => None,
        (Some(file), false) => Some(file.clone()),
        // How often it asks does not depend on how fast it is.
        (None, false) if options.requests_only => Some(program::build("dev")?),
        (None, false) => Some(program::build("release")?),
    };
    let cache = shell::root().join("target/bench-cache");
    let work = shell::Scratch::below(&cache, "work")?;
    let requests = || requests::run(work.path(), sealift.as_deref());
    if options.requests_only {
        return publish(report::REQUESTS, &requests()?.section(), options.peers_only);
    }
    let update =
        || update::run(&cache, work.path(), sealift.as_deref(), options.quick, options.runs);
    if options.update_only {
        // Small figures are for a look.
        return publish(report::UPDATE, &update()?.section(), options.peers_only || options.quick);
    }
    let media = || -> Result<String> {
        let sealift = sealift.as_deref();
        Ok(media::section(&media::run(&cache, work.path(), sealift, options.quick, options.runs)?))
    };
    if options.media_only {
        return publish(report::MEDIA, &media()?, options.peers_only || options.quick);
    }
    let against = options.against.as_deref();
    let serving = || {
        let (quick, clients, runs) = (options.quick, options.clients.clone(), options.runs);
        let extent = serving::Extent { quick, clients, runs };
        serving::run(&cache, work.path(), sealift.as_deref(), against, extent)
    };
    if options.serving_only {
        let serving = serving()?;
        match against {
            Some(_) => println!("\n{}", against::table(&serving.tasks())),
            None => println!("\n{}", serving.table()),
        }
        return Ok(());
    }
    if let (true, Some(sealift)) = (options.locking_only, &sealift) {
        let repositories = if options.quick { 2 } else { LOCKED };
        let task = locking::task(&cache, work.path(), sealift, repositories, options.runs)?;
        println!("\n{}", report::results(&[task]));
        return Ok(());
    }
    let crane = match against {
        Some(_) => None,
        None => go::provide("crane").map_err(|why| println!("without crane: {why}")).ok(),
    };
    let bench = |set, title: &str, chosen: &[usize], round_trip| -> Result<Vec<Task>> {
        let (sealift, crane, work) = (sealift.clone(), crane.clone(), work.path());
        let against = options.against.clone();
        let bench = Bench { set, title, chosen, sealift, against, crane, work, round_trip };
        bench.run(options.runs)
    };
    let small = small::make(&cache, if options.quick { 20 } else { 200 })?;
    let far = small::make(&cache, FAR_IMAGES)?;
    let small_tasks = || -> Result<Vec<Task>> {
        let title = format!("{} small images: ", small.images.len());
        let mut tasks = bench(&small, &title, &tasks::SMALL, Duration::ZERO)?;
        let title = format!("{FAR_IMAGES} small images over {} ms: ", ROUND_TRIP.as_millis());
        tasks.extend(bench(&far, &title, &tasks::SMALL, ROUND_TRIP)?);
        // A program of before may not have it.
        if let (Some(sealift), None) = (&sealift, against) {
            let repositories = if options.quick { 100 } else { REPOSITORIES };
            let (work, runs) = (work.path(), options.runs);
            tasks.push(inventory::task(&cache, work, sealift, repositories, runs)?);
            let repositories = if options.quick { 2 } else { LOCKED };
            tasks.push(locking::task(&cache, work, sealift, repositories, runs)?);
        }
        Ok(tasks)
    };
    let mut tasks = Vec::new();
    if options.small_only {
        let tasks = small_tasks()?;
        match against {
            Some(_) => println!("\n{}", against::table(&tasks)),
            None => println!("\n{}", report::results(&tasks)),
        }
        return Ok(());
    }
    let corpus = Corpus::make(&cache, options.quick, Month::This)?;
    println!("{} images, {:.0} MB", corpus.images.len(), corpus.set.bytes as f64 / 1e6);
    tasks.extend(bench(&corpus.set, "", &tasks::LARGE, Duration::ZERO)?);
    tasks.extend(small_tasks()?);
    let programs = (sealift.as_deref(), against);
    tasks.extend(months::run(&cache, work.path(), programs, options.quick, options.runs)?);
    if against.is_some() {
        tasks.extend(serving()?.tasks());
        println!("\n{}", against::table(&tasks));
        return Ok(());
    }
    let command = format!("cargo xtask bench {}", args.join(" "));
    let serving = serving()?.table();
    let (requests, update) = (requests()?.section(), update()?.section());
    let machine = report::machine(sealift.as_deref(), crane.as_deref());
    let command = command.trim_end();
    let media = media()?;
    let sections =
        [(report::REQUESTS, &requests), (report::UPDATE, &update), (report::MEDIA, &media)];
    let page = report::markdown(&corpus, &small, &tasks, &serving, command, &machine);
    let page =
        sections.iter().fold(page, |page, (title, text)| report::replaced(&page, title, text));
    if options.peers_only {
        println!("\n{page}");
        return Ok(());
    }
    shell::write(&shell::root().join(PAGE), page)?;
    println!("wrote {PAGE}");
    Ok(())
}

/// Puts the section into the page, where everything else stays as it is; or prints it.
fn publish(title: &str, section: &str, print: bool) -> Result {
    println!("\n{section}");
    if print {
        return Ok(());
    }
    let file = shell::root().join(PAGE);
    let page = report::replaced(&shell::read_text(&file)?, title, section);
    shell::write(&file, page)?;
    println!("wrote a section of {PAGE}");
    Ok(())
}

fn parse(args: &[&str]) -> Result<Options> {
    let (sealift, rest) = program::given(args)?;
    let mut options = Options {
        quick: false,
        runs: 5,
        sealift,
        against: None,
        peers_only: false,
        small_only: false,
        serving_only: false,
        requests_only: false,
        update_only: false,
        media_only: false,
        locking_only: false,
        clients: serving::CLIENTS.to_vec(),
    };
    let mut rest = rest.as_slice();
    while !rest.is_empty() {
        rest = match rest {
            ["--size", "quick", more @ ..] => {
                options.quick = true;
                more
            }
            ["--size", "full", more @ ..] => {
                options.quick = false;
                more
            }
            ["--runs", runs, more @ ..] => {
                options.runs = runs.parse().map_err(|_| format!("--runs {runs} is no number"))?;
                more
            }
            ["--clients", numbers, more @ ..] => {
                let number = |text: &str| {
                    text.parse().map_err(|_| format!("--clients {numbers} are no numbers"))
                };
                options.clients = numbers.split(',').map(number).collect::<Result<_>>()?;
                more
            }
            ["--against", file, more @ ..] => {
                let file = std::path::absolute(file).map_err(|error| format!("{file}: {error}"))?;
                options.against = Some(file);
                more
            }
            ["--small-only", more @ ..] => {
                options.small_only = true;
                more
            }
            ["--serving-only", more @ ..] => {
                options.serving_only = true;
                more
            }
            ["--requests-only", more @ ..] => {
                options.requests_only = true;
                more
            }
            ["--update-only", more @ ..] => {
                options.update_only = true;
                more
            }
            ["--media-only", more @ ..] => {
                options.media_only = true;
                more
            }
            ["--locking-only", more @ ..] => {
                options.locking_only = true;
                more
            }
            ["--peers-only", more @ ..] => {
                options.peers_only = true;
                more
            }
            [other, ..] => return Err(format!("bench does not know {other}")),
            [] => rest,
        };
    }
    if options.runs == 0 {
        return Err("--runs needs at least 1".to_owned());
    }
    let alone =
        options.peers_only || options.requests_only || options.update_only || options.media_only;
    if options.against.is_some() && alone {
        let why =
            "--against measures what two programs of sealift do, and no requests, updates or media";
        return Err(why.to_owned());
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options = parse(&["--size", "quick", "--runs", "3", "--peers-only"]).unwrap();
        assert!(options.quick && options.peers_only && options.runs == 3);
        assert_eq!(parse(&["--clients", "1,50"]).unwrap().clients, [1, 50]);
        assert!(parse(&["--clients", "1,"]).is_err());
        assert!(parse(&["--requests-only"]).unwrap().requests_only);
        assert!(parse(&["--against", "old", "--small-only"]).unwrap().against.is_some());
        assert!(parse(&["--against", "old", "--peers-only"]).is_err());
        assert!(parse(&["--update-only"]).unwrap().update_only);
        assert!(parse(&["--against", "old", "--update-only"]).is_err());
        assert!(parse(&["--media-only"]).unwrap().media_only);
        assert!(parse(&["--against", "old", "--media-only"]).is_err());
        assert!(parse(&["--against"]).is_err());
        assert!(parse(&["--size", "huge"]).is_err());
        assert!(parse(&["--runs", "0"]).is_err());
    }
}
