//! [`Queue`]: what a `queue` says.

/// Where the items of a `queue` are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Items {
    /// There are none.
    None,
    /// In its line.
    Here(Vec<String>),
    /// In its line, and in those behind it up to a closing parenthesis.
    Below(Vec<String>),
    /// In a file, one a line.
    File(String),
    /// Elsewhere: what a program prints, or files that match.
    Elsewhere(String),
}

/// What a `queue` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Queue {
    /// The variables that an item sets, in lower case.
    pub(super) variables: Vec<String>,
    pub(super) items: Items,
    /// Whether a line is one item with a value for each variable, and not several items.
    pub(super) is_by_line: bool,
    /// Whether only some of the items are meant.
    pub(super) is_sliced: bool,
}

impl Queue {
    /// `queue [COUNT] [VARIABLES] [in|from|matching [QUALIFIER] [SLICE] ITEMS]`.
    pub(super) fn of(arguments: &str) -> Queue {
        let none = Queue {
            variables: Vec::new(),
            items: Items::None,
            is_by_line: false,
            is_sliced: false,
        };
        let Some((at, keyword)) = keyword(arguments) else { return none };
        let before = arguments[..at].split(|c: char| c.is_whitespace() || c == ',');
        let mut variables: Vec<String> = before
            .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
            .map(str::to_ascii_lowercase)
            .collect();
        if variables.is_empty() {
            variables.push("item".to_owned());
        }
        let mut rest = arguments[at + keyword.len()..].trim();
        let mut is_sliced = false;
        let mut is_table = false;
        loop {
            let end = rest.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(rest.len());
            let word = rest[..end].to_ascii_lowercase();
            if word.starts_with('[') {
                let close = rest.find(']').map_or(rest.len(), |at| at + 1);
                is_sliced = true;
                rest = rest[close..].trim_start();
            } else if end < rest.len() && ["files", "dirs", "any", "table"].contains(&&*word) {
                is_table |= word == "table";
                rest = rest[end..].trim_start();
            } else {
                break;
            }
        }
        let is_by_line = keyword.eq_ignore_ascii_case("from");
        let items = match rest.strip_prefix('(') {
            _ if is_table || keyword.eq_ignore_ascii_case("matching") => {
                Items::Elsewhere(rest.to_owned())
            }
            Some(list) => match list.strip_suffix(')') {
                Some(list) => Items::Here(split(list, is_by_line)),
                None => Items::Below(split(list, is_by_line)),
            },
            None if is_by_line && rest.ends_with('|') => Items::Elsewhere(rest.to_owned()),
            None if is_by_line => Items::File(rest.to_owned()),
            None => Items::Here(split(rest, false)),
        };
        Queue { variables, items, is_by_line, is_sliced }
    }
}

/// Where in `arguments` the word is that says what items there are.
fn keyword(arguments: &str) -> Option<(usize, &str)> {
    let mut at = 0;
    for part in arguments.split_inclusive(|c: char| c.is_whitespace() || c == '(') {
        let word = part.trim_end_matches(|c: char| c.is_whitespace() || c == '(');
        if ["in", "from", "matching"].iter().any(|it| word.eq_ignore_ascii_case(it)) {
            return Some((at, word));
        }
        at += part.len();
    }
    None
}

/// The items in a line.
pub(super) fn split(line: &str, is_by_line: bool) -> Vec<String> {
    let line = line.trim();
    match is_by_line {
        true => Some(line.to_owned()).filter(|it| !it.is_empty()).into_iter().collect(),
        false => {
            let words = line.split(|c: char| c.is_whitespace() || c == ',');
            words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
        }
    }
}

/// The values that an item gives to `count` variables: the last one has all that is left.
pub(super) fn values(item: &str, count: usize) -> Vec<&str> {
    let (mut values, mut rest) = (Vec::new(), item.trim());
    let is_end: fn(char) -> bool = match item.contains('\u{1f}') {
        true => |c| c == '\u{1f}',
        false => |c| matches!(c, ',' | ' ' | '\t'),
    };
    while values.len() + 1 < count {
        let end = rest.find(is_end).unwrap_or(rest.len());
        values.push(rest[..end].trim());
        rest = rest.get(end + 1..).unwrap_or_default().trim_start();
    }
    values.push(rest);
    values
}
