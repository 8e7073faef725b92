//! `extends`: services that are made from others.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::document::ComposeFile;
use super::loader::{Loader, Setting};
use super::scope::Scope;
use super::value::{ComposeValue, Members, Spoken, Where};

/// How many services stand behind one another at most; real ones are below five.
const MAX_CHAIN: usize = 100;

/// What says it; behind it is nothing where it was told what is wrong with it.
pub(super) const EXTENDS: &str = "extends";

/// The services that lead from the first one to the one that is made now.
#[derive(Default)]
struct Chain {
    steps: Vec<(usize, Arc<str>)>,
    seen: HashSet<(usize, Arc<str>)>,
}

impl Loader<'_> {
    /// Makes the services of `document` from those that they extend.
    pub(super) fn resolve_extends(
        &mut self,
        document: &mut ComposeFile,
        file: usize,
        setting: &mut Setting<'_>,
    ) {
        let Some(services) =
            document.members.get_mut("services").and_then(ComposeValue::members_mut)
        else {
            return;
        };
        let named =
            |service: &ComposeValue| service.members().is_some_and(|it| it.contains_key(EXTENDS));
        let all: Vec<Arc<str>> = services
            .iter()
            .filter(|(_, service)| named(service))
            .map(|(name, _)| Arc::clone(name))
            .collect();
        if all.is_empty() {
            return;
        }
        let scope = self.scopes.len();
        self.scopes.push(Scope {
            services: std::mem::take(services),
            resets: document.resets.clone(),
            folder: setting.folder.clone(),
            title: Arc::clone(&self.spot(Where { file, line: 1 }, "").file),
        });
        for name in all {
            self.extend(scope, &name, &mut Chain::default(), setting);
        }
        let made = std::mem::take(&mut self.scopes[scope].services);
        if let Some(services) =
            document.members.get_mut("services").and_then(ComposeValue::members_mut)
        {
            *services = made;
        }
    }

    /// Makes one service of a scope from what it extends, and that before.
    fn extend(
        &mut self,
        scope: usize,
        name: &Arc<str>,
        chain: &mut Chain,
        setting: &mut Setting<'_>,
    ) {
        let service = self.scopes[scope].services.get(name);
        let Some(extends) = service.and_then(|it| it.get(EXTENDS)).cloned() else { return };
        let Some((base_scope, base)) = self.base(scope, name, &extends, setting) else {
            self.settle(scope, name, false);
            return;
        };
        let step = (scope, Arc::clone(name));
        chain.steps.push(step.clone());
        chain.seen.insert(step);
        let is_circle = chain.seen.contains(&(base_scope, Arc::clone(&base)));
        if is_circle || chain.steps.len() > MAX_CHAIN {
            let text = match is_circle {
                true => format!("extends itself, by way of services.{base}"),
                false => {
                    format!("extends a service that extends another, more than {MAX_CHAIN} times")
                }
            };
            let what = format!("services.{name}");
            self.wrong(extends.at, &what, text, "take one of these lines out");
            self.settle(scope, name, false);
            return;
        }
        self.extend(base_scope, &base, chain, setting);
        let Some(below) = self.scopes[base_scope].services.remove(&base) else { return };
        let copied = self.copy(&below);
        self.scopes[base_scope].services.insert(base, below);
        self.settle(scope, name, copied.is_some());
        let Some(copied) = copied.filter(|it| it.members().is_some()) else { return };
        // What the file takes out is taken from what it extends, too.
        let services = ComposeValue::map(copied.at, Members::from([(Arc::clone(name), copied)]));
        let mut top = Members::from([(Arc::from("services"), services)]);
        self.scopes[scope].resets.apply(&["services", name], &mut top);
        let own = self.scopes[scope].services.remove(name);
        if let (Some(services), Some(own)) =
            (top.get_mut("services").and_then(ComposeValue::members_mut), own)
        {
            self.lay(services, Members::from([(Arc::clone(name), own)]));
            if let Some(made) = services.remove(name) {
                self.scopes[scope].services.insert(Arc::clone(name), made);
            }
        }
    }

    /// Takes out that a service extends another: it is made now, or cannot be.
    fn settle(&mut self, scope: usize, name: &Arc<str>, is_made: bool) {
        let service = self.scopes[scope].services.get_mut(name);
        let Some(members) = service.and_then(ComposeValue::members_mut) else { return };
        let extends = members.remove(EXTENDS);
        if let Some(extends) = extends.filter(|_| !is_made) {
            members.insert(EXTENDS.into(), ComposeValue { at: extends.at, said: Spoken::Nothing });
        }
    }

    /// Where the service is that `extends` names, and what it is called; a fault where it is not there.
    fn base(
        &mut self,
        scope: usize,
        name: &str,
        extends: &ComposeValue,
        setting: &mut Setting<'_>,
    ) -> Option<(usize, Arc<str>)> {
        let missing = ComposeValue { at: extends.at, said: Spoken::Nothing };
        let service = extends.get("service").unwrap_or(&missing);
        let service = self.text(service, "the service that it extends")?.to_owned();
        let found = match extends.get("file") {
            None => scope,
            Some(file) => {
                let folder = self.scopes[scope].folder.clone();
                let path = self.path(file.at, &folder, file)?;
                match setting.extended.get(&path) {
                    Some(known) => (*known)?,
                    None => {
                        let read = self.other(file.at, &path, setting);
                        setting.extended.insert(path, read);
                        read?
                    }
                }
            }
        };
        if !self.scopes[found].services.contains_key(service.as_str()) {
            let text = format!("extends {service:?}, which {} has not", self.scopes[found].title);
            let out = "name a service that is there, and the file that it stands in";
            self.wrong(extends.at, &format!("services.{name}"), text, out);
            return None;
        }
        Some((found, Arc::from(service)))
    }

    /// The services of the file at `path`, which extend one another when they are asked for.
    fn other(&mut self, at: Where, path: &Path, setting: &Setting<'_>) -> Option<usize> {
        let file = self.file(at, path, setting)?;
        let mut scope = Scope {
            folder: path.parent().map(Path::to_path_buf).unwrap_or_default(),
            title: Arc::clone(&self.spot(Where { file, line: 1 }, "").file),
            ..Scope::default()
        };
        let mut all = Members::new();
        for document in self.documents(file, setting) {
            document.resets.apply(&[], &mut all);
            self.lay(&mut all, document.members);
            scope.resets = document.resets;
        }
        if let Some(services) = all.remove("services") {
            scope.services = services.members().cloned().unwrap_or_default();
        }
        self.scopes.push(scope);
        Some(self.scopes.len() - 1)
    }
}
