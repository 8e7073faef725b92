//! `diff` of two months of many images, of which a tenth are other ones. Nobody else tells that, so
//! that it is measured alone.

use super::against::{BEFORE, turn};
use super::measure::{self, Sample};
use super::tasks::{Side, Task};
use crate::image::{self, Descriptor};
use crate::{Result, shell};
use serde_json::json;
use std::path::Path;

const LAYERS: usize = 18;
const CREATED: &str = "2026-01-01T00:00:00Z";

/// Measures it, `runs` times: 5,000 images of a hundred thousand blobs, or a twentieth of that.
pub fn run(
    cache: &Path,
    work: &Path,
    programs: (Option<&Path>, Option<&Path>),
    quick: bool,
    runs: usize,
) -> Result<Option<Task>> {
    let (Some(sealift), before) = programs else { return Ok(None) };
    let count = if quick { 250 } else { 5_000 };
    let folder = cache.join(format!("months-{count}"));
    for (month, name) in ["may", "june"].into_iter().enumerate() {
        make(&folder, name, count, month, sealift)?;
    }
    let name = format!("diff, {count} images with {count}");
    let mut sides = vec![(sealift, side("sealift"))];
    sides.extend(before.map(|before| (before, side(BEFORE))));
    for run in 1..=runs {
        for place in turn(run, sides.len()) {
            let (program, side) = &mut sides[place];
            let folder = shell::quoted(&folder);
            let line = format!(
                "exec {} diff {folder}/may.tar {folder}/june.tar --format json > told.json",
                shell::quoted(program)
            );
            match measure::run(work, &line) {
                Ok(sample) => {
                    print(side.program, &name, sample);
                    side.samples.push(sample);
                }
                // One of before may have no such verb.
                Err(why) if side.program == BEFORE => println!("  {BEFORE}: {why}"),
                Err(why) => return Err(why),
            }
        }
    }
    let sides = sides.into_iter().map(|(_, side)| side).filter(|side| !side.samples.is_empty());
    Ok(Some(Task { name, sides: sides.collect() }))
}

fn side(program: &'static str) -> Side {
    Side { program, does: "", samples: Vec::new() }
}

fn print(program: &str, name: &str, sample: Sample) {
    println!(
        "  {program:<7} {name:<18} {:>7.2} s  cpu {:>6.2} s  {:>6.1} MiB",
        sample.wall, sample.cpu, sample.memory
    );
}

/// Makes the bundle of a month, once.
fn make(folder: &Path, name: &str, count: usize, month: usize, sealift: &Path) -> Result {
    if folder.join(format!("{name}.tar")).exists() {
        return Ok(());
    }
    println!("making {}", folder.join(name).display());
    let layout = folder.join(format!("{name}.layout"));
    let mut roots = Vec::new();
    for number in 0..count {
        // The first tenth is another one every month.
        let variant = if number < count / 10 { month + 1 } else { 0 };
        let root = make_image(&layout, &format!("{number} {variant}"))?;
        roots.push((format!("registry.example/team/app{number}:1.0"), root));
    }
    image::finish(&layout, &roots)?;
    let sealift = shell::quoted(sealift);
    let script = format!(
        "test -e k.key.pem || {sealift} key generate --no-passphrase -o k --quiet > k.txt
         {sealift} export oci:{name}.layout -o {name}.tar --sign-key k.key.pem --no-progress --quiet
         rm -rf {name}.layout"
    );
    shell::run(shell::script(&script).current_dir(folder))
}

/// An image of eighteen layers and a config that are in no other one.
fn make_image(layout: &Path, own: &str) -> Result<Descriptor> {
    let (mut layers, mut diff_ids) = (Vec::new(), Vec::new());
    for layer in 0..LAYERS {
        let content = format!("{own} {layer}");
        diff_ids.push(image::digest(content.as_bytes()));
        layers.push(image::put(layout, image::LAYER, content.as_bytes())?);
    }
    let config = image::config("amd64", CREATED, &diff_ids, &json!({"Labels": {"own": own}}));
    let config = image::put(layout, image::CONFIG, &config)?;
    image::put(layout, image::MANIFEST, &image::manifest(&config, &layers))
}
