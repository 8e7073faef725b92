//! What may be an image and is not taken: said, so that nothing goes missing in silence.

use super::parts::{is_name, looks_so};

/// Members that have `image` in their names and never name one.
const OTHERS: [&str; 7] = [
    "imagepullpolicy",
    "imagepullsecret",
    "imagepullsecrets",
    "imageid",
    "imagename",
    "imagegcpolicy",
    "imagestreamtag",
];

/// What a `text` that is the member `key` names, as it seems.
pub(crate) fn of_member<'a>(key: &str, text: &'a str) -> Option<&'a str> {
    let says_so = has_image(key) && !OTHERS[..5].contains(&key.to_ascii_lowercase().as_str());
    let bare = text.strip_prefix("docker://").unwrap_or(text);
    let has_scheme = bare.len() < text.len();
    ((says_so || has_scheme) && looks_so(bare, false)).then_some(text)
}

/// What an argument of a program names, as it seems: `--solver-image=quay.io/a/b:1`.
pub(crate) fn of_argument<'a>(text: &'a str, before: Option<&str>) -> Option<&'a str> {
    let (flag, value) = match text.strip_prefix('-').and_then(|it| it.split_once('=')) {
        Some((flag, value)) => (flag, value),
        None => (before.filter(|it| it.starts_with('-')).unwrap_or_default(), text),
    };
    looks_so(value, !has_image(flag)).then_some(value)
}

/// What a variable of an environment names, as it seems.
pub(crate) fn of_variable<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    looks_so(value, !has_image(name)).then_some(value)
}

fn has_image(name: &str) -> bool {
    name.as_bytes().windows(5).any(|it| it.eq_ignore_ascii_case(b"image"))
}

/// The images that a `text` names which is YAML or JSON of its own, or a template of such, each with the
/// number of its line from 0 on.
pub(crate) fn within(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let trimmed = text.trim_start();
    let is_text = text.contains('\n') || trimmed.starts_with(['{', '[']);
    let lines = if is_text { text } else { "" }.lines().enumerate();
    lines.flat_map(|(at, line)| {
        line.match_indices("image").filter_map(move |(from, word)| {
            let before = line[..from].chars().next_back();
            let starts = before.is_none_or(|c| c.is_whitespace() || "\"'{,".contains(c));
            let rest = line[from + word.len()..].trim_start_matches(['"', '\'', '\\']);
            let rest = rest.trim_start().strip_prefix(':').filter(|_| starts)?;
            let rest = rest.trim_start().trim_start_matches(['"', '\'', '\\']);
            let end = match rest.starts_with("{{") {
                true => rest.rfind("}}").map_or(rest.len(), |at| at + 2),
                false => rest
                    .find(|c: char| c.is_whitespace() || "\"',}\\".contains(c))
                    .unwrap_or(rest.len()),
            };
            let value = &rest[..end];
            (value.contains("{{") || is_name(value)).then_some((at, value))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_variables_that_seem_to_be_images_are_seen() {
        assert_eq!(of_argument("--solver-image=quay.io/a/b:1", None), Some("quay.io/a/b:1"));
        assert_eq!(of_argument("--image-x=library/b:1", None), Some("library/b:1"));
        assert_eq!(of_argument("a/engine:v1", Some("--engine-image")), Some("a/engine:v1"));
        assert_eq!(of_argument("--reloader=quay.io/a/b:1", None), Some("quay.io/a/b:1"));
        for none in ["--addr=a/b:80", "a/b:1", "--image-tag=3", "https://quay.io/a/b:1"] {
            assert_eq!(of_argument(none, None), None, "{none}");
        }
        assert_eq!(of_variable("RELATED_IMAGE_X", "a/b:1"), Some("a/b:1"));
        assert_eq!(of_variable("ADDRESS", "a/b:1"), None);
        assert_eq!(of_member("initImage", "a/b:1"), Some("a/b:1"));
        assert_eq!(of_member("url", "docker://quay.io/a/b:1"), Some("docker://quay.io/a/b:1"));
        assert_eq!(of_member("imageID", "a/b:1"), None);
    }

    #[test]
    fn images_in_texts_are_seen_with_their_lines() {
        let seen = |text| within(text).collect::<Vec<_>>();
        assert_eq!(
            seen("a: 1\n  - image: nginx:1 # x\n    \"image\": \"b/c\",\nmyimage: d\nimage:\n"),
            [(1, "nginx:1"), (2, "b/c")]
        );
        assert_eq!(seen("{\"a\":{\"image\":\"x:1\"},\"image\":\"y:2\"}"), [(0, "x:1"), (0, "y:2")]);
        assert_eq!(seen("a\nimage: \"{{ .X }}:{{ .Y }}\"\n"), [(1, "{{ .X }}:{{ .Y }}")]);
        assert_eq!(seen("the image: of a thing"), []);
    }
}
