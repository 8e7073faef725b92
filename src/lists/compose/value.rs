//! [`Value`]: what a Compose file says, with where it says it, and how one goes over another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::template::Unfilled;

/// Members by name.
pub(super) type Members = BTreeMap<Arc<str>, Value>;

/// A place in one of the files that were read: the file's number, in their order, and the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Where {
    pub(super) file: usize,
    pub(super) line: usize,
}

/// A value of a project, with its variables written out.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) at: Where,
    pub(super) said: Said,
}

/// What a value says.
#[derive(Debug, Clone)]
pub(super) enum Said {
    Nothing,
    Text(Arc<Text>),
    /// A text with a variable that cannot be written out.
    Unfilled(Arc<Unfilled>),
    List(Vec<Value>),
    Map(Members),
}

/// A scalar.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) text: String,
    /// The variables in it that are not set.
    pub(super) unset: Vec<String>,
    /// Whether it is a number or a truth value, not text.
    pub(super) is_bare: bool,
}

impl Value {
    pub(super) fn map(at: Where, members: Members) -> Value {
        Value { at, said: Said::Map(members) }
    }

    pub(super) fn members(&self) -> Option<&Members> {
        match &self.said {
            Said::Map(members) => Some(members),
            _ => None,
        }
    }

    pub(super) fn members_mut(&mut self) -> Option<&mut Members> {
        match &mut self.said {
            Said::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The member called `name` that says anything.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.members()?.get(name).filter(|value| !matches!(value.said, Said::Nothing))
    }

    /// Its text, where it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.said {
            Said::Text(text) => Some(&text.text),
            _ => None,
        }
    }

    /// The text of the member called `name`.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// Its entries, where it is a list; itself where it is a text; else none.
    pub(super) fn each(&self) -> &[Value] {
        match &self.said {
            Said::List(values) => values,
            Said::Text(_) | Said::Unfilled(_) => std::slice::from_ref(self),
            _ => &[],
        }
    }

    /// How many values there are from here on down.
    pub(super) fn weight(&self) -> usize {
        1 + match &self.said {
            Said::List(values) => values.iter().map(Value::weight).sum(),
            Said::Map(members) => members.values().map(Value::weight).sum(),
            _ => 0,
        }
    }

    /// This value with `over` over it: members by name, lists one behind the other, and anything else in
    /// the stead of what was there. `clash` is told where a list or a mapping would be something else then.
    pub(super) fn under(self, over: Value, clash: &mut dyn FnMut(Where)) -> Value {
        match (self.said, over.said) {
            (said, Said::Nothing) => Value { at: self.at, said },
            (Said::Map(mut members), Said::Map(others)) => {
                lay(&mut members, others, clash);
                Value { at: self.at, said: Said::Map(members) }
            }
            (Said::List(mut values), Said::List(others)) => {
                values.extend(others);
                Value { at: self.at, said: Said::List(values) }
            }
            (said, other) => {
                if matches!(said, Said::Map(_) | Said::List(_)) {
                    clash(over.at);
                }
                Value { at: over.at, said: other }
            }
        }
    }
}

/// Puts `over` over `members`, as [`Value::under`].
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
        let Some(inner) = members.get_mut(name).and_then(Value::members_mut) else { return };
        members = inner;
    }
    members.remove(last);
}
