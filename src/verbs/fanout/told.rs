//! What a node said, judged: whether it holds every image of the very bundle.

use serde_json::Value;

use super::report::{NodeOutcome, NodeResult};
use crate::places::nodes::{NodeEnd, NodeName};
use crate::words::digest::Digest;
use crate::words::json::parse_strict;
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// What a shell ends with for a program that is not there, and for one that it may not run.
const NOT_THERE: i32 = 127;
const NOT_RUN: i32 = 126;

/// What `node` amounts to, whose import of the bundle with this `statement` ended with `end`.
pub(super) fn judge(node: NodeName, end: NodeEnd, statement: &Digest) -> NodeResult {
    let report = parse_strict(&end.said).ok().filter(Value::is_object);
    let result = NodeResult { exit_code: end.code, ..NodeResult::of(node, NodeOutcome::Failed) };
    let Some(report) = report else {
        let (reason, hint) = unsaid(&end);
        return NodeResult { reason: Some(reason), hint, ..result };
    };
    let images = report.get("images").and_then(Value::as_array).map(|it| it.len() as u64);
    let reason = why_not(&report, end.code, statement);
    let state = if reason.is_none() { NodeOutcome::Imported } else { NodeOutcome::Failed };
    let hint = report.pointer("/error/hint").and_then(Value::as_str);
    let hint = hint.filter(|_| reason.is_some()).map(|it| Phrase::from(it.to_owned()));
    NodeResult { state, images, reason, hint, report: Some(report), ..result }
}

/// Why a node with this `report` and exit code does not hold all; nothing where it does.
fn why_not(report: &Value, code: Option<i32>, statement: &Digest) -> Option<String> {
    let is_ok = report.get("ok").and_then(Value::as_bool) == Some(true);
    let said = report.pointer("/error/message").and_then(Value::as_str);
    let other = report.get("statement").and_then(Value::as_str);
    match (is_ok, said, code) {
        (_, Some(message), _) => Some(message.to_owned()),
        (true, None, Some(0)) => match other {
            Some(other) if other == statement.to_string() => {
                let is_import = report.get("images").is_some_and(Value::is_array)
                    && ["failed", "shard"].iter().all(|part| report.get(*part).is_none());
                (!is_import).then(|| "it did not say that it holds every image".to_owned())
            }
            _ => Some(format!(
                "it took another bundle under that path: {}",
                other.unwrap_or("one that it does not name")
            )),
        },
        _ => Some("it did not say that it holds every image".to_owned()),
    }
}

/// Why there is no report, and what to do.
fn unsaid(end: &NodeEnd) -> (String, Option<Phrase>) {
    let last = end.last_words();
    match end.code {
        Some(NOT_THERE | NOT_RUN) => {
            let text = last.unwrap_or("sealift cannot be run there").to_owned();
            let hint =
                phrase!["name it by its whole path on the nodes with ", Remedy::FanoutProgram];
            (text, Some(hint))
        }
        _ => (last.unwrap_or("it ended without a report").to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: Option<i32>, said: &str, complaints: &str) -> NodeResult {
        let end = NodeEnd::default();
        let end = NodeEnd {
            code,
            said: said.as_bytes().to_vec(),
            complaints: complaints.to_owned(),
            ..end
        };
        judge("n1".parse().unwrap(), end, &Digest::of(b"x"))
    }

    #[test]
    fn only_a_whole_import_of_the_very_bundle_counts() {
        let own = Digest::of(b"x");
        let good = format!(r#"{{"ok":true,"statement":"{own}","images":[{{}},{{}}]}}"#);
        let held = judged(Some(0), &good, "");
        assert_eq!((held.state, held.images), (NodeOutcome::Imported, Some(2)));

        let other = good.replace(&own.to_string(), &Digest::of(b"y").to_string());
        let lies: [(Option<i32>, &str, &str); 9] = [
            (Some(5), &good, "did not say"),
            (None, &good, "did not say"),
            (Some(0), &other, "another bundle"),
            (Some(0), r#"{"ok":true,"images":[]}"#, "another bundle"),
            (Some(0), &good.replace("true", "false"), "did not say"),
            (Some(0), &good.replace("images", "copy"), "did not say"),
            (Some(0), &good.replace("\"ok\"", "\"shard\":\"1/2\",\"ok\""), "did not say"),
            (Some(0), "hello", "ended without"),
            (
                Some(8),
                r#"{"ok":false,"error":{"message":"no room","hint":"make some"}}"#,
                "no room",
            ),
        ];
        for (code, said, why) in lies {
            let result = judged(code, said, "");
            assert_eq!(result.state, NodeOutcome::Failed, "{said}");
            assert!(result.reason.as_ref().unwrap().contains(why), "{result:?}");
        }
        let absent = judged(Some(127), "", "/bin/sh: 1: sealift: not found\n");
        assert_eq!(absent.reason.unwrap(), "/bin/sh: 1: sealift: not found");
        assert!(absent.hint.unwrap().offers(Remedy::FanoutProgram));
    }
}
