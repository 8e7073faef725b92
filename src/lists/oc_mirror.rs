//! Configurations of oc-mirror: the images that it takes in addition, and what else it would take.

use super::around::Around;
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;
use super::yaml::Node;

const GROUP: &str = "mirror.openshift.io/";

/// A configuration of oc-mirror.
#[derive(Debug)]
pub(super) struct OcMirror;

impl ListFormat for OcMirror {
    fn name(&self) -> &'static str {
        "oc-mirror"
    }

    fn title(&self) -> &'static str {
        "a configuration of oc-mirror"
    }

    fn is(&self, list: &ListText) -> bool {
        let version = list.first().and_then(|it| it.text_of("apiVersion"));
        version.is_some_and(|it| it.starts_with(GROUP))
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            for document in reading.documents(list) {
                match document.get("mirror") {
                    Some(mirror) => read_mirror(list, mirror, &mut reading),
                    None => {
                        let kind = document.text_of("kind").unwrap_or_default();
                        let text = format!("{kind} says nothing to mirror");
                        let out = "an ImageSetConfiguration has a member mirror";
                        reading.wrong(list.spot(document.line(), kind), text, out);
                    }
                }
            }
        }
        reading
    }
}

fn read_mirror(list: &ListText, mirror: &Node, reading: &mut Reading) {
    for (key, value) in mirror.keyed() {
        let all = value.list();
        let spot = |node: &Node| list.spot(node.line(), format!("mirror.{}", key.word()));
        match key.word() {
            "additionalImages" => {
                for (at, image) in all.iter().enumerate() {
                    let what = format!("additionalImages[{at}]");
                    let node = image.get("name").unwrap_or(image);
                    match node.text().map(|it| it.strip_prefix("docker://").unwrap_or(it)) {
                        Some(name) if name.starts_with("oci:") => reading.wrong(
                            list.spot(node.line(), what),
                            format!("{name} is a layout on a disk"),
                            "name it as oci:DIR in a plain list",
                        ),
                        Some(name) if !name.contains("{{") => {
                            reading.image(name, list.spot(node.line(), what));
                        }
                        _ => reading.image_at(list, node, what),
                    }
                }
            }
            "operators" => {
                for operator in all {
                    let catalog = operator.text_of("catalog").unwrap_or("a catalog without a name");
                    let packages = operator.get("packages").map_or(&[][..], Node::list);
                    let names: Vec<&str> =
                        packages.iter().filter_map(|it| it.text_of("name")).collect();
                    let which = match names.is_empty() {
                        true => "all of them".to_owned(),
                        false => names.join(", "),
                    };
                    let text = format!("operators of {catalog} are not taken: {which}");
                    reading.note(spot(operator), text);
                }
            }
            "platform" => {
                for channel in value.get("channels").map_or(&[][..], Node::list) {
                    let name = channel.text_of("name").unwrap_or_default();
                    let text = format!("releases of the channel {name} are not taken");
                    reading.note(spot(channel), text);
                }
                for member in ["graph", "release", "kubeVirtContainer"] {
                    let said = value.get(member).filter(|it| it.text() != Some("false"));
                    if let Some(node) = said.filter(|it| !it.is_null()) {
                        reading.note(spot(node), format!("{member} is not taken"));
                    }
                }
            }
            "helm" => {
                let repositories = value.get("repositories").map_or(&[][..], Node::list);
                let in_repositories =
                    repositories.iter().flat_map(|it| it.get("charts").map_or(&[][..], Node::list));
                let local = value.get("local").map_or(&[][..], Node::list);
                for chart in in_repositories.chain(local) {
                    let name = chart.text_of("name").or(chart.text_of("path")).unwrap_or_default();
                    let text = format!("the chart {name} is not taken, nor what it deploys");
                    reading.note(spot(chart), text);
                }
            }
            "blockedImages" => {
                for image in all {
                    let name = image.text_of("name").or(image.text()).unwrap_or_default();
                    let text =
                        format!("{name} is blocked there, and is taken here where it is named");
                    reading.note(spot(image), text);
                }
            }
            other => reading.note(spot(key), format!("{other} is not taken")),
        }
    }
}
