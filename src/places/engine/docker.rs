//! docker: cannot be told that a registry is elsewhere, so it pulls under a helper name, tags, and
//! forgets the helper name.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::address::Address;
use super::answers::{
    EngineImage, EngineInfo, EngineLayers, EnginePull, EngineStock, HANGS, Watch, is_id,
};
use super::driver::Driver;
use super::inspect::{AT_ONCE, RootFs, digest_of, named, parsed};
use crate::words::config::chain_ids;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::platform::Platform;
use crate::words::reference::{Reference, Registry};

/// How often a pull is begun. docker goes on with the pull of an import that was killed until it has
/// tried often enough, and ties to it whoever wants the same layers meanwhile: what fails then is
/// not the pull that was asked for. Each of a few layers may be tied on its own.
const BEGUN: usize = 4;

/// How long a server that left a helper name may take to show that it still runs.
const ALIVE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerInfo {
    docker_root_dir: PathBuf,
    driver: String,
    #[serde(default)]
    driver_status: Option<Vec<(String, String)>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerServer {
    version: String,
    os: String,
    arch: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    id: Digest,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(rename = "RootFS")]
    root_fs: RootFs,
}

impl DockerInfo {
    /// Whether containerd keeps its images.
    fn is_containerds(&self) -> bool {
        let status = self.driver_status.iter().flatten();
        status.into_iter().any(|(_, value)| value.starts_with("io.containerd.snapshotter"))
    }
}

fn ask(engine: &Driver, arguments: &[&str]) -> Result<Vec<u8>> {
    let mut command = engine.command();
    command.args(arguments);
    engine.answer(command, "cannot ask docker")
}

fn info(engine: &Driver) -> Result<DockerInfo> {
    parsed(&ask(engine, &["info", "--format", "{{json .}}"])?, "what docker info says")
}

pub(super) fn about(engine: &Driver) -> Result<EngineInfo> {
    let server = ask(engine, &["version", "--format", "{{json .Server}}"])?;
    let server: DockerServer = parsed(&server, "what docker version says")?;
    let info = info(engine)?;
    let keeps_manifests = info.is_containerds();
    let remote = remote(engine)?;
    let root = remote.is_none().then_some(info.docker_root_dir);
    Ok(EngineInfo {
        platform: Platform { os: server.os, architecture: server.arch, variant: None },
        remote,
        unpacked: root.clone(),
        packed: root,
        owned: false,
        keeps_partial: false,
        keeps_packed: false,
        stacks: info.driver == "vfs",
        keeps_manifests,
        takes_untagged: false,
        takes_zstd: unpacks_zstd(&server.version),
        takes_nested: false,
        scratch: None,
    })
}

/// Whether a docker of that version unpacks zstd: those from 23.0 on do. What has no such version
/// (moby builds) is taken to be new.
fn unpacks_zstd(version: &str) -> bool {
    version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_none_or(|v| v >= 23)
}

/// Where the daemon is, when that is another machine.
fn remote(engine: &Driver) -> Result<Option<String>> {
    let mut inspect = engine.command();
    inspect.args(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
    let ended = engine.question(inspect)?;
    // A docker without contexts says nothing; then the pull will tell.
    let host = String::from_utf8_lossy(&ended.said).trim().to_owned();
    Ok(is_elsewhere(&host).then_some(host))
}

fn is_elsewhere(host: &str) -> bool {
    match host.split_once("://") {
        Some(("unix" | "npipe" | "fd", _)) | None => false,
        Some(("tcp", address)) => {
            let address = address.trim_end_matches('/');
            !address.parse::<Registry>().is_ok_and(|host| host.is_loopback())
        }
        Some(_) => true,
    }
}

pub(super) fn held(engine: &Driver, name: &Reference) -> Result<Option<EngineImage>> {
    Ok(look(engine, &name.to_string())?.map(|image| {
        let names = image.repo_digests.unwrap_or_default();
        let digests: BTreeSet<Digest> = names.iter().filter_map(|name| digest_of(name)).collect();
        EngineImage { id: Some(image.id), digests, whole: true }
    }))
}

fn look(engine: &Driver, name: &str) -> Result<Option<DockerImage>> {
    let mut inspect = engine.command();
    inspect.args(["image", "inspect", "--format", "{{json .}}", name]);
    let ended = engine.question(inspect)?;
    match ended.success {
        true => parsed(&ended.said, "what docker image inspect says").map(Some),
        false if ended.complaints.to_lowercase().contains("no such image") => Ok(None),
        false => Err(ended.failure("cannot ask docker for an image")),
    }
}

/// All that it has.
fn images(engine: &Driver) -> Result<Vec<DockerImage>> {
    let mut list = engine.command();
    list.args(["image", "ls", "--all", "--quiet", "--no-trunc"]);
    let said = engine.answer(list, "cannot list docker's images")?;
    let said = String::from_utf8_lossy(&said);
    let mut ids: Vec<&str> = said.lines().filter(|id| is_id(id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut images = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        let mut inspect = engine.command();
        inspect.args(["image", "inspect"]).args(ids);
        let said = engine.answer(inspect, "cannot ask docker for its images")?;
        images.extend(parsed::<Vec<DockerImage>>(&said, "what docker image inspect says")?);
    }
    Ok(images)
}

pub(super) fn kept(engine: &Driver) -> Result<EngineLayers> {
    let mut kept = EngineLayers { pulled: pulled(&info(engine)?), ..EngineLayers::default() };
    for image in images(engine)? {
        kept.images.insert(image.id);
        kept.chains.extend(chain_ids(&image.root_fs.layers.unwrap_or_default()));
    }
    Ok(kept)
}

pub(super) fn all(engine: &Driver) -> Result<Vec<EngineStock>> {
    let keeps_manifests = info(engine)?.is_containerds();
    let stock = |image: DockerImage| EngineStock {
        names: named(&image.repo_tags, &image.repo_digests, keeps_manifests.then_some(image.id)),
        // Where containerd keeps its images, it calls them by their manifests.
        config: (!keeps_manifests).then_some(image.id),
        layers: image.root_fs.layers.unwrap_or_default(),
    };
    Ok(images(engine)?.into_iter().map(stock).collect())
}

/// The blobs that docker knows the layers of: it takes no others for those that it has, and no
/// command of its tells them. Where its folder cannot be read, that is none. containerd finds the
/// layers by what they are.
fn pulled(info: &DockerInfo) -> Option<BTreeSet<Digest>> {
    if info.is_containerds() {
        return None;
    }
    let folder = info.docker_root_dir.join("image").join(&info.driver);
    let folder = folder.join("distribution/diffid-by-digest/sha256");
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    Some(names.filter_map(|name| Digest::from_hex(name.file_name().to_str()?).ok()).collect())
}

pub(super) fn pull(engine: &Driver, pull: EnginePull<'_>, watch: Watch<'_>) -> Result<()> {
    let Some(tag) = &pull.name.tag else {
        return Err(Error::new(Class::Refused, format!("{}: docker wants a tag", pull.name)));
    };
    let helper = format!("{}/{}:{tag}", pull.from, pull.name.repository);
    let done = fetch_and_tag(engine, &pull, &helper, watch);
    forget(engine, &helper);
    done
}

fn fetch_and_tag(
    engine: &Driver,
    pull: &EnginePull<'_>,
    helper: &str,
    watch: Watch<'_>,
) -> Result<()> {
    let name = pull.name;
    let mut begun = 1;
    loop {
        let ended = engine.run(fetch(engine, pull, helper), Duration::from_secs(HANGS), watch)?;
        if ended.success {
            break;
        }
        if begun == BEGUN || !pull.from.is_other_than_in(&ended.complaints) {
            return Err(ended.failure(&format!("docker cannot pull {name}")));
        }
        begun += 1;
    }
    let mut tag = engine.command();
    tag.args(["tag", helper, &name.to_string()]);
    engine.answer(tag, &format!("docker cannot tag {name}")).map(drop)
}

fn fetch(engine: &Driver, pull: &EnginePull<'_>, helper: &str) -> Command {
    let mut command = engine.command();
    command.args(["pull", "--quiet"]);
    if let Some(platform) = pull.platform {
        command.args(["--platform", &platform.to_string()]);
    }
    command.arg(helper);
    command
}

/// Removes a name; of the last one the image as well. With its last tag a repository's digests go.
fn forget(engine: &Driver, helper: &str) {
    let mut remove = engine.command();
    remove.args(["rmi", helper]);
    engine.undo(remove);
}

/// Removes the helper names of imports that were killed. Whoever still pulls has a server that
/// answers.
pub(super) fn tidy(engine: &Driver) {
    let mut list = engine.command();
    list.args(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
    let Ok(said) = engine.answer(list, "cannot list docker's images") else { return };
    for name in String::from_utf8_lossy(&said).lines() {
        let Some(port) = Address::port_in(name) else { continue };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpStream::connect_timeout(&address, ALIVE).is_err() {
            forget(engine, name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_dockers_do_not_unpack_zstd() {
        for (version, unpacks) in [
            ("20.10.24+dfsg1", false),
            ("23.0.1", true),
            ("27.3.1", true),
            ("library-import", true),
        ] {
            assert_eq!(unpacks_zstd(version), unpacks, "{version}");
        }
    }

    #[test]
    fn a_daemon_elsewhere_is_known_by_its_address() {
        for (host, elsewhere) in [
            ("", false),
            ("unix:///var/run/docker.sock", false),
            ("tcp://127.0.0.1:2375", false),
            ("tcp://localhost:2375/", false),
            ("tcp://10.0.0.7:2376", true),
            ("ssh://me@node", true),
        ] {
            assert_eq!(is_elsewhere(host), elsewhere, "{host}");
        }
    }
}
