//! containerd, by `ctr`: told by a `hosts.toml` of one call that a registry is elsewhere.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::answers::{EngineImage, EngineInfo, EngineLayers, EnginePull, HANGS, Watch};
use super::driver::Driver;
use super::pins;
use super::scratch::Scratch;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// Where `ctr` reads its hosts from. It runs on this machine, as this user.
const SCRATCH: &str = "/tmp";

pub(super) fn about(engine: &Driver) -> Result<EngineInfo> {
    let mut plugins = engine.command();
    plugins.args(["plugins", "ls", "--detailed"]);
    let said = engine.answer(plugins, "cannot ask containerd")?;
    let (packed, unpacked) = roots(&String::from_utf8_lossy(&said));
    Ok(EngineInfo { unpacked: unpacked.or_else(|| packed.clone()), packed, ..unasked() })
}

/// What is true of every containerd on this machine.
pub(super) fn unasked() -> EngineInfo {
    EngineInfo {
        platform: own_platform(),
        remote: None,
        unpacked: None,
        packed: None,
        owned: false,
        keeps_partial: true,
        keeps_packed: true,
        stacks: false,
        keeps_manifests: true,
        takes_untagged: true,
        takes_zstd: true,
        takes_nested: true,
        scratch: Some(PathBuf::from(SCRATCH)),
    }
}

/// The folders of the content store, and of the snapshotter that `ctr` takes by itself.
fn roots(said: &str) -> (Option<PathBuf>, Option<PathBuf>) {
    let plugin = |kind: &str, id: &str| {
        said.split("\nType:").find_map(|part| {
            let words: Vec<&str> = part.trim_start_matches("Type:").split_whitespace().collect();
            let is_it =
                matches!(words.as_slice(), [own, "ID:", name, ..] if *own == kind && *name == id);
            let root =
                words.iter().position(|word| *word == "root").and_then(|at| words.get(at + 1));
            (is_it && !words.contains(&"Error:")).then_some(root?).map(PathBuf::from)
        })
    };
    let content = plugin("io.containerd.content.v1", "content");
    (content, plugin("io.containerd.snapshotter.v1", "overlayfs"))
}

/// What `ctr` takes: what it runs on itself.
fn own_platform() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    };
    Platform {
        os: std::env::consts::OS.to_owned(),
        architecture: architecture.to_owned(),
        variant: None,
    }
}

/// The other name of an image: without a tag, by its digest.
fn by_digest(name: &Reference, digest: Digest) -> Reference {
    Reference { tag: None, digest: Some(digest), ..name.clone() }
}

pub(super) fn held(engine: &Driver, name: &Reference) -> Result<Option<EngineImage>> {
    let Some(image) = checked(engine, name)? else { return Ok(None) };
    let other = by_digest(name, image.digest);
    let both = other == *name || checked(engine, &other)?.is_some();
    let stays = !engine.engine().pins()
        || (pins::is_pinned(engine, name)? && pins::is_pinned(engine, &other)?);
    let digests = BTreeSet::from([image.digest]);
    Ok(Some(EngineImage { id: Some(image.digest), digests, whole: image.whole && both && stays }))
}

/// Whether any tag of the repository of `name` stands for `digest`.
pub(super) fn has_other_tag(engine: &Driver, name: &Reference, digest: &Digest) -> Result<bool> {
    let mut list = engine.command();
    list.args(["images", "ls"]);
    let said = engine.answer(list, "cannot list containerd's images")?;
    let said = String::from_utf8_lossy(&said);
    let (repository, digest) = (format!("{}:", name.name()), digest.to_string());
    Ok(said.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_tag = words.first().is_some_and(|it| it.starts_with(&repository));
        is_tag && words.get(2) == Some(&digest.as_str())
    }))
}

/// A line of `ctr images check`.
#[derive(Debug, PartialEq)]
struct CheckedImage {
    digest: Digest,
    whole: bool,
}

fn checked(engine: &Driver, name: &Reference) -> Result<Option<CheckedImage>> {
    let mut check = engine.command();
    check.args(["images", "check", &format!("name=={name}")]);
    let said = engine.answer(check, "cannot ask containerd for an image")?;
    let said = String::from_utf8_lossy(&said);
    let name = name.to_string();
    let line = said.lines().find(|line| line.split_whitespace().next() == Some(&name));
    let bad = || Error::new(Class::Other, "what ctr images check says is not understood");
    line.map(|line| read_line(line).ok_or_else(bad)).transpose()
}

/// `REF TYPE DIGEST STATUS SIZE UNPACKED`, where the status is two words.
fn read_line(line: &str) -> Option<CheckedImage> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let digest = words.get(2)?.parse().ok()?;
    Some(CheckedImage {
        digest,
        whole: words.get(3) == Some(&"complete") && words.last() == Some(&"true"),
    })
}

pub(super) fn kept(engine: &Driver) -> Result<EngineLayers> {
    let mut list = engine.command();
    list.args(["content", "ls", "--quiet"]);
    let said = engine.answer(list, "cannot list containerd's content")?;
    let said = String::from_utf8_lossy(&said);
    Ok(EngineLayers {
        blobs: said.lines().filter_map(|line| line.parse().ok()).collect(),
        ..EngineLayers::default()
    })
}

pub(super) fn pull(
    engine: &Driver,
    pull: EnginePull<'_>,
    scratch: &Scratch,
    watch: Watch<'_>,
) -> Result<()> {
    let host = pull.name.registry.as_str();
    scratch.write(&format!("hosts/{host}/hosts.toml"), &hosts_toml(pull))?;
    let mut command = engine.command();
    command.args(["images", "pull"]).args(as_before(engine)?);
    command.arg("--hosts-dir").arg(scratch.path().join("hosts"));
    if let Some(platform) = pull.platform {
        command.args(["--platform", &platform.to_string()]);
    }
    command.arg(pull.name.to_string());
    let ended = engine.run(command, Duration::from_secs(HANGS), watch)?;
    if !ended.success {
        return Err(ended.failure(&format!("containerd cannot pull {}", pull.name)));
    }
    let other = by_digest(pull.name, *pull.digest);
    if other != *pull.name {
        let mut tag = engine.command();
        tag.args(["images", "tag", "--force", &pull.name.to_string(), &other.to_string()]);
        engine.answer(tag, &format!("containerd cannot name {other}"))?;
    }
    match engine.engine().pins() {
        true => pins::pin(engine, &[pull.name, &other]),
        false => Ok(()),
    }
}

/// Options by which the `ctr` of containerd 2 pulls as those before it: itself, and not by the daemon, and
/// without the manifests for other platforms, which are not served.
const AS_BEFORE: [&str; 2] = ["--local", "--skip-metadata"];

/// Those of [`AS_BEFORE`] that this `ctr` knows.
fn as_before(engine: &Driver) -> Result<Vec<&'static str>> {
    let mut help = engine.command();
    help.args(["images", "pull", "--help"]);
    let said = engine.answer(help, "cannot ask ctr what it takes")?;
    Ok(known(&String::from_utf8_lossy(&said)))
}

/// Those of [`AS_BEFORE`] that are in its `help`, each at the beginning of a line.
fn known(help: &str) -> Vec<&'static str> {
    let has =
        |option: &&str| help.lines().any(|line| line.split_whitespace().next() == Some(option));
    AS_BEFORE.into_iter().filter(has).collect()
}

/// Both `server` and the one host are ours, so that there is nobody else to ask.
fn hosts_toml(pull: EnginePull<'_>) -> String {
    let url = pull.from.url();
    format!(
        "server = \"{url}\"\n\n[host.\"{url}\"]\ncapabilities = [\"pull\", \"resolve\"]\n\
         override_path = true\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_are_those_of_plugins_that_work() {
        let said = "Type:          io.containerd.content.v1\nID:            content\n\
                    Exports:      \n               root      /a/content\n\n\
                    Type:          io.containerd.snapshotter.v1\nID:            overlayfs\n\
                    Platforms:     linux/amd64\nExports:      \n               root      /b\n\n";

        assert_eq!(roots(said), (Some("/a/content".into()), Some("/b".into())));
        let broken = format!("{said}Error:        \n               Code:        Unknown\n");
        assert_eq!(roots(&broken), (Some("/a/content".into()), None));
        assert_eq!(roots("what?"), (None, None));
    }

    #[test]
    fn a_newer_ctr_is_told_to_pull_as_those_before_it() {
        let old = "   --hosts-dir value   Custom\n   --all-metadata      Pull metadata\n";
        let new = "   --skip-metadata     Skips metadata for unused platforms\n\
                   \x20  --local             Fetch content from local client\n";

        assert!(known(old).is_empty());
        assert_eq!(known(new), AS_BEFORE);
        assert!(known("   --x   as --local does").is_empty());
    }

    #[test]
    fn a_line_of_check_is_read() {
        let digest = Digest::of(b"x");
        let line = |status: &str, unpacked: &str| {
            format!("a:1 application/x {digest} {status} 1.0 MiB/1.0 MiB {unpacked}  ")
        };

        for (status, unpacked, whole) in [
            ("complete (3/3)", "true", true),
            ("complete (3/3)", "false", false),
            ("incomplete (1/3)", "true", false),
            ("unavailable (0/?)", "false", false),
        ] {
            assert_eq!(read_line(&line(status, unpacked)), Some(CheckedImage { digest, whole }));
        }
        assert_eq!(read_line("a:1 x y"), None);
    }
}
