//! [`Project`]: what Harbor's own API tells of the project that a repository belongs to, and how
//! one is made (`api/v2.0/swagger.yaml` of goharbor/harbor).
//!
//! A registry that does not call itself Harbor is never asked. Requests go to the registry's own
//! scheme, host and port, with the user's name and password for it and nothing else.

mod answers;
mod findings;
mod looking;
mod making;
mod project;
mod removing;

pub use self::findings::{Barrier, Findings, Quota, Standing};
pub use self::project::Project;
use super::auth;
use super::auth::challenge::Challenge;
use super::auth::scheme::{HARBOR_SERVICE, Scheme};
use super::http::Outgoing;
use super::session::Session;
use crate::words::bytes::Bytes;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, ErrorKind, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

impl Session {
    /// The project of this repository, where the registry is a Harbor.
    ///
    /// # Errors
    /// When the registry cannot be reached; [`Class::Refused`] when the repository lies in no
    /// project, since Harbor has none outside of one.
    pub(super) fn project(&self) -> Result<Option<Project>> {
        if !self.host.is_harbor(|| self.calls_itself_harbor())? {
            return Ok(None);
        }
        let path = self.repository.as_str();
        let Some((name, _)) = path.split_once('/') else {
            let why = "Harbor keeps repositories in projects, and this name has none";
            return Err(self.end.error(Class::Refused, path, why).hint(phrase![
                "write ",
                Remedy::To,
                format!(" docker://{}/PROJECT", self.end.registry)
            ]));
        };
        Ok(Some(Project { session: self.clone(), name: name.to_owned() }))
    }

    /// Asks for what every registry has, `/v2/`, without credentials, and reads the challenge.
    fn calls_itself_harbor(&self) -> Result<bool> {
        if let Some(Scheme::Bearer { service, .. }) = self.host.scheme() {
            return Ok(service.as_deref() == Some(HARBOR_SERVICE));
        }
        let retry = self.shared.settings.retry;
        let base = self.base()?;
        let url = base.with_path("/v2/");
        retry.run(&*self.shared.progress, || {
            let answer = self.send("what kind of registry it is", Outgoing::get(&url))?;
            let asked = auth::challenges(&answer);
            answer.discard();
            let realm = asked.into_iter().find_map(|challenge| match challenge {
                Challenge::Bearer { realm, service: Some(s), .. } if s == HARBOR_SERVICE => {
                    Some(realm)
                }
                _ => None,
            });
            let Some(realm) = realm else { return Ok(false) };
            let (realm, service) = (self.trusted(&realm, &base)?, Some(HARBOR_SERVICE.to_owned()));
            self.host.set_scheme(Scheme::Bearer { realm, service, anonymous: false });
            Ok(true)
        })
    }

    /// Whether the registry has called itself a Harbor already. Every Harbor does so at once, as
    /// it wants a token of everybody.
    pub(super) fn is_known_harbor(&self) -> bool {
        matches!(
            self.host.scheme(),
            Some(Scheme::Bearer { service: Some(service), .. }) if service == HARBOR_SERVICE
        )
    }

    /// The failure to say when an upload of `blob` broke off because its project has no room,
    /// which a proxy before Harbor hides behind an answer of its own.
    pub(super) fn no_room_for(&self, blob: &Descriptor) -> Option<Error> {
        if !self.is_known_harbor() {
            return None;
        }
        // Whoever may not ask learns it from the registry, if at all.
        let project = self.project().ok()??;
        let left = project.room().ok()??;
        (left < blob.size).then(|| {
            let why = format!(
                "no room: {} of the quota of project {} are left",
                Bytes(left),
                project.name()
            );
            self.end
                .error(Class::NoRoom, &self.blob_name(blob), why)
                .of_kind(ErrorKind::NoSpace)
                .hint("the project's quota is used up; raise it or remove old images")
        })
    }
}
