//! `include`: projects in a project.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::document::ComposeFile;
use super::loader::{Loader, Setting};
use super::value::{ComposeValue, Members, Spoken};

/// How deep projects are in one another; real ones are below five.
const MAX_NESTED: usize = 50;

impl Loader<'_> {
    /// Puts what `include` names below `document`.
    pub(super) fn include(
        &mut self,
        include: &ComposeValue,
        document: &mut ComposeFile,
        setting: &mut Setting<'_>,
    ) {
        match &include.said {
            Spoken::List(projects) => {
                for project in projects {
                    if let Some(members) = self.included(project, setting) {
                        self.import(members, document);
                    }
                }
            }
            Spoken::Nothing => {}
            _ => self.wrong(
                include.at,
                "include",
                "is no list".to_owned(),
                "write it as a list, each file with a - before it",
            ),
        }
    }

    /// The project that one entry of `include` names.
    fn included(&mut self, project: &ComposeValue, setting: &mut Setting<'_>) -> Option<Members> {
        // 1. Its files. The first one is the project's, the others go over it.
        let nothing = ComposeValue { at: project.at, said: Spoken::Nothing };
        let written = match project.members() {
            None => project,
            Some(_) => project.get("path").unwrap_or(&nothing),
        };
        if written.each().is_empty() {
            self.wrong(project.at, "an entry of include", "names no file".to_owned(), "name one");
            return None;
        }
        let mut paths = Vec::new();
        for path in written.each() {
            paths.push(self.path(path.at, &setting.folder, path)?);
        }
        let first = paths.first()?.clone();
        if setting.through.contains(&first) || setting.through.len() >= MAX_NESTED {
            let text = format!("leads back to {}, in a circle", first.display());
            self.wrong(written.at, "include", text, "take one of these lines out");
            return None;
        }
        // 2. Its folder, which its paths begin in, and its variables.
        let folder = match project.get("project_directory") {
            Some(folder) => self.path(folder.at, &setting.folder, folder)?,
            None => first.parent().map(Path::to_path_buf).unwrap_or_default(),
        };
        let files = match project.get("env_file") {
            Some(files) => self.environment_files(files, &setting.folder),
            None => self.dotenv(&folder, &setting.environment),
        };
        let variables = self.variables(project.at, &files, &setting.environment);
        let mut through = setting.through.clone();
        through.push(first);
        let mut inner = Setting {
            folder,
            environment: setting.environment.clone().with(variables),
            through,
            extended: HashMap::new(),
        };
        // 3. The project, file over file.
        let mut members = Members::new();
        for (path, value) in paths.iter().zip(written.each()) {
            let file = self.file(value.at, path, setting)?;
            self.lay_file(file, &mut members, &mut inner);
        }
        Some(members)
    }

    fn environment_files(&mut self, written: &ComposeValue, folder: &Path) -> Vec<PathBuf> {
        let named = written.each().iter().filter(|it| it.text() != Some("/dev/null"));
        named.filter_map(|file| self.path(file.at, folder, file)).collect()
    }

    /// Puts an included project's `members` below those of `document`.
    fn import(&mut self, members: Members, document: &mut ComposeFile) {
        for (kind, value) in members {
            if !matches!(&*kind, "services" | "models") {
                continue;
            }
            let Spoken::Map(mut imported) = value.said else { continue };
            let own = document.members.remove(&kind);
            let at = own.as_ref().map_or(value.at, |own| own.at);
            let own = match own.map(|own| own.said) {
                Some(Spoken::Map(own)) => own,
                _ => Members::new(),
            };
            // What the file takes out is taken from services that it writes as well, only.
            for name in
                own.keys().filter(|name| imported.contains_key(*name)).cloned().collect::<Vec<_>>()
            {
                if let Some(value) = imported.remove(&name) {
                    let value = ComposeValue::map(value.at, Members::from([(name.clone(), value)]));
                    let mut top = Members::from([(kind.clone(), value)]);
                    document.resets.apply(&[&kind, &name], &mut top);
                    let inner = top.get_mut(&kind).and_then(ComposeValue::members_mut);
                    if let Some(value) = inner.and_then(|inner| inner.remove(&name)) {
                        imported.insert(name, value);
                    }
                }
            }
            self.lay(&mut imported, own);
            document.members.insert(kind, ComposeValue::map(at, imported));
        }
    }
}
