//! What Harbor's own API takes away: a tag and nothing else, an artifact with its accessories.

use ureq::http::Method;

use super::answers::{Details, Permission};
use super::project::Project;
use crate::places::registry::http::answer::Answer;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Tag;

/// What a robot or a member has to have for it.
const RIGHTS: &str = "a robot needs the rights to delete tags and artifacts, a member the role of a \
                      maintainer";

impl Project {
    /// Fails where it is known that these credentials may take nothing away.
    ///
    /// # Errors
    /// [`Class::Refused`] then, and where the registry does not take the credentials.
    pub(crate) fn allow_removal(&self) -> Result<()> {
        self.session.prove()?;
        let Some(details) = self.get::<Details>(&format!("/projects/{}", self.name))? else {
            // Most robots are told nothing; what they may do shows when they do it.
            return Ok(());
        };
        let id = details.project_id;
        let path = format!("/users/current/permissions?scope=/project/{id}&relative=true");
        let Some(granted) = self.get::<Option<Vec<Permission>>>(&path)? else { return Ok(()) };
        let granted = granted.unwrap_or_default();
        let deletes =
            |what: &str| granted.iter().any(|it| it.resource == what && it.action == "delete");
        match deletes("tag") && deletes("artifact") {
            true => Ok(()),
            false => {
                let why = "these credentials may not delete there, as Harbor says";
                let what = format!("project {}", self.name);
                Err(self.session.end.error(Class::Refused, &what, why).hint(RIGHTS))
            }
        }
    }

    /// Takes `tag` of this repository away; what it stood for stays.
    pub(crate) fn remove_tag(&self, tag: &Tag) -> Result<()> {
        self.delete(&format!("artifacts/{tag}/tags/{tag}"), &format!(":{tag}"))
    }

    /// Takes the artifact `digest` of this repository away.
    pub(crate) fn remove_artifact(&self, digest: &Digest) -> Result<()> {
        self.delete(&format!("artifacts/{digest}"), &format!("@{digest}"))
    }

    /// Deletes what lies at `path` below this repository, if it is there.
    fn delete(&self, path: &str, shown: &str) -> Result<()> {
        let headers = vec![("x-is-resource-name", "true".to_owned())];
        let what = format!("deleting {}{shown}", self.session.repository);
        let path = format!("{}/{path}", self.within());
        let answer =
            self.send(&self.call(Method::DELETE, &path, what.clone(), headers, None)?)?;
        match answer.status {
            200..=299 | 404 => {
                answer.discard();
                Ok(())
            }
            _ => Err(self.not_deleted(&what, answer)),
        }
    }

    fn not_deleted(&self, what: &str, answer: Answer) -> Error {
        let status = answer.status;
        let error = self.session.end.refusal(what, answer);
        match status {
            401 | 403 => error.hint(RIGHTS),
            412 => error.hint(
                "a rule of the project keeps its tag from being deleted, or another image is made of \
                 it; see the project's immutable tags",
            ),
            _ => error,
        }
    }
}
