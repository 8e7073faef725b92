//! Month after month: two base layers have changed, and the other side has the rest.

use super::corpus::{Corpus, Month};
use super::measure::{self, Sample};
use super::report;
use super::set::Set;
use super::tasks::COPY;
use crate::server::Server;
use crate::{Result, shell};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// One line of the table.
struct Line {
    task: String,
    program: &'static str,
    /// What is run; a place in it is `INSIDE`, if the inside is asked.
    script: String,
    /// What has to be carried afterwards.
    carried: Option<Carried>,
    bytes: u64,
    samples: Vec<Sample>,
}

/// What of a program's output goes over the gap.
enum Carried {
    /// This file.
    File(&'static str),
    /// What this layout has beyond what the earlier one had.
    Beyond(&'static str, PathBuf),
}

/// What was measured.
pub struct Update {
    lines: Vec<Line>,
    images: usize,
}

/// Measures everything `runs` times, in turns.
pub fn run(
    cache: &Path,
    work: &Path,
    sealift: Option<&Path>,
    quick: bool,
    runs: usize,
) -> Result<Update> {
    let this = Corpus::make(cache, quick, Month::This)?;
    let next = Corpus::make(cache, quick, Month::Next)?;
    let outside = next.set.serve()?;
    let mut lines = skopeo(&this, &next.set, &outside);
    if let Some(sealift) = sealift {
        first_month(work, sealift, &this.set)?;
        lines.extend(ours(sealift, &next.set, &outside));
    }
    this.set.warm()?;
    next.set.warm()?;
    for run in 1..=runs {
        println!("update, run {run} of {runs}");
        for program in ["skopeo", "whole", "delta"] {
            side(work, &this, &next.set, program, &mut lines)?;
        }
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.program != "skopeo"));
    Ok(Update { lines, images: next.set.images.len() })
}

/// Measures the lines of one program, or of one way of sealift, with an inside that has the first
/// month.
fn side(
    work: &Path,
    this: &Corpus,
    next: &Set,
    program: &'static str,
    lines: &mut [Line],
) -> Result {
    let store = work.join("registry-inside");
    let layout = work.join("skopeo-layout");
    let copies = format!(
        "rm -rf {0} {1}; cp -a {2} {0}; cp -al {3} {1}; cp --remove-destination {3}/index.json {1}/",
        shell::quoted(&store),
        shell::quoted(&layout),
        shell::quoted(&this.set.store),
        shell::quoted(&this.layout),
    );
    shell::run(&mut shell::script(&copies))?;
    let inside = Server::registry(&store)?;
    let mut imported = false;
    for line in lines.iter_mut().filter(|line| line.program == program) {
        imported |= line.script.contains("INSIDE");
        let sample = measure::run(work, &line.script.replace("INSIDE", &inside.host()))?;
        line.bytes = match &line.carried {
            None => 0,
            Some(Carried::File(file)) => length(&work.join(file))?,
            Some(Carried::Beyond(name, earlier)) => beyond(&work.join(name), earlier)?,
        };
        println!("  {:<8} {:<34} {:>7.2} s  {:>12} B", program, line.task, sample.wall, line.bytes);
        line.samples.push(sample);
    }
    if imported {
        next.stands_at(&inside)?;
    }
    drop(inside);
    shell::run(
        shell::script("rm -rf registry-inside* skopeo-layout whole.tar delta.tar")
            .current_dir(work),
    )
}

fn length(path: &Path) -> Result<u64> {
    let about = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(about.len())
}

/// The bytes of the blobs that `layout` has and the one `earlier` has not.
fn beyond(layout: &Path, earlier: &Path) -> Result<u64> {
    let blobs = shell::files(&layout.join("blobs"))?;
    let name = |path: &Path| path.strip_prefix(layout).map(|name| earlier.join(name)).ok();
    let new = blobs.iter().filter(|path| name(path).is_some_and(|was| !was.exists()));
    new.map(|path| length(path)).sum()
}

/// The bundle of the first month, which the other side has.
fn first_month(work: &Path, sealift: &Path, this: &Set) -> Result {
    let registry = this.serve()?;
    let program = shell::quoted(sealift);
    let script = format!(
        "rm -f month.* june.tar; {program} key generate --no-passphrase -o month --quiet > month.txt\n\
         {program} export {} -o june.tar --sign-key month.key.pem --no-progress --quiet",
        names(this, &registry.host()),
    );
    shell::run(shell::script(&script).current_dir(work))
}

fn names(set: &Set, host: &str) -> String {
    let names: Vec<String> =
        set.images.iter().map(|name| format!("{host}/bench/{name}:1")).collect();
    names.join(" ")
}

fn line(task: &str, program: &'static str, script: String, carried: Option<Carried>) -> Line {
    Line { task: task.to_owned(), program, script, carried, bytes: 0, samples: Vec::new() }
}

fn ours(sealift: &Path, next: &Set, outside: &Server) -> Vec<Line> {
    let program = shell::quoted(sealift);
    let names = names(next, &outside.host());
    let mut lines = Vec::new();
    for (way, file, since) in
        [("whole", "whole.tar", ""), ("delta", "delta.tar", " --since june.tar")]
    {
        let export = format!(
            "exec {program} export {names}{since} -o {file} --sign-key month.key.pem \
             --no-progress --quiet"
        );
        let import = format!(
            "exec {program} import {file} --to docker://INSIDE --key month.pub.pem \
             --on-existing overwrite --no-progress --quiet"
        );
        lines.push(line("a month later, export", way, export, Some(Carried::File(file))));
        lines.push(line("a month later, import", way, import.clone(), None));
        lines.push(line("the same once more, import", way, import, None));
    }
    lines
}

/// skopeo copies layer by layer: what is there already it leaves out.
fn skopeo(this: &Corpus, next: &Set, outside: &Server) -> Vec<Line> {
    let each = |from: &str, to: &str| {
        let copies = next.images.iter().map(|name| {
            format!(
                "{COPY} --src-tls-verify=false --dest-tls-verify=false {} {}",
                from.replace("NAME", name),
                to.replace("NAME", name)
            )
        });
        copies.collect::<Vec<_>>().join("; ")
    };
    let registry = format!("docker://{}/bench/NAME:1", outside.host());
    let (layout, inside) = ("oci:skopeo-layout:NAME:1", "docker://INSIDE/bench/NAME:1");
    let carried = Carried::Beyond("skopeo-layout", this.layout.clone());
    vec![
        line("a month later, export", "skopeo", each(&registry, layout), Some(carried)),
        line("a month later, import", "skopeo", each(layout, inside), None),
        line("the same once more, import", "skopeo", each(layout, inside), None),
    ]
}

impl Update {
    /// The figures as a table, with what they mean.
    pub fn section(&self) -> String {
        let mut text = format!(
            "The corpus, {} images, a month later: the two layers that others stand on, `base` and\n\
             `perl`, are new, and with them every image has another digest. The registry inside has\n\
             the first month each time. `delta` is an export with `--since` the bundle of the first\n\
             month, `whole` one without; skopeo copies each image into the layout that has the first\n\
             month, and from there into the registry, and leaves out what is there: it does not\n\
             say which files are new, and their bytes are counted here.\n\n\
             | task | program | wall | CPU | memory | carried |\n|---|---|--:|--:|--:|--:|\n",
            self.images
        );
        let mut tasks: Vec<&str> = Vec::new();
        for line in &self.lines {
            if !tasks.contains(&line.task.as_str()) {
                tasks.push(&line.task);
            }
        }
        for task in tasks {
            for line in self.lines.iter().filter(|line| line.task == task) {
                let Some(sample) = measure::median(&line.samples) else { continue };
                let program = match line.program {
                    "skopeo" => line.program.to_owned(),
                    way => format!("sealift, {way}"),
                };
                let carried = match line.carried {
                    Some(_) => report::amount(line.bytes),
                    None => String::new(),
                };
                let _ = writeln!(
                    text,
                    "| {task} | {program} | {:.2} s | {:.2} s | {:.0} MiB | {carried} |",
                    sample.wall, sample.cpu, sample.memory
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_is_a_line_a_program_and_says_what_is_carried() {
        let sample = Sample { wall: 1.0, cpu: 0.5, memory: 12.0 };
        let mut export = line("export", "delta", String::new(), Some(Carried::File("delta.tar")));
        (export.bytes, export.samples) = (2_500_000, vec![sample]);
        let mut import = line("import", "skopeo", String::new(), None);
        import.samples = vec![sample];
        let empty = line("export", "whole", String::new(), None);

        let update = Update { lines: vec![export, import, empty], images: 5 };

        let text = update.section();
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).skip(2).collect();
        assert_eq!(
            rows,
            [
                "| export | sealift, delta | 1.00 s | 0.50 s | 12 MiB | 2.5 MB |",
                "| import | skopeo | 1.00 s | 0.50 s | 12 MiB |  |"
            ]
        );
    }
}
