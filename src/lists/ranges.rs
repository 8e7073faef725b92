//! Ranges of versions as other tools write them, as a [`TagRule`].

use super::tag_rule::TagRule;
use crate::words::error::{Class, Error, Result};

/// Any version.
const ANY: &str = ">=0.0.0";

/// A comparison: its sign, which may be none, and its version without a `v`.
struct Term<'a> {
    sign: &'a str,
    version: &'a str,
}

/// The comparisons in `text`, with spaces or commas between them, and behind a sign or not.
fn terms(text: &str) -> impl Iterator<Item = Term<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let between = |c: char| c.is_whitespace() || c == ',';
        rest = rest.trim_start_matches(between);
        let after_sign = rest.trim_start_matches(|c| "<>=!~^".contains(c));
        let sign = &rest[..rest.len() - after_sign.len()];
        let version = after_sign.trim_start();
        let end = version.find(|c| between(c) || "<>=!~^".contains(c)).unwrap_or(version.len());
        rest = &version[end..];
        let version = version[..end].trim_start_matches(['v', 'V']);
        (!(sign.is_empty() && version.is_empty())).then_some(Term { sign, version })
    })
}

fn unknown(text: &str, why: &str) -> Error {
    Error::new(Class::Usage, format!("{text:?} is no range of versions that is known: {why}"))
        .hint("write comparisons as in >=1.2 <2, with || between alternatives")
}

/// A range as Go's Masterminds/semver reads it: `>=1.2, <2`, `1.2 - 1.4`, `1.x`, `~>1.2`, `||`. Versions with
/// something behind their numbers are in it only where it has such a version itself.
///
/// # Errors
/// [`Class::Usage`](crate::words::error::Class::Usage) for anything else, `!=` among it.
pub(super) fn of_masterminds(text: &str) -> Result<TagRule> {
    let mut with_more = false;
    let mut alternatives = Vec::new();
    for part in text.split("||") {
        let bounds = part.split_once(" - ").map(|(least, most)| format!(">={least} <={most}"));
        let mut written = Vec::new();
        for Term { sign, version } in terms(bounds.as_deref().unwrap_or(part)) {
            with_more |= version.contains('-');
            let is_wild = |part: &str| matches!(part, "x" | "X" | "*");
            let parts: Vec<&str> = version.split('.').take_while(|part| !is_wild(part)).collect();
            let sign = match sign {
                "" | "=" | "==" => "=",
                "=>" => ">=",
                "=<" => "<=",
                "~>" => "~",
                "<" | ">" | "<=" | ">=" | "~" | "^" => sign,
                _ => return Err(unknown(text, &format!("{sign} is no comparison"))),
            };
            written.push(match parts.join(".").as_str() {
                "" if version.is_empty() => return Err(unknown(text, "a version is missing")),
                "" => ANY.to_owned(),
                version => format!("{sign}{version}"),
            });
        }
        if written.is_empty() {
            return Err(unknown(text, "a version is missing"));
        }
        alternatives.push(written.join(" "));
    }
    let more = if with_more { " *" } else { "" };
    TagRule::parse(&format!("{}{more}", alternatives.join(" || ")))
}

/// The versions in one of `ranges` as regclient reads them: `>=1.2 <2`, `^1`, `~1.2`, `1.2.3`; numbers that
/// are left out are zero. Versions with something behind their numbers are among them.
///
/// # Errors
/// As [`of_masterminds`].
pub(super) fn of_regclient<'a>(ranges: impl IntoIterator<Item = &'a str>) -> Result<TagRule> {
    let mut alternatives = Vec::new();
    for range in ranges {
        let mut written = Vec::new();
        for Term { sign, version } in terms(range) {
            let (numbers, behind) =
                version.split_at(version.find(['-', '+']).unwrap_or(version.len()));
            let missing = 2_usize.saturating_sub(numbers.matches('.').count());
            let sign = if sign.is_empty() { "=" } else { sign };
            if version.is_empty() || !["=", ">", ">=", "<", "<=", "^", "~"].contains(&sign) {
                return Err(unknown(range, "it has no such comparison"));
            }
            written.push(format!("{sign}{numbers}{}{behind}", ".0".repeat(missing)));
        }
        if written.is_empty() {
            return Err(unknown(range, "it is empty"));
        }
        alternatives.push(written.join(" "));
    }
    TagRule::parse(&format!("{} *", alternatives.join(" || ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: [&str; 11] = [
        "1.0.0",
        "1.2.0",
        "v1.2.9",
        "1.4",
        "1.4.7",
        "1.5.0",
        "2.0.0",
        "2.1.0-rc1",
        "3.0.0",
        "latest",
        "1.2.0-alpine",
    ];

    #[test]
    fn ranges_of_masterminds_mean_the_same_here() {
        for (range, expected) in [
            (">=1.2, <1.5", &["1.2.0", "v1.2.9", "1.4", "1.4.7"][..]),
            (">= 1.2 , < 1.4", &["1.2.0", "v1.2.9"]),
            ("1.2 - 1.4", &["1.2.0", "v1.2.9", "1.4", "1.4.7"]),
            ("1.2.x || 3", &["1.2.0", "v1.2.9", "3.0.0"]),
            ("1.4.*", &["1.4", "1.4.7"]),
            ("=v1.2.9", &["v1.2.9"]),
            ("~>1.4", &["1.4", "1.4.7"]),
            ("~1.2.5 || ^2", &["v1.2.9", "2.0.0"]),
            (">1.4", &["1.5.0", "2.0.0", "3.0.0"]),
            ("=>3", &["3.0.0"]),
            ("* <1.2", &["1.0.0"]),
            (">=2.0.0-0", &["2.0.0", "2.1.0-rc1", "3.0.0"]),
        ] {
            assert_eq!(of_masterminds(range).unwrap().choose(TAGS), expected, "{range}");
        }
        for bad in ["", "!=1.2", ">=1 ||", "a", ">", "1.2.3.4.x"] {
            assert!(of_masterminds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_of_regclient_mean_the_same_here() {
        for (ranges, expected) in [
            (&[">=1.2 <1.4"][..], &["1.2.0", "v1.2.9", "1.2.0-alpine"][..]),
            (&[">1.4"], &["1.4.7", "1.5.0", "2.0.0", "2.1.0-rc1", "3.0.0"]),
            (&["=1.4", "v3"], &["1.4", "3.0.0"]),
            (&["~1"], &["1.0.0"]),
            (&["^2"], &["2.0.0", "2.1.0-rc1"]),
        ] {
            assert_eq!(
                of_regclient(ranges.iter().copied()).unwrap().choose(TAGS),
                expected,
                "{ranges:?}"
            );
        }
        for bad in ["", ">=1 || 2", "1.x", "!=1"] {
            assert!(of_regclient([bad]).is_err(), "{bad}");
        }
    }
}
