//! Images out of podman and docker, by `save`: what it writes is read as a docker archive.

use std::io::Read;
use std::path::Path;

use super::{Engine, run};
use crate::places::tree::Tree;
use crate::seams::process::Reading;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// An image of an engine's.
#[derive(Debug)]
pub struct Saved {
    /// What the engine writes about it, again each time it is read: a docker archive of one image.
    pub tree: Tree,
    /// What it is called: by that of its tags which was meant, else by its first one. Nothing
    /// where it has none.
    pub name: Option<Reference>,
}

/// Opens the image `name`, which may be a name or an id, of `engine`. It is asked for by its id
/// from then on, so that a tag which moves meanwhile does not matter.
///
/// # Errors
/// [`Class::Incomplete`] when there is no such image, [`Class::Refused`] when the engine cannot
/// be reached, with what its program said; those of reading what it writes.
pub fn open(engine: &Engine, name: &str) -> Result<Saved> {
    let shown = format!("{engine}{name}");
    if name.starts_with('-') || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Error::new(Class::Usage, format!("{shown:?} is no image of an engine's")));
    }
    let about = inspect(engine, name).map_err(|e| e.context(&shown))?;
    let (saver, id) = (engine.clone(), about.id);
    let open = move || {
        let mut command = saver.command();
        command.arg("save");
        if let Engine::Podman { .. } = saver {
            command.args(["--quiet", "--format", "docker-archive"]);
        }
        command.arg("--").arg(&id);
        let reading = Reading::start(command, |ended| ended.failure("cannot save the image"))?;
        Ok(Box::new(reading) as Box<dyn Read + Send>)
    };
    let tree = Tree::of_stream(Path::new(&shown), Box::new(open))?;
    Ok(Saved { tree, name: meant(name, &about.tags).cloned() })
}

/// What an engine says about an image.
#[derive(Debug)]
struct About {
    id: String,
    tags: Vec<Reference>,
}

fn inspect(engine: &Engine, name: &str) -> Result<About> {
    let mut command = engine.command();
    command.args(["image", "inspect", "--"]).arg(name);
    let bytes = run::answer(command, "cannot ask for the image")?;
    let bad = || Error::new(Class::Other, format!("{} says what is no JSON", engine.program()));
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|e| bad().source(e))?;
    let id = value[0]["Id"].as_str().unwrap_or_default();
    let hex = id.strip_prefix("sha256:").unwrap_or(id);
    if hex.is_empty() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad());
    }
    let tags = value[0]["RepoTags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let tags = tags.iter().filter_map(|tag| tag.as_str()?.parse().ok()).collect();
    Ok(About { id: id.to_owned(), tags })
}

/// The one of `tags` that `name` means. Podman finds a short name below other hosts than docker
/// does, below `localhost` first.
fn meant<'t>(name: &str, tags: &'t [Reference]) -> Option<&'t Reference> {
    let by_name = || {
        let asked: Reference = name.parse().ok()?;
        let local = format!("localhost/{name}").parse::<Reference>().ok();
        let is = |wanted: &Reference| tags.iter().find(|tag| **tag == wanted.kept());
        let ends = || {
            let short = format!("/{name}");
            tags.iter().find(|tag| {
                let tag = tag.to_string();
                tag.ends_with(&short) || tag.ends_with(&format!("{short}:latest"))
            })
        };
        is(&asked).or_else(|| local.as_ref().and_then(is)).or_else(ends)
    };
    by_name().or(tags.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_as_the_engine_found_it() {
        let tags: Vec<Reference> = ["quay.io/a/b:1", "localhost/x:latest", "alpine:3", "alpine"]
            .iter()
            .map(|tag| tag.parse().unwrap())
            .collect();
        for (name, called) in [
            ("quay.io/a/b:1", "quay.io/a/b:1"),
            ("b:1", "quay.io/a/b:1"),
            ("x", "localhost/x:latest"),
            ("alpine:3", "docker.io/library/alpine:3"),
            ("alpine", "docker.io/library/alpine:latest"),
            ("docker.io/alpine", "docker.io/library/alpine:latest"),
            ("91ef0af61f39", "quay.io/a/b:1"),
        ] {
            assert_eq!(meant(name, &tags).unwrap().to_string(), called, "{name}");
        }
        assert_eq!(meant("x", &[]), None);
    }

    #[test]
    fn a_name_is_never_an_option() {
        for name in ["-o/etc/passwd", "--help", "a b", "a\nb"] {
            let error = open(&Engine::Docker, name).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{name}");
        }
    }
}
