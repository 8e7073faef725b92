//! The one JSON value of a run (docs/json.md): what came of it, and why it failed if it did.

use serde::Serialize;

use super::remedies::{Said, all, told};
use super::report::code;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, ErrorKind, Result, Side, Subject};

/// What came of a run. Whether it did what was asked stands here alone, so that it cannot say one
/// thing and the exit code another.
#[derive(Debug, Serialize)]
pub(super) struct Ending<'r, T> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    #[serde(flatten)]
    results: &'r T,
}

/// Why a run failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    class: Class,
    kind: ErrorKind,
    exit_code: u8,
    message: String,
    findings: Vec<String>,
    hint: Option<String>,
    side: Option<Side>,
    subject: About,
    transient: bool,
}

/// What a failure is about: of each kind of thing the first.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
}

/// No results.
#[derive(Debug, Serialize)]
pub(super) struct NoValue {}

impl<'r, T: Serialize> Ending<'r, T> {
    /// That of a run with `results`, which failed for `error` if there is one.
    pub(super) fn new(results: &'r T, error: Option<&Error>) -> Ending<'r, T> {
        Ending { ok: error.is_none(), error: error.map(Failure::of), results }
    }

    /// As text, in lines of which the last one ends.
    pub(super) fn spelled(&self) -> Result<String> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|e| Error::new(Class::Other, "cannot write JSON").source(e))?;
        Ok(format!("{}\n", ascii(&json)))
    }
}

impl Failure {
    fn of(error: &Error) -> Failure {
        Failure {
            class: error.class(),
            kind: error.kind(),
            exit_code: code(error.class()),
            message: Said(error).to_string(),
            findings: all(error.findings()),
            hint: error.advice().map(told),
            side: error.side(),
            subject: About::all(error.subjects()),
            transient: error.is_passing(),
        }
    }
}

impl About {
    fn all(subjects: &[Subject]) -> About {
        let mut about = About::default();
        for subject in subjects.iter().rev() {
            match subject {
                Subject::Digest(digest) => about.digest = Some(*digest),
                Subject::Image(name) => about.image = Some(name.clone()),
                Subject::Path(path) => about.path = Some(path.display().to_string()),
                Subject::Key(id) => about.key = Some(id.clone()),
                Subject::Host(host) => about.host = Some(host.clone()),
            }
        }
        about
    }
}

/// JSON in ASCII: what is not plain is spelled `\uXXXX`, so that nothing in a name can act on a
/// terminal that shows it.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_spelled_in_ascii() {
        let json = serde_json::to_string("a\u{202e}\u{1b}ü\u{1f600}\u{7f}").unwrap();

        let spelled = ascii(&json);

        assert_eq!(spelled, r#""a\u202e\u001b\u00fc\ud83d\ude00\u007f""#);
        assert_eq!(
            serde_json::from_str::<String>(&spelled).unwrap(),
            "a\u{202e}\u{1b}ü\u{1f600}\u{7f}"
        );
    }

    #[test]
    fn a_failure_says_in_members_what_it_is_about() {
        let error = Error::new(Class::NoRoom, "full")
            .of_kind(ErrorKind::NoSpace)
            .on(Side::Destination)
            .subject(Subject::Host("a.example".to_owned()))
            .subject(Subject::Host("b.example".to_owned()))
            .subject(Subject::Path("x/y".into()));

        let json = serde_json::to_value(Failure::of(&error)).unwrap();

        assert_eq!((&json["class"], &json["kind"]), (&"no-room".into(), &"no-space".into()));
        assert_eq!((&json["side"], &json["transient"]), (&"destination".into(), &false.into()));
        let subject = serde_json::json!({"host": "a.example", "path": "x/y"});
        assert_eq!(json["subject"], subject);
        let plain = serde_json::to_value(Failure::of(&Error::new(Class::Other, "no"))).unwrap();
        assert_eq!((&plain["side"], &plain["subject"]), (&().into(), &serde_json::json!({})));
    }

    #[test]
    fn results_stand_beside_the_failure_in_one_value() {
        #[derive(Serialize)]
        struct Results {
            images: u64,
        }
        let error = Error::new(Class::Damaged, "bad\x1b").details(["one\x1b".to_owned()]);

        let done = serde_json::to_value(Ending::new(&Results { images: 2 }, None)).unwrap();
        assert_eq!(done, serde_json::json!({"ok": true, "images": 2}));
        let failed =
            serde_json::to_value(Ending::new(&Results { images: 1 }, Some(&error))).unwrap();
        assert_eq!((&failed["ok"], &failed["images"]), (&false.into(), &1.into()));
        let json = serde_json::to_value(Ending::new(&NoValue {}, Some(&error))).unwrap();
        assert_eq!(json["error"], failed["error"]);
        assert_eq!(json["error"]["exitCode"], 4);
        assert_eq!(json["error"]["findings"][0], "one\x1b");
        assert_eq!(json["ok"], false);
    }
}
