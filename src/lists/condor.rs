//! Submit files of HTCondor: the images of their jobs.
//!
//! condor_submit(1), and "Submitting a job" of the manual.

mod macros;
mod queue;
mod step;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use self::macros::{Expansion, Macros};
use self::queue::{Items, Queue, split, values};
use self::step::{Step, SubmitLines};
use super::around::Around;
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;
use super::spot::Spot;

/// What says an image of a registry.
const OF_DOCKER: [&str; 2] = ["docker_image", "my.dockerimage"];
/// What says an image, or a file or folder that is one.
const OF_ANY: [&str; 3] = ["container_image", "my.containerimage", "my.singularityimage"];
/// What submit files say, and others do not.
const SIGNS: [&str; 7] = [
    "universe",
    "executable",
    "request_cpus",
    "request_memory",
    "request_disk",
    "should_transfer_files",
    "when_to_transfer_output",
];
/// Most characters of a text that a message shows.
const SHOWN: usize = 80;

/// A submit file.
#[derive(Debug)]
pub(super) struct Condor;

impl ListFormat for Condor {
    fn name(&self) -> &'static str {
        "condor"
    }

    fn title(&self) -> &'static str {
        "a submit file of HTCondor"
    }

    /// It says what submit files say, and queues or has an image.
    fn is(&self, list: &ListText) -> bool {
        let mut script = SubmitLines::of(list.text());
        let (mut queues, mut has_sign, mut has_image, mut is_first) = (false, false, false, true);
        while let Some((_, statement)) = script.statement() {
            match statement {
                Step::Queue(_) => queues = true,
                Step::Set(name, _) => {
                    has_sign |= SIGNS.contains(&name.as_str());
                    has_image |= says_image(&name);
                }
                Step::Other if is_first => return false,
                _ => {}
            }
            is_first = false;
        }
        (has_sign && (queues || has_image)) || (has_image && queues)
    }

    fn read(&self, lists: &[ListText], around: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            Submission {
                list,
                around,
                macros: Macros::default(),
                branches: Vec::new(),
                off: 0,
                seen: HashSet::new(),
                reading: &mut reading,
            }
            .read();
        }
        reading
    }
}

fn says_image(name: &str) -> bool {
    OF_DOCKER.contains(&name) || OF_ANY.contains(&name)
}

/// A branch of `if`.
struct Branch {
    is_taken: bool,
    /// Whether this one or one before it was taken.
    is_done: bool,
}

/// One file on its way.
struct Submission<'a> {
    list: &'a ListText,
    around: &'a dyn Around,
    macros: Macros,
    branches: Vec<Branch>,
    /// How many of the branches are not taken.
    off: usize,
    /// What was asked for, by line and name: jobs of one image are many.
    seen: HashSet<(usize, String)>,
    reading: &'a mut Reading,
}

impl Submission<'_> {
    fn read(mut self) {
        let mut script = SubmitLines::of(self.list.text());
        let mut has_queued = false;
        while let Some((line, statement)) = script.statement() {
            match statement {
                Step::If(condition) => {
                    let is_taken = self.off == 0 && self.holds(line, &condition);
                    self.enter(Branch { is_taken, is_done: is_taken });
                }
                Step::Elif(condition) => self.turn(line, Some(&condition)),
                Step::Else => self.turn(line, None),
                Step::EndIf => {
                    let left = self.branches.pop().is_some_and(|it| !it.is_taken);
                    self.off -= usize::from(left);
                }
                Step::Set(name, value) if self.off > 0 => {
                    if says_image(&name) {
                        let text = format!("{} is in a branch that is not taken", shown(&value));
                        self.reading.note(self.list.spot(line, name), text);
                    }
                }
                Step::Set(name, value) => self.macros.set(name, line, value),
                Step::Include(what) if self.off == 0 => {
                    let text = format!("includes {}, which is not read", shown(&what));
                    self.reading.note(self.list.spot(line, "include"), text);
                }
                Step::Queue(arguments) => {
                    has_queued = true;
                    self.queue(line, &arguments, &mut script);
                }
                Step::Include(_) | Step::Other => {}
            }
        }
        if !has_queued {
            self.ask(&Queue::of(""), &[]);
        }
    }

    fn enter(&mut self, branch: Branch) {
        self.off += usize::from(!branch.is_taken);
        self.branches.push(branch);
    }

    /// `elif CONDITION`, or `else`.
    fn turn(&mut self, line: usize, condition: Option<&str>) {
        let Some(last) = self.branches.pop() else { return };
        self.off -= usize::from(!last.is_taken);
        let may = !last.is_done && self.off == 0;
        let is_taken = may && condition.is_none_or(|it| self.holds(line, it));
        self.enter(Branch { is_taken, is_done: last.is_done || is_taken });
    }

    /// Whether a condition of `if` holds: for this file alone, and for a version that is the newest.
    fn holds(&mut self, line: usize, condition: &str) -> bool {
        let (bare, is_not) = match condition.trim().strip_prefix('!') {
            Some(bare) => (bare.trim(), true),
            None => (condition.trim(), false),
        };
        let lower = bare.to_ascii_lowercase();
        let found = match lower.split_once(char::is_whitespace) {
            Some(("defined", name)) => Some(self.macros.get(name.trim()).is_some()),
            Some(("version", rest)) => Some(rest.trim_start().starts_with('>')),
            _ => match Expansion::new(&self.macros, self.around, Vec::new()).of(bare) {
                Ok(value) => match value.trim().to_ascii_lowercase().as_str() {
                    "true" | "yes" | "1" | "t" => Some(true),
                    "false" | "no" | "0" | "f" | "" => Some(false),
                    _ => None,
                },
                Err(_) => None,
            },
        };
        if found.is_none() {
            let text = format!("whether {} holds is not known here", shown(condition));
            let out = "leave the if out, or name the images in a plain list";
            self.reading.wrong(self.list.spot(line, "if"), text, out);
        }
        found.is_some_and(|it| it != is_not)
    }

    /// `queue ARGUMENTS`, the items of which may be in the lines behind it.
    fn queue(&mut self, line: usize, arguments: &str, script: &mut SubmitLines<'_>) {
        let queue = Queue::of(arguments);
        let spot = self.list.spot(line, "queue");
        let own = |items: &[String]| -> Vec<(Spot, String)> {
            items.iter().map(|item| (spot.clone(), item.clone())).collect()
        };
        let items = match &queue.items {
            Items::None | Items::Elsewhere(_) | Items::File(_) => Vec::new(),
            Items::Here(items) => own(items),
            Items::Below(items) => {
                let mut all = own(items);
                match script.items() {
                    Some(lines) => {
                        for (line, text) in lines {
                            let spot = self.list.spot(line, "queue");
                            let items = split(&text, queue.is_by_line);
                            all.extend(items.into_iter().map(|item| (spot.clone(), item)));
                        }
                    }
                    None => {
                        let out = "close it with ) on a line of its own";
                        self.reading.wrong(spot.clone(), "its list of items never ends", out);
                    }
                }
                all
            }
        };
        if self.off == 0 {
            self.ask_at(&queue, items, &spot);
        }
    }

    /// Asks for the images of a `queue` at `spot`, whose items may be in a file.
    fn ask_at(&mut self, queue: &Queue, items: Vec<(Spot, String)>, spot: &Spot) {
        if !self.needs_items(queue) {
            self.ask(queue, &[]);
            return;
        }
        if queue.is_sliced {
            let text = "only some of its items are queued, and the images of all are taken";
            self.reading.note(spot.clone(), text);
        }
        match &queue.items {
            Items::Elsewhere(what) => {
                let text = format!("its images depend on {}, which is not looked at", shown(what));
                self.reading.wrong(spot.clone(), text, "name the images in a plain list");
            }
            Items::File(path) => match self.around.beside(self.list, path) {
                Ok(file) => {
                    let lines = file.text().lines().enumerate();
                    // There are no comments in such a file.
                    let items = lines.filter(|(_, line)| !line.trim().is_empty());
                    let what = format!("queue of {}", self.list.name());
                    let all: Vec<(Spot, String)> = items
                        .map(|(at, line)| (file.spot(at + 1, &*what), line.trim().to_owned()))
                        .collect();
                    self.ask(queue, &all);
                }
                Err(error) => self.reading.fault(spot.clone(), error),
            },
            _ => self.ask(queue, &items),
        }
    }

    /// The texts that say images now, each with what says so and its line.
    fn images(&self, queue: &Queue) -> Vec<(&'static str, usize, String)> {
        let all = OF_DOCKER.into_iter().chain(OF_ANY);
        all.filter_map(|key| match queue.variables.iter().any(|it| it == key) {
            true => Some((key, 0, format!("$({key})"))),
            // What is too long says so where it is worked out.
            false => self.macros.get(key).map(|(line, value)| {
                (key, line, value.map_or_else(|| format!("$({key})"), str::to_owned))
            }),
        })
        .collect()
    }

    fn needs_items(&self, queue: &Queue) -> bool {
        let item = queue.variables.iter().map(|name| (name.as_str(), "")).collect();
        let expansion = Expansion::new(&self.macros, self.around, item);
        for (_, _, text) in self.images(queue) {
            // What is wrong besides is told when it is asked for.
            let _ = expansion.of(&text);
        }
        expansion.has_asked_the_item()
    }

    /// Asks for the images of a `queue`: those of all `items`, or of none.
    fn ask(&mut self, queue: &Queue, items: &[(Spot, String)]) {
        for (key, line, text) in self.images(queue) {
            let own = self.list.spot(line, key);
            if items.is_empty() {
                let found = Expansion::new(&self.macros, self.around, Vec::new()).of(&text);
                if line > 0 {
                    self.take(key, own, &text, found);
                }
                continue;
            }
            for (spot, item) in items {
                let named = queue.variables.iter().map(String::as_str);
                let set = named.zip(values(item, queue.variables.len())).collect();
                let expansion = Expansion::new(&self.macros, self.around, set);
                let found = expansion.of(&text);
                let depends = expansion.has_asked_the_item();
                let spot = if depends { spot.clone() } else { own.clone() };
                self.take(key, spot, &text, found);
                if !depends {
                    break;
                }
            }
        }
    }

    /// Takes what `key` says at `spot`: `text`, which became `found`.
    fn take(&mut self, key: &str, spot: Spot, text: &str, found: Result<String, String>) {
        let place = found.as_ref().unwrap_or_else(|why| why);
        if !self.seen.insert((spot.line, format!("{} {key} {place}", spot.file))) {
            return;
        }
        let value = match found {
            Ok(value) => value,
            Err(why) => {
                let text = format!("{} cannot be worked out: {why}", shown(text));
                self.reading.wrong(spot, text, "write it out, or name the image in a plain list");
                return;
            }
        };
        let value = value.trim();
        let inner = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        if key.starts_with("my.") && inner.is_none() {
            let text = format!("{} is an expression, which is not worked out here", shown(value));
            self.reading.wrong(spot, text, "write a text in double quotes");
            return;
        }
        let name = inner.unwrap_or(value).trim();
        let of_registry =
            name.strip_prefix("docker:").map(|it| it.strip_prefix("//").unwrap_or(it));
        match of_registry {
            Some(image) if !image.is_empty() => self.reading.image(image, spot),
            _ if name.is_empty() => {
                self.reading.wrong(spot, format!("{key} names no image"), "write one");
            }
            None if OF_DOCKER.contains(&key) => self.reading.image(name, spot),
            _ => {
                let text = format!("{} is no image of a registry, and is not taken", shown(name));
                self.reading.note(spot, text);
            }
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
