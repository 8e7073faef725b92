//! How a project comes about: whether these credentials may make it, and how it is made.

use ureq::http::Method;

use super::answers::{Created, Permission, System, User};
use super::findings::Barrier;
use super::project::Project;
use crate::words::error::Result;

/// How the names of robots begin, unless an administrator chose another prefix; those of a
/// project's robots go on with `PROJECT+`.
const ROBOT: &str = "robot$";
/// What Harbor says where not everybody makes projects.
const ADMINISTRATORS: &str = "adminonly";

impl Project {
    /// What keeps these credentials from making it, as far as that can be told.
    pub(super) fn barrier(&self, system: &System) -> Result<Option<Barrier>> {
        if !is_project_name(&self.name) {
            return Ok(Some(Barrier::Name));
        }
        let user = self.session.user()?.unwrap_or_default();
        let robot = user.strip_prefix(ROBOT);
        if robot.is_some_and(|robot| robot.contains('+')) {
            return Ok(Some(Barrier::ProjectRobot));
        }
        if system.project_creation_restriction.as_deref() != Some(ADMINISTRATORS) {
            return Ok(None);
        }
        let known: Option<User> = self.get("/users/current")?;
        let may = match known {
            Some(user) if user.is_admin() => true,
            // Robots are no users, and have rights instead.
            _ => {
                let path = "/users/current/permissions?scope=/system&relative=true";
                let granted: Option<Option<Vec<Permission>>> = self.get(path)?;
                let Some(granted) = granted else { return Ok(None) };
                let create = |p: &Permission| p.resource == "project" && p.action == "create";
                granted.unwrap_or_default().iter().any(create)
            }
        };
        Ok((!may).then_some(Barrier::Administrators))
    }

    /// Whether a quota that is asked for is given: Harbor passes over the wish of those who do not
    /// see quotas.
    pub(super) fn may_choose_quota(&self) -> Result<Option<bool>> {
        let answer = self.ask(Method::GET, "/quotas?page_size=1")?;
        let may = match answer.status {
            200 => Some(true),
            401 | 403 => Some(false),
            _ => None,
        };
        answer.discard();
        Ok(may)
    }

    /// Makes the project; `false` when it was there already.
    ///
    /// # Errors
    /// [`Class::Refused`](crate::words::error::Class::Refused) when these credentials may not.
    pub fn create(&self, public: bool, quota: Option<u64>) -> Result<bool> {
        let body = Created::new(&self.name, public, quota).json();
        let what = format!("making project {}", self.name);
        let headers = vec![("content-type", "application/json".to_owned())];
        let call = self.call(Method::POST, "/projects", what, headers, Some(&body))?;
        let answer = self.send(&call)?;
        match answer.status {
            201 | 409 => {
                let made = answer.status == 201;
                answer.discard();
                // The token was given while there was nothing to allow.
                self.session.renounce();
                Ok(made)
            }
            status => {
                let error = self.session.end.refusal(&call.what, answer);
                Err(match status {
                    401 | 403 => error.hint(
                        "these credentials may not make projects; ask an administrator for the \
                         project, or for a robot account of the system level that may",
                    ),
                    _ => error,
                })
            }
        }
    }
}

/// Whether Harbor takes a project of that name: `[a-z0-9]+(?:[._-][a-z0-9]+)*`.
fn is_project_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut parts = name.split(['.', '_', '-']);
    parts.all(|part| !part.is_empty() && part.chars().all(fine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_harbor_takes_for_projects_are_known() {
        for name in ["a", "a-b", "a.b_c", "0"] {
            assert!(is_project_name(name), "{name}");
        }
        for name in ["", "a__b", "a--b", "-a", "a-", "A", "a._b", "é"] {
            assert!(!is_project_name(name), "{name}");
        }
    }
}
