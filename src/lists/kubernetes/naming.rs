//! [`NamedImage`]: an image that an object names, and what is to be thought of the name.

use std::sync::Arc;

use super::bearer::Bearer;
use super::parts::is_name;
use crate::lists::reading::Reading;
use crate::lists::spot::Spot;

/// What is written by templates of charts, and is gone once they are rendered.
const CHART_MARKS: [&str; 8] =
    [".Values", ".Chart", ".Release", "{{ include", "{{include", "{{-", "{{ template", "{{ tpl"];

/// A container of a pod: which list it is in, and where and under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) list: String,
    pub(super) at: usize,
    pub(super) name: String,
}

/// An image that an object names.
#[derive(Debug, Clone)]
pub(super) struct NamedImage {
    /// What is written there.
    pub(super) image: String,
    pub(super) spot: Spot,
    pub(super) bearer: Arc<Bearer>,
    /// The container that runs it, where it is one.
    pub(super) container: Option<Container>,
}

impl NamedImage {
    /// Asks for it in `reading`, or says there why not.
    pub(super) fn settle(self, reading: &mut Reading) {
        let NamedImage { image, spot, bearer, container } = self;
        let text = image.trim();
        if text.is_empty() {
            return match bearer.is_own() {
                // An API object without an image is refused by the cluster.
                true => reading.wrong(
                    spot,
                    "the image is empty",
                    "write its name, or take the member away",
                ),
                false => reading.note(spot, "the image is empty: something else sets it"),
            };
        }
        if CHART_MARKS.iter().any(|mark| text.contains("{{") && text.contains(mark)) {
            return reading.wrong(
                spot,
                format!("{text:?} is text of a template"),
                "render it first, as with helm template, and take what that prints",
            );
        }
        if text.contains("{{") || text.contains("$(") {
            return reading.note(spot, format!("not taken: {text:?} is known only when it runs"));
        }
        if text.contains("${") || text.starts_with('$') {
            return reading.wrong(
                spot,
                format!("{text:?} has a variable in it"),
                "fill it in first, as envsubst does",
            );
        }
        if text == "auto" && container.is_some_and(|it| it.name == "istio-proxy") {
            return reading.note(spot, "not taken: \"auto\" is what Istio fills in with its proxy");
        }
        if text.starts_with("data:") || text.contains("://") {
            return reading
                .note(spot, format!("not taken: {} is no image of a registry", short(text)));
        }
        match (is_name(text), bearer.is_own()) {
            (true, _) => reading.image(text, spot),
            (false, true) => {
                let error = text.parse::<crate::words::reference::Reference>().err();
                match error {
                    Some(error) => reading.fault(spot, error),
                    None => reading.image(text, spot),
                }
            }
            (false, false) => {
                reading.note(spot, format!("not taken: {} is no name of an image", short(text)));
            }
        }
    }
}

/// `text`, quoted, of which nobody reads more than the beginning.
fn short(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{:?}", format!("{}...", &text[..at])),
        None => format!("{text:?}"),
    }
}
