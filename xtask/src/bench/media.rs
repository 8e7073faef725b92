//! What is carried on media: cut into volumes, in another form, with recovery data, encrypted. Beside it
//! stands what a person does by hand, with tar, split, sha256sum, par2 and age.

use super::corpus::{Corpus, Month};
use super::measure;
use super::report;
use super::set::Set;
use super::tasks::{COPY, Side, Task};
use crate::server::Server;
use crate::{Result, debian, shell};
use std::path::Path;

const PACKAGES: [&str; 2] = ["age", "par2"];
const SEALIFT: &str = "sealift";
const BY_HAND: &str = "by hand";
/// What volumes are held against.
const PLAIN: &str = "sealift, one file";
/// How large a volume is; with the corpus that makes four.
const VOLUME: &str = "300MB";
const REDUNDANCY: u32 = 5;
/// How many holes of 4 KiB the damaged file gets.
const HOLES: usize = 20;

const QUIET: &str = "--no-progress --quiet";
/// That volumes are whole.
const SOUND: &str = "SEALIFT verify made --key key.pub.pem --no-progress --quiet > made.told";

/// One program's way through a task.
struct Way {
    program: &'static str,
    does: &'static str,
    /// What it needs, and is not measured.
    before: String,
    /// What is measured; a place in it is `INSIDE`, if the inside is asked.
    script: String,
    /// What has to hold afterwards.
    proof: String,
}

/// A task with each program's way through it.
struct Line {
    name: &'static str,
    ways: Vec<Way>,
}

/// Measures everything `runs` times, in turns.
pub fn run(
    cache: &Path,
    work: &Path,
    sealift: Option<&Path>,
    quick: bool,
    runs: usize,
) -> Result<Vec<Task>> {
    debian::provide(&PACKAGES.map(str::to_owned))?;
    let corpus = Corpus::make(cache, quick, Month::This)?;
    let outside = corpus.set.serve()?;
    let folder = shell::Scratch::below(work, "media")?;
    let folder = folder.path();
    if let Some(sealift) = sealift {
        prepare(folder, sealift, &corpus.set, &outside)?;
    }
    let lines = lines(sealift, &corpus, &outside);
    let mut tasks: Vec<Task> = lines.iter().map(Line::task).collect();
    corpus.set.warm()?;
    for run in 1..=runs {
        println!("media, run {run} of {runs}");
        for (line, task) in lines.iter().zip(&mut tasks) {
            for (way, side) in line.ways.iter().zip(&mut task.sides) {
                shell::run(shell::script(&way.before).current_dir(folder))?;
                let inside = Server::registry(&folder.join("inside"))?;
                let sample = measure::run(folder, &way.script.replace("INSIDE", &inside.host()))?;
                println!(
                    "  {:<17} {:<28} {:>7.2} s  cpu {:>6.2} s  {:>6.1} MiB",
                    way.program, line.name, sample.wall, sample.cpu, sample.memory
                );
                if way.script.contains("INSIDE") {
                    corpus.set.stands_at(&inside)?;
                }
                drop(inside);
                let after = format!("{}; rm -rf made* inside*", way.proof);
                shell::run(shell::script(&after).current_dir(folder))?;
                side.samples.push(sample);
            }
        }
    }
    Ok(tasks)
}

impl Line {
    fn task(&self) -> Task {
        let side = |way: &Way| Side { program: way.program, does: way.does, samples: Vec::new() };
        Task { name: self.name.to_owned(), sides: self.ways.iter().map(side).collect() }
    }
}

/// A bundle as a folder and as a file, a damaged copy of which is made for each repair.
fn prepare(folder: &Path, sealift: &Path, set: &Set, outside: &Server) -> Result {
    let program = shell::quoted(sealift);
    let script = format!(
        "{program} key generate --no-passphrase -o key --quiet > key.txt
         age-keygen -o me.txt 2> /dev/null; age-keygen -y me.txt > me.pub
         {program} export {} -o june --sign-key key.key.pem --no-progress --quiet
         {program} pack june -o june.tar --no-progress --quiet",
        names(set, &outside.host())
    );
    shell::run(shell::script(&script).current_dir(folder))
}

fn names(set: &Set, host: &str) -> String {
    let names: Vec<String> =
        set.images.iter().map(|name| format!("{host}/bench/{name}:1")).collect();
    names.join(" ")
}

/// All tasks; without sealift those of the others.
fn lines(sealift: Option<&Path>, corpus: &Corpus, outside: &Server) -> Vec<Line> {
    let each = |command: &dyn Fn(&str) -> String| {
        let commands: Vec<String> = corpus.set.images.iter().map(|it| command(it)).collect();
        commands.join("; ")
    };
    let host = outside.host();
    let pull = each(&|name| {
        format!("{COPY} --src-tls-verify=false docker://{host}/bench/{name}:1 oci:made:{name}:1")
    });
    let push = each(&|name| {
        format!("{COPY} --dest-tls-verify=false oci:made:{name}:1 docker://INSIDE/bench/{name}:1")
    });
    let way = |program, does, before: &str, script: &str, proof: &str| {
        let told = |text: &str| match sealift {
            Some(sealift) => text.replace("SEALIFT", &shell::quoted(sealift)),
            None => text.to_owned(),
        };
        Way { program, does, before: told(before), script: told(script), proof: told(proof) }
    };
    let line = |name, ways: Vec<Way>| {
        let can = |way: &Way| sealift.is_some() || !way.script.contains("SEALIFT");
        Line { name, ways: ways.into_iter().filter(can).collect() }
    };
    let export =
        format!("SEALIFT export {} --sign-key key.key.pem {QUIET}", names(&corpus.set, &host));
    let split = format!("split -b {VOLUME} -d - made.part.; sha256sum made.part.* > made.sums");
    let whole = "cmp made.tar june.tar";
    let damaged =
        format!("cp june.tar made.tar; par2 create -q -q -r{REDUNDANCY} made.tar; {}", holes());
    vec![
        line(
            "export, volumes",
            vec![
                way(SEALIFT, "", "", &format!("{export} -o made --volume-size {VOLUME}"), SOUND),
                way(
                    PLAIN,
                    "`sealift export` of all, packed",
                    "",
                    &format!("{export} -o made.tar"),
                    "test -e made.tar",
                ),
                way(
                    BY_HAND,
                    "`skopeo copy` per image, then `tar`, `split`, `sha256sum`",
                    "",
                    &format!("{pull}; tar -cf - made | {split}"),
                    "test -e made.sums",
                ),
            ],
        ),
        line(
            "pack, folder to file",
            vec![
                way(SEALIFT, "", "", &format!("SEALIFT pack june -o made.tar {QUIET}"), whole),
                way(
                    BY_HAND,
                    "`tar`, `sha256sum`",
                    "",
                    "tar -cf made.tar june; sha256sum made.tar > made.sums",
                    "test -e made.sums",
                ),
            ],
        ),
        line(
            "pack, folder to volumes",
            vec![
                way(
                    SEALIFT,
                    "",
                    "",
                    &format!("SEALIFT pack june -o made --volume-size {VOLUME} {QUIET}"),
                    SOUND,
                ),
                way(
                    BY_HAND,
                    "`tar`, `split`, `sha256sum`",
                    "",
                    &format!("tar -cf - june | {split}"),
                    "test -e made.sums",
                ),
            ],
        ),
        line(
            "pack, volumes to file",
            vec![
                way(
                    SEALIFT,
                    "",
                    &format!("SEALIFT pack june -o made --volume-size {VOLUME} {QUIET}"),
                    &format!("SEALIFT pack made -o made.tar {QUIET}"),
                    whole,
                ),
                way(
                    BY_HAND,
                    "`sha256sum`, `cat`",
                    &format!("tar -cf - june | {split}"),
                    "sha256sum --quiet -c made.sums; cat made.part.* > made.tar",
                    "test -e made.tar",
                ),
            ],
        ),
        line(
            "protect, 5 %",
            vec![
                way(
                    SEALIFT,
                    "",
                    "ln june.tar made.tar",
                    &format!("SEALIFT protect made.tar --redundancy {REDUNDANCY}% {QUIET}"),
                    "par2 verify -q -q made.tar.par2",
                ),
                way(
                    BY_HAND,
                    "`par2 create`",
                    "ln june.tar made.tar",
                    &format!("par2 create -q -q -r{REDUNDANCY} made.tar"),
                    "par2 verify -q -q made.tar.par2",
                ),
            ],
        ),
        line(
            "repair of 20 holes",
            vec![
                way(
                    SEALIFT,
                    "",
                    &damaged,
                    &format!("SEALIFT repair made.tar --key key.pub.pem {QUIET}"),
                    whole,
                ),
                way(BY_HAND, "`par2 repair`", &damaged, "par2 repair -q -q made.tar.par2", whole),
            ],
        ),
        line(
            "export, encrypted",
            vec![
                way(
                    SEALIFT,
                    "",
                    "",
                    &format!("{export} -o made.tar.age --recipient @me.pub"),
                    "age -d -i me.txt made.tar.age | tar -t > made.list",
                ),
                way(
                    BY_HAND,
                    "`skopeo copy` per image, then `tar` into `age`",
                    "",
                    &format!("{pull}; tar -cf - made | age -R me.pub -o made.tar.age"),
                    "test -e made.tar.age",
                ),
            ],
        ),
        line(
            "import, encrypted",
            vec![
                way(
                    SEALIFT,
                    "",
                    "age -R me.pub -o made.tar.age june.tar",
                    &format!(
                        "SEALIFT import made.tar.age --identity me.txt --key key.pub.pem --to docker://INSIDE {QUIET}"
                    ),
                    "true",
                ),
                way(
                    BY_HAND,
                    "`age -d`, `tar`, then `skopeo copy` per image",
                    &format!("{pull}; tar -cf - made | age -R me.pub -o made.tar.age; rm -rf made"),
                    &format!("age -d -i me.txt made.tar.age | tar -xf -; {push}"),
                    "true",
                ),
            ],
        ),
    ]
}

/// Makes holes all over the file `made.tar`.
fn holes() -> String {
    format!(
        "size=$(stat -c %s made.tar); i=1; while [ $i -le {HOLES} ]; do \
         dd if=/dev/urandom of=made.tar bs=4096 count=1 conv=notrunc status=none \
         seek=$((size / 4096 * i / ({HOLES} + 1))); i=$((i + 1)); done"
    )
}

/// The figures as a table, with what they mean.
pub fn section(tasks: &[Task]) -> String {
    format!(
        "The corpus, cut into volumes of {VOLUME}, packed, with recovery data of {REDUNDANCY} %, encrypted by a\n\
         key of age. What is proven afterwards is not measured: volumes verify, a packed file is\n\
         the one that it was, Debian's `par2` takes the recovery data and its `age` the encrypted file.\n\n\
         {}\nBeside it:\n\n{}",
        report::results(tasks),
        report::peers(tasks)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_made_all_over_the_file_and_nowhere_else() {
        let folder = shell::Scratch::new("holes").unwrap();
        shell::write(&folder.path().join("made.tar"), vec![0; 400 * 4096]).unwrap();

        shell::run(shell::script(&holes()).current_dir(folder.path())).unwrap();

        let bytes = shell::read(&folder.path().join("made.tar")).unwrap();
        assert_eq!(bytes.len(), 400 * 4096);
        let is_hit = |block: &[u8]| block.iter().any(|byte| *byte != 0);
        assert_eq!(bytes.chunks(4096).filter(|block| is_hit(block)).count(), HOLES);
    }
}
