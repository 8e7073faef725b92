//! [`Environment`]: the variables that a Compose project knows.

use std::sync::Arc;

use super::dotenv::Variables;
use crate::lists::around::Around;

/// What the project is called, as a variable.
pub(super) const PROJECT: &str = "COMPOSE_PROJECT_NAME";

/// The variables that a project knows: those of the process go before those of its files.
#[derive(Clone)]
pub(super) struct Environment<'a> {
    pub(super) around: &'a dyn Around,
    /// Those of environment files; earlier ones go first.
    files: Vec<Arc<Variables>>,
}

impl<'a> Environment<'a> {
    pub(super) fn new(around: &'a dyn Around) -> Environment<'a> {
        Environment { around, files: Vec::new() }
    }

    /// With `variables` for what is not known yet.
    pub(super) fn with(mut self, variables: Variables) -> Environment<'a> {
        self.files.push(Arc::new(variables));
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        // One that is empty says no name.
        let counts = |value: &String| name != PROJECT || !value.is_empty();
        let own = || self.files.iter().filter_map(|file| file.get(name)).find(|it| counts(it));
        self.around.variable(name).filter(counts).or_else(|| own().cloned())
    }
}
