//! [`Heredoc`]: text behind an instruction that is none.

/// Text behind an instruction that is none, up to a line that is its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heredoc {
    name: String,
    /// Whether tabs before the name are left out.
    is_indented: bool,
}

impl Heredoc {
    /// Those that begin in `line`, in order: words as `<<NAME`, `<<-NAME`, `3<<"NAME"`.
    pub(super) fn in_line(line: &str) -> Vec<Heredoc> {
        if !line.contains("<<") {
            return Vec::new();
        }
        words(line).unwrap_or_default().iter().filter_map(|word| Heredoc::of(word)).collect()
    }

    fn of(word: &str) -> Option<Heredoc> {
        let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
        let (is_indented, rest) = match rest.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let rest = rest.trim_start();
        if rest.is_empty() || rest.contains('<') {
            return None;
        }
        let [name] = <[String; 1]>::try_from(words(rest)?).ok()?;
        Some(Heredoc { name: bare(&name), is_indented })
    }

    /// Whether it ends with `line`.
    pub(super) fn ends_with(&self, line: &str) -> bool {
        let line = line.trim_end_matches('\r');
        self.name == if self.is_indented { line.trim_start_matches('\t') } else { line }
    }
}

/// The words of a shell's line, with their quotes; nothing where a quote is not closed. What is behind `<<`
/// belongs to its word, with space between or not.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                word.push(c);
                loop {
                    let inner = chars.next()?;
                    word.push(inner);
                    if inner == '\\' && c == '"' {
                        word.push(chars.next()?);
                    } else if inner == c {
                        break;
                    }
                }
            }
            '\\' => {
                word.push(c);
                word.extend(chars.next());
            }
            '<' if chars.peek() == Some(&'<') => {
                chars.next();
                word.push_str("<<");
                while chars.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\r')) {
                    word.extend(chars.next());
                }
            }
            c if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    Some(words)
}

/// `word` without its quotes.
fn bare(word: &str) -> String {
    let mut bare = String::new();
    let mut quote = None;
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            '\\' if quote != Some('\'') => bare.extend(chars.next()),
            _ => bare.push(c),
        }
    }
    bare
}
