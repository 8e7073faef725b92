//! [`NodeEnd`]: how a task on a node ended.

use super::script::{BEGIN, END};

/// How a task on a node ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeEnd {
    /// Whether it was begun there at all.
    pub began: bool,
    /// Its exit code, where it came to one.
    pub code: Option<i32>,
    /// What it said on its standard output.
    pub said: Vec<u8>,
    /// The end of what it complained about, or why there is no exit code.
    pub complaints: String,
}

impl NodeEnd {
    /// What `output` of the script tells: what stands between the marks, whatever a login shell printed
    /// before. Nothing where the last one is not there (yet).
    pub(super) fn of(output: &[u8], complaints: String) -> Option<NodeEnd> {
        let begin = format!("\n{BEGIN}\n");
        let end = format!("\n{END} ");
        let begun = find(output, begin.as_bytes())? + begin.len();
        let rest = &output[begun..];
        // The newline of either mark may be the same one, where nothing was said.
        let (said, last) = match rest.strip_prefix(&end.as_bytes()[1..]) {
            Some(last) => (&b""[..], last),
            None => {
                let at = find_last(rest, end.as_bytes())?;
                (&rest[..at], &rest[at + end.len()..])
            }
        };
        let line = last.split(|byte| *byte == b'\n').next().filter(|it| it.len() < last.len())?;
        let code = std::str::from_utf8(line).ok()?.parse().ok()?;
        let said = said.trim_ascii().to_vec();
        Some(NodeEnd { began: true, code: Some(code), said, complaints })
    }

    /// A task of which no end is known, for the reason `why`.
    pub(super) fn lost(output: &[u8], why: impl Into<String>) -> NodeEnd {
        let began = find(output, format!("\n{BEGIN}\n").as_bytes()).is_some();
        NodeEnd { began, code: None, said: Vec::new(), complaints: why.into() }
    }

    /// The last line of the complaints that says something.
    #[must_use]
    pub fn last_words(&self) -> Option<&str> {
        self.complaints.lines().map(str::trim).rfind(|line| !line.is_empty())
    }
}

fn find(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len()).position(|window| window == part)
}

fn find_last(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len()).rposition(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(output: &str) -> Option<(i32, String)> {
        let end = NodeEnd::of(output.as_bytes(), String::new())?;
        Some((end.code.unwrap(), String::from_utf8(end.said).unwrap()))
    }

    #[test]
    fn what_stands_between_the_marks_counts_and_nothing_before_it() {
        let all = "Welcome!\nsealift-node end 0\n\nsealift-node begin\n{\"ok\":true}\n\nsealift-node end 5\n";
        assert_eq!(of(all), Some((5, "{\"ok\":true}".to_owned())));
        assert_eq!(
            of("\nsealift-node begin\n\nsealift-node end 127\nbye\n"),
            Some((127, String::new()))
        );
        assert_eq!(of("\nsealift-node begin\nsealift-node end 1\n"), Some((1, String::new())));
        // Cut off, as it is while it is written.
        for cut in [
            "",
            "hello\n",
            "\nsealift-node begin\n{}",
            "\nsealift-node begin\n\nsealift-node end 13",
        ] {
            assert_eq!(of(cut), None, "{cut:?}");
        }
        assert!(NodeEnd::lost(b"\nsealift-node begin\n{", "gone").began);
        assert!(!NodeEnd::lost(b"Welcome!\n", "gone").began);
    }
}
