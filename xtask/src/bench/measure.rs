//! One measured run of a shell command, by GNU time: children count, as far as they were waited for.

use crate::{Result, shell};
use std::path::Path;
use std::process::{Command, Stdio};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Seconds on the clock.
    pub wall: f64,
    /// Seconds of user and system time.
    pub cpu: f64,
    /// MiB of the largest process.
    pub memory: f64,
}

/// Runs `script` in `folder`. What earlier runs wrote is on the disk before the clock starts.
pub fn run(folder: &Path, script: &str) -> Result<Sample> {
    shell::run(&mut Command::new("sync"))?;
    let times = folder.join("times");
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%e %U %S %M", "-o"]).arg(&times).args(["sh", "-euc", script]);
    command.current_dir(folder).stdin(Stdio::null());
    shell::aside(&mut command);
    let output = command.output().map_err(|error| format!("/usr/bin/time: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {script}\n{}", output.status, said.trim_end()));
    }
    let text = shell::read_text(&times)?;
    parse(&text).ok_or_else(|| format!("/usr/bin/time says {text:?}"))
}

fn parse(text: &str) -> Option<Sample> {
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    let mut next = || numbers.next()?.ok();
    let (wall, user, system, kib) = (next()?, next()?, next()?, next()?);
    Some(Sample { wall, cpu: user + system, memory: kib / 1024.0 })
}

/// Each figure's median.
pub fn median(samples: &[Sample]) -> Option<Sample> {
    let middle = |figure: fn(&Sample) -> f64| {
        let mut figures: Vec<f64> = samples.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        let half = figures.len() / 2;
        let odd = figures.len() % 2 == 1;
        if odd { figures[half] } else { (figures[half - 1] + figures[half]) / 2.0 }
    };
    (!samples.is_empty()).then(|| Sample {
        wall: middle(|s| s.wall),
        cpu: middle(|s| s.cpu),
        memory: middle(|s| s.memory),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_gnu_time_is_read() {
        let sample = parse("1.50 0.25 0.75 20480\n").unwrap();
        assert_eq!(sample, Sample { wall: 1.5, cpu: 1.0, memory: 20.0 });
        assert!(parse("Command exited with non-zero status 1").is_none());
    }

    #[test]
    fn the_median_is_taken_figure_by_figure() {
        let sample = |wall, cpu| Sample { wall, cpu, memory: 1.0 };
        let odd = [sample(3.0, 1.0), sample(1.0, 9.0), sample(2.0, 2.0)];
        assert_eq!(median(&odd).unwrap(), sample(2.0, 2.0));
        assert_eq!(median(&odd[..2]).unwrap(), sample(2.0, 5.0));
        assert!(median(&[]).is_none());
    }
}
