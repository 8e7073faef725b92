//! Names in an archive.

/// The name in somebody else's archive without what only says "here": `./`, and the slash with
/// which some tools write all names, meaning the archive's own beginning.
pub(super) fn inside(path: &str) -> &str {
    let mut rest = path;
    while let Some(more) = rest.strip_prefix("./").or_else(|| rest.strip_prefix('/')) {
        rest = more;
    }
    rest
}

/// A relative path of plain components.
pub(super) fn is_plain(path: &str) -> bool {
    path.len() <= 255 && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
