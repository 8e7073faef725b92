//! A newcomer's walk through the README: every block that shows a terminal is typed, in its order,
//! at a terminal, and shows what the README says. `SEALIFT_README=write` writes what is seen there.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::files;
use crate::support::registry::Registry;
use crate::support::sealift::Sealift;
use crate::support::terminal::Terminal;
use crate::support::text;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
/// Stands for a registry in the README.
const HARBOR: &str = "harbor.example";
/// Where `serve` listens when nobody says otherwise, which may be taken on this machine.
const SERVING: &str = "127.0.0.1:5000";
/// When it all happens in the README.
const TIME: &str = "2026-11-21T10:31:12Z";
/// What the walker types where a passphrase is asked for.
const PASSPHRASE: &str = "correct horse battery staple";

/// A command and what the README says it prints.
struct Step {
    line: usize,
    command: String,
    shows: Vec<String>,
}

/// The commands of all blocks marked `console`.
fn steps(readme: &str) -> Vec<Step> {
    let (mut steps, mut inside) = (Vec::<Step>::new(), false);
    for (i, line) in readme.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
            continue;
        }
        if !inside {
            continue;
        }
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                let command = command.to_owned();
                steps.push(Step { line: i + 1, command, shows: Vec::new() });
            }
            (None, Some(step)) => step.shows.push(line.trim_end().to_owned()),
            (None, None) => panic!("README.md:{}: output of no command", i + 1),
        }
    }
    for step in &mut steps {
        while step.shows.last().is_some_and(String::is_empty) {
            step.shows.pop();
        }
    }
    steps
}

/// The README with what each command was seen to print below it.
fn rewritten(readme: &str, steps: &[Step], seen: &[Vec<String>]) -> String {
    let mut lines: Vec<String> = readme.lines().map(str::to_owned).collect();
    for (step, seen) in steps.iter().zip(seen).rev() {
        lines.splice(step.line..step.line + step.shows.len(), seen.iter().cloned());
    }
    lines.join("\n") + "\n"
}

/// What differs from walk to walk, each with what the README has in its place.
#[derive(Default)]
struct Differences(BTreeMap<String, String>);

impl Differences {
    fn learn(&mut self, here: &str, there: &str) {
        if !here.is_empty() {
            self.0.entry(here.to_owned()).or_insert_with(|| there.to_owned());
        }
    }

    /// A line as the README would have it; all times are one.
    fn apply(&self, line: &str) -> String {
        let replace = |line: String, (here, there): (&String, &String)| line.replace(here, there);
        without_times(&self.0.iter().fold(line.to_owned(), replace))
    }

    /// Learns what is new with each walk, and shown in full or by its beginning: the id of the key,
    /// and the digest of the statement that it signed.
    fn learn_digests(&mut self, shown: &[String], shows: &[String]) {
        for (mark, short) in [("key id       ", 16), ("statement sha256:", 12)] {
            let [here, there] = [shown, shows].map(|lines| {
                let found = lines.iter().find_map(|line| line.split_once(mark));
                found.map(|(_, digest)| digest).filter(|digest| digest.is_ascii())
            });
            let (Some(here), Some(there)) = (here, there) else { continue };
            if here.len() == there.len() && here.len() >= short {
                self.learn(&here[..short], &there[..short]);
                self.learn(&here[short..], &there[short..]);
            }
        }
    }
}

/// Every time in RFC 3339 becomes the same one.
fn without_times(line: &str) -> String {
    let is_time = |text: &str| {
        text.bytes().enumerate().all(|(i, byte)| match i {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            19 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
    };
    let (mut result, mut rest) = (String::new(), line);
    while let Some(first) = rest.chars().next() {
        let step = match rest.get(..TIME.len()).filter(|text| is_time(text)) {
            Some(_) => {
                result.push_str(TIME);
                TIME.len()
            }
            None => {
                result.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[step..];
    }
    result
}

#[test]
fn what_the_readme_shows_is_what_a_newcomer_sees() {
    need!("docker-registry", "script", "bash");
    let (sealift, harbor) = (Sealift::new(), Registry::empty());
    let hello = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    files::copy(&hello, &sealift.at("testdata"));
    let readme = std::fs::read_to_string(README).unwrap();
    let mut terminal = Terminal::start(sealift.command(), 120, PASSPHRASE);
    let mut differences = Differences::default();
    differences.learn(&harbor.host(), HARBOR);
    let (mut wrong, mut seen, steps) = (Vec::new(), Vec::new(), steps(&readme));
    assert!(steps.len() >= 8, "the README shows {} commands", steps.len());

    for step in &steps {
        let mut command = step.command.replace(HARBOR, &harbor.host());
        let serves = command.starts_with("sealift serve");
        if serves {
            command = format!("{command} --listen 127.0.0.1:0");
        }
        let shown = match serves {
            true => terminal.types_until(&command, "listening on "),
            false => terminal.types(&command),
        };
        if serves {
            let line = shown.last().cloned().unwrap_or_default();
            let address = line.strip_prefix("listening on http://");
            differences.learn(address.unwrap_or("no address"), SERVING);
        }
        differences.learn_digests(&shown, &step.shows);
        let shown: Vec<String> = shown.iter().map(|line| differences.apply(line)).collect();
        if shown != step.shows {
            let [shown, expected] = [&shown, &step.shows].map(|lines| lines.join("\n"));
            wrong.push(format!(
                "README.md:{}: $ {}\n-- it says\n{expected}\n-- a newcomer sees\n{shown}\n",
                step.line, step.command
            ));
        }
        seen.push(shown);
    }

    if std::env::var("SEALIFT_README").as_deref() == Ok("write") {
        return std::fs::write(README, rewritten(&readme, &steps, &seen)).unwrap();
    }
    assert!(wrong.is_empty(), "{}\nSEALIFT_README=write corrects the README", wrong.join("\n"));
}

#[test]
fn every_option_that_the_readme_names_with_a_verb_is_one_of_it() {
    let sealift = Sealift::new();
    let readme = std::fs::read_to_string(README).unwrap();
    let all = text(sealift.command().args(["man", "--list"]));
    let mut seen = 0;
    for command in readme.split("sealift ").skip(1) {
        let command = command.split(['`', '\n', '|', '#']).next().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().collect();
        let is_meant = |verb: &&str| words.starts_with(&verb.split(' ').collect::<Vec<_>>());
        let Some(verb) = all.lines().rfind(is_meant) else { continue };
        let help = text(sealift.command().args(verb.split(' ')).arg("--help"));
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "`sealift {command}`: {verb} has no {option}");
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen} options were looked at");
}

#[test]
fn times_are_told_from_what_looks_alike() {
    assert_eq!(without_times("é 2027-01-02T03:04:05Z."), format!("é {TIME}."));
    assert_eq!(without_times("2026-11-21 10:31:12 é"), "2026-11-21 10:31:12 é");
}
