//! Two programs of sealift in one run, each in turn the first, and how one compares with the other.

use super::measure::{Sample, median};
use super::tasks::Task;
use std::fmt::Write as _;

/// What the program is called that the other one is measured against.
pub const BEFORE: &str = "before";

/// The figures line by line, with how much sealift needs of what the one before it needed. A ratio
/// is the median of those of pairs of runs, one right after the other, so that a machine which
/// grows slower or faster meanwhile does both no harm.
pub fn table(tasks: &[Task]) -> String {
    let mut table = "\
| task | runs | wall | before | wall, now to before | CPU, now to before | memory, now to before |\n\
|---|--:|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for task in tasks {
        let of = |name| task.sides.iter().find(|side| side.program == name);
        let (Some(now), Some(before)) = (of("sealift"), of(BEFORE)) else { continue };
        let (Some(wall), Some(was)) = (median(&now.samples), median(&before.samples)) else {
            continue;
        };
        let pairs: Vec<Sample> = now
            .samples
            .iter()
            .zip(&before.samples)
            .map(|(now, before)| ratio(now, before))
            .collect();
        let ratio = median(&pairs).unwrap_or_default();
        let _ = writeln!(
            table,
            "| {} | {} | {:.2} s | {:.2} s | **{:.3}** | {:.3} | {:.3} |",
            task.name,
            pairs.len(),
            wall.wall,
            was.wall,
            ratio.wall,
            ratio.cpu,
            ratio.memory,
        );
    }
    table
}

/// What is too short to be measured is the same.
fn ratio(now: &Sample, before: &Sample) -> Sample {
    let of = |figure: fn(&Sample) -> f64| match figure(before) {
        before if before > 0.0 => figure(now) / before,
        _ => 1.0,
    };
    Sample { wall: of(|s| s.wall), cpu: of(|s| s.cpu), memory: of(|s| s.memory) }
}

/// The places of so many programs, in the order in which they are measured in this run: in every
/// second one the last comes first.
pub fn turn(run: usize, programs: usize) -> Vec<usize> {
    match run.is_multiple_of(2) {
        true => (0..programs).rev().collect(),
        false => (0..programs).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tasks::Side;
    use super::*;

    #[test]
    fn each_line_has_the_median_of_the_ratios_of_its_pairs() {
        let side = |program, walls: [f64; 3]| Side {
            program,
            does: "",
            samples: walls.map(|wall| Sample { wall, cpu: 0.0, memory: 1.0 }).to_vec(),
        };
        // Each run takes twice as long as the one before, and sealift 10 % more than its pair.
        let sides = vec![side("sealift", [1.1, 2.2, 4.4]), side(BEFORE, [1.0, 2.0, 4.0])];
        let peer = vec![side("sealift", [1.0; 3]), side("skopeo", [1.0; 3])];
        let tasks =
            [Task { name: "a".to_owned(), sides }, Task { name: "b".to_owned(), sides: peer }];

        let table = table(&tasks);

        assert!(
            table.ends_with("| a | 3 | 2.20 s | 2.00 s | **1.100** | 1.000 | 1.000 |\n"),
            "{table}"
        );
    }

    #[test]
    fn each_is_the_first_in_its_turn() {
        assert_eq!([turn(1, 2), turn(2, 2), turn(3, 2)], [[0, 1], [1, 0], [0, 1]]);
    }
}
