//! [`ChartAbout`]: what a chart says of itself, as Helm writes it into the config of its artifact.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::lists::yaml::{Node, documents};
use crate::words::error::{Class, Error, Result};

/// The members of `Chart.yaml` that Helm knows, in its order: the config has the bytes that Helm gives it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChartAbout {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) home: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) sources: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keywords: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    maintainers: Vec<Maintainer>,
    #[serde(skip_serializing_if = "String::is_empty")]
    icon: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    api_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    condition: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    tags: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    app_version: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deprecated: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    kube_version: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<Dependency>,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
}

#[derive(Debug, Serialize)]
struct Maintainer {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    url: String,
}

#[derive(Debug, Serialize)]
struct Dependency {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    repository: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    condition: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    enabled: bool,
    #[serde(rename = "import-values", skip_serializing_if = "Vec::is_empty")]
    import_values: Vec<Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    alias: String,
}

impl ChartAbout {
    /// Reads `Chart.yaml`.
    ///
    /// # Errors
    /// [`Class::Damaged`] for what is none, with a name and a version.
    pub(super) fn read(yaml: &[u8]) -> Result<ChartAbout> {
        let bad = |why: &str| Error::new(Class::Damaged, format!("its Chart.yaml {why}"));
        let yaml = std::str::from_utf8(yaml).map_err(|_| bad("is no text in UTF-8"))?;
        let root = documents(yaml.trim_start_matches('\u{feff}')).next();
        let root = root.ok_or_else(|| bad("is empty"))?;
        let root = root.map_err(|fault| bad(&format!("line {}: {}", fault.line, fault.message)))?;
        let about = ChartAbout {
            name: text(&root, "name"),
            home: text(&root, "home"),
            sources: texts(&root, "sources"),
            version: text(&root, "version"),
            description: text(&root, "description"),
            keywords: texts(&root, "keywords"),
            maintainers: all(&root, "maintainers", |it| Maintainer {
                name: text(it, "name"),
                email: text(it, "email"),
                url: text(it, "url"),
            }),
            icon: text(&root, "icon"),
            api_version: text(&root, "apiVersion"),
            condition: text(&root, "condition"),
            tags: text(&root, "tags"),
            app_version: text(&root, "appVersion"),
            deprecated: root.get("deprecated").is_some_and(Node::is_true),
            annotations: annotations(&root),
            kube_version: text(&root, "kubeVersion"),
            dependencies: all(&root, "dependencies", |it| Dependency {
                name: text(it, "name"),
                version: text(it, "version"),
                repository: text(it, "repository"),
                condition: text(it, "condition"),
                tags: texts(it, "tags"),
                enabled: it.get("enabled").is_some_and(Node::is_true),
                import_values: all(it, "import-values", value),
                alias: text(it, "alias"),
            }),
            kind: text(&root, "type"),
        };
        match about.name.is_empty() || about.version.is_empty() {
            true => Err(bad("has no name or no version")),
            false => Ok(about),
        }
    }

    /// As the config of an artifact: JSON as Go writes it, in which no HTML can hide.
    ///
    /// # Errors
    /// When it cannot be written, which no real one makes happen.
    pub(super) fn config(&self) -> Result<Vec<u8>> {
        let text = serde_json::to_string(self)
            .map_err(|e| Error::new(Class::Other, "cannot write a config").source(e))?;
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                // Outside of texts JSON has none of them.
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    // A text takes all that is written.
                    let _ = write!(escaped, "\\u{:04x}", u32::from(c));
                }
                c => escaped.push(c),
            }
        }
        Ok(escaped.into_bytes())
    }
}

fn text(node: &Node, key: &str) -> String {
    node.text_of(key).unwrap_or_default().to_owned()
}

fn texts(node: &Node, key: &str) -> Vec<String> {
    all(node, key, |it| it.text().unwrap_or_default().to_owned())
}

fn all<T>(node: &Node, key: &str, each: impl Fn(&Node) -> T) -> Vec<T> {
    node.get(key).map(Node::list).unwrap_or_default().iter().map(each).collect()
}

fn annotations(root: &Node) -> BTreeMap<String, String> {
    let Some(node) = root.get("annotations") else { return BTreeMap::new() };
    let each = node
        .members()
        .map(|(key, value)| (key.to_owned(), value.text().unwrap_or_default().to_owned()));
    each.collect()
}

/// `node` as JSON: text, or a mapping of texts, which is all that there is in real ones.
fn value(node: &Node) -> Value {
    match node.is_map() {
        true => node.members().map(|(key, it)| (key.to_owned(), value(it))).collect(),
        false => Value::String(node.text().unwrap_or_default().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_has_the_members_in_helm_s_order() {
        let yaml = "apiVersion: v2\nversion: 1.10\nname: web\nappVersion: 1.0\ndescription: a <b> & c\n\
                    type: application\nmaintainers:\n- name: me\n  email: me@x.example\n\
                    annotations: {b: '2', a: \"1\"}\nunknown: 3\ndeprecated: false\n\
                    dependencies:\n- name: db\n  repository: ''\n  version: ~1\n  import-values:\n  - data\n  - {child: a, parent: b}\n";

        let about = ChartAbout::read(yaml.as_bytes()).unwrap();

        let expected = r#"{"name":"web","version":"1.10","description":"a \u003cb\u003e \u0026 c","maintainers":[{"name":"me","email":"me@x.example"}],"apiVersion":"v2","appVersion":"1.0","annotations":{"a":"1","b":"2"},"dependencies":[{"name":"db","version":"~1","repository":"","import-values":["data",{"child":"a","parent":"b"}]}],"type":"application"}"#;
        assert_eq!(String::from_utf8(about.config().unwrap()).unwrap(), expected);
        for bad in ["", "name: web", "version: 1", "- x", "name: [", "\0"] {
            assert_eq!(
                ChartAbout::read(bad.as_bytes()).unwrap_err().class(),
                Class::Damaged,
                "{bad}"
            );
        }
    }
}
