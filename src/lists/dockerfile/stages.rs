//! [`Stages`]: the stages of a build, by name and number.

use std::collections::{HashMap, HashSet};

use super::instruction::Instruction;
use crate::words::glob::fits;

/// The stages of a build, of which the first ones have begun.
#[derive(Debug, Default)]
pub(super) struct Stages {
    names: Vec<Option<String>>,
    /// The last stage of a name.
    by_name: HashMap<String, usize>,
    /// The first one.
    first: HashMap<String, usize>,
    begun: usize,
    /// Which others are built on.
    bases: HashSet<usize>,
    /// All before this one may be.
    maybe: usize,
}

impl Stages {
    /// Those of a whole file; none has begun.
    pub(super) fn of(instructions: &[Instruction]) -> Stages {
        let mut stages = Stages::default();
        for from in instructions.iter().filter(|it| it.keyword == "from") {
            let words = from.arguments();
            if let Some(base) = words.first().map(|it| it.to_lowercase()) {
                // A name with variables may be that of any stage.
                match base.contains('$') {
                    true => stages.maybe = stages.names.len(),
                    false => stages.bases.extend(stages.by_name.get(base.trim_matches('"'))),
                }
            }
            let name = words.get(2).map(|it| it.to_lowercase());
            if let Some(name) = &name {
                stages.by_name.insert(name.clone(), stages.names.len());
                stages.first.entry(name.clone()).or_insert(stages.names.len());
            }
            stages.names.push(name);
        }
        stages
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The stage that is being read, if one has begun.
    pub(super) fn current(&self) -> Option<usize> {
        self.begun.checked_sub(1)
    }

    /// The next stage begins.
    pub(super) fn begin(&mut self) {
        self.begun += 1;
    }

    /// Whether a stage that has begun has a name that looks like `shape`, in which `*` is what nobody knows.
    pub(super) fn has_begun(&self, shape: &str) -> bool {
        let shape = shape.to_lowercase();
        match shape.contains('*') {
            // Nothing of it is known.
            true if shape.chars().all(|c| c == '*') => false,
            true => {
                let mut begun = self.names.iter().take(self.begun).flatten();
                begun.any(|name| fits(&shape, name))
            }
            false => self.first.get(&shape).is_some_and(|at| *at < self.begun),
        }
    }

    /// Whether `name` is that of a stage, wherever in the file.
    pub(super) fn is_one(&self, name: &str) -> bool {
        self.by_name.contains_key(&name.to_lowercase())
    }

    /// Whether another stage is built on the one that is being read.
    pub(super) fn is_built_on(&self) -> bool {
        self.current().is_some_and(|at| at < self.maybe || self.bases.contains(&at))
    }
}
