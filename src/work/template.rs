//! [`Template`]: which file an image gets, where each has one of its own. Pure: names in, file
//! names out.

use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;

/// The template where none is asked for, without its ending.
const DEFAULT: &str = "{repo}.{name}_{tag}";
/// Longest file name that file systems take, in bytes.
const MAX_NAME: usize = 255;
/// Where Docker Hub keeps official images, whose names nobody writes with it.
const OFFICIAL: (&str, &str) = ("docker.io", "library");

/// A file name with placeholders: `{repo}.{name}.img`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<TemplatePart>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Host,
    Repo,
    Name,
    Tag,
    Digest,
}

impl Template {
    /// Reads a template. Placeholders are `{host}`, `{repo}` (what stands before the last part of
    /// the path), `{name}` (the last part), `{tag}` and `{digest}`.
    ///
    /// # Errors
    /// [`Class::Usage`] for any other placeholder, and for what no file can be called.
    pub fn parse(text: &str) -> Result<Template> {
        let bad = |why: String| {
            Error::new(Class::Usage, format!("file name template {text:?} {why}")).hint(
                "write it as in '{repo}.{name}_{tag}.tar'; there are also {host} and {digest}",
            )
        };
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, behind) =
                after.split_once('}').ok_or_else(|| bad("has a { without a }".to_owned()))?;
            parts.push(TemplatePart::Text(before.to_owned()));
            parts.push(match word {
                "host" => TemplatePart::Host,
                "repo" => TemplatePart::Repo,
                "name" => TemplatePart::Name,
                "tag" => TemplatePart::Tag,
                "digest" => TemplatePart::Digest,
                _ => return Err(bad(format!("has the unknown placeholder {{{word}}}"))),
            });
            rest = behind;
        }
        parts.push(TemplatePart::Text(rest.to_owned()));
        parts.retain(|part| *part != TemplatePart::Text(String::new()));
        let texts = parts.iter().filter_map(|part| match part {
            TemplatePart::Text(text) => Some(text),
            _ => None,
        });
        for literal in texts {
            if literal.contains(['/', '}']) || literal.chars().any(char::is_control) {
                return Err(bad("has a character that no file name can have".to_owned()));
            }
        }
        match parts.is_empty() {
            true => Err(bad("is empty".to_owned())),
            false => Ok(Template(parts)),
        }
    }

    /// The text that every name ends with, where there is any.
    #[must_use]
    pub fn ending(&self) -> &str {
        match self.0.last() {
            Some(TemplatePart::Text(text)) => text,
            _ => "",
        }
    }

    /// The template where none is asked for.
    #[must_use]
    pub fn standard(gzip: bool) -> Template {
        let ending = if gzip { ".tar.gz" } else { ".tar" };
        // Our own text is a template, which a test says.
        Template::parse(&format!("{DEFAULT}{ending}"))
            .unwrap_or(Template(vec![TemplatePart::Digest]))
    }

    /// The file name for `digest`, called `name`: one plain component. A path with one part, and
    /// that of an official image of Docker Hub's, has no `{repo}`; then the `.`, `-` or `_` behind
    /// it goes too, so that `{repo}.{name}.img` is `rocker.rstudio.img` and `alpine.img`. What a
    /// file name should not have becomes `.` (the `/` of a path), `-` (the `:` of a digest) or `_`.
    ///
    /// # Errors
    /// [`Class::Usage`] when that is no file name.
    pub fn file_name(&self, name: &Reference, digest: &Digest) -> Result<String> {
        let mut out = String::new();
        let mut joined = true;
        for part in &self.0 {
            let text = match part {
                TemplatePart::Text(text) if joined => text.clone(),
                TemplatePart::Text(text) => {
                    text.strip_prefix(['.', '-', '_']).unwrap_or(text).to_owned()
                }
                TemplatePart::Host => name.registry.as_str().replace(['[', ']', ':'], "_"),
                TemplatePart::Repo => repo(name),
                TemplatePart::Name => name.repository.last().to_owned(),
                TemplatePart::Tag => match &name.tag {
                    Some(tag) => tag.to_string(),
                    None => dashed(name.digest.as_ref().unwrap_or(digest)),
                },
                TemplatePart::Digest => dashed(digest),
            };
            joined = *part != TemplatePart::Repo || !text.is_empty();
            out.push_str(&text);
        }
        match out.is_empty() || out.starts_with('.') || out.len() > MAX_NAME {
            false => Ok(out),
            true => {
                let text = format!("{name} would be in a file called {out:?}");
                Err(Error::new(Class::Usage, text).hint(phrase![
                    "choose a ",
                    Remedy::NameTemplate,
                    format!(" that makes names of 1 to {MAX_NAME} bytes, without a dot in front")
                ]))
            }
        }
    }
}

/// The path before its last part.
fn repo(name: &Reference) -> String {
    let path = name.repository.as_str().rsplit_once('/').map_or("", |(before, _)| before);
    match (name.registry.as_str(), path) == OFFICIAL {
        true => String::new(),
        false => path.replace('/', "."),
    }
}

fn dashed(digest: &Digest) -> String {
    digest.to_string().replace(':', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(template: &str, name: &str) -> Result<String> {
        Template::parse(template)?.file_name(&name.parse().unwrap(), &Digest::of(b"x"))
    }

    #[test]
    fn an_image_gets_the_file_that_people_call_it() {
        let seed = "{repo}.{name}.img";
        let digest = Digest::of(b"x").hex();
        for (template, name, file) in [
            (seed, "rocker/rstudio", "rocker.rstudio.img"),
            (seed, "alpine:3.20", "alpine.img"),
            (seed, "quay.io/a/b/c:1", "a.b.c.img"),
            (seed, "localhost/x", "x.img"),
            (seed, "quay.io/library/x", "library.x.img"),
            ("x-{repo}-{name}", "localhost/x", "x-x"),
            ("{name}{repo}", "alpine", "alpine"),
            ("{host}_{name}", "[::1]:5000/x", "___1__5000_x"),
            ("{digest}.tar", "x", &format!("sha256-{digest}.tar")),
            ("{tag}", &format!("x@sha256:{digest}"), &format!("sha256-{digest}")),
            ("only", "x", "only"),
        ] {
            assert_eq!(named(template, name).unwrap(), file, "{template} {name}");
        }
        let standard = |gzip| Template::standard(gzip);
        let name = "alpine:3.20".parse().unwrap();
        let file = |gzip| standard(gzip).file_name(&name, &Digest::of(b"")).unwrap();
        assert_eq!(
            (file(false), file(true)),
            ("alpine_3.20.tar".into(), "alpine_3.20.tar.gz".into())
        );
    }

    #[test]
    fn what_is_no_plain_file_name_is_refused() {
        for bad in [
            "",
            "../{name}",
            "a/b",
            "{names}",
            "{",
            "{name",
            "}",
            "a\n",
            ".{name}",
            "..",
            ".",
            "{repo}",
            "/{name}",
            "{../}",
        ] {
            let error = named(bad, "alpine").unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{bad:?}");
        }
        assert!(named(&"{digest}".repeat(4), "alpine").is_err(), "too long");
    }
}
