//! Names of many images, resolved, sized and locked; peers only resolve them, one call each.

use super::tasks::{Side, Task};
use super::{measure, stocked};
use crate::{Result, go, shell};
use std::fmt::Write as _;
use std::path::Path;

/// Tags of each repository.
const TAGS: usize = 50;

/// Measures it for so many `repositories`, `runs` times; each peer once, since it takes its time.
pub fn task(
    cache: &Path,
    work: &Path,
    sealift: &Path,
    repositories: usize,
    runs: usize,
) -> Result<Task> {
    let registry = stocked::registry(cache, "lock", repositories, fill)?;
    let host = registry.host();
    let (mut rules, mut names) = (String::new(), String::new());
    for number in 0..repositories {
        let _ = writeln!(rules, "{host}/team/app-{number}:1.*");
        for tag in 0..TAGS {
            let _ = writeln!(names, "{host}/team/app-{number}:1.{tag}");
        }
    }
    shell::write(&work.join("rules.txt"), rules)?;
    shell::write(&work.join("names.txt"), names)?;

    let name = format!("lock of {} images", repositories * TAGS);
    let script = format!(
        "rm -f images.lock; exec {} lock -f rules.txt -o images.lock --no-progress --quiet > lock.txt",
        shell::quoted(sealift)
    );
    let measured = |program: &str, script: &str, runs: usize| -> Result<Vec<measure::Sample>> {
        let mut samples = Vec::new();
        for run in 1..=runs {
            let sample = measure::run(work, script)?;
            println!("run {run} of {runs}: {name}, {program} {:>7.2} s", sample.wall);
            samples.push(sample);
        }
        Ok(samples)
    };
    let mut sides =
        vec![Side { program: "sealift", does: "", samples: measured("sealift", &script, runs)? }];
    let each = |call: &str| format!("while read -r name; do {call}; done < names.txt > peer.txt");
    let call = "skopeo inspect --tls-verify=false --no-tags docker://$name";
    let does = "`skopeo inspect` per image: digests, no sizes of what is shared";
    sides.push(Side { program: "skopeo", does, samples: measured("skopeo", &each(call), 1)? });
    let peers = [
        ("regctl", "`regctl image digest` per image: digests alone", "image digest $name"),
        ("crane", "`crane digest` per image: digests alone", "digest --insecure $name"),
    ];
    for (program, does, arguments) in peers {
        match go::provide(program) {
            Err(why) => println!("without {program}: {why}"),
            Ok(path) => {
                let path = shell::quoted(&path);
                let before = match program {
                    "regctl" => {
                        format!(
                            "export REGCTL_CONFIG=regctl.json; {path} registry set --tls disabled {host}; "
                        )
                    }
                    _ => String::new(),
                };
                let script = format!("{before}{}", each(&format!("{path} {arguments}")));
                sides.push(Side { program, does, samples: measured(program, &script, 1)? });
            }
        }
    }
    Ok(Task { name, sides })
}

/// A repository whose images share a base, each with a layer of its own.
fn fill(port: u16, number: usize) -> Result {
    (0..TAGS).try_for_each(|tag| {
        let own = format!("layer {tag} of {number}");
        stocked::put_image(port, &format!("team/app-{number}"), &format!("1.{tag}"), &own)
    })
}
