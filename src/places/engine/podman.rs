//! podman: told by a `registries.conf` of one call that a registry is elsewhere.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::answers::{
    EngineImage, EngineInfo, EngineLayers, EnginePull, EngineStock, HANGS, Watch, is_id,
};
use super::driver::Driver;
use super::inspect::{AT_ONCE, RootFs, digest_of, named, parsed};
use super::scratch::{self, Scratch};
use crate::words::config::chain_ids;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// What `podman info` and `podman image inspect` tell, as far as it is asked for.
#[derive(Deserialize)]
struct PodmanInfo {
    host: PodmanHost,
    store: PodmanStore,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodmanHost {
    os: String,
    arch: String,
    #[serde(default)]
    service_is_remote: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodmanStore {
    graph_root: PathBuf,
    graph_driver_name: String,
    run_root: PathBuf,
    /// Known from podman 4.0 on.
    #[serde(default)]
    image_copy_tmp_dir: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PodmanImage {
    id: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(rename = "RootFS")]
    root_fs: RootFs,
}

fn info(engine: &Driver) -> Result<PodmanInfo> {
    let mut info = engine.command();
    info.args(["info", "--format", "json"]);
    parsed(&engine.answer(info, "cannot ask podman")?, "what podman info says")
}

pub(super) fn about(engine: &Driver) -> Result<EngineInfo> {
    let PodmanInfo { host, store } = info(engine)?;
    let staging = staged_in(store.image_copy_tmp_dir);
    let here = |path: PathBuf| (!host.service_is_remote).then_some(path);
    Ok(EngineInfo {
        platform: Platform { os: host.os, architecture: host.arch, variant: None },
        remote: host.service_is_remote.then(|| "another podman (CONTAINER_HOST)".to_owned()),
        unpacked: here(store.graph_root),
        packed: here(staging.clone()),
        owned: true,
        keeps_partial: false,
        keeps_packed: false,
        stacks: store.graph_driver_name == "vfs",
        keeps_manifests: true,
        takes_untagged: true,
        takes_zstd: true,
        takes_nested: false,
        scratch: Some(staging),
    })
}

pub(super) fn held(engine: &Driver, name: &Reference) -> Result<Option<EngineImage>> {
    let mut exists = engine.command();
    exists.args(["image", "exists", &name.to_string()]);
    let exists = engine.question(exists)?;
    match exists.code {
        Some(0) => {}
        // That is what 1 means (podman-image-exists(1)), whatever it warns of besides.
        Some(1) => return Ok(None),
        _ => return Err(exists.failure("cannot ask podman for an image")),
    }
    let images = inspect(engine, &[name.to_string()])?;
    Ok(images.into_iter().next().map(|image| {
        let names = image.repo_digests.unwrap_or_default();
        let digests = names.iter().filter_map(|name| digest_of(name));
        let digests = digests.chain(image.digest.parse().ok()).collect();
        EngineImage { id: Digest::from_hex(&image.id).ok(), digests, whole: true }
    }))
}

fn inspect(engine: &Driver, names: &[String]) -> Result<Vec<PodmanImage>> {
    let mut inspect = engine.command();
    inspect.args(["image", "inspect"]).args(names);
    parsed(
        &engine.answer(inspect, "cannot ask podman for images")?,
        "what podman image inspect says",
    )
}

/// The ids of all that it has.
fn ids(engine: &Driver) -> Result<Vec<String>> {
    let mut list = engine.command();
    list.args(["image", "ls", "--all", "--quiet", "--no-trunc"]);
    let said = engine.answer(list, "cannot list podman's images")?;
    let said = String::from_utf8_lossy(&said);
    let mut ids: Vec<String> = said.lines().filter(|id| is_id(id)).map(str::to_owned).collect();
    ids.sort();
    ids.dedup();
    Ok(ids)
}

pub(super) fn kept(engine: &Driver) -> Result<EngineLayers> {
    let mut kept = EngineLayers::default();
    for ids in ids(engine)?.chunks(AT_ONCE) {
        for image in inspect_all(engine, ids)? {
            kept.chains.extend(chain_ids(&image.root_fs.layers.unwrap_or_default()));
        }
    }
    Ok(kept)
}

pub(super) fn all(engine: &Driver) -> Result<Vec<EngineStock>> {
    let mut all = Vec::new();
    for ids in ids(engine)?.chunks(AT_ONCE) {
        for image in inspect_all(engine, ids)? {
            let digest = image.digest.parse().ok();
            let config = Digest::from_hex(image.id.strip_prefix("sha256:").unwrap_or(&image.id));
            all.push(EngineStock {
                names: named(&image.repo_tags, &image.repo_digests, digest),
                config: config.ok(),
                layers: image.root_fs.layers.unwrap_or_default(),
            });
        }
    }
    Ok(all)
}

/// Those of `ids` that podman can tell of. Of a manifest list without an image for this machine it
/// cannot, and then tells nothing of the others either.
fn inspect_all(engine: &Driver, ids: &[String]) -> Result<Vec<PodmanImage>> {
    if let Ok(images) = inspect(engine, ids) {
        return Ok(images);
    }
    let mut images = Vec::new();
    for id in ids {
        engine.cancel().check()?;
        images.extend(inspect(engine, std::slice::from_ref(id)).unwrap_or_default());
    }
    Ok(images)
}

pub(super) fn pull(
    engine: &Driver,
    pull: EnginePull<'_>,
    scratch: &Scratch,
    watch: Watch<'_>,
) -> Result<()> {
    let conf = scratch.write("registries.conf", &registries_conf(pull))?;
    let auth = scratch.write("auth.json", "{}")?;
    let run_root = info(engine)?.store.run_root;
    let mut command = engine.command();
    command.args(["pull", "--quiet", "--authfile"]).arg(auth);
    if let Some(platform) = pull.platform {
        command.args(["--platform", &platform.to_string()]);
    }
    command.arg(pull.name.to_string()).env("CONTAINERS_REGISTRIES_CONF", conf);
    if !depends_on_tmpdir(&run_root) {
        // So that what it stages goes away with our folder, however it ends.
        command.env("TMPDIR", scratch.path());
    }
    let ended = engine.run(command, Duration::from_secs(HANGS), watch)?;
    match ended.success {
        true => Ok(()),
        false => Err(ended.failure(&format!("podman cannot pull {}", pull.name))),
    }
}

/// A folder for what `podman save` stages, swept of what saves that were killed left beside it;
/// nothing where podman would not take it.
pub(super) fn staging(engine: &Driver) -> Result<Option<Scratch>> {
    let PodmanInfo { host, store } = info(engine)?;
    if host.service_is_remote || depends_on_tmpdir(&store.run_root) {
        return Ok(None);
    }
    let folder = staged_in(store.image_copy_tmp_dir);
    scratch::sweep(&folder);
    Scratch::new(&folder).map(Some)
}

/// Where podman stages, as far as it tells.
fn staged_in(told: Option<PathBuf>) -> PathBuf {
    told.unwrap_or_else(|| PathBuf::from("/var/tmp"))
}

/// Whether `name` is a list of images, made here, and not an image. One that was pulled for this
/// machine out of an index is an image.
pub(super) fn is_list(engine: &Driver, name: &str) -> Result<bool> {
    let mut exists = engine.command();
    exists.args(["manifest", "exists", "--", name]);
    // Nothing but 0 says so (podman-manifest-exists(1)); for images it is an error.
    Ok(engine.question(exists)?.success)
}

/// Whether podman found its run root by `TMPDIR`, which it then must find unchanged: so it does
/// for users without `XDG_RUNTIME_DIR`.
fn depends_on_tmpdir(run_root: &Path) -> bool {
    let is_ours =
        |part: &str| part.starts_with("podman-run-") || part.starts_with("containers-user-");
    run_root.iter().any(|part| part.to_str().is_some_and(is_ours))
}

/// The repository is the prefix, since podman looks no further than to the tag: an entry of the
/// user's or the machine's for a host, a mirror or a block among them, is shorter.
fn registries_conf(pull: EnginePull<'_>) -> String {
    let (name, from) = (pull.name, pull.from);
    format!(
        "unqualified-search-registries = []\n\n[[registry]]\nprefix = \"{}\"\n\
         location = \"{from}/{}\"\ninsecure = true\n",
        name.name(),
        name.repository
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::engine::Address;

    #[test]
    fn the_registry_is_elsewhere_for_this_one_name() {
        let name: Reference = "localhost:5000/a/b:1".parse().unwrap();
        let from = Address::new(4711).unwrap().below(0);
        let digest = Digest::of(b"x");

        let conf = registries_conf(EnginePull {
            name: &name,
            digest: &digest,
            from: &from,
            platform: None,
        });

        let conf: toml::Table = conf.parse().unwrap();
        let registry = &conf["registry"].as_array().unwrap()[0];
        assert_eq!(registry["prefix"].as_str(), Some("localhost:5000/a/b"));
        assert_eq!(registry["location"].as_str().unwrap(), format!("{from}/a/b"));
    }

    #[test]
    fn a_run_root_in_tmpdir_is_known() {
        for (path, depends) in [
            ("/run/user/1000/containers", false),
            ("/tmp/podman-run-1000/containers", true),
            ("/scratch/containers-user-7/containers", true),
            ("/tmp/x/run", false),
        ] {
            assert_eq!(depends_on_tmpdir(Path::new(path)), depends, "{path}");
        }
    }
}
