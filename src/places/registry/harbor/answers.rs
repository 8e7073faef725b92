//! The shapes of Harbor's API, as far as they are needed. Members that are not named here are
//! left alone, since every version adds some.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::findings::Quota;

/// The quota that means none.
const UNLIMITED: i64 = -1;
/// The one resource that Harbor 2 counts.
const STORAGE: &str = "storage";

/// `GET /systeminfo`.
#[derive(Deserialize)]
pub(super) struct System {
    /// Always there; what has none is not Harbor's.
    #[serde(rename = "auth_mode")]
    _auth_mode: String,
    /// Only for those who are logged in.
    pub(super) read_only: Option<bool>,
    /// The same; who may make projects.
    pub(super) project_creation_restriction: Option<String>,
}

/// `GET /users/current`; robots are no users.
#[derive(Deserialize)]
pub(super) struct User {
    #[serde(default)]
    sysadmin_flag: bool,
    /// By a group of the directory that users come from.
    #[serde(default)]
    admin_role_in_auth: bool,
}

impl User {
    /// Whether it may do everything.
    pub(super) fn is_admin(&self) -> bool {
        self.sysadmin_flag || self.admin_role_in_auth
    }
}

/// `GET /projects/{name}/repositories/{repository}/artifacts/{reference}`.
#[derive(Deserialize)]
pub(super) struct Artifact {
    pub(super) digest: String,
}

/// One of `GET /projects/{name}/repositories` and `GET /repositories`, with its project in front.
#[derive(Deserialize)]
pub(super) struct RepositoryName {
    pub(super) name: String,
}

/// `GET /projects/{name}`.
#[derive(Deserialize)]
pub(super) struct Details {
    pub(super) project_id: i64,
    pub(super) registry_id: Option<i64>,
    pub(super) metadata: Option<Metadata>,
}

/// What a project is set to; values are text, truth among them.
#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) public: Option<String>,
}

/// `GET /projects/{name}/summary`.
#[derive(Deserialize)]
pub(super) struct QuotaSummary {
    pub(super) quota: Option<QuotaOf>,
}

/// A quota by resource.
#[derive(Deserialize)]
pub(super) struct QuotaOf {
    #[serde(default)]
    hard: BTreeMap<String, i64>,
    #[serde(default)]
    used: BTreeMap<String, i64>,
}

impl QuotaOf {
    /// The quota of storage, if there is one.
    pub(super) fn read(&self) -> Option<Quota> {
        let limit = *self.hard.get(STORAGE)?;
        let used = self.used.get(STORAGE).copied().unwrap_or(0);
        Some(Quota {
            limit: (limit != UNLIMITED).then(|| u64::try_from(limit).unwrap_or(0)),
            used: u64::try_from(used).unwrap_or(0),
        })
    }
}

/// One of `GET /users/current/permissions`.
#[derive(Deserialize)]
pub(super) struct Permission {
    pub(super) resource: String,
    pub(super) action: String,
}

/// One of an artifact's tags.
#[derive(Deserialize)]
pub(super) struct TagStatus {
    pub(super) name: String,
    #[serde(default)]
    pub(super) immutable: bool,
}

/// `POST /projects`.
#[derive(Serialize)]
pub(super) struct Created<'a> {
    project_name: &'a str,
    metadata: PublicOrNot,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_limit: Option<u64>,
}

#[derive(Serialize)]
struct PublicOrNot {
    public: &'static str,
}

impl Created<'_> {
    /// A project as it is asked for.
    pub(super) fn new(name: &str, public: bool, quota: Option<u64>) -> Created<'_> {
        let public = if public { "true" } else { "false" };
        Created { project_name: name, metadata: PublicOrNot { public }, storage_limit: quota }
    }

    /// As the body of the request.
    pub(super) fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_without_limit_is_minus_one() {
        let read = |json: &str| serde_json::from_str::<QuotaOf>(json).unwrap().read();

        let limited = read(r#"{"id":3,"hard":{"storage":50},"used":{"storage":7}}"#);
        assert_eq!(limited, Some(Quota { limit: Some(50), used: 7 }));
        let unlimited = read(r#"{"hard":{"storage":-1},"used":{"storage":7}}"#);
        assert_eq!(unlimited, Some(Quota { limit: None, used: 7 }));
        assert_eq!(read(r#"{"hard":{}}"#), None);
    }

    #[test]
    fn a_new_project_is_described_as_the_api_wants_it() {
        let json = |public, quota| String::from_utf8(Created::new("g", public, quota).json());

        assert_eq!(
            json(false, Some(5)).unwrap(),
            r#"{"project_name":"g","metadata":{"public":"false"},"storage_limit":5}"#
        );
        assert_eq!(
            json(true, None).unwrap(),
            r#"{"project_name":"g","metadata":{"public":"true"}}"#
        );
    }
}
