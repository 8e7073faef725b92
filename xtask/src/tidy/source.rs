//! A source file as the rules see it: its lines, its code without comments and strings, and which
//! lines belong to its tests.

/// One file below the workspace.
pub struct Source {
    /// Relative to the workspace, with `/`.
    pub path: String,
    pub text: String,
    /// As long as `text`, with comments and the insides of literals blanked.
    pub code: String,
    in_tests: Vec<bool>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let code = code(text);
        let in_tests = test_lines(&code);
        Source { path: path.to_owned(), text: text.to_owned(), code, in_tests }
    }

    /// Whether the whole file is a module's tests: `src/.../tests.rs`, or below `src/.../tests/`.
    pub fn is_test_file(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Whether the line (from 1) is inside `#[cfg(test)] mod ... { }`.
    pub fn is_inner_test(&self, line: usize) -> bool {
        self.in_tests.get(line - 1).copied().unwrap_or(false)
    }

    pub fn is_test(&self, line: usize) -> bool {
        self.is_test_file() || self.is_inner_test(line)
    }

    /// The length without the tests.
    pub fn own_lines(&self) -> usize {
        if self.is_test_file() {
            return 0;
        }
        self.in_tests.iter().filter(|test| !**test).count()
    }

    pub fn line_of(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// The module this file is: `["places", "registry"]` for `src/places/registry.rs`.
    pub fn module(&self) -> Vec<&str> {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        path.trim_end_matches(".rs").split('/').collect()
    }

    /// Where `word` stands in the code as a whole identifier (or path), with its line.
    pub fn mentions(&self, word: &str) -> Vec<usize> {
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let starts = self.code.match_indices(word).filter(|(at, _)| {
            let before = self.code[..*at].chars().next_back();
            let after = self.code[at + word.len()..].chars().next();
            !before.is_some_and(part) && !after.is_some_and(part)
        });
        starts.map(|(at, _)| self.line_of(at)).collect()
    }
}

/// The tests begin at an unindented `#[cfg(test)]` before a `mod`, and end at the next
/// unindented brace, as rustfmt leaves them.
fn test_lines(code: &str) -> Vec<bool> {
    let lines: Vec<&str> = code.lines().collect();
    let mut inside = false;
    let mut marks = Vec::with_capacity(lines.len());
    for (i, line) in lines.iter().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            let next = lines[i + 1..].iter().find(|next| !next.starts_with("#["));
            inside = next.is_some_and(|next| next.starts_with("mod ") && next.contains('{'));
        }
        marks.push(inside);
        inside = inside && !line.starts_with('}');
    }
    marks
}

/// Blanks comments, and strings and characters between their quotes; line ends stay.
fn code(text: &str) -> String {
    let mut blanked = text.as_bytes().to_vec();
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        let (length, keep) = match rest[0] {
            b'/' if rest.starts_with(b"//") => (line(rest), 0),
            b'/' if rest.starts_with(b"/*") => (block(rest), 0),
            b'"' => (string(rest), 1),
            b'r' if !after_word(text, at) && raw(rest).is_some() => (raw(rest).unwrap_or(1), 1),
            b'\'' => (character(text, at), 1),
            _ => (1, 1),
        };
        for (i, byte) in blanked[at..at + length].iter_mut().enumerate() {
            let edge = i < keep || i + keep >= length;
            if !edge && *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length;
    }
    String::from_utf8_lossy(&blanked).into_owned()
}

fn after_word(text: &str, at: usize) -> bool {
    text[..at].ends_with(|c: char| (c.is_alphanumeric() && c != 'b') || c == '_')
}

fn line(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

fn block(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let end = [b"\"".as_slice(), &rest[1..=hashes]].concat();
    let body = &rest[hashes + 2..];
    let close = body.windows(end.len()).position(|window| window == end);
    Some(close.map_or(rest.len(), |close| hashes + 2 + close + end.len()))
}

/// A character literal, or one byte where the quote begins a lifetime.
fn character(text: &str, at: usize) -> usize {
    let rest = &text[at + 1..];
    let mut chars = rest.char_indices();
    let end = match chars.next() {
        Some((_, '\\')) => rest.get(2..).and_then(|more| more.find('\'')).map(|close| close + 2),
        Some((_, c)) => rest[c.len_utf8()..].starts_with('\'').then_some(c.len_utf8()),
        None => None,
    };
    end.map_or(1, |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let text = "let a = \"unsafe\"; // unsafe\nlet b = 'u'; /* unsafe /* x */ */ fn f<'a>() {}\n\
                    let c = r#\"un\"safe\"#; let d = '\\''; let e = \"\\\"unsafe\"; let f = '\"';";
        let code = code(text);
        assert_eq!(code.len(), text.len());
        assert!(!code.contains("unsafe") && !code.contains("safe\"#"), "{code}");
        assert!(code.contains("fn f<'a>() {}") && code.contains("let f = '"), "{code}");
    }

    #[test]
    fn tests_do_not_count_as_length() {
        let source =
            Source::new("src/a.rs", "//! A.\n#[cfg(test)]\nmod tests {\n    x\n}\nfn f() {}\n");
        assert_eq!(source.own_lines(), 2);
        assert!(source.is_test(4) && !source.is_test(6));
    }
}
