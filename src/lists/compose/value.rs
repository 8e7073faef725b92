//! [`ComposeValue`]: what a Compose file says, with where it says it, and how one goes over another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::template::Unfilled;

/// Members by name.
pub(super) type Members = BTreeMap<Arc<str>, ComposeValue>;

/// A place in one of the files that were read: the file's number, in their order, and the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Where {
    pub(super) file: usize,
    pub(super) line: usize,
}

/// A value of a project, with its variables written out.
#[derive(Debug, Clone)]
pub(super) struct ComposeValue {
    pub(super) at: Where,
    pub(super) said: Spoken,
}

/// What a value says.
#[derive(Debug, Clone)]
pub(super) enum Spoken {
    Nothing,
    Text(Arc<ScalarText>),
    /// A text with a variable that cannot be written out.
    Unfilled(Arc<Unfilled>),
    List(Vec<ComposeValue>),
    Map(Members),
}

/// A scalar.
#[derive(Debug, Clone)]
pub(super) struct ScalarText {
    pub(super) text: String,
    /// The variables in it that are not set.
    pub(super) unset: Vec<String>,
    /// Whether it is a number or a truth value, not text.
    pub(super) is_bare: bool,
}

impl ComposeValue {
    pub(super) fn map(at: Where, members: Members) -> ComposeValue {
        ComposeValue { at, said: Spoken::Map(members) }
    }

    pub(super) fn members(&self) -> Option<&Members> {
        match &self.said {
            Spoken::Map(members) => Some(members),
            _ => None,
        }
    }

    pub(super) fn members_mut(&mut self) -> Option<&mut Members> {
        match &mut self.said {
            Spoken::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The member called `name` that says anything.
    pub(super) fn get(&self, name: &str) -> Option<&ComposeValue> {
        self.members()?.get(name).filter(|value| !matches!(value.said, Spoken::Nothing))
    }

    /// Its text, where it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.said {
            Spoken::Text(text) => Some(&text.text),
            _ => None,
        }
    }

    /// The text of the member called `name`.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// Its entries, where it is a list; itself where it is a text; else none.
    pub(super) fn each(&self) -> &[ComposeValue] {
        match &self.said {
            Spoken::List(values) => values,
            Spoken::Text(_) | Spoken::Unfilled(_) => std::slice::from_ref(self),
            _ => &[],
        }
    }

    /// How many values there are from here on down.
    pub(super) fn weight(&self) -> usize {
        1 + match &self.said {
            Spoken::List(values) => values.iter().map(ComposeValue::weight).sum(),
            Spoken::Map(members) => members.values().map(ComposeValue::weight).sum(),
            _ => 0,
        }
    }

    /// This value with `over` over it: members by name, lists one behind the other, and anything else in
    /// the stead of what was there. `clash` is told where a list or a mapping would be something else then.
    pub(super) fn under(self, over: ComposeValue, clash: &mut dyn FnMut(Where)) -> ComposeValue {
        match (self.said, over.said) {
            (said, Spoken::Nothing) => ComposeValue { at: self.at, said },
            (Spoken::Map(mut members), Spoken::Map(others)) => {
                lay(&mut members, others, clash);
                ComposeValue { at: self.at, said: Spoken::Map(members) }
            }
            (Spoken::List(mut values), Spoken::List(others)) => {
                values.extend(others);
                ComposeValue { at: self.at, said: Spoken::List(values) }
            }
            (said, other) => {
                if matches!(said, Spoken::Map(_) | Spoken::List(_)) {
                    clash(over.at);
                }
                ComposeValue { at: over.at, said: other }
            }
        }
    }
}

/// Puts `over` over `members`, as [`ComposeValue::under`].
pub(super) fn lay(members: &mut Members, over: Members, clash: &mut dyn FnMut(Where)) {
    for (name, value) in over {
        let value = match members.remove(&name) {
            Some(known) => known.under(value, clash),
            None => value,
        };
        members.insert(name, value);
    }
}

/// What a file takes out of what lies below it (`!reset`, `!override`), as paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Resets(Vec<Vec<Arc<str>>>);

impl Resets {
    pub(super) fn push(&mut self, path: &[Arc<str>]) {
        self.0.push(path.to_vec());
    }

    /// Sorts them, so that they are found by how they begin.
    pub(super) fn sorted(mut self) -> Resets {
        self.0.sort();
        self
    }

    /// The services that they take out, or have others in the stead of.
    pub(super) fn services(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|path| match path.as_slice() {
            [top, name] if **top == *"services" => Some(&**name),
            _ => None,
        })
    }

    /// Takes out of `members`, the top of a project, what the paths say that begin with `start`.
    pub(super) fn apply(&self, start: &[&str], members: &mut Members) {
        let begins = |path: &[Arc<str>]| {
            let own = path.iter().take(start.len()).map(AsRef::as_ref);
            own.cmp(start.iter().copied())
        };
        let from = self.0.partition_point(|path| begins(path).is_lt());
        for path in self.0[from..].iter().take_while(|path| begins(path).is_eq()) {
            take_out(path, members);
        }
    }
}

fn take_out(path: &[Arc<str>], members: &mut Members) {
    let Some((last, above)) = path.split_last() else { return };
    let mut members = members;
    for name in above {
        let Some(inner) = members.get_mut(name).and_then(ComposeValue::members_mut) else { return };
        members = inner;
    }
    members.remove(last);
}
