//! A chart as an artifact, in the form that `helm push` gives one.

use std::collections::BTreeMap;

use super::chart_about::ChartAbout;
use super::chart_bytes::ChartBytes;
use super::helm::{HELM_CHART, HELM_CONFIG, HELM_PROVENANCE};
use super::manifest;
use super::title::TITLE;
use super::{ArtifactPart, MadeArtifact};
use crate::words::cancel::Cancel;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// The file that says what a chart is.
const CHART_YAML: &str = "Chart.yaml";

impl MadeArtifact {
    /// `chart` as an artifact called `name`.
    ///
    /// # Errors
    /// [`Class::Damaged`] for what is no chart, or another one than was asked for.
    pub fn of_chart(chart: ChartBytes, name: Reference, cancel: &Cancel) -> Result<MadeArtifact> {
        // 1. What does it say that it is?
        let mut files = chart.files(|path| path == CHART_YAML, cancel)?;
        let ChartBytes { shown, is, tgz, provenance } = chart;
        let yaml = files.remove(CHART_YAML).ok_or_else(|| {
            Error::new(Class::Damaged, format!("{shown} is no chart: it has no {CHART_YAML}"))
        })?;
        let about = ChartAbout::read(&yaml).map_err(|e| e.context(&shown))?;
        if (&about.name, &about.version) != (&is.0, &is.1) {
            let text = format!("{shown} is {} {}", about.name, about.version);
            return Err(Error::new(Class::Damaged, text)
                .hint("the index of the repository names another chart; ask whoever keeps it"));
        }

        // 2. Made of that alone, it is always the same.
        let mut parts = BTreeMap::new();
        let mut part = |kind: &str, bytes: Vec<u8>| {
            let descriptor = Descriptor::of(kind, &bytes);
            parts.insert(descriptor.digest, ArtifactPart::Bytes(bytes.into()));
            descriptor
        };
        let config = part(HELM_CONFIG, about.config()?);
        let mut layers = vec![part(HELM_CHART, tgz)];
        layers.extend(provenance.map(|bytes| part(HELM_PROVENANCE, bytes)));
        let said = [
            ("org.opencontainers.image.description", about.description.as_str()),
            ("org.opencontainers.image.source", about.sources.first().map_or("", String::as_str)),
            (TITLE, about.name.as_str()),
            ("org.opencontainers.image.url", about.home.as_str()),
            ("org.opencontainers.image.version", about.version.as_str()),
        ];
        let said = said.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        let document = manifest::make(None, &config, &layers, &said)?;
        Ok(MadeArtifact { shown, name, document, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart_archive::samples::tgz;
    use super::*;
    use crate::storage::store::ImageSource as _;
    use crate::words::document::Kind;

    fn made(yaml: &str, provenance: Option<&[u8]>) -> Result<MadeArtifact> {
        let tgz = tgz(&[("web/Chart.yaml", yaml.as_bytes())]);
        let mut chart = ChartBytes::new("chart web".to_owned(), "web", "1.2.3", tgz);
        chart.provenance = provenance.map(<[u8]>::to_vec);
        let name = "x.example/web:1.2.3".parse().unwrap();
        MadeArtifact::of_chart(chart, name, &Cancel::default())
    }

    #[test]
    fn a_chart_is_what_helm_pushes_and_always_the_same() {
        let yaml = "apiVersion: v2\nname: web\nversion: 1.2.3\nhome: https://x.example\n";
        let one = made(yaml, Some(b"prov")).unwrap();
        let document = one.resolve(one.name()).unwrap();
        let Kind::Manifest { config: Some(config), layers } = document.kind() else { panic!() };
        let types: Vec<&str> = layers.iter().map(|it| &*it.media_type).collect();
        assert_eq!(
            (&*config.media_type, &types[..]),
            (HELM_CONFIG, &[HELM_CHART, HELM_PROVENANCE][..])
        );
        assert_eq!(document.annotations().get(TITLE).as_deref(), Some("web"));
        assert_eq!(made(yaml, Some(b"prov")).unwrap().document.raw(), document.raw());
        assert_ne!(made(yaml, None).unwrap().document.raw(), document.raw());
    }

    #[test]
    fn another_chart_and_none_are_damaged() {
        for yaml in ["name: web\nversion: 1.2.4", "name: wab\nversion: 1.2.3", "x"] {
            assert_eq!(made(yaml, None).unwrap_err().class(), Class::Damaged, "{yaml}");
        }
    }
}
