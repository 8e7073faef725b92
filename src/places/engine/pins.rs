//! Pins: labels by which the garbage collection of a node keeps images that no container uses.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::driver::Driver;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// What keeps the kubelet from removing an image (containerd, CRI labels).
const PINNED: &str = "io.cri-containerd.pinned=pinned";
/// What containerd's CRI gives to an image once it knows it. Some versions take all other labels away
/// then, and an image that has it beforehand gets no id.
const MANAGED: &str = "io.cri-containerd.image=managed";
/// How long that is waited for; it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long between two looks.
const BETWEEN: Duration = Duration::from_millis(50);
/// Behind how many words of a line of `ctr images ls` the labels stand: name, type, digest, size with
/// its unit, platforms.
const BEFORE_LABELS: usize = 6;

/// Whether `name` has the pin.
pub(super) fn is_pinned(engine: &Driver, name: &Reference) -> Result<bool> {
    has(engine, name, PINNED)
}

/// Pins the images of these `names`, which are there.
pub(super) fn pin(engine: &Driver, names: &[&Reference]) -> Result<()> {
    let waits = has_cri(engine)?;
    let until = Instant::now() + PATIENCE;
    for name in names {
        while waits && !has(engine, name, MANAGED)? && Instant::now() < until {
            engine.cancel().check()?;
            sleep(BETWEEN);
        }
        let mut label = engine.command();
        label.args(["images", "label", &name.to_string(), PINNED]);
        engine.answer(label, &format!("containerd cannot pin {name}"))?;
    }
    for name in names {
        if !is_pinned(engine, name)? {
            let text = format!("{engine}: {name} did not keep its pin");
            return Err(Error::new(Class::Other, text)
                .hint("somebody else may be labelling images there; run the command again"));
        }
    }
    Ok(())
}

fn has(engine: &Driver, name: &Reference, label: &str) -> Result<bool> {
    let mut list = engine.command();
    let name = name.to_string();
    list.args(["images", "ls", &format!("name=={name}")]);
    let said = engine.answer(list, "cannot ask containerd for labels")?;
    let said = String::from_utf8_lossy(&said);
    Ok(said.lines().any(|line| labels(line, &name).any(|own| own == label)))
}

/// The labels in a line of `ctr images ls`, where it is that of `name`.
fn labels<'l>(line: &'l str, name: &str) -> impl Iterator<Item = &'l str> {
    let is_it = line.split_whitespace().next() == Some(name);
    let words = line.split_whitespace().skip(BEFORE_LABELS).filter(move |_| is_it);
    words.flat_map(|word| word.split(','))
}

/// Whether the CRI, which Kubernetes asks for images, is part of this containerd.
fn has_cri(engine: &Driver) -> Result<bool> {
    let mut plugins = engine.command();
    plugins.args(["plugins", "ls"]);
    let said = engine.answer(plugins, "cannot ask containerd for its plugins")?;
    Ok(String::from_utf8_lossy(&said).lines().any(is_cri))
}

/// Whether a line of `ctr plugins ls` is that of a CRI that works: TYPE ID PLATFORMS STATUS.
fn is_cri(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_it = words.first().is_some_and(|kind| kind.starts_with("io.containerd.grpc."));
    is_it && words.get(1) == Some(&"cri") && words.last() == Some(&"ok")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_behind_the_other_columns() {
        let line = "a:1 m/t sha256:0 1.2 KiB linux/amd64,linux/arm64 \
                    io.cri-containerd.image=managed,io.cri-containerd.pinned=pinned";

        assert_eq!(labels(line, "a:1").collect::<Vec<_>>(), [MANAGED, PINNED]);
        assert_eq!(labels(line, "b:1").count(), 0);
        assert_eq!(labels("a:1 m/t sha256:0 1.2 KiB - -", "a:1").collect::<Vec<_>>(), ["-"]);
        assert_eq!(labels("REF TYPE DIGEST SIZE PLATFORMS LABELS", "a:1").count(), 0);
    }

    #[test]
    fn a_cri_that_works_is_known_in_every_version() {
        for (line, known) in [
            ("io.containerd.grpc.v1           cri      linux/amd64    ok", true),
            ("io.containerd.grpc.v1           cri      -              ok", true),
            ("io.containerd.grpc.v1           cri      linux/amd64    error", false),
            ("io.containerd.grpc.v1           images   -              ok", false),
            ("io.containerd.cri.v1            images   -              ok", false),
            ("", false),
        ] {
            assert_eq!(is_cri(line), known, "{line}");
        }
    }
}
