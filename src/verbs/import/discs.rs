//! [`Discs`]: how a bundle in volumes is imported of which not all are at hand at a time.

use std::path::PathBuf;
use std::sync::Arc;

use crate::medium::Medium;
use crate::medium::attendant::Attendant;
use crate::words::count::count;
use crate::words::error::{Class, Error, ErrorKind, Subject};
use crate::words::remedy::Remedy;

/// How a bundle in volumes is imported of which not all are at hand at a time: what is there is brought,
/// without any name, and the same import goes on with the others.
#[derive(Debug, Clone)]
pub struct Discs {
    /// The folder in which parts of layers are held whose others are in volumes to come.
    pub scratch: PathBuf,
    /// Who brings the next volume to the folder of the bundle; where nobody does, the import ends with
    /// what lacks.
    pub attendant: Option<Arc<dyn Attendant>>,
}

impl Discs {
    /// Holds parts below `scratch`. Nobody waits for a volume.
    #[must_use]
    pub fn held_in(scratch: impl Into<PathBuf>) -> Discs {
        Discs { scratch: scratch.into(), attendant: None }
    }
}

/// What is still needed.
pub(super) struct Awaited {
    /// Why what is there was not taken, if it was not, or not all of it.
    pub(super) refused: Option<Error>,
    /// The volumes, the one that is best next first.
    pub(super) volumes: Vec<AwaitedVolume>,
}

/// A volume that is still needed.
pub(super) struct AwaitedVolume {
    /// Its number.
    pub(super) number: u32,
    /// What it is called: `volume 3 of 5 (june)`.
    pub(super) name: String,
    /// Whether it lies there: what it has could not be held as yet, beside the parts of others.
    pub(super) is_here: bool,
    /// The images that need it, as the bundle names them.
    pub(super) images: Vec<String>,
}

/// Most images that are named for a volume; of those that a failure names, and of the next one.
const SHOWN: usize = 5;
const SHOWN_NEXT: usize = 3;
/// Most volumes that are named behind the next one.
const LATER: usize = 8;
/// Most lines about what is wrong with a volume.
const FINDINGS: usize = 3;

impl AwaitedVolume {
    fn for_images(&self, most: usize) -> String {
        let named = self.images.iter().take(most).map(String::as_str).collect::<Vec<_>>();
        match self.images.len().saturating_sub(most) {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }
}

impl Awaited {
    /// What whoever changes the media is asked for, line by line.
    pub(super) fn request(&self, bundle: &Medium) -> String {
        let mut lines = Vec::new();
        if let Some(error) = &self.refused {
            lines.push(format!("not taken: {error}"));
            lines.extend(
                error
                    .findings()
                    .iter()
                    .take(FINDINGS)
                    .map(|it| format!("  {}", it.told(Remedy::name))),
            );
        }
        let mut volumes = self.volumes.iter();
        if let Some(next) = volumes.next() {
            lines.push(format!("{} is next, for {}", next.name, next.for_images(SHOWN_NEXT)));
        }
        let later: Vec<String> =
            volumes.clone().take(LATER).map(|it| it.number.to_string()).collect();
        if !later.is_empty() {
            let more = match volumes.count().saturating_sub(LATER) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            lines.push(format!("still needed behind it, in any order: {}{more}", later.join(", ")));
        }
        lines.push(format!("put it into {bundle}, then press Enter (q: go on another day)"));
        lines.join("\n")
    }

    /// As a failure of the import of `bundle`.
    pub(super) fn failure(self, bundle: &Medium) -> Error {
        if let Some(error) = self.refused.filter(|it| it.class() != Class::Incomplete) {
            return error;
        }
        let absent: Vec<&AwaitedVolume> = self.volumes.iter().filter(|it| !it.is_here).collect();
        let first = absent.first().copied().or(self.volumes.first());
        let first = first.map_or("", |volume| volume.name.as_str());
        let more = match absent.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(", nor {} more", count(more, "volume")),
        };
        let lines = self.volumes.iter().map(|volume| {
            let what = match volume.is_here {
                true => "is there, and is needed once more",
                false => "is not there",
            };
            format!("{} {what} (needed by {})", volume.name, volume.for_images(SHOWN))
        });
        let text = format!(
            "bundle {bundle}: {first} is not there{more}; what is there was brought, and no name yet"
        );
        Error::new(Class::Incomplete, text)
            .of_kind(ErrorKind::NextMedium)
            .details(lines.collect::<Vec<_>>())
            .subject(Subject::Path(bundle.path().to_owned()))
            .hint("run the same command with the next volume there; it goes on from here")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_that_is_there_is_not_called_missing() {
        let volume = |number, is_here| AwaitedVolume {
            number,
            name: format!("volume {number} of 8 (june)"),
            is_here,
            images: vec!["x.example/a:1".to_owned()],
        };
        let volumes = vec![volume(6, true), volume(1, false), volume(4, false)];

        let error = Awaited { refused: None, volumes }.failure(&Medium::at("june"));

        let said = "bundle june: volume 1 of 8 (june) is not there, nor 1 volume more;";
        assert!(error.message().starts_with(said), "{error}");
        let lines: Vec<&str> = error.findings().iter().map(|it| &**it).collect();
        assert!(lines[0].starts_with("volume 6 of 8 (june) is there, and is needed once more ("));
        assert!(lines[1].starts_with("volume 1 of 8 (june) is not there ("), "{lines:?}");
    }
}
