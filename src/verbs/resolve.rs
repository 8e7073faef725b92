//! [`resolve`]: what lists ask for, as the images that are meant today.

use std::collections::{BTreeMap, HashMap};

use crate::bundle::contents::Skipped;
use crate::lists::{Asked, Entry, Spot, TagRule};
use crate::places::location::Source;
use crate::places::registry::Client;
use crate::tools::pace::Jobs;
use crate::tools::parallel;
use crate::verbs::tags::tags;
use crate::words::error::{Class, Error, Result};
use crate::words::misnamed::alone;
use crate::words::reference::{Reference, Tag};

/// What lists, and whoever else, ask for.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Request {
    /// What is asked for, in order; the spot where it is from a list.
    pub wishes: Vec<(Asked, Option<Spot>)>,
    /// Whether each rule for tags means the highest patch alone of each minor version.
    pub latest_patch: bool,
    /// Repositories that are asked at a time.
    pub jobs: Jobs,
}

impl Request {
    /// Adds the entries of a list.
    pub fn listed(&mut self, entries: Vec<Entry>) {
        self.wishes.extend(entries.into_iter().map(|entry| (entry.asked, Some(entry.spot))));
    }

    /// Whether any of it is in a registry.
    #[must_use]
    pub fn any_registry(&self) -> bool {
        self.wishes.iter().any(|(asked, _)| match asked {
            Asked::Place(text) => {
                matches!(text.parse(), Ok(Source::Registry(_) | Source::Chart(_)))
            }
            _ => true,
        })
    }

    /// Whether a registry has to be asked what is meant.
    #[must_use]
    pub fn asks_registry(&self) -> bool {
        self.wishes.iter().any(|(asked, _)| matches!(asked, Asked::Tags { .. }))
    }
}

/// The images that are meant.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct MeantImages {
    /// Each once, in the order in which they are asked for first.
    pub images: Vec<Meant>,
    /// What means nothing.
    pub wrong: Vec<LostWish>,
}

/// A wish that means nothing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LostWish {
    /// What was asked for, as it is written.
    pub asked: String,
    /// Why it means nothing, with the spot that asks for it.
    pub error: Error,
}

impl LostWish {
    /// Whether it is for what a registry does not have, or does not tell.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.error.class(), Class::Incomplete | Class::Refused)
    }

    /// As it stands in a bundle that was made without it.
    #[must_use]
    pub fn skipped(self) -> Skipped {
        let reason = self.error.spelled();
        Skipped { source: self.asked.clone(), image: self.asked, reason }
    }
}

/// An image that is meant, and by what.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Meant {
    /// The image, or a place with several.
    pub image: Source,
    /// All that mean it, as they are written: a name or a rule, with the spot where it is from a list.
    pub asked: Vec<(String, Option<Spot>)>,
}

impl Meant {
    /// All spots that ask for it; none where no list does.
    pub fn spots(&self) -> impl Iterator<Item = &Spot> {
        self.asked.iter().filter_map(|(_, spot)| spot.as_ref())
    }
}

/// Reads the names that `request` has, and asks registries for the tags that rules mean: one list a
/// repository, however many rules are for it.
///
/// # Errors
/// Only a stop that was asked for. What is wrong with a wish is told with the others.
pub fn resolve(request: Request, client: &Client) -> Result<MeantImages> {
    // 1. Which repositories have to be asked?
    let mut repositories: BTreeMap<String, Reference> = BTreeMap::new();
    for (asked, _) in &request.wishes {
        if let Asked::Tags { repository, .. } = asked
            && let Ok(name) = bare(repository)
        {
            repositories.entry(name.name()).or_insert(name);
        }
    }
    let repositories: Vec<Reference> = repositories.into_values().collect();

    // 2. What have they?
    let listed =
        parallel::map(request.jobs.most, &repositories, |name| match tags(name, client) {
            Err(error) if error.class() == Class::Interrupted => Err(error),
            listed => Ok((name.name(), listed.map(|listed| listed.tags))),
        })?;
    let listed: HashMap<String, Result<Vec<Tag>>> = listed.into_iter().collect();

    // 3. What does each wish mean?
    let (mut resolved, mut known) = (MeantImages::default(), HashMap::new());
    for (asked, spot) in request.wishes {
        let text = asked.to_string();
        let meant = match asked {
            Asked::Place(text) => {
                text.parse().map(|image| vec![image]).map_err(|e| alone(e, &text))
            }
            Asked::Image(text) => {
                text.parse().map(|name| vec![Source::Registry(name)]).map_err(|e| alone(e, &text))
            }
            Asked::Tags { repository, mut rule } => {
                rule.latest_patch |= request.latest_patch;
                meant(&repository, &rule, &listed)
            }
        };
        match (meant, spot) {
            (Ok(images), spot) => {
                for image in images {
                    let at = *known.entry(image.to_string()).or_insert_with(|| {
                        resolved.images.push(Meant { image, asked: Vec::new() });
                        resolved.images.len() - 1
                    });
                    resolved.images[at].asked.push((text.clone(), spot.clone()));
                }
            }
            (Err(error), spot) => {
                let error = match spot {
                    Some(spot) => error.context(spot.told()),
                    None => error,
                };
                resolved.wrong.push(LostWish { asked: text, error });
            }
        }
    }
    Ok(resolved)
}

/// The images of `repository` that `rule` means, where those are `listed` that it has.
fn meant(
    repository: &str,
    rule: &TagRule,
    listed: &HashMap<String, Result<Vec<Tag>>>,
) -> Result<Vec<Source>> {
    let name = bare(repository)?;
    let tags = match listed.get(&name.name()) {
        Some(listed) => listed.as_ref().map_err(Clone::clone)?,
        None => return Err(Error::new(Class::Other, format!("nobody asked for {repository}"))),
    };
    let all: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    let chosen = rule.choose(all.iter().copied());
    match chosen.is_empty() {
        true => Err(rule.nothing(&name.name(), &all)),
        false => chosen
            .into_iter()
            .map(|tag| Ok(Source::Registry(name.with_tag(tag.parse()?))))
            .collect(),
    }
}

/// The name of a repository.
fn bare(repository: &str) -> Result<Reference> {
    repository.strip_prefix("docker://").unwrap_or(repository).parse()
}
