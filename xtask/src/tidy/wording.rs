//! No code decides by the words of an error, and none but the command line names its options.

use super::Finding;
use super::source::Source;

/// What an error says in words.
const WORDS: [&str; 6] =
    [".message()", ".spelled()", ".way_out()", ".findings()", ".advice()", ".words()"];
/// What errors are called where they are turned into text.
const ERRORS: [&str; 4] = ["e", "err", "error", "fault"];
/// What decides by text.
const DECIDING: [&str; 7] =
    ["contains", "ends_with", "eq", "find", "matches", "starts_with", "strip_prefix"];
/// Looks whether a message names a thing already, so that nobody says it twice.
const ALLOWED: &str = "src/words/error.rs";

/// Where options of the command line may be named: there, and as arguments of engines, kubectl, schedulers, scanners
/// and other clients of images.
const OPTIONS: [&str; 9] = [
    "src/cli",
    "src/main.rs",
    "src/places/engine",
    "src/places/kubernetes.rs",
    "src/places/nodes/kubernetes.rs",
    "src/places/nodes/slurm.rs",
    "src/places/nodes/ssh.rs",
    "src/tools/scanner.rs",
    "src/work/mirror",
];
/// Other programs, whose options are theirs.
const OTHERS: [&str; 2] = ["skopeo ", "zstd "];
const VERBS: [&str; 10] =
    ["export", "import", "inspect", "key", "login", "logout", "search", "serve", "tags", "verify"];

pub fn check(source: &Source) -> Vec<Finding> {
    if !source.path.starts_with("src/") {
        return Vec::new();
    }
    let mut lines: Vec<(usize, &str)> = Vec::new();
    if source.path != ALLOWED {
        let decided = decisions(&source.code).into_iter();
        lines.extend(decided.map(|at| (at, "decides by the words of an error: ask for its kind")));
    }
    if !OPTIONS.iter().any(|path| source.path.starts_with(path)) {
        let named = options(&source.text, &source.code).into_iter();
        lines.extend(named.map(|at| (at, "names an option or a command: hold a Remedy instead")));
    }
    let lines = lines.into_iter().map(|(at, message)| (source.line_of(at), message.to_owned()));
    lines
        .filter(|(line, _)| !source.is_test(*line))
        .map(|(line, message)| Finding { line, message })
        .collect()
}

/// Where `code` compares what an error says.
fn decisions(code: &str) -> Vec<usize> {
    let words = WORDS.iter().flat_map(|word| code.match_indices(word));
    let words = words.map(|(at, word)| (at, at + word.len()));
    let shown = code.match_indices(".to_string()").map(|(at, word)| (at, at + word.len()));
    let shown = shown.filter(|(at, _)| ERRORS.contains(&last_word(&code[..*at])));
    let hints = code.match_indices(".hint").map(|(at, word)| (at, at + word.len()));
    let is_field = |end: &usize| {
        !code[*end..].starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '(' || c == ':')
    };
    let hints = hints.filter(|(_, end)| is_field(end));
    let all = words.chain(shown).chain(hints);
    all.filter(|(at, end)| is_compared(&code[..*at], &code[*end..])).map(|(at, _)| at).collect()
}

fn last_word(code: &str) -> &str {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.rsplit(|c| !part(c)).next().unwrap_or_default()
}

/// Whether what stands between `before` and `after` is compared in one of them.
fn is_compared(before: &str, after: &str) -> bool {
    let receiver = |c: char| c.is_alphanumeric() || "_.&*()[]?".contains(c);
    let before = before.trim_end().trim_end_matches(receiver).trim_end();
    if ["==", "!=", "matches!"].iter().any(|end| before.ends_with(end)) {
        return true;
    }
    // Whether there is a hint at all may be asked.
    let arms = after.trim_start().strip_prefix('{').and_then(|arms| arms.split("=>").next());
    if before.ends_with("match") && arms.is_some_and(|arm| arm.contains('"')) {
        return true;
    }
    let mut rest = after.trim_start();
    while let Some(call) = rest.strip_prefix('.') {
        let name = call.split(|c: char| !(c.is_alphanumeric() || c == '_')).next();
        let name = name.unwrap_or_default();
        let Some(arguments) = call[name.len()..].strip_prefix('(') else { break };
        let end = closing(arguments);
        let inner = &arguments[..end];
        let within = DECIDING.iter().any(|word| inner.contains(&format!(".{word}(")));
        if DECIDING.contains(&name) || within || inner.contains("==") || inner.contains("!=") {
            return true;
        }
        rest = arguments[end..].trim_start_matches([')', '?']).trim_start();
    }
    rest.starts_with("==") || rest.starts_with("!=")
}

/// Where the parenthesis ends that was opened before `code`.
fn closing(code: &str) -> usize {
    let mut depth = 1;
    for (at, c) in code.char_indices() {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth == 0 {
            return at;
        }
    }
    code.len()
}

/// Where the literals of a file begin that name an option or a command of sealift's.
fn options(text: &str, code: &str) -> Vec<usize> {
    let quotes: Vec<usize> = code.match_indices('"').map(|(at, _)| at).collect();
    let literals = quotes.chunks_exact(2).map(|pair| (pair[0], &text[pair[0] + 1..pair[1]]));
    literals.filter(|(_, literal)| names_option(literal)).map(|(at, _)| at).collect()
}

fn names_option(literal: &str) -> bool {
    if OTHERS.iter().any(|program| literal.contains(program)) {
        return false;
    }
    let option = literal.match_indices("--").any(|(at, dashes)| {
        let before = literal[..at].chars().next_back();
        let after = literal[at + dashes.len()..].chars().next();
        before.is_none_or(|c| c.is_whitespace() || "(`=".contains(c))
            && after.is_some_and(|c| c.is_ascii_lowercase())
    });
    let command = literal.match_indices("sealift ").any(|(at, name)| {
        let rest = &literal[at + name.len()..];
        let word = rest.split(|c: char| !c.is_ascii_lowercase()).next();
        word.is_some_and(|word| VERBS.contains(&word))
    });
    option || command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn deciding_by_words_is_refused() {
        for decides in [
            "if error.message().contains(name) {}",
            "if e.to_string().to_lowercase().starts_with(name) {}",
            "if error.way_out().is_some_and(|it| it.ends_with(name)) {}",
            "if error.way_out() == Some(name) {}",
            "if name != error\n    .spelled() {}",
            "let any = error.findings().iter().any(|it| it == name);",
            "match error.message() { \"x\" => {} }",
            "match failed.hint { Some(\"x\") => {} }",
            "if matches!(error.message(), TEXT) {}",
            "if failed.hint.as_deref() == Some(name) {}",
        ] {
            assert_eq!(lines("src/work/x.rs", decides).len(), 1, "{decides}");
        }
        for tells in [
            "let text = error.message().to_owned();",
            "error.hint(name); error.findings().iter().map(|it| phrase![it]);",
            "let name = reference.to_string(); if name.contains(other) {}",
            "if error.kind() == ErrorKind::Unreadable {}",
            "match error.advice() { Some(hint) => {} None => {} }",
            "#[cfg(test)]\nmod tests {\n    fn x() { error.message().contains(name) }\n}",
        ] {
            assert_eq!(lines("src/work/x.rs", tells), [0_usize; 0], "{tells}");
        }
        assert_eq!(lines("src/words/error.rs", "self.spelled().contains(thing)"), [0_usize; 0]);
    }

    #[test]
    fn options_are_named_by_the_command_line_alone() {
        for names in ["\"try --map\"", "\"(--only)\"", "\"--x\"", "\"run `sealift login`\""] {
            assert_eq!(lines("src/work/x.rs", names), [1], "{names}");
            assert_eq!(lines("src/cli/x.rs", names), [0_usize; 0], "{names}");
        }
        for other in ["\"a--b\"", "\"skopeo copy --all\"", "\"sealift makes\" // --map", "\"-- \""]
        {
            assert_eq!(lines("src/work/x.rs", other), [0_usize; 0], "{other}");
        }
    }
}
