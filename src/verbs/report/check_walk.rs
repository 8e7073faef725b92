//! [`CheckWalk`]: with which commands a reader checks the bundle.

use super::bundle_report::BundleReport;
use crate::words::escape::Safe;

/// With which commands a reader checks the bundle.
#[derive(Debug)]
pub(super) struct CheckWalk {
    /// The places that the bundle lies at, as words of a shell.
    pub(super) places: String,
    /// The ids of the keys that signed, whole.
    pub(super) keys: Vec<String>,
    /// The digest of the statement, in hex.
    pub(super) statement: String,
    /// The earlier bundle that it was held against, as a word of a shell.
    pub(super) before: Option<String>,
    /// Whether the files lie open, for other tools.
    pub(super) is_plain: bool,
}

impl CheckWalk {
    pub(super) fn of(report: &BundleReport) -> CheckWalk {
        let evidence = &report.evidence;
        let places = evidence.bundle.places().map(|path| word(&path.to_string_lossy()));
        CheckWalk {
            places: places.collect::<Vec<_>>().join(" "),
            keys: evidence.signers.iter().map(|key| key.hex()).collect(),
            statement: evidence.statement.hex(),
            before: report.against.as_ref().map(|it| word(&it.before.name)),
            is_plain: report.is_plain,
        }
    }
}

/// `text` as one word of a POSIX shell, which is a path. One that cannot be shown as it is cannot be
/// copied either.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:+,@%=".contains(c);
    let leading = if text.starts_with('-') { "./" } else { "" };
    match text {
        _ if Safe(text).to_string() != text => "PATH-OF-THE-BUNDLE".to_owned(),
        _ if !text.is_empty() && text.chars().all(plain) => format!("{leading}{text}"),
        _ => format!("'{leading}{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell_and_no_option() {
        for (text, expected) in [
            ("june.tar", "june.tar"),
            ("/media/usb/june", "/media/usb/june"),
            ("-rf", "./-rf"),
            ("a b", "'a b'"),
            ("$(reboot)`x`", "'$(reboot)`x`'"),
            ("it's", r"'it'\''s'"),
            ("- x", "'./- x'"),
            ("a\nb", "PATH-OF-THE-BUNDLE"),
            ("a\u{202e}b", "PATH-OF-THE-BUNDLE"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected, "{text}");
        }
    }
}
