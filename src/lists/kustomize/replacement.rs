//! Replacements, which copy values from object to object: whether they may reach an image.

use super::object::BuildObject;
use crate::lists::yaml::Node;

/// The first field of `replacement` by which it may change an image of `objects`, with its line.
pub(super) fn reaches<'a>(
    replacement: &'a Node,
    objects: &[BuildObject],
) -> Option<(usize, &'a str)> {
    let targets = replacement.get("targets").map_or(&[][..], Node::list);
    targets.iter().find_map(|target| {
        let fields = target.get("fieldPaths").map_or(&[][..], Node::list);
        let selected = |object: &&BuildObject| {
            let says = |key: &str, words: [&str; 2]| {
                let text = target.at(&["select", key]).and_then(Node::text).unwrap_or_default();
                let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
                text.is_empty() || !is_word || words.contains(&text)
            };
            says("kind", [&object.now.kind, &object.first().kind])
                && says("name", [&object.now.name, &object.first().name])
        };
        fields.iter().find_map(|field| {
            let path = field.word();
            let last = path.rsplit('.').next().unwrap_or(path).to_ascii_lowercase();
            let is_reached = last.contains("image")
                || objects.iter().filter(selected).any(|object| is_above(&object.node, path));
            is_reached.then_some((field.line(), path))
        })
    })
}

/// Whether a value that `path` leads to has an image in it.
fn is_above(node: &Node, path: &str) -> bool {
    let mut found = vec![node];
    for step in path.split('.') {
        found = found
            .into_iter()
            .flat_map(|node| match node.is_list() {
                true => match step.parse::<usize>() {
                    Ok(at) => node.list().get(at).into_iter().collect(),
                    // [name=web], * and the like: any may be meant.
                    Err(_) => node.list().iter().collect::<Vec<_>>(),
                },
                false if step == "*" => node.members().map(|(_, value)| value).collect(),
                false => node.get(step).into_iter().collect(),
            })
            .collect();
    }
    found.into_iter().any(names_image)
}

/// Whether anything below `node` is a member that may name an image, or have containers in it.
pub(super) fn names_image(node: &Node) -> bool {
    let says = |key: &str| {
        let key = key.to_ascii_lowercase();
        key.contains("image") || key.contains("container") || key == "$patch"
    };
    node.list().iter().any(names_image)
        || node.members().any(|(key, value)| says(key) || names_image(value))
}
