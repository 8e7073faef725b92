//! Manual pages, made from the words of `--help`, so that they cannot say anything else.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::printer::Printer;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;

/// Print a manual page
///
/// Made from the same words as --help. Packages of sealift bring all of them along.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift man export | man -l -
  sealift man key generate > sealift-key-generate.1")]
pub(super) struct Manual {
    /// The verb whose page it is; without one the page of the program
    verb: Vec<String>,
    /// Print the verbs that have a page, one a line
    #[arg(long, conflicts_with = "verb")]
    list: bool,
}

impl Manual {
    /// Prints the page, or the list, for the program `app`.
    ///
    /// # Errors
    ///
    /// [`Class::Usage`] for a verb that there is not.
    pub(super) fn run(self, app: Command, printer: &Printer) -> Result<ExitCode> {
        let mut app = app.disable_help_subcommand(true);
        app.build();
        if self.list {
            let mut verbs = Vec::new();
            list(&app, "", &mut verbs);
            printer.raw(verbs.concat().as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        let program = format!("{} {}", app.get_name(), app.get_version().unwrap_or_default());
        let mut command = &app;
        for word in &self.verb {
            command = command.find_subcommand(word).ok_or_else(|| unknown(&self.verb))?;
        }
        printer.raw(&page(command, program)?)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The verbs below `command`, whose own name is `prefix`, each before its own.
fn list(command: &Command, prefix: &str, verbs: &mut Vec<String>) {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = format!("{prefix}{}", verb.get_name());
        verbs.push(format!("{name}\n"));
        list(verb, &format!("{name} "), verbs);
    }
}

fn unknown(verb: &[String]) -> Error {
    let message = format!("there is no verb {}", Safe(&verb.join(" ")));
    Error::new(Class::Usage, message).hint("`sealift man --list` shows those that there are")
}

/// One page: clap's sections, and what stands below the help, each part under a heading of its own.
fn page(command: &Command, program: String) -> Result<Vec<u8>> {
    let man = Man::new(command.clone()).source(program).manual("sealift");
    let mut page = Vec::new();
    let mut write = || {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if command.has_subcommands() {
            man.render_subcommands_section(&mut page)?;
        }
        let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        sections(&below).to_writer(&mut page)
    };
    write().map_err(|e| Error::io("cannot write a manual page", e))?;
    Ok(page)
}

/// A line that ends with a colon and is not indented is a heading; the lines below it stay as they
/// are.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::new();
    for part in text.split("\n\n") {
        let (first, rest) = part.split_once('\n').unwrap_or((part, ""));
        let (heading, lines) = match first.strip_suffix(':').filter(|h| !h.starts_with(' ')) {
            Some(heading) => (Some(heading.to_uppercase()), rest),
            None => (None, part),
        };
        if lines.is_empty() {
            continue;
        }
        match &heading {
            Some(heading) => roff.control("SH", [heading.as_str()]),
            None => roff.control("PP", []),
        };
        roff.control("nf", []);
        for line in lines.lines() {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        roff.control("fi", []);
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_below_the_help_becomes_sections_that_keep_their_lines() {
        let page =
            sections("Examples:\n  sealift a\n  .b\n\nExit codes:\n  0 done\n    1 x").render();

        assert!(page.contains(".SH EXAMPLES\n.nf\nsealift a\n\\&.b\n.fi\n"), "{page}");
        assert!(page.contains(".SH \"EXIT CODES\"\n.nf\n0 done\n  1 x\n.fi\n"), "{page}");
    }
}
