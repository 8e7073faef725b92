//! [`Ssh`]: nodes that are reached by OpenSSH's own client, as its configuration says.

use std::process::ChildStdin;
use std::time::Duration;

use super::calls::NodeCall;
use super::dispatcher::{Dispatcher, FoundNode, NodeState};
use super::end::NodeEnd;
use super::name::NodeName;
use super::script::{NodeTask, StoppedBy};
use super::sent::HeldInput;
use crate::tools::process::{Ended, Program};
use crate::words::cancel::Cancel;
use crate::words::error::Result;

/// What every call has. Nobody is asked for anything and no key, agent or display goes along; a host whose key
/// is not known is refused, as is the client's custom. A machine that is off is given up after 20 seconds, one
/// that is gone after a minute. The user's own arguments come first, and of two that contradict each other
/// the first counts.
const OPTIONS: [&str; 15] = [
    "-T",
    "-a",
    "-x",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=20",
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ServerAliveCountMax=4",
    "-o",
    "ClearAllForwardings=yes",
    "-o",
    "ControlMaster=no",
];
/// Whatever shell a user has there, it starts this one, which reads the script.
const SHELL: &str = "exec /bin/sh -s";
/// How many connections are open at once: the bundle comes from one place.
const AT_ONCE: usize = 8;
/// How often it is looked which clients have ended.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// The exit code of the client where it is its own.
const OWN: i32 = 255;

/// Nodes by ssh.
#[derive(Debug)]
pub struct Ssh {
    nodes: Vec<NodeName>,
    extra: Vec<String>,
    cancel: Cancel,
    at_work: Vec<AtWork>,
}

/// A task under way. It is stopped when its input ends, which happens when this value goes.
#[derive(Debug)]
struct AtWork {
    node: NodeName,
    program: Program,
    _input: Input,
}

/// What ends the input of a task when it goes.
#[derive(Debug)]
enum Input {
    Own(#[expect(dead_code, reason = "it is held, not read")] Option<ChildStdin>),
    Sent(#[expect(dead_code, reason = "it is held, not read")] HeldInput),
}

impl Ssh {
    /// Reaches `nodes` with `extra` arguments of the client, for the job of `cancel`.
    #[must_use]
    pub fn new(nodes: Vec<NodeName>, extra: Vec<String>, cancel: Cancel) -> Ssh {
        Ssh { nodes, extra, cancel, at_work: Vec::new() }
    }

    fn call(&self, node: &NodeName, task: &NodeTask, stopped: StoppedBy) -> NodeCall {
        let script = task.script(node, stopped);
        let shell = match task.sent() {
            None => SHELL.to_owned(),
            // Byte by byte, so that nothing is taken of what follows.
            Some(_) => {
                format!("exec /bin/sh -c 'eval \"$(dd bs=1 count={} 2>/dev/null)\"'", script.len())
            }
        };
        let options = self.extra.iter().map(String::as_str).chain(OPTIONS);
        let arguments = options.chain(["--", node.as_str(), &shell]).map(str::to_owned);
        NodeCall::new("ssh", arguments).with(script)
    }
}

impl Dispatcher for Ssh {
    fn name(&self) -> &'static str {
        "ssh"
    }

    fn most_at_once(&self) -> usize {
        AT_ONCE
    }

    fn pause(&self) -> Duration {
        LOOK_AGAIN
    }

    fn run(&self) -> Option<&str> {
        None
    }

    fn nodes(&mut self) -> Result<Vec<FoundNode>> {
        // Which of them answer is known when they are asked to work.
        NodeCall::new("ssh", ["-V"]).answer(&None)?;
        Ok(self.nodes.iter().map(|name| FoundNode { name: name.clone(), down: None }).collect())
    }

    fn shown(&self, node: &NodeName, task: &NodeTask) -> String {
        // By hand its input is the script alone, whose end must not stop it.
        let call = self.call(node, task, StoppedBy::Signals);
        match task.sent() {
            None => call.shown(),
            Some(sent) => call.shown_before(&sent.path().to_string_lossy()),
        }
    }

    fn submit(&mut self, node: &NodeName, task: &NodeTask) -> Result<()> {
        let call = self.call(node, task, StoppedBy::InputEnd);
        let (program, input) = call.start(&None, &self.cancel)?;
        let input = match (task.sent(), input) {
            (Some(sent), Some(input)) => Input::Sent(sent.pour(input)?),
            (_, input) => Input::Own(input),
        };
        self.at_work.push(AtWork { node: node.clone(), program, _input: input });
        Ok(())
    }

    fn look(&mut self) -> Result<Vec<(NodeName, NodeState)>> {
        let (mut states, mut still) = (Vec::new(), Vec::new());
        for mut work in std::mem::take(&mut self.at_work) {
            match work.program.poll() {
                Ok(None) => {
                    states.push((work.node.clone(), NodeState::Working));
                    still.push(work);
                }
                Ok(Some(ended)) => states.push((work.node, state(&ended))),
                Err(e) => {
                    let end = NodeEnd::lost(&[], e.to_string());
                    states.push((work.node, NodeState::Ended(end)));
                }
            }
        }
        self.at_work = still;
        Ok(states)
    }

    fn give_up(&mut self, node: &NodeName) -> Result<()> {
        self.at_work.retain(|work| work.node != *node);
        Ok(())
    }

    fn clear(&mut self) -> Result<()> {
        // Each is told to end before any is waited for.
        let works = std::mem::take(&mut self.at_work);
        std::thread::scope(|scope| {
            for work in works {
                scope.spawn(move || drop(work));
            }
        });
        Ok(())
    }

    fn clear_run(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// What the end of the client means.
fn state(ended: &Ended) -> NodeState {
    match NodeEnd::of(&ended.said, ended.complaints.clone()) {
        Some(end) => NodeState::Ended(end),
        None => {
            let end = NodeEnd::lost(&ended.said, ended.complaints.clone());
            match (ended.code == Some(OWN) && !end.began, end.last_words()) {
                (true, words) => {
                    NodeState::Down(words.unwrap_or("ssh does not say why").to_owned())
                }
                (false, Some(_)) => NodeState::Ended(end),
                (false, None) => {
                    let why = "the connection ended before the task did";
                    NodeState::Ended(NodeEnd::lost(&ended.said, why))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_call_says_is_up_to_the_shell_of_a_node() {
        let nodes = vec!["root@n1".parse().unwrap()];
        let ssh = Ssh::new(nodes, vec!["-p".into(), "22 22".into()], Cancel::default());
        let task = NodeTask::new("sealift", vec!["it's".into()]).unwrap();

        let shown = ssh.shown(&"root@n1".parse().unwrap(), &task);

        let (line, script) = shown.split_once('\n').unwrap();
        assert!(line.starts_with("ssh -p '22 22' -T -a -x -o BatchMode=yes"), "{line}");
        assert!(
            line.ends_with("-- 'root@n1' 'exec /bin/sh -s' <<'SEALIFT_NODE'")
                || line.ends_with("-- root@n1 'exec /bin/sh -s' <<'SEALIFT_NODE'"),
            "{line}"
        );
        assert!(script.contains("'sealift' 'it'\\''s' </dev/null &"), "{script}");
    }

    #[test]
    fn what_the_client_says_for_itself_is_about_the_way_there() {
        let ended = |said: &str, code| Ended {
            success: false,
            code: Some(code),
            said: said.as_bytes().to_vec(),
            complaints: "ssh: connect to host n1 port 22: No route to host\n".to_owned(),
        };
        let why = "ssh: connect to host n1 port 22: No route to host";
        assert_eq!(state(&ended("", 255)), NodeState::Down(why.to_owned()));
        let begun = "\nsealift-node begin\n{";
        assert!(matches!(state(&ended(begun, 255)), NodeState::Ended(end) if end.began));
        let done = "\nsealift-node begin\n{}\nsealift-node end 5\n";
        assert!(matches!(state(&ended(done, 5)), NodeState::Ended(end) if end.code == Some(5)));
    }
}
