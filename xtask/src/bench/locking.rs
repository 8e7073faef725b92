//! Names of many images, resolved, sized and locked; peers only resolve them, one call each.

use super::measure;
use super::tasks::{Side, Task};
use crate::image::{self, Descriptor};
use crate::server::Server;
use crate::{Result, go, http, shell};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// What is there when it is filled.
const FILLED: &str = "filled";
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
    let store = cache.join(format!("registry-lock-{repositories}"));
    let registry = Server::registry(&store)?;
    let done = store.with_extension(FILLED);
    if shell::read_text(&done).is_err() {
        println!("filling {}", store.display());
        (0..repositories).try_for_each(|number| fill(registry.port, number))?;
        shell::write(&done, repositories.to_string())?;
    }
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
    let repository = format!("team/app-{number}");
    for tag in 0..TAGS {
        let layers = ["base".to_owned(), format!("layer {tag} of {number}")];
        let tars = layers.map(|content| image::tar("file", 0o644, content.as_bytes()));
        let diff_ids = tars.each_ref().map(|tar| image::digest(tar));
        let config = image::config("amd64", "2026-01-01T00:00:00Z", &diff_ids, &json!({}));
        for blob in tars.iter().chain([&config]) {
            http::put_blob(port, &repository, &image::digest(blob), blob)?;
        }
        let layers = tars.each_ref().map(|tar| Descriptor::of(image::LAYER, tar));
        let manifest = image::manifest(&Descriptor::of(image::CONFIG, &config), &layers);
        http::put_manifest(port, &repository, &format!("1.{tag}"), image::MANIFEST, &manifest)?;
    }
    Ok(())
}
