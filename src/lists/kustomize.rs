//! Kustomizations: the images of what `kustomize build` would print.
//!
//! Resources, bases and components are read from the files beside; patches and `images` are done in
//! kustomize's own order. What cannot be done here and may change an image (charts, plugins, what lies on
//! another machine) is a fault, so that there are never other images than kustomize would print.

mod build;
mod files;
mod image_rule;
mod json_patch;
mod members;
mod object;
mod patch;
mod patching;
mod replacement;
mod strategic;
mod target;
#[cfg(test)]
mod tests;
mod transform;

use self::build::Build;
use super::around::Around;
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;

/// A kustomization.
#[derive(Debug)]
pub(super) struct Kustomize;

impl ListFormat for Kustomize {
    fn name(&self) -> &'static str {
        "kustomize"
    }

    fn title(&self) -> &'static str {
        "a kustomization"
    }

    fn is(&self, list: &ListText) -> bool {
        list.first().is_some_and(members::is_kustomization)
    }

    fn read(&self, lists: &[ListText], around: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            reading.join(Build::of(list, around));
        }
        reading
    }
}
