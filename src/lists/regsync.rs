//! Files for regclient's regsync: images, and repositories with rules for their tags.

use super::around::Around;
use super::entry::{Asked, Entry};
use super::format::ListFormat;
use super::list_text::ListText;
use super::ranges;
use super::reading::Reading;
use super::tag_rule::TagRule;
use super::yaml::Node;
use crate::words::error::Result;

/// A file for regsync.
#[derive(Debug)]
pub(super) struct Regsync;

impl ListFormat for Regsync {
    fn name(&self) -> &'static str {
        "regsync"
    }

    fn title(&self) -> &'static str {
        "a file for regsync"
    }

    /// Its member `sync` is a list, and something in it has a source and a type.
    fn is(&self, list: &ListText) -> bool {
        let is_step = |step: &Node| step.get("source").is_some() && step.get("type").is_some();
        list.first().and_then(|it| it.get("sync")).is_some_and(|it| it.list().iter().any(is_step))
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            for document in reading.documents(list) {
                if let Some(version) = document.text_of("version").filter(|it| *it != "1") {
                    let spot = list.spot(document.line(), "version");
                    let text = format!("version {version} of these files is not known");
                    reading.wrong(spot, text, "write version: 1");
                }
                if let Some(creds) = document.get("creds") {
                    let text =
                        "credentials are taken from where engines keep them, and not from here";
                    reading.note(list.spot(creds.line(), "creds"), text);
                }
                let steps = document.get("sync").map_or(&[][..], Node::list);
                for (at, step) in steps.iter().enumerate() {
                    read_step(list, at, step, &mut reading);
                }
            }
        }
        reading
    }
}

fn read_step(list: &ListText, at: usize, step: &Node, reading: &mut Reading) {
    let what = format!("sync[{at}]");
    let Some(source) = step.get("source").filter(|it| it.text().is_some()) else {
        reading.wrong(list.spot(step.line(), what), "has no source", "write source: IMAGE");
        return;
    };
    let spot = list.spot(source.line(), &*what);
    let name = source.text().unwrap_or_default();
    if name.contains("://") {
        let text = format!("{name} is no image of a registry");
        reading.wrong(spot, text, "name a layout as oci:DIR in a plain list");
        return;
    }
    match step.text_of("type").unwrap_or_default() {
        "image" => reading.image_at(list, source, what),
        "repository" if name.contains("{{") => reading.image_at(list, source, what),
        "repository" => match rules(step) {
            Ok(rules) => {
                for rule in rules {
                    let repository = repository(name).to_owned();
                    let asked = Asked::Tags { repository, rule };
                    reading.add(Entry::new(asked, spot.clone()));
                }
            }
            Err(error) => reading.fault(spot.clone(), error),
        },
        "registry" => reading.wrong(
            spot.clone(),
            format!("asks for all repositories of {name}, which are not looked for here"),
            "write a step of type repository for each",
        ),
        other => {
            let text = format!("{other:?} is no type of a step");
            reading.wrong(spot.clone(), text, "it is image, repository or registry");
        }
    }
    for key in ["platform", "platforms"] {
        if let Some(platform) = step.get(key) {
            let named: Vec<&str> = platform
                .text()
                .into_iter()
                .chain(platform.list().iter().filter_map(Node::text))
                .collect();
            let text = format!(
                "{name} is wanted for {}; platforms are chosen for all images together",
                named.join(", ")
            );
            reading.note(list.spot(platform.line(), spot.what.clone()), text);
        }
    }
}

/// `source` without the tag or digest behind it, which a step of type repository does not look at.
fn repository(source: &str) -> &str {
    let bare = source.split('@').next().unwrap_or(source);
    let last = bare.rfind('/').map_or(0, |at| at + 1);
    bare[last..].find(':').map_or(bare, |at| &bare[..last + at])
}

/// The rules of a step, of which a tag has to follow one.
fn rules(step: &Node) -> Result<Vec<TagRule>> {
    let sets = step.get("tagSets").map_or(&[][..], Node::list);
    let rules: Vec<TagRule> = sets.iter().map(rule).collect::<Result<_>>()?;
    let of_step = step.get("tags").filter(|tags| {
        ["allow", "deny", "semverRange"].iter().any(|key| !texts(tags, key).is_empty())
    });
    let own = of_step.map(rule).transpose()?;
    let rules: Vec<TagRule> = rules.into_iter().chain(own).collect();
    Ok(if rules.is_empty() { vec![TagRule::all()] } else { rules })
}

fn texts<'a>(node: &'a Node, key: &str) -> Vec<&'a str> {
    node.get(key).map_or(&[][..], Node::list).iter().filter_map(Node::text).collect()
}

/// What `allow`, `deny` and `semverRange` of a set say together.
fn rule(set: &Node) -> Result<TagRule> {
    let (allowed, denied) = (texts(set, "allow"), texts(set, "deny"));
    let ranges: Vec<&str> =
        texts(set, "semverRange").into_iter().filter(|it| !it.is_empty()).collect();
    // regsync anchors them just so, whatever alternatives are in them.
    let anchored = |all: Vec<&str>| all.iter().map(|one| format!("^{one}$")).collect::<Vec<_>>();
    let (allowed, denied) = (anchored(allowed), anchored(denied));
    let by_look =
        TagRule::matching(allowed.iter().map(String::as_str), denied.iter().map(String::as_str))?;
    Ok(match (ranges.is_empty(), allowed.is_empty() && denied.is_empty()) {
        (true, true) => TagRule::all(),
        (true, false) => by_look,
        (false, true) => ranges::of_regclient(ranges)?,
        (false, false) => ranges::of_regclient(ranges)?.and(by_look),
    })
}
