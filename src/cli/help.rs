//! Help that fits the terminal: text flows, and example commands break with a backslash, so that
//! they can be copied as they stand.

use clap::Command;

/// The widest that help is.
pub(super) const WIDEST: usize = 100;
/// How far the later lines of a command stand.
const INDENT: &str = "      ";

/// `command` and everything below it, with help for a terminal of `columns`.
pub(super) fn fitted(command: Command, columns: usize) -> Command {
    let width = columns.clamp(20, WIDEST);
    let below: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let mut command = command.term_width(width);
    if let Some(text) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(fit(&text, width));
    }
    for name in below {
        command = command.mut_subcommand(name, |command| fitted(command, width));
    }
    command
}

/// The text behind the options, for lines of `width`.
fn fit(text: &str, width: usize) -> String {
    text.split("\n\n").map(|part| paragraph(part, width)).collect::<Vec<_>>().join("\n\n")
}

/// One part: examples below their heading, other lines below theirs, or text that flows.
fn paragraph(part: &str, width: usize) -> String {
    let mut lines = part.lines();
    match lines.next() {
        Some("Examples:") => {
            let all = commands(lines);
            let shown = all.iter().map(|command| broken(command, width));
            std::iter::once("Examples:".to_owned()).chain(shown).collect::<Vec<_>>().join("\n")
        }
        _ if part.lines().any(|line| line.starts_with(' ')) => part.to_owned(),
        _ => part.lines().collect::<Vec<_>>().join(" "),
    }
}

/// Each command on one line, as it would be typed.
fn commands<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        let (text, next) = match line.trim().strip_suffix('\\') {
            Some(text) => (text.trim_end(), true),
            None => (line.trim(), false),
        };
        match all.last_mut() {
            Some(last) if goes_on => *last = format!("{last} {text}"),
            _ => all.push(text.to_owned()),
        }
        goes_on = next;
    }
    all
}

/// A command over as many lines as it needs.
fn broken(command: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::from("  ");
    let mut is_new = true;
    for unit in units(command, width.saturating_sub(INDENT.len() + 2)) {
        // Room for the backslash, should another line follow.
        let fits = line.chars().count() + 1 + unit.chars().count() + 2 <= width;
        if !is_new && !fits {
            lines.push(format!("{line} \\"));
            line = INDENT.to_owned();
            is_new = true;
        }
        if !is_new {
            line.push(' ');
        }
        line.push_str(&unit);
        is_new = false;
    }
    lines.push(line);
    lines.join("\n")
}

/// The words of a command; an option stays with its value, where there is room for both.
fn units(command: &str, room: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quoted = false;
    for word in command.split(' ') {
        match words.last_mut() {
            Some(last) if quoted => *last = format!("{last} {word}"),
            _ => words.push(word.to_owned()),
        }
        quoted ^= word.matches('\'').count() % 2 == 1;
    }
    let mut units: Vec<String> = Vec::new();
    for word in words {
        let fits = |unit: &String| unit.len() + 1 + word.len() <= room;
        match units.last_mut() {
            Some(unit)
                if unit.starts_with('-')
                    && !unit.contains(' ')
                    && !word.starts_with(['-', '|'])
                    && fits(unit) =>
            {
                *unit = format!("{unit} {word}");
            }
            _ => units.push(word),
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Every help there is, at `columns`.
    fn all(command: &Command, columns: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut ahead = vec![fitted(command.clone(), columns)];
        while let Some(mut command) = ahead.pop() {
            command.build();
            found.push(command.render_long_help().to_string());
            ahead.extend(command.get_subcommands().cloned());
        }
        found
    }

    #[test]
    fn examples_can_be_copied_at_any_width() {
        let app = super::super::App::command();
        for columns in [40, 60, 80, 100, 200] {
            for help in all(&app, columns) {
                let examples = help.lines().skip_while(|line| *line != "Examples:").skip(1);
                let examples: Vec<&str> = examples.take_while(|line| !line.is_empty()).collect();
                let mut goes_on = false;
                for line in examples {
                    let long = line.chars().count() > columns.min(WIDEST);
                    let words = line.trim().trim_end_matches(" \\").split(' ').count();
                    assert!(!long || words == 1, "at {columns}: {line}");
                    let begins =
                        ["sealift ", "docker ", "podman ", "kubectl ", "helm ", "SEALIFT_"];
                    let is_first = begins.iter().any(|it| line.trim_start().starts_with(it));
                    assert!(goes_on || is_first, "at {columns}: {line:?} in\n{help}");
                    goes_on = line.ends_with('\\');
                }
                assert!(!goes_on, "{help}");
            }
        }
    }

    #[test]
    fn a_command_breaks_between_words_and_keeps_what_belongs_together() {
        let text = "a x.tar --to y --key 'p q' -n";
        assert_eq!(broken(text, 80), format!("  {text}"));
        assert_eq!(broken(text, 22), "  a x.tar --to y \\\n      --key 'p q' -n");
    }
}
