//! [`pick`]: one value out of a large document, of which nothing else is kept.

use granit_parser::{Event, Parser, StrInput};

use super::build::{Builder, MAX_DEPTH, misread_whole};
use super::fault::Fault;
use super::node::Node;

/// The value below the keys `path`, one in the other from the first document's root on; nothing where there
/// is none. What is beside it is read and not kept, however much that is.
///
/// # Errors
/// For what is no YAML, a key of the path that stands twice, and what [`documents`](super::documents) refuses
/// within the value. An alias of what stands outside of the value is none there.
pub fn pick(text: &str, path: &[&str]) -> Result<Option<Node>, Fault> {
    let mut events = Events(Parser::new_from_str(text));
    match events.next()? {
        Some((Event::MappingStart(..), _)) if !path.is_empty() => {}
        _ => return Ok(None),
    }
    let (mut level, mut found) = (0, None);
    let mut seen = vec![false; path.len()];
    while let Some((key, line)) = events.next()? {
        let name = match key {
            Event::MappingEnd if level == 0 => break,
            Event::MappingEnd => {
                level -= 1;
                continue;
            }
            Event::Scalar(name, ..) => name,
            _ => return Err(Fault::new(line, "a key is a list, a mapping or an alias")),
        };
        if name != path[level] {
            events.pass()?;
            continue;
        }
        if std::mem::replace(&mut seen[level], true) {
            return Err(Fault::new(line, format!("the key {name:?} stands twice in one mapping")));
        }
        if level + 1 == path.len() {
            found = Builder::default().value(&mut events.0)?;
            continue;
        }
        match events.next()? {
            Some((Event::MappingStart(..), _)) => level += 1,
            Some((first, line)) => events.pass_on(&first, line)?,
            None => break,
        }
    }
    Ok(found)
}

/// The events that are about values.
struct Events<'a>(Parser<'a, StrInput<'a>>);

impl<'a> Events<'a> {
    /// The next one of the first document, with its line.
    fn next(&mut self) -> Result<Option<(Event<'a>, usize)>, Fault> {
        for next in &mut self.0 {
            let (event, span) = next.map_err(|error| misread_whole(&error))?;
            match event {
                Event::DocumentEnd | Event::StreamEnd => return Ok(None),
                Event::Scalar(..)
                | Event::Alias(_)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => return Ok(Some((event, span.start.line()))),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Passes the next value over.
    fn pass(&mut self) -> Result<(), Fault> {
        match self.next()? {
            Some((first, line)) => self.pass_on(&first, line),
            None => Ok(()),
        }
    }

    /// Passes over the rest of the value that began with `first`.
    fn pass_on(&mut self, first: &Event<'_>, line: usize) -> Result<(), Fault> {
        let opens =
            |event: &Event<'_>| matches!(event, Event::SequenceStart(..) | Event::MappingStart(..));
        let mut depth = usize::from(opens(first));
        let mut line = line;
        while depth > 0 {
            if depth > MAX_DEPTH {
                let text = format!("it is nested deeper than {MAX_DEPTH} levels");
                return Err(Fault::new(line, text));
            }
            let Some((event, at)) = self.next()? else { return Ok(()) };
            line = at;
            match event {
                Event::SequenceEnd | Event::MappingEnd => depth -= 1,
                event if opens(&event) => depth += 1,
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_found_and_all_else_passed_over() {
        let text = "a: [1, {b: c}]\nentries:\n  x:\n  - v: 1\n  y: &y\n  - {v: 2, w: [3]}\nb: *y\n";
        let found = |path: &[&str]| pick(text, path).unwrap();

        let y = found(&["entries", "y"]).unwrap();
        assert_eq!(y.list()[0].members().count(), 2);
        assert_eq!(found(&["entries", "x"]).unwrap().weight(), 4);
        for none in [&["entries", "z"][..], &["y"], &["a", "b"], &["entries", "x", "v"], &[]] {
            assert!(found(none).is_none(), "{none:?}");
        }
        assert!(pick("", &["a"]).unwrap().is_none());
        assert!(pick("- a", &["a"]).unwrap().is_none());
    }

    #[test]
    fn two_of_one_name_and_what_is_too_deep_are_faults() {
        let deep = ["[", "]"].map(|it| it.repeat(MAX_DEPTH + 1)).concat();
        let below = format!("x: {deep}");
        for (text, said) in [
            ("e: {a: 1}\ne: {a: 2}", "stands twice"),
            ("e: {a: 1, a: 2}", "stands twice"),
            ("e: {a: {b: 1, b: 2}}", "stands twice"),
            (deep.as_str(), ""),
            (below.as_str(), "nested deeper"),
            ("o: &o [1]\ne: {a: *o}", "alias"),
            ("e: {? [1] : 2}", "a key is"),
            ("e: {a: 1", "cannot be read"),
        ] {
            match pick(text, &["e", "a"]) {
                Err(fault) => assert!(fault.message.contains(said), "{text}: {}", fault.message),
                Ok(found) => assert!(said.is_empty() && found.is_none(), "{text}"),
            }
        }
    }
}
