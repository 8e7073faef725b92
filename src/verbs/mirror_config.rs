//! `mirror-config`: files that lead clients of images to the private registry, from the names that an
//! import gave.

mod check;
mod images;
mod output;
mod report;
mod request;

pub use self::report::{ClientMirror, MirrorReport};
pub use self::request::{MirrorBundle, MirrorSource, Request};
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::progress::Progress;
use crate::words::remedy::Remedy;
use crate::work::mirror::{MirrorClient, MirrorMisfit, MirrorRoutes};

/// Makes the files that `request` asks for, and writes them where it says so. No registry is asked, but by the
/// clients that pull where that is wanted.
///
/// ```
/// use sealift::bundle::check::Trust;
/// use sealift::verbs::mirror_config::{MirrorBundle, MirrorSource, Request, mirror_config};
/// use sealift::words::progress::Silent;
/// use sealift::work::mirror::MirrorClient;
///
/// let to = "docker://harbor.example/group".parse()?;
/// let bundle = MirrorBundle::new("testdata/formats/v1/folder", Trust::UnsafeAnySigner, to);
/// let source = MirrorSource::Bundle(Box::new(bundle));
/// let request = Request::new(source, vec![MirrorClient::Containerd]);
/// let told = mirror_config(&request, &Silent)?;
/// let file = &told.clients[0].config.files[0];
/// assert_eq!(file.path, "certs.d/docker.io/hosts.toml");
/// assert!(file.text.contains("server = \"https://harbor.example/v2/group\""));
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// When the bundle or the receipt is not believed; [`Class::Usage`] where a client cannot be led to an image,
/// with all such images, and where something else stands at the output. Nothing is written then. That a client
/// could not pull is in the report, and [`MirrorReport::failure`] makes a failure of it.
pub fn mirror_config(request: &Request, progress: &dyn Progress) -> Result<MirrorReport> {
    // 1. Which image lies where?
    let (target, images) = images::of(request)?;
    let (count, probes) = (images.len(), check::probes(&images));
    let routes = MirrorRoutes::new(request.reached(target), images);
    if routes.is_empty() {
        let text = format!("every image has its own name at {}", routes.target().registry);
        return Err(Error::new(Class::Usage, text).hint("clients need no file to find them"));
    }

    // 2. How is that told to each client?
    let (mut clients, mut misled) = (Vec::new(), Vec::new());
    for client in &request.clients {
        match client.config(&routes) {
            Ok(config) => clients.push(ClientMirror { client: *client, config, pulled: None }),
            Err(misfits) => misled.push(misfit(*client, &misfits)),
        }
    }
    let summary = |count| (Class::Usage, format!("{count} clients cannot be led to all images"));
    if let Some(error) = Error::all(misled, summary) {
        return Err(error);
    }

    // 3. Write it, where that is wanted.
    if let Some(folder) = &request.output {
        output::write(folder, &clients)?;
    }

    // 4. Does each client that can be told of its file pull through it?
    let mut failed = Vec::new();
    if let (Some(folder), true) = (&request.output, request.check) {
        for of_client in &mut clients {
            match check::pull(folder, of_client, &routes.target().registry, &probes, progress) {
                Ok(pulled) => of_client.pulled = pulled,
                Err(error) => failed.push(error),
            }
        }
    }
    let failure =
        Error::all(failed, |count| (Class::Other, format!("{count} clients cannot pull")));
    Ok(MirrorReport {
        ok: failure.is_none(),
        registry: routes.target().registry.clone(),
        images: count,
        output: request.output.clone(),
        clients,
        failure,
    })
}

/// That `client` cannot be led to some images, each with its reason.
fn misfit(client: MirrorClient, misfits: &[MirrorMisfit]) -> Error {
    let what = match misfits {
        [one] => one.name.to_string(),
        all => format!("{} images", all.len()),
    };
    let text = format!("{} cannot be led to {what}", client.name());
    let details = misfits.iter().map(|it| format!("{}, which is {}: {}", it.name, it.to, it.why));
    let hint = phrase![
        "leave them out with ",
        Remedy::Except,
        ", give them other names when they are imported, or have manifests name them as they are called \
         there, as the component for kustomize does"
    ];
    Error::new(Class::Usage, text).details(details.collect::<Vec<_>>()).hint(hint)
}
