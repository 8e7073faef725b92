//! Images out of podman and docker, by `save`: what it writes is read as a docker archive.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::driver::Driver;
use super::named::Engine;
use super::podman;
use super::scratch::Scratch;
use crate::medium::tree::Tree;
use crate::tools::process::{Ended, PipeReading};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// An image of an engine's.
#[derive(Debug)]
pub struct Saved {
    /// What the engine writes about it, again each time it is read: a docker archive of one image.
    pub tree: Tree,
    /// What it is called: by that of its tags which was meant, else by its first one. Where it was
    /// asked for by a digest that no tag of the same repository goes with, by that digest, which is
    /// not the one that is made of it. Nothing where it has no name.
    pub name: Option<Reference>,
}

/// Opens the image `name`, which may be a name or an id, of `engine`. It is asked for by its id
/// from then on, so that a tag which moves meanwhile does not matter.
///
/// # Errors
/// [`Class::Incomplete`] when there is no such image, [`Class::Refused`] when it is a list of
/// images, or when the engine cannot be reached, with what its program said; those of reading what
/// it writes.
pub fn open(engine: &Driver, name: &str) -> Result<Saved> {
    let shown = format!("{engine}{name}");
    if name.starts_with('-') || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Error::new(Class::Usage, format!("{shown:?} is no image of an engine's")));
    }
    let scratch = match engine.engine() {
        Engine::Podman { .. } if podman::is_list(engine, name)? => return Err(list(&shown)),
        Engine::Podman { .. } => podman::staging(engine)?.map(Arc::new),
        _ => None,
    };
    let about = inspect(engine, name).map_err(|e| e.context(&shown))?;
    let (saver, id, called) = (engine.clone(), about.id, shown.clone());
    let open = move || {
        let mut command = saver.command();
        command.arg("save");
        if let Engine::Podman { .. } = saver.engine() {
            command.args(["--quiet", "--format", "docker-archive"]);
        }
        command.arg("--").arg(&id);
        if let Some(scratch) = &scratch {
            command.env("TMPDIR", scratch.path());
        }
        let reading = PipeReading::start(command, saver.cancel(), explain)?;
        let saving = Saving { reading, shown: called.clone(), _scratch: scratch.clone() };
        Ok(Box::new(saving) as Box<dyn Read + Send>)
    };
    let tree = Tree::of_stream(Path::new(&shown), Box::new(open), engine.cancel())?;
    Ok(Saved { tree, name: meant(name, &about.tags, &about.pinned) })
}

fn list(shown: &str) -> Error {
    let text = format!("{shown} is a list of images, not an image");
    Error::new(Class::Refused, text).hint(
        "export its images by their digests, or all of it: \
         podman manifest push --all NAME oci-archive:FILE, and export that",
    )
}

/// A `save` that is read.
struct Saving {
    /// Ends before its folder goes.
    reading: PipeReading,
    shown: String,
    /// What it stages is in there.
    _scratch: Option<Arc<Scratch>>,
}

impl Read for Saving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let fault = |e| Error::io("cannot be read", e).context(&self.shown).into_io();
        self.reading.read(buffer).map_err(fault)
    }
}

/// Why an image cannot be saved.
fn explain(ended: &Ended) -> Error {
    let error = ended.failure("cannot save the image");
    if ended.complaints.contains("zstd compression is not supported") {
        return Error::new(Class::Refused, "podman does not save layers that came in zstd").hint(
            "export it from where it came from, or have podman make another one of it: \
             podman save --format oci-archive -o FILE NAME, and export oci-archive:FILE",
        );
    }
    match error.class() {
        Class::NoRoom => error.hint(
            "podman unpacks layers into a temporary folder while it saves: name a larger one by \
             TMPDIR, or image_copy_tmp_dir in containers.conf",
        ),
        _ => error,
    }
}

/// What an engine says about an image.
#[derive(Debug)]
struct Inspected {
    id: String,
    tags: Vec<Reference>,
    /// Its names with digests.
    pinned: Vec<Reference>,
}

fn inspect(engine: &Driver, name: &str) -> Result<Inspected> {
    let mut command = engine.command();
    command.args(["image", "inspect", "--"]).arg(name);
    let bytes = engine.answer(command, "cannot ask for the image")?;
    let bad =
        || Error::new(Class::Other, format!("{} says what is no JSON", engine.engine().program()));
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|e| bad().source(e))?;
    let id = value[0]["Id"].as_str().unwrap_or_default();
    let hex = id.strip_prefix("sha256:").unwrap_or(id);
    if hex.is_empty() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad());
    }
    let names = |key: &str| {
        let names = value[0][key].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut names: Vec<Reference> =
            names.iter().filter_map(|name| name.as_str()?.parse().ok()).collect();
        names.sort();
        names
    };
    let (tags, pinned) = (names("RepoTags"), names("RepoDigests"));
    Ok(Inspected { id: id.to_owned(), tags, pinned })
}

/// What the image that `name` found is called: by that of its `tags` that is meant. Podman finds a
/// short name below other hosts than docker does, below `localhost` first. A name with a digest, one
/// of `pinned`, tells the repository; an id tells nothing.
fn meant(name: &str, tags: &[Reference], pinned: &[Reference]) -> Option<Reference> {
    let ends = |full: &str, name: &str| full == name || full.ends_with(&format!("/{name}"));
    let by_name = || {
        let asked: Reference = name.parse().ok()?;
        let local = format!("localhost/{name}").parse::<Reference>().ok();
        let is = |wanted: &Reference| tags.iter().find(|tag| **tag == wanted.kept());
        let short = || {
            tags.iter().find(|tag| {
                let tag = tag.to_string();
                ends(&tag, name) || ends(&tag, &format!("{name}:latest"))
            })
        };
        is(&asked).or_else(|| local.as_ref().and_then(is)).or_else(short)
    };
    let by_digest = || {
        let asked: Reference =
            name.parse().ok().filter(|asked: &Reference| asked.digest.is_some())?;
        let is = |pin: &&Reference| **pin == asked || ends(&pin.to_string(), name);
        let pin = pinned.iter().find(is)?;
        Some(tags.iter().find(|tag| tag.name() == pin.name()).unwrap_or(pin))
    };
    by_name().or_else(by_digest).or(tags.first()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::cancel::Cancel;
    use crate::words::digest::Digest;

    #[test]
    fn a_tag_is_found_as_the_engine_found_it() {
        let parsed = |names: &[&str]| -> Vec<Reference> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        let tags = parsed(&["quay.io/a/b:1", "localhost/x:latest", "alpine:3", "alpine"]);
        let at = |name: &str| format!("{name}@{}", Digest::of(b"x"));
        let (x, other) = (at("localhost/x"), at("localhost/other"));
        let pinned = parsed(&[&at("quay.io/a/b"), &x, &other]);
        for (name, called) in [
            ("quay.io/a/b:1", "quay.io/a/b:1"),
            ("b:1", "quay.io/a/b:1"),
            ("x", "localhost/x:latest"),
            ("alpine:3", "docker.io/library/alpine:3"),
            ("alpine", "docker.io/library/alpine:latest"),
            ("docker.io/alpine", "docker.io/library/alpine:latest"),
            ("91ef0af61f39", "quay.io/a/b:1"),
            (&x, "localhost/x:latest"),
            (&at("x"), "localhost/x:latest"),
            (&other, &other),
            (&at("other"), &other),
        ] {
            assert_eq!(meant(name, &tags, &pinned).unwrap().to_string(), called, "{name}");
        }
        assert_eq!(meant("x", &[], &[]), None);
    }

    #[test]
    fn a_name_is_never_an_option() {
        for name in ["-o/etc/passwd", "--help", "a b", "a\nb"] {
            let error = open(&Driver::new(Engine::Docker, Cancel::default()), name).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{name}");
        }
    }
}
