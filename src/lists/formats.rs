//! [`FORMATS`]: all kinds of lists, and which one a list is.

use super::apptainer::Apptainer;
use super::around::Around;
use super::chart::Chart;
use super::compose::Compose;
use super::condor::Condor;
use super::dockerfile::Dockerfile;
use super::format::ListFormat;
use super::hauler::Hauler;
use super::images_lock::ImagesLock;
use super::kubernetes::Kubernetes;
use super::kustomize::Kustomize;
use super::list_text::ListText;
use super::lock_file::LockFile;
use super::oc_mirror::OcMirror;
use super::plain::PlainList;
use super::reading::Reading;
use super::regsync::Regsync;
use super::skopeo_sync::SkopeoSync;
use super::values::Values;
use super::zarf::Zarf;
use crate::words::error::{Class, Error, Result};

/// All of them. The first that a list is one of decides; the last one is any.
pub const FORMATS: &[&dyn ListFormat] = &[
    &LockFile,
    &Hauler,
    &Zarf,
    &ImagesLock,
    &OcMirror,
    &Regsync,
    &SkopeoSync,
    &Apptainer,
    &Dockerfile,
    &Condor,
    &Chart,
    &Kustomize,
    &Compose,
    &Kubernetes,
    &Values,
    &PlainList,
];

/// The format that is called `name`.
///
/// # Errors
/// [`Class::Usage`] where none is.
pub fn named(name: &str) -> Result<&'static dyn ListFormat> {
    FORMATS.iter().copied().find(|format| format.name() == name).ok_or_else(|| {
        let all: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
        Error::new(Class::Usage, format!("{name:?} is no kind of list"))
            .hint(format!("it is one of {}", all.join(", ")))
    })
}

/// What kind of list this is, by what it says.
#[must_use]
pub fn format_of(list: &ListText) -> &'static dyn ListFormat {
    FORMATS.iter().copied().find(|format| format.is(list)).unwrap_or(&PlainList)
}

/// What `lists` ask for, each of the kind `all` where one is given, else of its own; in their order.
#[must_use]
pub fn read(
    lists: &[ListText],
    all: Option<&'static dyn ListFormat>,
    around: &dyn Around,
) -> Reading {
    let mut groups: Vec<(&'static dyn ListFormat, Vec<ListText>)> = Vec::new();
    for list in lists {
        let format = all.unwrap_or_else(|| format_of(list));
        let folder =
            |list: &ListText| list.path().and_then(|path| path.parent().map(ToOwned::to_owned));
        let known = groups.iter_mut().find(|(other, lists)| {
            format.merges()
                && other.name() == format.name()
                && lists.first().map(folder) == Some(folder(list))
        });
        match known {
            Some((_, lists)) => lists.push(list.clone()),
            None => groups.push((format, vec![list.clone()])),
        }
    }
    let mut reading = Reading::default();
    for (format, lists) in groups {
        match lists
            .first()
            .filter(|_| all.is_none() && format.name() == PlainList.name())
            .and_then(unknown)
        {
            Some((line, error)) => {
                let spot = lists[0].spot(line, "");
                reading.fault(spot, error);
            }
            None => reading.join(format.read(&lists, around)),
        }
    }
    reading
}

/// That `list` is no plain one either, though it is no other kind that is known: YAML of a kind that nobody
/// knows, or broken.
fn unknown(list: &ListText) -> Option<(usize, Error)> {
    let names_yaml = [".yaml", ".yml", ".json"].iter().any(|end| list.file_name().ends_with(end));
    let looks_so = || {
        list.text().lines().any(|line| {
            let key =
                line.split_once(':').filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
            line.starts_with(['{', '['])
                || line == "---"
                || key.is_some_and(|(key, _)| {
                    !key.is_empty() && !key.contains([' ', '#', '/', '.', '\t'])
                })
        })
    };
    match list.first_document() {
        Ok(Some(node)) if node.is_map() => {
            let text = "is YAML, and of no kind that names images";
            let error = Error::new(Class::Usage, text);
            Some((node.line(), error.hint("say which kind it is, if it is one that is known")))
        }
        Err(fault) if names_yaml || looks_so() => Some((fault.line, fault.clone().into_error())),
        _ => None,
    }
}
