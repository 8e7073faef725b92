//! What HTCondor calls the states of machines and jobs, and what they mean for a task.

/// How far a job is that is in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CondorState {
    /// It waits for its machine.
    Idle,
    /// It has it.
    Working,
    /// Nothing will become of it, for this reason.
    Held(String),
}

/// Reads `Machine`, `State` and `Offline` of a slot: the machine, and why it can do nothing.
pub(super) fn machine_line(line: &str) -> Option<(&str, Option<String>)> {
    let mut parts = line.trim_end().split('\t').map(str::trim);
    let (name, state) = (parts.next().filter(|it| !it.is_empty())?, parts.next()?);
    let is_off = parts.next() == Some("true");
    let down = match (is_off, state) {
        (true, _) => Some("it is off".to_owned()),
        (false, "Drained" | "Shutdown" | "Delete") => Some(state.to_lowercase()),
        (false, _) => None,
    };
    Some((name, down))
}

/// Reads `ClusterId`, `JobStatus` and `HoldReason` of a job. One that was removed or is complete counts as gone.
pub(super) fn job_line(line: &str) -> Option<(String, CondorState)> {
    let mut parts = line.trim_end().splitn(3, '\t').map(str::trim);
    let (id, status) = (parts.next()?, parts.next()?);
    let state = match status {
        "1" => CondorState::Idle,
        // Running, transferring its output, suspended.
        "2" | "6" | "7" => CondorState::Working,
        "5" => CondorState::Held(parts.next().unwrap_or("it does not say why").to_owned()),
        _ => return None,
    };
    Some((id.to_owned(), state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_pool_says_tells_which_machines_can_work_and_how_far_jobs_are() {
        assert_eq!(machine_line("n1.example\tUnclaimed\tundefined"), Some(("n1.example", None)));
        assert_eq!(machine_line("n1\tClaimed\tundefined").unwrap().1, None);
        assert_eq!(machine_line("n1\tDrained\tundefined").unwrap().1.unwrap(), "drained");
        assert_eq!(machine_line("n1\tUnclaimed\ttrue").unwrap().1.unwrap(), "it is off");
        assert!(machine_line("").is_none());

        let job = |line: &str| job_line(line).map(|(_, state)| state);
        assert_eq!(job("7\t1\tundefined"), Some(CondorState::Idle));
        assert_eq!(job("7\t2\tundefined"), Some(CondorState::Working));
        let held = CondorState::Held("cannot run\tit".to_owned());
        assert_eq!(job_line("7\t5\tcannot run\tit").unwrap(), ("7".to_owned(), held));
        assert!(job("7\t3\tundefined").is_none() && job("7\t4\tundefined").is_none());
    }
}
