//! [`Labels`]: what is written onto the sleeves of a set of volumes, as text and as a sheet to be printed.
//! Nobody believes it: it helps people to sort discs.

use super::envelope::Envelope;
use super::head::Head;
use super::line::CheckValue;
use super::statement::Statement;
use crate::medium::volume_table::VolumeTable;
use crate::words::bytes::Bytes;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::Result;

/// The files beside the volumes.
pub const TEXT: &str = "LABELS.txt";
/// The same as a sheet to be printed, by any browser.
pub const SHEET: &str = "LABELS.html";

/// Most characters of a key's id on a label: what `sig/` calls it by.
const KEY: usize = 16;

/// What is written onto the sleeves of a set.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// What all have in common, a line each.
    common: Vec<String>,
    /// The heading of each, and its own lines.
    each: Vec<(String, Vec<String>)>,
}

impl Labels {
    /// Those of the bundle of `head`, of which no volume is there yet.
    ///
    /// # Errors
    /// When the signed statement cannot be read.
    pub fn of(head: &Head) -> Result<Labels> {
        let signatures = head.files.iter().filter(|(path, _)| path.starts_with("sig/"));
        let envelopes = signatures.map(|(_, bytes)| Envelope::from_bytes(bytes));
        let envelopes: Vec<Envelope> = envelopes.collect::<Result<_>>()?;
        let mut common = Vec::new();
        if let Some(first) = envelopes.first() {
            let about = Statement::from_payload(first.payload())?.predicate;
            let bundle = about.position().map(|it| it.to_string());
            common.extend(bundle.map(|bundle| format!("bundle {bundle}")));
            common.push(format!("made at {}", about.created_at));
            common.extend(about.expires_at.map(|until| format!("expires at {until}")));
            common.push(count(about.images.len(), "image"));
        }
        let short = |envelope: &Envelope| {
            let key: String = envelope.claimed_key_id().chars().take(KEY).collect();
            format!("signed by {key}")
        };
        common.extend(envelopes.iter().map(short));
        common.push(format!("check value of the bundle {}", CheckValue::of(&head.statement)));
        Ok(Labels { common, each: Vec::new() })
    }

    /// Those of a set that is encrypted: no more than what sorts discs.
    #[must_use]
    pub fn sorting() -> Labels {
        Labels { common: vec!["encrypted with age".to_owned()], each: Vec::new() }
    }

    /// Adds that of a volume of `size` bytes with this table, of which `bytes` are the file.
    pub fn add(&mut self, table: &VolumeTable, bytes: &[u8], size: u64) {
        let check = CheckValue::of(&Digest::of(bytes));
        let own = vec![format!("check value of the volume {check}"), Bytes(size).to_string()];
        self.each.push((format!("{} - volume {} of {}", table.label, table.number, table.of), own));
    }

    /// As plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let each = self.each.iter().map(|(heading, own)| {
            let lines = own.iter().chain(&self.common).map(|line| format!("    {line}\n"));
            format!("{heading}\n{}", lines.collect::<String>())
        });
        each.collect::<Vec<_>>().join("\n")
    }

    /// As a sheet of labels, two in a row, each as wide as the sleeve of a disc lets it be.
    #[must_use]
    pub fn sheet(&self) -> String {
        let each = self.each.iter().map(|(heading, own)| {
            let lines =
                own.iter().chain(&self.common).map(|line| format!("<li>{}</li>", html(line)));
            format!("<div><h1>{}</h1><ul>{}</ul></div>\n", html(heading), lines.collect::<String>())
        });
        format!("{BEGIN}{}</body></html>\n", each.collect::<String>())
    }
}

const BEGIN: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Labels\
</title><style>\n@page { margin: 10mm }\nbody { font: 9pt sans-serif; margin: 0 }\n\
div { border: 1px dashed #999; box-sizing: border-box; display: inline-block; height: 60mm; \
overflow: hidden; padding: 4mm; page-break-inside: avoid; vertical-align: top; width: 90mm }\n\
h1 { font-size: 13pt; margin: 0 0 2mm }\nul { list-style: none; margin: 0; padding: 0 }\n\
</style></head><body>\n";

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::samples::Sample;

    #[test]
    fn each_label_says_which_volume_it_is_of_what_made_when_and_by_whom() {
        let sample = Sample::new();
        let head = sample.head();
        let mut labels = Labels::of(&head).unwrap();
        for number in [1, 2] {
            let table =
                VolumeTable::new("june 26", head.statement, 1 << 20, (number, 2), Vec::new());
            labels.add(&table, &table.to_bytes().unwrap(), 1 << 20);
        }

        let key = sample.key.public().id().hex();
        for text in [labels.text(), labels.sheet()] {
            for said in
                ["june 26 - volume 2 of 2", "2026-11-21", "2 images", &key[..16], "1.00 MiB"]
            {
                assert!(text.contains(said), "{said}: {text}");
            }
            assert_eq!(text.matches(&CheckValue::of(&head.statement).to_string()).count(), 2);
        }
        assert_eq!(html("a<b>&\""), "a&lt;b&gt;&amp;&quot;");
    }
}
