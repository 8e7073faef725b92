//! [`RunConfig`]: what the config of an image says of how it runs, for people who decide about it.
//!
//! Whoever made the image chose every word of it, and how many there are: what is kept is cut.

use serde::Serialize;
use serde_json::Value;

use super::moment::Moment;

/// Most characters of one text. Commands are longer now and then; a report shows how they begin.
const MAX_TEXT: usize = 240;
/// Most entries of one list: images of the large distributions have thirty labels.
const MOST: usize = 40;

/// What the config of an image says of how it runs (OCI image-spec, config.md). A member of another
/// kind than it has to be counts as absent. The environment is left out: it is where secrets are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RunConfig {
    /// When it was made, as it says.
    pub created: Option<Moment>,
    /// As whom it runs; nothing, and `0`, are root.
    pub user: Option<String>,
    /// Where it runs.
    pub working_dir: Option<String>,
    /// What it starts.
    pub entry_point: Vec<String>,
    /// With which arguments, or what it starts where it has no entry point.
    pub command: Vec<String>,
    /// The ports that it says it listens on.
    pub exposed_ports: Vec<String>,
    /// The folders that it wants to keep.
    pub volumes: Vec<String>,
    /// What else its maker says of it, by name.
    pub labels: Vec<Label>,
    /// Entries of these lists that are not shown, since there are too many.
    pub more_entries: usize,
}

/// A label of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Label {
    /// What it is called.
    pub name: String,
    /// What it says.
    pub value: String,
}

/// `text`, cut where it is longer than a report shows.
///
/// ```
/// use sealift::words::run_config::cut;
///
/// assert_eq!(cut("short"), "short");
/// assert_eq!(cut(&"x".repeat(1000)).chars().count(), 241);
/// ```
#[must_use]
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl RunConfig {
    /// What `bytes` say; nothing where they are no object.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<RunConfig> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        value.as_object()?;
        let config = &value["config"];
        let mut read = RunConfig {
            created: value["created"].as_str().and_then(Moment::of_rfc3339),
            user: word(&config["User"]),
            working_dir: word(&config["WorkingDir"]),
            ..RunConfig::default()
        };
        read.entry_point = read.list(&config["Entrypoint"]);
        read.command = read.list(&config["Cmd"]);
        read.exposed_ports = read.keys(&config["ExposedPorts"]);
        read.volumes = read.keys(&config["Volumes"]);
        read.labels = read.pairs(&config["Labels"]);
        Some(read)
    }

    /// Whether it says that it runs as root: by name, by number, or by saying nothing.
    #[must_use]
    pub fn is_root(&self) -> bool {
        let user = self.user.as_deref().unwrap_or_default();
        let name = user.split_once(':').map_or(user, |(name, _)| name);
        matches!(name, "" | "root") || name.bytes().all(|digit| digit == b'0')
    }

    /// What the label `name` says, where it is among those that are kept.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|label| label.name == name).map(|label| &*label.value)
    }

    /// Notes how many of `all` are more than are shown.
    fn count(&mut self, all: usize) {
        self.more_entries += all.saturating_sub(MOST);
    }

    fn list(&mut self, value: &Value) -> Vec<String> {
        let Some(items) = value.as_array() else { return Vec::new() };
        self.count(items.len());
        items.iter().take(MOST).filter_map(Value::as_str).map(cut).collect()
    }

    fn keys(&mut self, value: &Value) -> Vec<String> {
        let Some(members) = value.as_object() else { return Vec::new() };
        self.count(members.len());
        members.keys().take(MOST).map(|key| cut(key)).collect()
    }

    fn pairs(&mut self, value: &Value) -> Vec<Label> {
        let Some(members) = value.as_object() else { return Vec::new() };
        self.count(members.len());
        let pairs = members.iter().take(MOST);
        let label = |(name, value): (&String, &Value)| {
            Some(Label { name: cut(name), value: cut(value.as_str()?) })
        };
        pairs.filter_map(label).collect()
    }
}

/// A text that is not empty.
fn word(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::moment::moment;

    fn read(text: &str) -> RunConfig {
        RunConfig::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_an_image_runs_is_read() {
        let config = read(
            r#"{"created":"2026-03-01T10:00:00.5+02:00","config":{"User":"app:app","WorkingDir":"/w",
                "Entrypoint":["/bin/app"],"Cmd":["-v"],"ExposedPorts":{"80/tcp":{},"53/udp":{}},
                "Volumes":{"/data":{}},"Labels":{"a":"b"},"Env":["PASSWORD=secret"]}}"#,
        );

        assert_eq!(config.created, Some(moment("2026-03-01T08:00:00Z")));
        assert_eq!(config.user.as_deref(), Some("app:app"));
        assert_eq!(
            (&*config.entry_point, &*config.command),
            (&["/bin/app".to_owned()][..], &["-v".to_owned()][..])
        );
        assert_eq!(config.exposed_ports, ["53/udp", "80/tcp"]);
        assert_eq!((config.labels[0].value.as_str(), config.volumes.len()), ("b", 1));
        assert!(!config.is_root() && config.more_entries == 0);
        assert!(!serde_json::to_string(&config).unwrap().contains("secret"));
    }

    #[test]
    fn what_is_of_another_kind_counts_as_absent() {
        for text in [
            "{}",
            r#"{"config":null}"#,
            r#"{"created":7,"config":{"User":["x"],"Cmd":"x","Labels":["x"],"ExposedPorts":3}}"#,
            r#"{"created":"yesterday","config":{"Entrypoint":[1,null],"Labels":{"a":1}}}"#,
        ] {
            assert_eq!(read(text), RunConfig::default(), "{text}");
        }
        for text in ["[]", "7", "", "{"] {
            assert!(RunConfig::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn root_is_root_by_any_name() {
        for (user, is_root) in [
            ("", true),
            ("root", true),
            ("0", true),
            ("00:1000", true),
            ("root:x", true),
            ("1000:0", false),
            ("app", false),
        ] {
            assert_eq!(
                read(&format!(r#"{{"config":{{"User":"{user}"}}}}"#)).is_root(),
                is_root,
                "{user}"
            );
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let labels: std::collections::BTreeMap<String, String> =
            (0..1000).map(|n| (format!("{n:04}"), "ä".repeat(5000))).collect();
        let config = read(&serde_json::json!({"config": {"Labels": labels}}).to_string());

        assert_eq!((config.labels.len(), config.more_entries), (MOST, 1000 - MOST));
        assert!(config.labels.iter().all(|label| label.value.chars().count() == MAX_TEXT + 1));
    }
}
