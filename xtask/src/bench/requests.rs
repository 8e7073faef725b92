//! How often each program asks a registry, by kind, for a small delivery: over a real line time is
//! round trips. Counted in docker-registry's own log.

use super::world::{self, Image};
use crate::server::Server;
use crate::{Result, go, http, image, shell};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What a request is about, in the order of the table's columns.
const KINDS: [&str; 10] = [
    "GET manifest",
    "HEAD manifest",
    "PUT manifest",
    "GET blob",
    "HEAD blob",
    "open upload, or mount",
    "send blob",
    "`sha256-*` tags",
    "lists of tags, referrers",
    "other",
];

/// Images, manifests and blobs of the small delivery.
const WORLD: (usize, usize, usize) = (8, 20, 30);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts([usize; KINDS.len()]);

impl Counts {
    /// Counts the lines of a log in Apache's common format; whatever else stands there is skipped.
    fn of(log: &str) -> Counts {
        let mut counts = Counts::default();
        for (method, path) in log.lines().filter_map(request) {
            counts.0[kind(method, path)] += 1;
        }
        counts
    }

    fn since(self, before: Counts) -> Counts {
        Counts(std::array::from_fn(|at| self.0[at].saturating_sub(before.0[at])))
    }

    fn all(self) -> usize {
        self.0.iter().sum()
    }
}

/// Method and path of a line.
fn request(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split('"').nth(1)?.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    words.next()?.starts_with("HTTP/").then_some((method, path))
}

/// The place in [`KINDS`].
fn kind(method: &str, path: &str) -> usize {
    let manifest = path.contains("/manifests/");
    match method {
        "PUT" if manifest => 2,
        _ if path.contains("/manifests/sha256-") => 7,
        _ if path.contains("/tags/list") || path.contains("/referrers/") => 8,
        "GET" if manifest => 0,
        "HEAD" if manifest => 1,
        "POST" if path.contains("/blobs/") => 5,
        "PUT" | "PATCH" if path.contains("/blobs/") => 6,
        "GET" if path.contains("/blobs/sha256") => 3,
        "HEAD" if path.contains("/blobs/sha256") => 4,
        _ => 9,
    }
}

/// One line of the table.
struct Line {
    task: &'static str,
    program: &'static str,
    counts: Counts,
}

/// What was counted, and with what.
pub struct Requests {
    lines: Vec<Line>,
    /// Programs that could not be had, each with the reason.
    missing: Vec<String>,
    versions: Vec<String>,
}

/// A task, and the script that does it.
type Step = (&'static str, String);

/// Counts each task of each program once: how often they ask does not change from run to run.
pub fn run(work: &Path, sealift: Option<&Path>) -> Result<Requests> {
    let work = work.join("requests");
    shell::make_folder(&work)?;
    let images = world::make();
    let crane = go::provide("crane");
    let mut requests = Requests { lines: Vec::new(), missing: Vec::new(), versions: Vec::new() };
    let outside_log = work.join("outside.log");
    let outside = Server::noting(&work.join("outside"), &outside_log)?;
    images.iter().try_for_each(|image| image.push(outside.port))?;

    let mut sides = Vec::new();
    match sealift {
        Some(program) => {
            let program = shell::quoted(program);
            sides.push(("sealift", sealift_steps(&program, &outside.host(), &images)));
            let key = format!("{program} key generate --no-passphrase -o key --quiet > key.txt");
            shell::run(shell::script(&key).current_dir(&work))?;
            let commit = said("git", &["rev-parse", "--short", "HEAD"]);
            let version = format!("{}, commit {commit}", said(&program, &["--version"]));
            requests.versions.push(version);
        }
        None => requests.missing.push("sealift: nobody asked for it".to_owned()),
    }
    sides.push(("skopeo", skopeo_steps(&outside.host(), &images)));
    requests.versions.push(said("skopeo", &["--version"]));
    match &crane {
        Ok(program) => {
            let program = shell::quoted(program);
            sides.push(("crane", crane_steps(&program, &outside.host(), &images)));
            requests.versions.push(format!("crane {}", said(&program, &["version"])));
        }
        Err(why) => requests.missing.push(why.clone()),
    }
    requests.versions.push(said("docker-registry", &["--version"]));

    for (program, steps) in sides {
        let inside_log = work.join(format!("inside-{program}.log"));
        let inside = Server::noting(&work.join(format!("inside-{program}")), &inside_log)?;
        for (task, script) in steps {
            let before = (settled(&outside_log)?, settled(&inside_log)?);
            let script = script.replace("INSIDE", &inside.host());
            shell::output(shell::script(&script).current_dir(&work))?;
            let outside = settled(&outside_log)?.since(before.0);
            let inside = settled(&inside_log)?.since(before.1);
            let counts = if task == "export" { outside } else { inside };
            println!("  {program:<8} {task:<22} {:>4} requests", counts.all());
            requests.lines.push(Line { task, program, counts });
        }
        arrived(&images, inside.port)?;
    }
    Ok(requests)
}

fn sealift_steps(program: &str, outside: &str, images: &[Image]) -> Vec<Step> {
    let names = images.iter().map(|image| format!("{outside}/{}:1.0", image.repository));
    let names = names.collect::<Vec<_>>().join(" ");
    let quiet = "--no-progress --quiet";
    let import = format!("{program} import b.tar --to docker://INSIDE --key key.pub.pem {quiet}");
    vec![
        ("export", format!("{program} export {names} -o b.tar --sign-key key.key.pem {quiet}")),
        ("import", import.clone()),
        ("import again", import.clone()),
        ("import again, `--quick`", format!("{import} --quick")),
    ]
}

fn skopeo_steps(outside: &str, images: &[Image]) -> Vec<Step> {
    let copy = "skopeo --insecure-policy copy --quiet --all --preserve-digests";
    let pull = each(images, |name| {
        format!("{copy} --src-tls-verify=false docker://{outside}/{name}:1.0 oci:skopeo:{name}:1.0")
    });
    let push = each(images, |name| {
        format!("{copy} --dest-tls-verify=false oci:skopeo:{name}:1.0 docker://INSIDE/{name}:1.0")
    });
    vec![("export", pull), ("import", push.clone()), ("import again", push)]
}

fn crane_steps(program: &str, outside: &str, images: &[Image]) -> Vec<Step> {
    let pull = each(images, |name| {
        format!("{program} pull --format=oci {outside}/{name}:1.0 crane/{name}")
    });
    let push = each(images, |name| format!("{program} push crane/{name} INSIDE/{name}:1.0"));
    vec![
        ("export", format!("mkdir -p crane/small; {pull}")),
        ("import", push.clone()),
        ("import again", push),
    ]
}

fn each(images: &[Image], command: impl Fn(&str) -> String) -> String {
    images.iter().map(|image| command(&image.repository)).collect::<Vec<_>>().join("; ")
}

/// What the log has once it grows no longer: a line is written after its answer.
fn settled(log: &Path) -> Result<Counts> {
    let mut text = shell::read_text(log)?;
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let now = shell::read_text(log)?;
        if now == text {
            return Ok(Counts::of(&now));
        }
        text = now;
    }
}

/// A program that leaves something behind needs few requests: that does not count.
fn arrived(images: &[Image], port: u16) -> Result {
    for Image { repository, digest, .. } in images {
        let path = format!("/v2/{repository}/manifests/1.0");
        let (status, body) = http::get(port, &path)?;
        if status != 200 || image::digest(&body) != *digest {
            return Err(format!("{path} inside is not {digest} ({status})"));
        }
    }
    Ok(())
}

fn said(program: &str, args: &[&str]) -> String {
    let output = shell::output(Command::new(program).args(args)).unwrap_or_default();
    output.lines().next().unwrap_or("unknown").trim().to_owned()
}

impl Requests {
    /// The section's text: a table, with what it means.
    pub fn section(&self) -> String {
        let mut text = format!(
            "Over a line with a round trip, time is requests. Counted in the registry's own log, for a\n\
             delivery of {} images in as many repositories, {} manifests and {} blobs, one of the\n\
             images with a signature and an SBOM. An export is counted outside, an import inside.\n\
             sealift carries the signature and the SBOM too, and looks after an import whether\n\
             everything is there; the peers do neither.\n\n",
            WORLD.0, WORLD.1, WORLD.2
        );
        let _ = writeln!(text, "| task | program | all | {} |", KINDS.join(" | "));
        let _ = writeln!(text, "|---|---|--:|{}", "--:|".repeat(KINDS.len()));
        for task in ["export", "import", "import again", "import again, `--quick`"] {
            for line in self.lines.iter().filter(|line| line.task == task) {
                let Line { program, counts, .. } = line;
                let cells = counts.0.map(|count| count.to_string()).join(" | ");
                let _ = writeln!(text, "| {task} | {program} | **{}** | {cells} |", counts.all());
            }
        }
        text.push_str(
            "\nskopeo is `skopeo copy --all` per image, from and to one layout; crane is `crane pull\n\
             --format=oci` and `crane push` per image. Other requests are mostly each command's first\n\
             one, whether the registry wants a login.\n",
        );
        for missing in &self.missing {
            let _ = write!(text, "\nNot counted: {missing}.\n");
        }
        let _ = write!(text, "\nCounted with {}.\n", self.versions.join("; "));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "x/1"
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "GET /v2/a/manifests/1.0 HTTP/1.1" 200 9 "" "x/1"
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "HEAD /v2/a/manifests/sha256:00 HTTP/1.1" 404 9 "" "x/1"
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "GET /v2/a/manifests/sha256-00.sig HTTP/1.1" 404 9 "" "x"
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "PUT /v2/a/manifests/sha256-00.sig HTTP/1.1" 201 0 "" "x"
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "GET /v2/a/tags/list?n=1000 HTTP/1.1" 200 9 "" "x/1"
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "GET /v2/a/referrers/sha256:00 HTTP/1.1" 404 9 "" "x/1"
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "HEAD /v2/a/blobs/sha256:00 HTTP/1.1" 404 9 "" "x/1"
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "POST /v2/a/blobs/uploads/ HTTP/1.1" 202 0 "" "x/1"
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "PATCH /v2/a/blobs/uploads/u?_state=s HTTP/1.1" 202 0 "" ""
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "PUT /v2/a/blobs/uploads/u?digest=sha256%3A00 HTTP/1.1" 201 0
127.0.0.1 - - [26/Nov/2026:00:00:00 +0000] "GET /v2/a/blobs/sha256:00 HTTP/1.1" 200 9 "" "x/1"
time="2026-11-26T00:00:00Z" level=error msg="GET /v2/ failed"
"#;

    #[test]
    fn a_log_is_counted_by_what_is_asked_for() {
        let counts = Counts::of(LOG);
        assert_eq!(counts, Counts([1, 1, 1, 1, 1, 1, 2, 1, 2, 1]));
        assert_eq!(counts.all(), 12, "a note is no request");
        let first = Counts::of(LOG.lines().next().unwrap());
        assert_eq!(counts.since(first).0[9], 0);
    }

    #[test]
    fn each_task_is_a_line_a_program_in_the_order_of_tasks() {
        let line = |task, program, n| Line { task, program, counts: Counts([n; KINDS.len()]) };
        let lines = vec![line("export", "a", 1), line("import", "a", 2), line("export", "b", 3)];
        let missing = vec!["c: no Go".to_owned()];
        let text = Requests { lines, missing, versions: vec!["a 1".to_owned()] }.section();

        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).skip(2).collect();

        assert!(rows[0].starts_with("| export | a | **10** | 1 | 1 |"), "{text}");
        assert!(rows[1].starts_with("| export | b | **30** | 3 |"), "{text}");
        assert!(rows[2].starts_with("| import | a | **20** | 2 |") && rows.len() == 3, "{text}");
        assert!(text.ends_with("Not counted: c: no Go.\n\nCounted with a 1.\n"), "{text}");
        let columns = |row: &str| row.matches('|').count();
        assert!(
            text.lines().filter(|l| l.starts_with('|')).all(|l| columns(l) == columns(rows[0]))
        );
    }

    #[test]
    fn the_text_says_how_large_the_delivery_is() {
        let images = world::make();
        let (manifests, blobs) = world::count(&images);
        assert_eq!(WORLD, (images.len(), manifests, blobs));
    }
}
