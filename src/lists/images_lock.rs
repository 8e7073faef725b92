//! Carvel's ImagesLock (`.imgpkg/images.yml`): images by digest.

use super::around::Around;
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;
use super::yaml::Node;

/// What kbld calls an image by.
const ID: &str = "kbld.carvel.dev/id";

/// An ImagesLock.
#[derive(Debug)]
pub(super) struct ImagesLock;

impl ListFormat for ImagesLock {
    fn name(&self) -> &'static str {
        "images-lock"
    }

    fn title(&self) -> &'static str {
        "an ImagesLock of Carvel"
    }

    fn is(&self, list: &ListText) -> bool {
        list.first().is_some_and(|it| {
            it.text_of("kind") == Some("ImagesLock")
                && it.text_of("apiVersion").is_some_and(|it| it.starts_with("imgpkg.carvel.dev/"))
        })
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            for document in reading.documents(list) {
                let images = document.get("images").map_or(&[][..], Node::list);
                for (at, image) in images.iter().enumerate() {
                    let id = image.get("annotations").and_then(|it| it.text_of(ID));
                    let what = match id {
                        Some(id) => format!("images[{at}] {id}"),
                        None => format!("images[{at}]"),
                    };
                    let node = image.get("image").unwrap_or(image);
                    match node.text() {
                        Some(name) if !name.contains('@') && !name.contains("{{") => reading.wrong(
                            list.spot(node.line(), what),
                            format!("{name} has no digest, as images of an ImagesLock do"),
                            "lock it anew, as with kbld",
                        ),
                        _ => reading.image_at(list, node, what),
                    }
                }
            }
        }
        reading
    }
}
