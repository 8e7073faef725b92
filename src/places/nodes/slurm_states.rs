//! What Slurm calls the states of nodes and jobs, and what they mean for a task.

/// What states of nodes stand for that work, or will once something else ended there. Whatever comes behind
/// them in one word (`idle~`, powered down) is looked at by itself.
const UP: [&str; 8] =
    ["idle", "mixed", "allocated", "completing", "planned", "reserved", "maint", "blocked"];
/// The mark of a node that does not respond.
const SILENT: char = '*';
/// What jobs are called that have their node.
const AT_WORK: [&str; 7] =
    ["RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STAGE_OUT", "STOPPED", "SIGNALING"];

/// A line of `sinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeLine<'l> {
    pub(super) name: &'l str,
    pub(super) features: Vec<&'l str>,
    /// Why it can do nothing.
    pub(super) down: Option<String>,
}

/// Reads `%N|%T|%f|%E`; the reason, which somebody wrote, may have anything in it.
pub(super) fn node_line(line: &str) -> Option<NodeLine<'_>> {
    let mut parts = line.trim_end().splitn(4, '|');
    let (name, state, features) = (parts.next()?, parts.next()?, parts.next()?);
    let reason = parts.next().unwrap_or_default().trim();
    let word = state.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let is_up = UP.contains(&word) && !state.contains(SILENT);
    let why = match (is_up, reason) {
        (true, _) => None,
        (false, "" | "none") if state.contains(SILENT) => {
            Some(format!("{word}, it does not respond"))
        }
        (false, "" | "none") => Some(word.to_owned()),
        (false, reason) => Some(format!("{word}: {reason}")),
    };
    let features = features.split(',').filter(|it| !it.is_empty() && *it != "(null)").collect();
    Some(NodeLine { name, features, down: why })
}

/// Whether a node with `features` is one of those that `constraint` asks for; nothing where that is more
/// than names with `&` or with `|` between them.
pub(super) fn has(features: &[&str], constraint: &str) -> Option<bool> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-&|:".contains(c);
    let is_mixed = constraint.contains('&') && constraint.contains('|');
    if !constraint.chars().all(plain) || is_mixed {
        return None;
    }
    Some(match constraint.contains('|') {
        true => constraint.split('|').any(|one| features.contains(&one)),
        false => constraint.split('&').all(|one| features.contains(&one)),
    })
}

/// A line of `squeue`, `%i|%T|%r`: the job, whether it has its node, and what it waits for.
pub(super) fn job_line(line: &str) -> Option<(&str, bool, &str)> {
    let mut parts = line.trim_end().splitn(3, '|');
    let (id, state) = (parts.next()?, parts.next()?);
    Some((id, AT_WORK.contains(&state), parts.next().unwrap_or_default()))
}

/// Whether a job waits for a node that may be down.
pub(super) fn waits_for_a_node(reason: &str) -> bool {
    ["ReqNodeNotAvail", "Nodes required for job are DOWN", "NodeDown", "PartitionDown"]
        .iter()
        .any(|word| reason.contains(word))
}

/// What `scontrol show job` says of how a job ended.
pub(super) fn job_end(text: &str) -> String {
    let member = |name: &str| {
        let found = text.split_whitespace().find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().to_owned()
    };
    let (state, reason) = (member("JobState"), member("Reason"));
    match (state.as_str(), reason.as_str()) {
        ("", _) => "Slurm knows nothing of the job any more".to_owned(),
        (state, "" | "None") => format!("Slurm says {state}"),
        (state, reason) => format!("Slurm says {state}, {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sinfo_says_tells_which_nodes_can_work() {
        let down = |line: &'static str| node_line(line).unwrap().down;
        for up in
            ["n1|idle|(null)|none", "n1|mixed|gpu|none", "n1|idle~|x|none", "n1|allocated+|x|"]
        {
            assert_eq!(down(up), None, "{up}");
        }
        assert_eq!(down("n1|down*|x|Not responding").unwrap(), "down: Not responding");
        assert_eq!(down("n1|idle*|x|none").unwrap(), "idle, it does not respond");
        assert_eq!(down("n1|drained|x|disk | a|b").unwrap(), "drained: disk | a|b");
        assert_eq!(down("n1|unknown*|x|none").unwrap(), "unknown, it does not respond");
        assert_eq!(node_line("n1|idle|a,b|none").unwrap().features, ["a", "b"]);
        assert!(node_line("n1|idle").is_none());
    }

    #[test]
    fn plain_constraints_are_understood_and_others_left_to_whoever_names_nodes() {
        let features = ["gpu", "rack1"];
        for (constraint, is_it) in [
            ("gpu", Some(true)),
            ("gpu&rack1", Some(true)),
            ("gpu&rack2", Some(false)),
            ("rack2|gpu", Some(true)),
            ("x", Some(false)),
            ("[rack1|rack2]", None),
            ("a&(b|c)", None),
            ("a&b|c", None),
            ("gpu*2", None),
        ] {
            assert_eq!(has(&features, constraint), is_it, "{constraint}");
        }
    }

    #[test]
    fn jobs_are_told_apart_by_whether_they_have_their_node() {
        assert_eq!(job_line("7|RUNNING|None"), Some(("7", true, "None")));
        let waiting = "8|PENDING|ReqNodeNotAvail, UnavailableNodes:n3";
        let (id, at_work, why) = job_line(waiting).unwrap();
        assert!(id == "8" && !at_work && waits_for_a_node(why));
        assert!(!waits_for_a_node("Resources"));
        assert_eq!(
            job_end("JobId=1 JobState=NODE_FAIL Reason=NodeDown x=y"),
            "Slurm says NODE_FAIL, NodeDown"
        );
        assert_eq!(job_end("JobState=FAILED Reason=None"), "Slurm says FAILED");
        assert!(job_end("").contains("knows nothing"));
    }
}
