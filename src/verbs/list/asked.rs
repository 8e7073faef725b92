//! [`AskedList`]: what lists ask for, as it stands there.

use std::fmt;

use serde::Serialize;

use crate::lists::{Asked, Spot, asked};
use crate::places::location::Source;
use crate::verbs::resolve::Request;
use crate::words::error::{Error, Result};
use crate::words::misnamed::alone;
use crate::words::reference::Reference;

/// What lists ask for. Nobody was asked what it stands for.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AskedList {
    /// Always: what fails has no list.
    #[serde(skip)]
    pub ok: bool,
    /// All of it, in the order of the lists.
    pub asked: Vec<AskedFor>,
}

/// Something that a list asks for.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AskedFor {
    /// The name, or the rule for tags, as a plain list has it.
    pub text: String,
    /// The list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line, from 1 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What asks for it there, where the line does not say it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
}

impl AskedFor {
    fn new(text: String, spot: Option<&Spot>) -> AskedFor {
        AskedFor {
            text,
            file: spot.map(|spot| spot.file.to_string()),
            line: spot.map(|spot| spot.line as u64),
            what: spot.map(|spot| spot.what.clone()).filter(|what| !what.is_empty()),
        }
    }
}

impl fmt::Display for AskedFor {
    /// A line of a plain list: the name, and as a comment who asks for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if let (Some(file), Some(line)) = (&self.file, self.line) {
            write!(f, "  # {file}: line {line}")?;
        }
        self.what.iter().try_for_each(|what| write!(f, " {what}"))
    }
}

/// What `request` asks for, and what is wrong with it as far as that can be told without a registry.
#[must_use]
pub fn listed(request: Request) -> (AskedList, Vec<Error>) {
    let (mut list, mut wrong) = (AskedList { ok: true, ..AskedList::default() }, Vec::new());
    for (mut asked, spot) in request.wishes {
        if let Asked::Tags { rule, .. } = &mut asked {
            rule.latest_patch |= request.latest_patch;
        }
        match (written(&asked), spot) {
            (Ok(text), spot) => list.asked.push(AskedFor::new(text, spot.as_ref())),
            (Err(error), Some(spot)) => wrong.push(error.context(spot.told())),
            (Err(error), None) => wrong.push(error),
        }
    }
    (list, wrong)
}

/// `wish` as a plain list has it.
fn written(wish: &Asked) -> Result<String> {
    let text = wish.to_string();
    match wish {
        Asked::Place(place) => place.parse::<Source>().map(drop).map_err(|e| alone(e, place))?,
        Asked::Tags { repository, .. } => {
            let bare = repository.strip_prefix("docker://").unwrap_or(repository);
            bare.parse::<Reference>()?;
        }
        Asked::Image(name) => {
            let name: Reference = name.parse().map_err(|e| alone(e, name))?;
            // There oci:3 is a folder.
            let is_same = matches!(asked(&text), Ok(Asked::Place(place))
                if place.parse().is_ok_and(|it| matches!(it, Source::Registry(it) if it == name)));
            return Ok(if is_same { text } else { format!("docker://{text}") });
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::Entry;

    #[test]
    fn what_is_written_means_the_same_in_a_plain_list() {
        let spot = |line| Spot::new(&"a\nb.yaml".into(), line, if line == 2 { "web" } else { "" });
        let mut request = Request { latest_patch: true, ..Request::default() };
        request.listed(vec![
            Entry::image("oci:3", spot(1)),
            Entry::image("nginx", spot(2)),
            Entry::new(asked("x.example/a:>=1").unwrap(), spot(3)),
            Entry::image("a b", spot(4)),
        ]);

        let (list, wrong) = listed(request);

        let lines: Vec<String> = list.asked.iter().map(ToString::to_string).collect();
        assert_eq!(lines[0], "docker://oci:3  # a\nb.yaml: line 1");
        assert_eq!(lines[1], "nginx  # a\nb.yaml: line 2 web");
        assert_eq!(lines[2], "x.example/a:>=1 latest-patch  # a\nb.yaml: line 3");
        assert!(wrong.len() == 1 && wrong[0].to_string().contains("line 4"), "{wrong:?}");
        assert_eq!(asked(&list.asked[0].text).unwrap(), Asked::Place("docker://oci:3".to_owned()));
    }
}
