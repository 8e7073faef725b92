//! Compose files: what `docker compose config --images` prints of a project, and what else it names.
//!
//! A project is one file or several of one folder, each over those before it, with what they `include` and
//! `extend`, and variables from the environment and `.env`. What has no say in which images there are is not
//! looked at: it may be wrong, or name variables that are not set.

mod document;
mod dotenv;
mod environment;
mod extends;
mod include;
mod loader;
mod scope;
mod service;
mod template;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use self::dotenv::Variables;
use self::environment::{Environment, PROJECT};
use self::loader::{Loader, Setting};
use self::service::Services;
use self::template::fill;
use self::value::Where;
use super::around::Around;
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;
use super::yaml::Node;

/// What stands at the top of a Compose file.
const TOP: [&str; 9] = [
    "configs", "include", "models", "name", "networks", "secrets", "services", "version", "volumes",
];
/// What services have, and what is called a service elsewhere has not.
const OF_SERVICE: [&str; 10] = [
    "build",
    "command",
    "container_name",
    "depends_on",
    "environment",
    "extends",
    "image",
    "networks",
    "ports",
    "volumes",
];
/// What pipelines have beside an image.
const OF_PIPELINES: [&str; 3] = ["script", "stage", "steps"];

/// A project of Compose.
#[derive(Debug)]
pub(super) struct Compose;

impl ListFormat for Compose {
    fn name(&self) -> &'static str {
        "compose"
    }

    fn title(&self) -> &'static str {
        "a Compose file"
    }

    fn is(&self, list: &ListText) -> bool {
        list.first().is_some_and(|top| is_project(top) || is_first_version(top))
    }

    fn merges(&self) -> bool {
        true
    }

    fn read(&self, lists: &[ListText], around: &dyn Around) -> Reading {
        let Some(root) = lists.first() else { return Reading::default() };
        let mut loader = Loader::new(root);
        if let Some(list) = lists.iter().find(|list| list.first().is_some_and(is_first_version)) {
            let text = "is a Compose file of version 1, which has no services";
            let out = "put a line services: above all of it, and two spaces before each other line";
            loader.reading.wrong(list.spot(1, ""), text, out);
            return loader.reading;
        }
        if !lists.iter().any(|list| list.first().is_some_and(is_project)) {
            let text = "is no Compose file: it has no services that are some";
            loader.reading.wrong(root.spot(1, ""), text, "name the file that has them");
            return loader.reading;
        }
        // 1. What the variables are.
        let mut environment = Environment::new(around);
        let files = match environment.get("COMPOSE_DISABLE_ENV_FILE").as_deref() {
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Vec::new(),
            _ => loader.dotenv(Path::new(""), &environment),
        };
        let variables = loader.variables(Where { file: 0, line: 1 }, &files, &environment);
        environment = environment.with(variables);
        let name = project_name(lists, &environment);
        let named = name.map(|name| Variables::from([(PROJECT.to_owned(), name)]));
        environment = environment.with(named.unwrap_or_default());
        // 2. The project that the files are.
        let own = root.path().and_then(Path::file_name).map(PathBuf::from);
        let mut setting = Setting {
            folder: PathBuf::new(),
            environment: environment.clone(),
            through: own.into_iter().collect(),
            extended: HashMap::new(),
        };
        let project = loader.project(lists, &mut setting);
        // 3. The images of those services that are on.
        let profiles = match around.profiles() {
            [] => {
                let named = environment.get("COMPOSE_PROFILES").unwrap_or_default();
                named.split(',').map(|name| name.trim().to_owned()).collect()
            }
            named => named.to_vec(),
        };
        Services::read(&mut loader, &project, &profiles);
        loader.reading
    }
}

/// What a project is called that no variable names: the last `name` of its files, or its folder.
fn project_name(lists: &[ListText], environment: &Environment<'_>) -> Option<String> {
    let known = |name: &str| environment.get(name);
    let named = lists.iter().rev().find_map(|list| list.first()?.text_of("name"));
    let named = named.and_then(|name| fill(name, &known).ok()).map(|name| plain(&name.text));
    named.filter(|name| !name.is_empty()).or_else(|| {
        let folder = environment.around.folder_name(lists.first()?)?;
        Some(plain(&folder))
    })
}

/// `name` as far as a project may be called so.
fn plain(name: &str) -> String {
    let may = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let name: String = name.to_lowercase().chars().filter(may).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}

fn is_project(top: &Node) -> bool {
    if top.get("apiVersion").is_some() || top.get("kind").is_some() {
        return false;
    }
    let has_services = top.get("services").is_some_and(|it| it.is_map() || it.is_null());
    let includes = top.get("include").is_some_and(Node::is_list);
    let is_own = |name: &str| TOP.contains(&name) || name.starts_with("x-");
    let looks_so = |service: &Node| OF_SERVICE.iter().any(|name| service.get(name).is_some());
    let services = || top.get("services").into_iter().flat_map(Node::members);
    (has_services || includes)
        && (top.members().all(|(name, _)| is_own(name))
            || services().any(|(_, service)| looks_so(service)))
}

/// Whether all of it is services, as it was in 2014.
fn is_first_version(top: &Node) -> bool {
    let is_service = |service: &Node| {
        let is_built = || service.get("build").is_some_and(|it| it.text().is_some());
        (service.text_of("image").is_some() || is_built())
            && !OF_PIPELINES.iter().any(|name| service.get(name).is_some())
    };
    top.get("services").is_none()
        && top.members().next().is_some()
        && top.members().all(|(_, service)| is_service(service))
}
