//! `sealift mirror-config`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::believe::Believe;
use super::choose::Choose;
use super::printer::Printer;
use super::report::argument;
use super::rules;
use super::secrets::read_text;
use super::unlock::Unlock;
use crate::bundle::check::Trust;
use crate::bundle::receipt::ReadReceipt;
use crate::places::location::Destination;
use crate::verbs::mirror_config::{
    MirrorBundle, MirrorReport, MirrorSource, Request, mirror_config,
};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::escape::Safe;
use crate::words::phrase::phrase;
use crate::words::reference::Registry;
use crate::words::remedy::Remedy;
use crate::work::mapping::NameRule;
use crate::work::mirror::MirrorClient;

/// Largest certificate that is handed on: a whole bundle of authorities has a quarter of that.
const MAX_CERTIFICATE: u64 = 1 << 20;

/// Write the configuration by which clients pull unchanged image names from the private registry
///
/// The names are those that the import of the bundle gives, or those in its receipt. Pulls by tag and by
/// digest go to the private registry, and the one in the name is not asked. A client that cannot be led to
/// an image is an error that names the image, and nothing is written; where a client asks elsewhere all the
/// same, that is said. No registry is asked, and no credentials are written.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift mirror-config june.tar --for containerd --to docker://harbor.example/group --key transfer.pub.pem -o etc
  sealift mirror-config june.tar --for podman,docker --to docker://harbor.example --key transfer.pub.pem \\
      --only 'docker.io/*' -o etc
  sealift mirror-config june.tar --for podman --to docker://harbor.example/group --key transfer.pub.pem \\
      -o etc --check
  sealift mirror-config june-receipt.json --for k3s --key site.pub.pem -o etc
  sealift mirror-config june.tar --for kustomize --to docker://harbor.example/group --key transfer.pub.pem \\
      --map 'docker.io/library/*=base/*'
  sealift mirror-config june.tar --for cri-o --to docker://harbor.example/group --key transfer.pub.pem \\
      --cert-dir /etc/containers/certs.d/harbor.example

Give --map, --map-file and --flatten as import had them; a receipt has the names that import gave.
With -o each client's files lie in a folder of its name, and it is said where they belong.
docs/mirror-config.md has a section for each client.")]
pub(super) struct WriteMirrorConfig {
    /// The bundle, or a record of it; of one in volumes the folder that they lie in; or the receipt of an import
    #[arg(value_name = "BUNDLE|RECEIPT", required = true)]
    source: Vec<PathBuf>,
    /// The client (can be repeated)
    #[arg(long = "for", value_name = "CLIENT", value_enum, required = true, value_delimiter = ',')]
    clients: Vec<For>,
    /// Where the bundle was imported to: docker://HOST[:PORT][/PREFIX]
    #[arg(long, value_name = "DEST", value_parser = argument::<Destination>)]
    to: Option<Destination>,
    #[command(flatten)]
    believe: Believe,
    #[command(flatten)]
    unlock: Unlock,
    #[command(flatten)]
    choose: Choose,
    /// Only the last part of each name was kept
    #[arg(long)]
    flatten: bool,
    /// Rule by which a name was imported (can be repeated; the first that matches decides)
    #[arg(long, value_name = "FROM=TO", value_parser = NameRule::parse)]
    map: Vec<NameRule>,
    /// File with one rule a line, # for comments
    #[arg(long, value_name = "FILE")]
    map_file: Option<PathBuf>,
    /// Folder with the *.crt authorities that vouch for the registry, which clients are told
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Registry that speaks plain HTTP (can be repeated); those on loopback do without --cert-dir
    #[arg(long, value_name = "HOST[:PORT]")]
    plain_http: Vec<Registry>,
    /// Folder to write the files to; what is there of an earlier run is replaced
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Pull one image of each registry through the files, by tag and by digest, and keep nothing of it: with
    /// skopeo for podman and CRI-O, with ctr for containerd
    #[arg(long, requires = "output")]
    check: bool,
}

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum For {
    /// hosts.toml of containerd
    Containerd,
    /// registries.conf of CRI-O
    #[value(name = "cri-o")]
    CriO,
    /// registries.conf of podman, buildah and skopeo
    Podman,
    /// Members of docker's daemon.json; for images of Docker Hub alone
    Docker,
    /// registries.yaml of K3s
    K3s,
    /// registries.yaml of RKE2
    Rke2,
    /// buildkitd.toml of BuildKit
    Buildkit,
    /// A component of kustomize that gives images the names of the private registry
    Kustomize,
    /// The value that many charts of Helm share
    Helm,
    /// Sets of mirrors of OpenShift, for digests and for tags
    Openshift,
}

impl For {
    fn client(self) -> MirrorClient {
        match self {
            For::Containerd => MirrorClient::Containerd,
            For::CriO => MirrorClient::CriO,
            For::Podman => MirrorClient::Podman,
            For::Docker => MirrorClient::Docker,
            For::K3s => MirrorClient::K3s,
            For::Rke2 => MirrorClient::Rke2,
            For::Buildkit => MirrorClient::Buildkit,
            For::Kustomize => MirrorClient::Kustomize,
            For::Helm => MirrorClient::Helm,
            For::Openshift => MirrorClient::Openshift,
        }
    }
}

impl WriteMirrorConfig {
    pub(super) fn run(mut self, printer: &Printer) -> Result<ExitCode> {
        let authorities = self.authorities()?;
        let mut clients: Vec<MirrorClient> = self.clients.iter().map(|it| it.client()).collect();
        clients.sort_unstable();
        clients.dedup();
        let source = self.source(printer)?;
        let request = Request {
            choice: self.choose.choice()?,
            plain_http: self.plain_http,
            authorities,
            output: self.output,
            check: self.check,
            ..Request::new(source, clients)
        };
        let told = mirror_config(&request, &*printer.progress())?;
        for of_client in &told.clients {
            let name = of_client.client.name();
            let config = &of_client.config;
            config.warnings.iter().for_each(|it| printer.warn(&format!("warning: {name}: {it}")));
            config.notes.iter().for_each(|it| printer.note(&format!("note: {name}: {it}")));
        }
        printer.ending(&told, told.failure(), || text(&told))?;
        Ok(printer.end(told.failure()))
    }

    /// What says which image lies where.
    fn source(&mut self, printer: &Printer) -> Result<MirrorSource> {
        let trust = self.believe.trust(printer)?;
        let paths = std::mem::take(&mut self.source);
        if let [path] = &paths[..]
            && ReadReceipt::is_at(path)
        {
            let given = self.to.is_some() || self.flatten || !self.map.is_empty();
            if given || self.map_file.is_some() {
                let text = "a receipt says where its images are";
                return Err(Error::new(Class::Usage, text)
                    .hint("leave out --to, --map, --map-file and --flatten, or name the bundle"));
            }
            let keys = match trust {
                Trust::Keys(keys) => keys,
                Trust::Roots(_) => {
                    let text = "a root of trust does not say who may sign a receipt";
                    let hint =
                        phrase!["name the key of the site that made it with ", Remedy::Trust];
                    return Err(Error::new(Class::Usage, text).hint(hint));
                }
                Trust::UnsafeAnySigner => Vec::new(),
            };
            return Ok(MirrorSource::Receipt { path: path.clone(), keys });
        }
        let to = self.to.take().ok_or_else(|| {
            let text = "the following required arguments were not provided: --to <DEST>";
            Error::new(Class::Usage, text)
                .hint("say where the bundle was imported to, or name the receipt of that")
        })?;
        let opener = self.unlock.opener(printer)?;
        let mut paths = paths.into_iter();
        // There is one: it is required.
        let medium = opener.medium(paths.next().unwrap_or_default());
        let medium = medium.with_volumes_at(paths.collect());
        let bundle = MirrorBundle {
            rules: rules::gather(std::mem::take(&mut self.map), self.map_file.as_deref())?,
            flatten: self.flatten,
            ..MirrorBundle::new(medium, trust, to)
        };
        Ok(MirrorSource::Bundle(Box::new(bundle)))
    }

    /// The authorities in the folder that was named, in the order of their files' names.
    fn authorities(&self) -> Result<Option<String>> {
        let Some(folder) = &self.cert_dir else { return Ok(None) };
        let fault = |e| {
            let text = format!("cannot read {}", folder.display());
            Error::new(Class::Usage, text)
                .subject(Subject::Path(folder.clone()))
                .source(e)
                .hint("see whether it is there, is a folder, and may be read by you")
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            if path.extension().is_some_and(|ending| ending == "crt") {
                files.push(path);
            }
        }
        files.sort();
        let mut pem = String::new();
        for file in &files {
            let text = read_text(file, MAX_CERTIFICATE)?;
            if !text.starts_with("-----BEGIN CERTIFICATE-----") {
                let shown = file.display().to_string();
                let text = format!("{} is no certificate", Safe(&shown));
                return Err(Error::new(Class::Usage, text).hint("write it as PEM"));
            }
            pem.push_str(text.trim_end());
            pem.push('\n');
        }
        match files.is_empty() {
            true => Err(Error::new(Class::Usage, format!("{} has no *.crt", folder.display()))),
            false => Ok(Some(pem)),
        }
    }
}

/// The files themselves, or what was written and where it belongs.
fn text(told: &MirrorReport) -> Vec<String> {
    let many = told.files().count() > 1;
    let mut lines = Vec::new();
    let Some(output) = &told.output else {
        for (client, file) in told.files() {
            if many {
                lines.push(format!("# ---- {client}: {} ----", file.install));
            }
            lines.extend(file.text.lines().map(|line| Safe(line).to_string()));
        }
        return lines;
    };
    let images = count(told.images, "image");
    lines.push(format!("{images} at {}", Safe(told.registry.as_str())));
    for (client, file) in told.files() {
        let path = output.join(client).join(&file.path).display().to_string();
        lines.push(format!("{}: {}", Safe(&path), file.install));
    }
    for of_client in &told.clients {
        for name in of_client.pulled.iter().flatten() {
            lines.push(format!("{} pulled {name}", of_client.client.name()));
        }
    }
    lines
}
