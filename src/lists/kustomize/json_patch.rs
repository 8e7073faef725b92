//! Operations of JSON patches (RFC 6902), as kustomize applies them.

use crate::lists::yaml::Node;

/// `object` after the operation `op`.
///
/// # Errors
/// Why it cannot be done.
pub(super) fn apply(object: &Node, op: &Node) -> Result<Node, String> {
    let tokens = tokens(op, "path")?;
    let value = || op.get("value").ok_or_else(|| "it has no value".to_owned());
    match op.text_of("op").unwrap_or_default() {
        "add" => add(object, &tokens, value()?),
        "remove" => edit(object, &tokens, &mut remove),
        "replace" if tokens.is_empty() => Ok(value()?.clone()),
        "replace" => {
            let value = value()?;
            edit(object, &tokens, &mut |parent, key| match parent.is_list() {
                false => Ok(parent.with(key, value.clone())),
                true => {
                    let mut entries = parent.list().to_vec();
                    let at = place(key, entries.len())?;
                    entries[at] = value.clone();
                    Ok(parent.with_list(entries))
                }
            })
        }
        "copy" => {
            let from = self::tokens(op, "from")?;
            let value = find(object, &from).ok_or_else(|| not_there(&from))?.clone();
            add(object, &tokens, &value)
        }
        "move" => {
            let from = self::tokens(op, "from")?;
            let value = find(object, &from).ok_or_else(|| not_there(&from))?.clone();
            add(&edit(object, &from, &mut remove)?, &tokens, &value)
        }
        "test" => match find(object, &tokens) {
            Some(node) if is_same(node, value()?) => Ok(object.clone()),
            _ => Err("the test fails".to_owned()),
        },
        other => Err(format!("{other:?} is no operation")),
    }
}

/// What the path in the member `key` of `op` leads through.
pub(super) fn tokens(op: &Node, key: &str) -> Result<Vec<String>, String> {
    let text = op.get(key).map(Node::word).ok_or_else(|| format!("it has no {key}"))?;
    match text.strip_prefix('/') {
        None if text.is_empty() => Ok(Vec::new()),
        None => Err(format!("the path {text:?} does not begin with /")),
        Some(rest) => {
            Ok(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
        }
    }
}

fn not_there(tokens: &[String]) -> String {
    format!("there is no /{}", tokens.join("/"))
}

fn place(key: &str, end: usize) -> Result<usize, String> {
    let at = key.parse::<usize>().ok().filter(|at| *at < end);
    at.ok_or_else(|| format!("there is no entry {key:?}"))
}

fn find<'a>(node: &'a Node, tokens: &[String]) -> Option<&'a Node> {
    tokens.iter().try_fold(node, |node, token| match node.is_list() {
        true => node.list().get(token.parse::<usize>().ok()?),
        false => node.get(token),
    })
}

/// `node` with what `change` makes of the value that has the last of `tokens`.
fn edit(
    node: &Node,
    tokens: &[String],
    change: &mut dyn FnMut(&Node, &str) -> Result<Node, String>,
) -> Result<Node, String> {
    match tokens {
        [] => Err("it means the whole object".to_owned()),
        [last] if node.is_map() || node.is_list() => change(node, last),
        [first, rest @ ..] => {
            let inner = find(node, std::slice::from_ref(first));
            let inner = inner.ok_or_else(|| not_there(tokens))?;
            let changed = edit(inner, rest, change)?;
            match node.is_list() {
                false => Ok(node.with(first, changed)),
                true => {
                    let mut entries = node.list().to_vec();
                    let at = place(first, entries.len())?;
                    entries[at] = changed;
                    Ok(node.with_list(entries))
                }
            }
        }
    }
}

fn add(object: &Node, tokens: &[String], value: &Node) -> Result<Node, String> {
    if tokens.is_empty() {
        return Ok(value.clone());
    }
    edit(object, tokens, &mut |parent, key| {
        if parent.is_map() {
            return Ok(parent.with(key, value.clone()));
        }
        let mut entries = parent.list().to_vec();
        let at = if key == "-" { entries.len() } else { place(key, entries.len() + 1)? };
        entries.insert(at, value.clone());
        Ok(parent.with_list(entries))
    })
}

fn remove(parent: &Node, key: &str) -> Result<Node, String> {
    if parent.is_list() {
        let mut entries = parent.list().to_vec();
        entries.remove(place(key, entries.len())?);
        return Ok(parent.with_list(entries));
    }
    parent.get(key).ok_or_else(|| format!("there is no {key}"))?;
    let kept = parent.keyed().filter(|(name, _)| name.word() != key);
    Ok(parent.with_members(kept.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

fn is_same(one: &Node, other: &Node) -> bool {
    if one.is_map() != other.is_map() || one.is_list() != other.is_list() {
        return false;
    }
    if one.is_list() {
        let (one, other) = (one.list(), other.list());
        return one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_same(a, b));
    }
    if one.is_map() {
        return one.members().count() == other.members().count()
            && one.members().all(|(key, a)| other.get(key).is_some_and(|b| is_same(a, b)));
    }
    one.is_null() == other.is_null() && one.word() == other.word()
}
