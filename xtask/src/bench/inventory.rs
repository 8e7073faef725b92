//! An inventory of a registry with many repositories, of which no peer has anything.

use super::tasks::{Side, Task};
use super::{measure, stocked};
use crate::{Result, shell};
use std::path::Path;

/// Measures it for so many repositories, `runs` times.
pub fn task(
    cache: &Path,
    work: &Path,
    sealift: &Path,
    repositories: usize,
    runs: usize,
) -> Result<Task> {
    let registry = stocked::registry(cache, "many", repositories, fill)?;
    let name = format!("inventory of {repositories} repositories");
    let script = format!(
        "exec {} inventory docker://{} -o receipt.json --no-progress --quiet > receipt.txt",
        shell::quoted(sealift),
        registry.host()
    );
    let mut samples = Vec::new();
    for run in 1..=runs {
        let sample = measure::run(work, &script)?;
        println!("run {run} of {runs}: {name} {:>7.2} s", sample.wall);
        samples.push(sample);
    }
    Ok(Task { name, sides: vec![Side { program: "sealift", does: "", samples }] })
}

/// An image of a base that all have and a layer of its own.
fn fill(port: u16, number: usize) -> Result {
    let own = format!("layer of {number}");
    stocked::put_image(port, &format!("team/app-{number}"), "1", &own)
}
