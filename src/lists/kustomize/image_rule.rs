//! [`ImageRule`]: an entry of `images`, which gives images other names, tags and digests.

use regex_lite::Regex;

use crate::lists::yaml::Node;

/// Lists whose entries have images, wherever they are in an object.
const LISTS: [&str; 2] = ["containers", "initContainers"];
/// Where those lists are once more looked at, from the object on.
const PATHS: [&[&str]; 2] = [&["spec"], &["spec", "template", "spec"]];

/// Which names are meant.
#[derive(Debug)]
enum Pattern {
    /// This one, in which a point is any character.
    Name(Vec<char>),
    Expression(Regex),
}

/// An entry of `images`.
#[derive(Debug)]
pub(super) struct ImageRule {
    pub(super) name: String,
    pattern: Pattern,
    new_name: String,
    new_tag: String,
    digest: String,
    suffix: String,
    /// Where it stands, and what says the most about it.
    pub(super) line: usize,
    pub(super) met: bool,
}

impl ImageRule {
    /// Reads an entry.
    ///
    /// # Errors
    /// The line, what is wrong there, and the way out.
    pub(super) fn of(entry: &Node) -> Result<ImageRule, (usize, String, &'static str)> {
        let line = entry.line();
        if !entry.is_map() {
            return Err((line, "is no mapping".to_owned(), "write name: IMAGE and newTag: TAG"));
        }
        let mut at = line;
        let mut text = |key: &str| match entry.get(key) {
            None => Ok(String::new()),
            Some(node) if node.is_null() => Ok(String::new()),
            Some(node) if node.text().is_none() || is_number(node) => {
                let text = format!("{key} {} is no text", node.word());
                Err((node.line(), text, "put it in quotes"))
            }
            Some(node) => {
                if key != "name" {
                    at = node.line();
                }
                Ok(node.word().to_owned())
            }
        };
        let (name, new_name, digest) = (text("name")?, text("newName")?, text("digest")?);
        let (suffix, new_tag) = (text("tagSuffix")?, text("newTag")?);
        if name.is_empty() {
            return Err((line, "has no name".to_owned(), "write name: IMAGE, without a tag"));
        }
        let pattern = match name
            .contains(['\\', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'])
        {
            false => Pattern::Name(name.chars().collect()),
            true => match Regex::new(&format!(
                "^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$"
            )) {
                Ok(expression) => Pattern::Expression(expression),
                Err(_) => {
                    let text = format!("{name:?} is no regular expression");
                    return Err((line, text, "write the image's name, without a tag"));
                }
            },
        };
        Ok(ImageRule { name, pattern, new_name, new_tag, digest, suffix, line: at, met: false })
    }

    fn means(&self, image: &str) -> bool {
        match &self.pattern {
            Pattern::Expression(expression) => expression.is_match(image),
            Pattern::Name(name) => {
                let mut rest = image.chars();
                for wanted in name {
                    match rest.next() {
                        Some('\n') | None => return false,
                        Some(c) if *wanted == '.' || *wanted == c => {}
                        Some(_) => return false,
                    }
                }
                ends(rest.as_str())
            }
        }
    }

    /// What becomes of `image`, where the rule means it.
    fn applied(&self, image: &str) -> Option<String> {
        if !self.means(image) {
            return None;
        }
        let (mut name, mut tag, mut digest) = split(image);
        if !self.new_name.is_empty() {
            name = &self.new_name;
        }
        let with_suffix = format!("{tag}{}", self.suffix);
        match (self.new_tag.is_empty(), self.digest.is_empty(), self.suffix.is_empty()) {
            (false, _, _) => (tag, digest) = (&self.new_tag, &self.digest),
            (true, false, _) => (tag, digest) = ("", &self.digest),
            (true, true, false) => (tag, digest) = (&with_suffix, ""),
            (true, true, true) => {}
        }
        let mut whole = name.to_owned();
        for (mark, part) in [(':', tag), ('@', digest)] {
            if !part.is_empty() {
                whole.push(mark);
                whole.push_str(part);
            }
        }
        Some(whole)
    }

    /// The image that the rule alone names, where it says which one.
    pub(super) fn image(&self) -> Option<String> {
        let is_said = !self.new_tag.is_empty() || !self.digest.is_empty();
        is_said.then(|| self.applied(&self.name)).flatten()
    }
}

/// Whether `rest` is nothing, a tag, a digest, or both.
fn ends(rest: &str) -> bool {
    let may = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_.{}-".contains(c));
    let (tag, digest) = match rest.split_once("@sha256:") {
        Some((tag, digest)) => (tag, digest),
        None => (rest, ""),
    };
    (tag.is_empty() || tag.strip_prefix(':').is_some_and(may)) && may(digest)
}

/// Name, tag and digest of `image`, as kustomize tells them apart.
fn split(image: &str) -> (&str, &str, &str) {
    let slash = image.find('/').unwrap_or(0);
    let colon = image[slash..].find(':').map(|at| at + slash);
    let at = image[slash..].find('@').map(|at| at + slash);
    match (colon, at) {
        (None, None) => (image, "", ""),
        (None, Some(at)) => (&image[..at], "", &image[at + 1..]),
        (Some(colon), Some(at)) if at < colon => (&image[..at], "", &image[at + 1..]),
        (Some(colon), Some(at)) => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
    }
}

/// Whether kustomize, which wants text, reads a number or a truth value there.
fn is_number(node: &Node) -> bool {
    let word = node.word();
    let begins = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'));
    let truths = ["true", "false", "yes", "no", "on", "off", "y", "n"];
    !node.is_quoted()
        && ((begins && word.parse::<f64>().is_ok())
            || truths.iter().any(|truth| word.eq_ignore_ascii_case(truth)))
}

/// `object` with all `rules` applied, one after the other.
pub(super) fn apply(object: &Node, rules: &mut [ImageRule]) -> Node {
    if object.text_of("kind") == Some("CustomResourceDefinition") {
        return object.clone();
    }
    below(object, &mut Vec::new(), rules).unwrap_or_else(|| object.clone())
}

/// `node`, where anything in it is changed.
fn below<'a>(node: &'a Node, path: &mut Vec<&'a str>, rules: &mut [ImageRule]) -> Option<Node> {
    if node.is_list() {
        let mut list = node.list().to_vec();
        let mut is_changed = false;
        for (at, entry) in node.list().iter().enumerate() {
            // Lists have a step of their own.
            path.push("");
            if let Some(changed) = below(entry, path, rules) {
                list[at] = changed;
                is_changed = true;
            }
            path.pop();
        }
        return is_changed.then(|| node.with_list(list));
    }
    let mut members: Option<Vec<(Node, Node)>> = None;
    for (at, (key, value)) in node.keyed().enumerate() {
        path.push(key.word());
        let mut changed = below(value, path, rules);
        path.pop();
        if LISTS.contains(&key.word()) {
            // Where both ways lead to a list kustomize applies each rule twice.
            let again = PATHS.contains(&&path[..]);
            let now = changed.as_ref().unwrap_or(value);
            let renamed = match (now.is_list(), again) {
                (true, again) => containers(now, if again { 2 } else { 1 }, rules),
                (false, true) => container(now, 1, rules),
                (false, false) => None,
            };
            changed = renamed.or(changed);
        }
        if let Some(changed) = changed {
            let copy = || node.keyed().map(|(key, value)| (key.clone(), value.clone())).collect();
            members.get_or_insert_with(copy)[at].1 = changed;
        }
    }
    members.map(|members| node.with_members(members))
}

fn containers(list: &Node, times: usize, rules: &mut [ImageRule]) -> Option<Node> {
    let mut entries = list.list().to_vec();
    let mut is_changed = false;
    for entry in &mut entries {
        if let Some(changed) = container(entry, times, rules) {
            *entry = changed;
            is_changed = true;
        }
    }
    is_changed.then(|| list.with_list(entries))
}

/// `container` with another image, where it gets one; each rule is applied `times` times.
fn container(container: &Node, times: usize, rules: &mut [ImageRule]) -> Option<Node> {
    let written = container.get("image")?;
    let mut image = written.text()?.to_owned();
    let mut line = None;
    for rule in rules {
        for _ in 0..times {
            let Some(applied) = rule.applied(&image) else {
                break;
            };
            rule.met = true;
            if applied != image {
                (image, line) = (applied, Some(rule.line));
            }
        }
    }
    line.map(|line| container.with("image", Node::written(line, &image)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::yaml::documents;

    fn applied(rule: &str, image: &str) -> Option<String> {
        ImageRule::of(&documents(rule).next().unwrap().unwrap()).unwrap().applied(image)
    }

    /// As kustomize 5.4.3 was seen to do it.
    #[test]
    fn names_tags_and_digests_are_replaced() {
        let digest = format!("@sha256:{}", "0".repeat(64));
        for (rule, image, wanted) in [
            ("{name: nginx, newTag: '9'}", "nginx", Some("nginx:9")),
            ("{name: nginx, newTag: v}", "docker.io/library/nginx:1", None),
            ("{name: nginx, newName: r.io/n}", "nginx:1", Some("r.io/n:1")),
            ("{name: 'r:5000/x', newTag: v}", &format!("r:5000/x:1{digest}"), Some("r:5000/x:v")),
            (
                "{name: 'r:5000/x', newName: q}",
                &format!("r:5000/x:1{digest}"),
                Some(&*format!("q:1{digest}")),
            ),
            ("{name: x, digest: 'sha256:1'}", "x:3", Some("x@sha256:1")),
            ("{name: x, newTag: t, digest: 'sha256:1'}", "x:3", Some("x:t@sha256:1")),
            ("{name: x, tagSuffix: -z}", &format!("x:3{digest}"), Some("x:3-z")),
            ("{name: a.b/c, newTag: t}", "axb/c:1", Some("axb/c:t")),
            ("{name: 'r/.*', newName: q}", "r/a/b:1", Some("q:1")),
            ("{name: x, newTag: t}", "x:1/y", None),
            ("{name: x, newTag: t}", "xy", None),
        ] {
            assert_eq!(applied(rule, image).as_deref(), wanted, "{rule} {image}");
        }
    }

    #[test]
    fn entries_that_kustomize_refuses_are_refused() {
        for (rule, wanted) in [
            ("{newTag: x}", "has no name"),
            ("{name: x, newTag: 1.27}", "newTag 1.27 is no text"),
            ("{name: x, newTag: yes}", "newTag yes is no text"),
            ("{name: '(', newTag: x}", "no regular expression"),
            ("x", "is no mapping"),
        ] {
            let wrong = ImageRule::of(&documents(rule).next().unwrap().unwrap()).unwrap_err();
            assert!(wrong.1.contains(wanted), "{wrong:?}");
        }
    }
}
