//! What layouts and archives hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::found::{Found, KeepGoing};
use super::request::Stdin;
use super::walk::Walk;
use crate::places::location::{Source, is_stream};
use crate::places::registry::Client;
use crate::storage::store::Referrers;
use crate::verbs::export::{self, OpenPlaces};
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::words::progress::Progress;

/// Where the receipt is to lie: what comes on standard input is kept beside it.
pub(super) struct OutputPath<'o>(pub(super) &'o Path);

/// Opens `source`, which may be a folder of archives, to be read by its manifests.
///
/// # Errors
/// When it cannot be opened.
pub(super) fn opened(
    source: &Source,
    client: &Client,
    (beside, stdin): (&OutputPath<'_>, Stdin),
    progress: &dyn Progress,
) -> Result<OpenPlaces> {
    let mut request = export::Request::new(each(source)?, beside.0, Moment::EPOCH);
    request.stdin = stdin;
    export::open(&request, &Arc::default(), client, progress)
}

/// All of `source`, which may be a folder of archives.
///
/// # Errors
/// When any of it cannot be read.
pub(super) fn all(
    source: &Source,
    client: &Client,
    keep_going: KeepGoing,
    request: (&OutputPath<'_>, Stdin),
    progress: &dyn Progress,
) -> Result<Found> {
    let mut opened = opened(source, client, request, progress)?;
    let mut found = Found::default();
    if let Some(fault) = opened.faults.pop() {
        return Err(fault.error);
    }
    for lost in opened.unreadable {
        found
            .unread
            .push(keep_going.pass(&format!("{} of {}", lost.image, lost.source), lost.error)?);
    }
    for (at, origin) in opened.origins.iter().enumerate() {
        let walk = Walk::new(progress);
        let refers = |subject: &_| {
            let Referrers { mut manifests, tags, .. } = origin.source.referrers(subject)?;
            manifests.extend(tags.iter().map(|(_, document)| document.descriptor().clone()));
            Ok(manifests)
        };
        for wanted in opened.wanted.iter().filter(|wanted| wanted.origin.place() == at) {
            let name = wanted.name.kept();
            match walk.image(&*origin.source, &wanted.name, &name, &refers) {
                Ok(()) => {}
                Err(error) => {
                    let image = format!("{name} of {}", wanted.text);
                    found.unread.push(keep_going.pass(&image, error)?);
                }
            }
        }
        let (content, parts) = walk.finish();
        found.content.join(content);
        found.parts.join(parts);
    }
    found.checked()
}

/// Each archive where `source` is a folder of layouts in archives, else itself.
fn each(source: &Source) -> Result<Vec<Source>> {
    let Source::Layout { path, name: None, archive: true, called: None } = source else {
        return Ok(vec![source.clone()]);
    };
    if is_stream(path) || !path.is_dir() {
        return Ok(vec![source.clone()]);
    }
    let fault = |e| Error::io(format!("cannot list {}", path.display()), e);
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // A link may lead out of the folder, which is often somebody else's.
        if !is_hidden && entry.file_type().map_err(fault)?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(Error::new(Class::Incomplete, format!("{} holds no archive", path.display()))),
        false => Ok(files
            .into_iter()
            .map(|path| Source::Layout { path, name: None, archive: true, called: None })
            .collect()),
    }
}
