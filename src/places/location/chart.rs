//! [`ChartAddress`]: a chart of a Helm repository, as it is named.

use std::fmt;
use std::str::FromStr;

use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// A chart of a Helm repository: `REPOSITORY/NAME[:VERSION][=CALLED]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChartAddress {
    /// The repository, as in `https://charts.example/stable`: its `index.yaml` stands below that.
    pub repository: String,
    /// The chart.
    pub name: String,
    /// Its version, or a rule for that, as in `>=1.2 <2`; the newest where none is given.
    pub version: Option<String>,
    /// What it is called from now on; its version is the tag where that has none. Else it is called by
    /// where it is from.
    pub called: Option<Reference>,
}

impl FromStr for ChartAddress {
    type Err = Error;

    /// Reads what stands behind `chart:`.
    fn from_str(text: &str) -> Result<ChartAddress> {
        let bad = |why: &str| {
            Error::new(Class::Usage, format!("\"chart:{text}\" {why}"))
                .hint("write chart:https://REPOSITORY/NAME:VERSION, as in chart:https://charts.example/stable/web:1.2.3")
        };
        let (chart, called) = match split_called(text) {
            Some((chart, called)) => (chart, Some(named(called)?)),
            None => (text, None),
        };
        let is_web = ["https://", "http://"].iter().any(|scheme| chart.starts_with(scheme));
        if !is_web {
            let error = bad("is no chart of a repository over https or http");
            return Err(match chart.starts_with("oci://") {
                true => error.hint(
                    "a chart of a registry is named like an image: docker://HOST/PATH/NAME:VERSION",
                ),
                false => error,
            });
        }
        let (repository, last) = chart.rsplit_once('/').ok_or_else(|| bad("names no chart"))?;
        let (name, version) = match last.split_once(':') {
            Some((name, version)) => (name, Some(version.trim())),
            None => (last, None),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if repository.ends_with('/') || name.is_empty() || !name.chars().all(is_name) {
            return Err(bad("names no chart"));
        }
        if version.is_some_and(str::is_empty) {
            return Err(bad("has an empty version"));
        }
        let (repository, name) = (repository.to_owned(), name.to_owned());
        Ok(ChartAddress { repository, name, version: version.map(str::to_owned), called })
    }
}

/// The chart, and what it is called, where `text` says that; the signs of versions are none of it.
fn split_called(text: &str) -> Option<(&str, &str)> {
    let (chart, called) = text.rsplit_once('=')?;
    let is_sign = chart.ends_with(['<', '>', '=', '!', '~', '^', ':', ' ', '|', '/']);
    (!is_sign && !called.starts_with([' ', '='])).then_some((chart, called))
}

/// `called` as a name, without a tag where it has none.
fn named(called: &str) -> Result<Reference> {
    let name: Reference = called.parse()?;
    let is_tagged = called.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    match (is_tagged, &name.digest) {
        (_, Some(_)) => {
            let text = format!("{name} has a digest, which is not known before");
            Err(Error::new(Class::Usage, text).hint("give it a name with a tag"))
        }
        (true, None) => Ok(name),
        (false, None) => Ok(Reference { tag: None, ..name }),
    }
}

impl fmt::Display for ChartAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.repository, self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, ":{version}"))?;
        self.called.as_ref().map_or(Ok(()), |called| match called.tag {
            Some(_) => write!(f, "={called}"),
            None => write!(f, "={}", called.name()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_an_address_a_name_a_version_and_what_it_is_called() {
        let parts = |text: &str| {
            let chart: ChartAddress = text.parse().unwrap();
            assert_eq!(chart.to_string().parse::<ChartAddress>().unwrap(), chart);
            let called = chart.called.map(|it| (it.name(), it.tag.map(|tag| tag.to_string())));
            (chart.repository, chart.name, chart.version, called)
        };
        let (own, some) = (str::to_owned, |text: &str| Some(text.to_owned()));
        let at = own("https://c.example:8443/a/b");
        for (rest, version, called) in [
            ("web", None, None),
            ("web:1.2.3+x", some("1.2.3+x"), None),
            ("web:>=1.2 <2", some(">=1.2 <2"), None),
            ("web:=1.2", some("=1.2"), None),
            ("web=r.example/x", None, Some((own("r.example/x"), None))),
            ("web:>=1.2=r.example/x:7", some(">=1.2"), Some((own("r.example/x"), some("7")))),
        ] {
            let found = parts(&format!("{at}/{rest}"));
            assert_eq!(found, (at.clone(), own("web"), version, called), "{rest}");
        }
        for bad in [
            "web",
            "oci://r.example/web:1",
            "ftp://h/web",
            "https://",
            "https://h/",
            "https:///web",
            "https://h/we%20b",
            "https://h/web:",
            "https://h/web=x@sha256:0",
        ] {
            assert!(bad.parse::<ChartAddress>().is_err(), "{bad}");
        }
    }
}
