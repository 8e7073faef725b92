//! Charts of Helm (`Chart.yaml`): the images that annotations say they have.

use super::around::Around;
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;
use super::yaml::{self, Node};

/// The annotations that list images: Artifact Hub's, and that of the charts of Bitnami and others.
const ANNOTATIONS: [&str; 2] = ["artifacthub.io/images", "images"];

/// What a chart says of itself.
#[derive(Debug)]
pub(super) struct Chart;

impl ListFormat for Chart {
    fn name(&self) -> &'static str {
        "chart"
    }

    fn title(&self) -> &'static str {
        "a chart's Chart.yaml"
    }

    fn is(&self, list: &ListText) -> bool {
        list.first().is_some_and(is_chart)
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            if let Some(chart) = reading.only_document(list) {
                read_chart(list, &chart, &mut reading);
            }
        }
        reading
    }
}

fn is_chart(node: &Node) -> bool {
    let has = |key| node.text_of(key).is_some();
    let is_versioned = matches!(node.text_of("apiVersion"), Some("v1" | "v2"));
    let is_annotated = || ANNOTATIONS.iter().any(|key| node.at(&["annotations", key]).is_some());
    node.get("kind").is_none()
        && has("name")
        && has("version")
        && (is_versioned || (node.get("apiVersion").is_none() && is_annotated()))
}

fn read_chart(list: &ListText, chart: &Node, reading: &mut Reading) {
    let text = |key| chart.text_of(key).unwrap_or_default();
    let what = format!("chart {} {}", text("name"), text("version"));
    let what = what.trim_end();
    let annotations: Vec<(&str, &Node)> = ANNOTATIONS
        .iter()
        .filter_map(|key| Some((*key, chart.at(&["annotations", key])?)))
        .filter(|(_, node)| !node.is_null())
        .collect();
    if annotations.is_empty() && text("type") != "library" {
        let says = format!("has no annotation {} that says which images it has", ANNOTATIONS[0]);
        let out = "render it, as with helm template, and take what that prints";
        reading.wrong(list.spot(chart.line(), what), says, out);
    }
    for (key, node) in annotations {
        let what = format!("{what}: {key}");
        if node.text().is_none() {
            entries(list, &what, node, reading);
            continue;
        }
        match yaml::documents_within(node).next() {
            None => {}
            Some(Ok(inner)) => entries(list, &what, &inner, reading),
            Some(Err(fault)) => reading.fault(list.spot(fault.line, what), fault.into_error()),
        }
    }
    for part in chart.get("dependencies").map_or(&[][..], Node::list) {
        let named = [part.text_of("name"), part.text_of("version")];
        let named: Vec<&str> = named.into_iter().flatten().collect();
        let text = format!(
            "depends on the chart {}, whose images are taken only where they are listed here as well",
            named.join(" ")
        );
        reading.note(list.spot(part.line(), what), text);
    }
}

/// The images that `node` lists.
fn entries(list: &ListText, what: &str, node: &Node, reading: &mut Reading) {
    if !node.is_list() && !node.is_null() {
        let out = "write it as - name: NAME and image: IMAGE for each";
        return reading.wrong(list.spot(node.line(), what), "is no list of images", out);
    }
    for (at, entry) in node.list().iter().enumerate() {
        let image = if entry.is_map() { entry.get("image") } else { Some(entry) };
        let name = entry.text_of("name").map_or_else(|| format!("[{at}]"), |it| format!(" {it}"));
        let spot = list.spot(image.unwrap_or(entry).line(), format!("{what}{name}"));
        let platforms: Vec<&str> = entry
            .get("platforms")
            .map_or(&[][..], Node::list)
            .iter()
            .filter_map(Node::text)
            .collect();
        if !platforms.is_empty() {
            let text = "has images for {} there; platforms are chosen for all images together";
            reading.note(spot.clone(), text.replace("{}", &platforms.join(", ")));
        }
        reading.image_named(image.and_then(Node::text), spot);
    }
}

#[cfg(test)]
mod tests {
    use crate::lists::samples::{asked, read, told};

    #[test]
    fn images_have_the_lines_that_they_stand_in() {
        let text = "apiVersion: v2\nname: web\nversion: '1'\nannotations:\n  artifacthub.io/images: |\n\n    # first\n    \
                    - name: a\n      image: x/a:1\n\n    - image: x/b:2\n      name: b\n  images: \"- image: x/c:3\"\n";
        let reading = read("chart", text);
        let spots: Vec<String> =
            reading.entries.iter().map(|it| format!("{} {}", it.spot.line, it.spot.what)).collect();
        assert_eq!(
            spots,
            [
                "9 chart web 1: artifacthub.io/images a",
                "11 chart web 1: artifacthub.io/images b",
                "13 chart web 1: images[0]",
            ]
        );
        assert_eq!(asked(&reading), ["x/a:1", "x/b:2", "x/c:3"]);
    }

    #[test]
    fn what_cannot_be_known_of_a_chart_is_told() {
        let text =
            "apiVersion: v2\nname: web\nversion: '1'\ndependencies:\n- name: db\n  version: 2.x\n";
        assert_eq!(
            told(&read("chart", text)),
            [
                "1 chart web 1: has no annotation artifacthub.io/images that says which images it has; render it, \
                 as with helm template, and take what that prints",
                "5 chart web 1: depends on the chart db 2.x, whose images are taken only where they are listed \
                 here as well",
            ]
        );
        let text = "apiVersion: v2\nname: web\nversion: '1'\nannotations:\n  images: |\n    - {name: a}\n    - {name: b, \
                    image: 'b:{{ .x }}'}\n    - image: 'c:1'\n      platforms: [linux/arm64]\n  artifacthub.io/images: |\n    \
                    a: 1\n    a: 2\n";
        let reading = read("chart", text);
        assert_eq!(asked(&reading), ["c:1"]);
        assert_eq!(
            told(&reading),
            [
                "12 chart web 1: artifacthub.io/images: the key \"a\" stands twice in one mapping; keep the one \
                 that counts",
                "6 chart web 1: images a: names no image; write one, or leave it out",
                "7 chart web 1: images b: b:{{ .x }} is a template; render it first, or name the image in a plain \
                 list",
                "8 chart web 1: images[2]: has images for linux/arm64 there; platforms are chosen for all images \
                 together",
            ]
        );
    }
}
