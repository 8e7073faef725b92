//! `docs/performance.md`: the machine, the corpus, the figures, and how to have them again.

use super::corpus::Corpus;
use super::measure::{self, Sample};
use super::set::Set;
use super::tasks::Task;
use crate::shell;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The heading of the section of requests.
pub const REQUESTS: &str = "Requests";
/// The heading of the section of what a month later costs.
pub const UPDATE: &str = "A monthly update";
/// The heading of the section of volumes, recovery data and encryption.
pub const MEDIA: &str = "Media";

pub fn markdown(
    corpus: &Corpus,
    small: &Set,
    tasks: &[Task],
    serving: &str,
    command: &str,
    machine: &str,
) -> String {
    let sides = tasks.iter().flat_map(|task| &task.sides);
    let runs = sides.map(|side| side.samples.len()).max().unwrap_or(0);
    format!(
        "# Performance\n\n\
         The figures below come from this command; it needs Debian with `skopeo`,\n\
         `docker-registry` and `time`, and the network once, for the packages; and for crane a Go\n\
         toolchain of 1.25 or later.\n\n    \
         {command}\n\n\
         ## Results\n\n\
         Medians; runs: {runs}. The sides take turns, with a warm page cache; every run has fresh\n\
         folders and a fresh registry inside, and afterwards every image there must have its\n\
         digest. CPU is user and system time of the client and its children, memory the peak of\n\
         its largest process; the registries are not counted. A ratio below 1 means that sealift\n\
         needs less. A peer that takes more than a minute and a half for a set is measured once.\n\n{}\n\
         What the peers do:\n\n{}\n\
         `verify` checks the signature, the file list, every hash and the graph of every image;\n\
         `export` writes hashes and a signature as well. The peers do neither: their figures are\n\
         for moving the bytes. `sha256sum` uses one core.\n\n\
         ## Serving\n\n{serving}\n\
         ## Corpus\n\n{}\n## Machine\n\n{}",
        results(tasks),
        peers(tasks),
        contents(corpus, small),
        machine
    )
}

/// `page` with this section's text in place of what it has; a section that is not there yet comes
/// before the corpus. All others stay as they are.
pub fn replaced(page: &str, title: &str, text: &str) -> String {
    let section = format!("## {title}\n\n{text}\n");
    let heading = |title: &str| page.find(&format!("\n## {title}\n")).map(|at| at + 1);
    let Some(start) = heading(title) else {
        let at = heading("Corpus").unwrap_or(page.len());
        return format!("{}{section}{}", &page[..at], &page[at..]);
    };
    match page[start..].find("\n## ") {
        Some(length) => format!("{}{section}{}", &page[..start], &page[start + length + 1..]),
        None => format!("{}{}", &page[..start], section.trim_end().to_owned() + "\n"),
    }
}

/// The figures as a table: a program a row, sealift first, and how much of each peer's it needs.
pub fn results(tasks: &[Task]) -> String {
    let mut table = "\
| task | program | wall | CPU | memory | sealift's wall to it | sealift's CPU to it |\n\
|---|---|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for task in tasks {
        let ours = task.sides.iter().find(|side| side.program == "sealift");
        let ours = ours.and_then(|side| measure::median(&side.samples));
        for side in &task.sides {
            let Some(sample) = measure::median(&side.samples) else { continue };
            let ratio = |figure: fn(&Sample) -> f64| match ours {
                Some(ours) if side.program != "sealift" && figure(&sample) > 0.0 => {
                    format!("**{:.2}**", figure(&ours) / figure(&sample))
                }
                _ => String::new(),
            };
            let _ = writeln!(
                table,
                "| {} | {} | {:.2} s | {:.2} s | {:.0} MiB | {} | {} |",
                task.name,
                side.program,
                sample.wall,
                sample.cpu,
                sample.memory,
                ratio(|s| s.wall),
                ratio(|s| s.cpu),
            );
        }
    }
    table
}

/// What the programs beside sealift do, a line each.
pub fn peers(tasks: &[Task]) -> String {
    let mut text = String::new();
    for task in tasks {
        for side in task.sides.iter().filter(|side| !side.does.is_empty()) {
            let once = if side.samples.len() == 1 { " (measured once)" } else { "" };
            let _ = writeln!(text, "- {}, {}: {}{once}", task.name, side.program, side.does);
        }
    }
    text
}

fn contents(corpus: &Corpus, small: &Set) -> String {
    let mut text = format!(
        "{} images of Debian packages, {} layers of {} to {}, {} in all; each layer is counted\n\
         once. Layers are gzip at level 6, `go-src` is a plain tar.\n\n\
         | image | layers |\n|---|---|\n",
        corpus.images.len(),
        corpus.layers.len(),
        corpus.layers.first().map_or(String::new(), |(_, size)| amount(*size)),
        corpus.layers.last().map_or(String::new(), |(_, size)| amount(*size)),
        amount(corpus.set.bytes),
    );
    for image in corpus.images {
        let size = |name: &&str| corpus.layers.iter().find(|(layer, _)| layer == name);
        let layers = image.layers.iter().map(|name| {
            let size = size(name).map_or(0, |(_, size)| *size);
            format!("{name} {}", amount(size))
        });
        let _ = writeln!(text, "| {} | {} |", image.name, layers.collect::<Vec<_>>().join(", "));
    }
    let _ = writeln!(
        text,
        "\nThe small images are {} of nine layers each and nothing in common: {} blobs, {} in all,\n\
         from a generator with fixed seeds. They are about requests, not bytes.",
        small.images.len(),
        small.blobs,
        amount(small.bytes),
    );
    text
}

/// Bytes as people read them.
pub fn amount(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e6 => format!("{:.1} kB", bytes / 1e3),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}

/// The machine and the programs, a line each.
pub fn machine(sealift: Option<&Path>, crane: Option<&Path>) -> String {
    let said = |program: &Path, args: &[&str]| {
        let output = shell::output(Command::new(program).args(args)).unwrap_or_default();
        output.lines().next().unwrap_or("unknown").trim().to_owned()
    };
    let of = |program: &str, args: &[&str]| said(Path::new(program), args);
    let field = |file: &str, name: &str| {
        let text = shell::read_text(Path::new(file)).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or("").to_owned();
        line.split(':').nth(1).unwrap_or("unknown").trim().to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let kib: f64 =
        field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let sealift = sealift.map_or("not measured".to_owned(), |path| said(path, &["--version"]));
    let facts = [
        format!("{cores} cores, {}", field("/proc/cpuinfo", "model name")),
        format!("{:.0} GiB of memory", kib / 1024.0 / 1024.0),
        format!("{}, Debian {}", of("uname", &["-sr"]), of("cat", &["/etc/debian_version"])),
        format!("{sealift}, commit {}", of("git", &["rev-parse", "--short", "HEAD"])),
        of("rustc", &["--version"]),
        format!("{} (Debian 12 has 1.9.3, built by Go 1.19)", of("skopeo", &["--version"])),
        of("docker-registry", &["--version"]),
        crane.map_or("no crane".to_owned(), |crane| format!("crane {}", said(crane, &["version"]))),
        of("tar", &["--version"]),
    ];
    facts.iter().map(|fact| format!("- {fact}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_written_and_no_other_is_touched() {
        let page = "# P\n\n## Results\n\nr\n\n## Corpus\n\nc\n";
        let first = replaced(page, REQUESTS, "one\n");
        let once = "# P\n\n## Results\n\nr\n\n## Requests\n\none\n\n## Corpus\n\nc\n";
        assert_eq!(first, once);
        assert_eq!(replaced(&first, REQUESTS, "two\n"), first.replace("one", "two"));
        assert_eq!(replaced(page, "Corpus", "d\n"), page.replace("c\n", "d\n"));
    }
}
