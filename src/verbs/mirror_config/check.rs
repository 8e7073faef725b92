//! One image of each registry, pulled through the files by a client of its own, by tag and by digest.

use std::collections::BTreeSet;
use std::path::Path;

use super::report::ClientMirror;
use crate::places::engine::{Driver, Engine, PullFile, pull_through};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Reference, Registry};
use crate::work::mirror::{MirrorClient, MirroredImage};

/// A name to pull, and the digest of what has to come.
pub(super) type Probe = (Reference, Option<Digest>);

/// The names to pull: of each registry the first of `images`, by its tag and by its digest.
pub(super) fn probes(images: &[MirroredImage]) -> Vec<Probe> {
    let mut seen = BTreeSet::new();
    let moved = images.iter().filter(|image| image.name != image.to);
    let first = moved.filter(|image| seen.insert(&image.name.registry));
    let names = first.flat_map(|image| {
        let by_digest = image.digest.map(|digest| Reference {
            tag: None,
            digest: Some(digest),
            ..image.name.clone()
        });
        [Some(image.name.clone()), by_digest].into_iter().flatten().map(|name| (name, image.digest))
    });
    let mut names: Vec<Probe> = names.collect();
    names.dedup();
    names
}

/// Pulls what `probes` name through the files of `of_client` below `folder`, and says which; nothing for a client that is told
/// of its file in no call of its own.
///
/// # Errors
/// When one cannot be pulled, with what the client says, or is another image.
pub(super) fn pull(
    folder: &Path,
    of_client: &ClientMirror,
    registry: &Registry,
    probes: &[Probe],
    progress: &dyn Progress,
) -> Result<Option<Vec<Reference>>> {
    let client = of_client.client.name();
    let own = folder.join(client);
    let certs = own.join(format!("certs.d/{registry}"));
    let conf = own.join("registries.conf.d/50-sealift.conf");
    let hosts = own.join("certs.d");
    let file = match of_client.client {
        MirrorClient::Podman | MirrorClient::CriO => {
            PullFile::RegistriesConf { conf: &conf, certs: certs.is_dir().then_some(&*certs) }
        }
        MirrorClient::Containerd => {
            // Of one that does not run each call would wait anew.
            let containerd = Driver::new(Engine::containerd(None), progress.handle());
            containerd.about().map_err(|error| error.context(client))?;
            PullFile::HostsFolder(&hosts)
        }
        _ => {
            let text =
                format!("{client} reads its file where it is installed: that was not checked");
            progress.event(Event::note(text));
            return Ok(None);
        }
    };
    let mut errors = Vec::new();
    for (name, wanted) in probes {
        progress.check()?;
        match pull_through(file, name, &progress.handle()) {
            Ok(Some(came)) if wanted.is_some_and(|wanted| wanted != came) => {
                errors.push(another(client, name, came, *wanted));
            }
            Ok(_) => {}
            Err(error) => errors.push(error.context(client)),
        }
    }
    let all = Error::all(errors, |count| {
        (Class::Other, format!("{client} cannot pull {count} of {} names", probes.len()))
    });
    match all {
        Some(error) => Err(error),
        None => Ok(Some(probes.iter().map(|(name, _)| name.clone()).collect())),
    }
}

/// That `name` leads `client` to the image `came`, and not to the one that is meant.
fn another(client: &str, name: &Reference, came: Digest, wanted: Option<Digest>) -> Error {
    let wanted = wanted.map(|wanted| format!(", and {wanted} is meant")).unwrap_or_default();
    Error::new(Class::Other, format!("{client}: {name} is {came} there{wanted}"))
        .hint("import the bundle, or give the names that it was imported under")
}
