//! Who may do what: members by role, and robots, which have only what was ticked for them.

use std::collections::BTreeMap;

use super::State;

/// What an account may do in a project.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Guest,
    Developer,
    Maintainer,
    /// A robot with `repository:push` and `repository:pull`, as people make them: it sees nothing
    /// of the project by the API.
    PushPull,
    /// One that may delete tags and artifacts besides.
    Keeper,
}

impl Role {
    /// What its tokens allow.
    pub fn actions(self) -> &'static [&'static str] {
        match self {
            Role::Guest => &["pull"],
            Role::Developer | Role::PushPull | Role::Keeper => &["pull", "push"],
            Role::Maintainer => &["pull", "push", "delete"],
        }
    }

    /// Whether the API shows it the project, its summary and its artifacts.
    pub fn sees_project(self) -> bool {
        !matches!(self, Role::PushPull | Role::Keeper)
    }

    /// Whether it may delete tags and artifacts by the API.
    pub fn deletes(self) -> bool {
        matches!(self, Role::Maintainer | Role::Keeper)
    }
}

/// Who may talk to the Harbor.
#[derive(Clone, Default)]
pub struct Account {
    pub name: String,
    pub password: String,
    /// Whether it may do everything everywhere.
    pub admin: bool,
    pub roles: BTreeMap<String, Role>,
    /// What a robot of the system level may do in every project.
    pub everywhere: Option<Role>,
    /// Whether it is a robot.
    pub robot: bool,
    /// Whether a robot of the system level may make projects.
    pub creates: bool,
    pub disabled: bool,
}

impl Account {
    pub fn role(&self, project: &str) -> Option<Role> {
        if self.admin {
            return Some(Role::Maintainer);
        }
        self.roles.get(project).copied().or(self.everywhere)
    }

    /// Why it may not make projects, if it may not.
    pub fn kept_from_creating(&self, everyone: bool) -> Option<&'static str> {
        match self.robot && self.everywhere.is_none() {
            true => Some("Only system level robot can create project"),
            false if everyone || self.admin || self.creates => None,
            false => Some("Only system admin can create project"),
        }
    }
}

/// What an account, or nobody, may do in a project.
pub fn rights(state: &State, account: Option<&Account>, project: &str) -> Vec<&'static str> {
    let Some(found) = state.projects.get(project) else { return Vec::new() };
    match account.and_then(|account| account.role(project)) {
        Some(role) => role.actions().to_vec(),
        None if found.public => vec!["pull"],
        None => Vec::new(),
    }
}
