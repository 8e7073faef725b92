//! [`Counts`]: what a server did so far, for `/metrics`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::tools::mutex::lock;

/// What `/metrics` is, as Prometheus wants it said (Exposition formats, "Text-based format").
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Kept by all connections, read by whoever asks.
#[derive(Debug, Default)]
pub struct Counts {
    /// Answers by their status, which only this server sets: there is no end of other labels.
    codes: Mutex<BTreeMap<u16, u64>>,
    sent: AtomicU64,
    connections: AtomicU64,
    under_way: AtomicU64,
}

impl Counts {
    /// A connection came.
    pub fn came(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// One of them is gone.
    pub fn left(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// An answer begins.
    pub fn begun(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// One of them ended, with this status.
    pub fn ended(&self, status: u16) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        *lock(&self.codes).entry(status).or_default() += 1;
    }

    /// Sockets took `bytes`.
    pub fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many answers have not ended.
    pub fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// All of it, and how many images each of `bundles` has, as text for Prometheus.
    pub fn text(&self, bundles: &[(String, usize)]) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, lines: &[(String, u64)]| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in lines {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let plain = |value: &AtomicU64| vec![(String::new(), value.load(Ordering::Relaxed))];
        let codes = lock(&self.codes).clone();
        let codes: Vec<_> =
            codes.into_iter().map(|(code, n)| (format!("{{code=\"{code}\"}}"), n)).collect();
        let held = |(bundle, images): &(String, usize)| {
            (format!("{{bundle=\"{}\"}}", label(bundle)), *images as u64)
        };
        let bundles: Vec<_> = bundles.iter().map(held).collect();
        let version = format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
        family("sealift_build_info", "gauge", "Which sealift this is.", &[(version, 1)]);
        family(
            "sealift_http_requests_total",
            "counter",
            "Requests that were answered, by the status of the answer.",
            &codes,
        );
        family(
            "sealift_http_requests_in_flight",
            "gauge",
            "Answers under way.",
            &plain(&self.under_way),
        );
        family(
            "sealift_http_sent_bytes_total",
            "counter",
            "Bytes that clients were sent, with heads of answers.",
            &plain(&self.sent),
        );
        family(
            "sealift_connections",
            "gauge",
            "Connections that have a seat.",
            &plain(&self.connections),
        );
        family("sealift_bundle_images", "gauge", "Images of each bundle that is served.", &bundles);
        text
    }
}

/// `text` as the value of a label: what the format wants escaped is, and what no terminal should get is
/// spelled out.
fn label(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\\' => "\\\\".to_owned(),
            '"' => "\\\"".to_owned(),
            '\n' => "\\n".to_owned(),
            c if c.is_ascii_graphic() || c == ' ' => c.to_string(),
            c => format!("\\\\u{{{:x}}}", u32::from(c)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told_by_code_and_no_label_breaks_its_line() {
        let counts = Counts::default();
        counts.came();
        (0..3).for_each(|_| counts.begun());
        counts.sent(1234);
        [200, 200].into_iter().for_each(|code| counts.ended(code));
        counts.begun();
        counts.ended(404);

        let text = counts.text(&[("a \"b\\\n\u{1b}é.tar".to_owned(), 7)]);

        for line in [
            "sealift_http_requests_total{code=\"200\"} 2\n",
            "sealift_http_requests_total{code=\"404\"} 1\n",
            "sealift_http_requests_in_flight 1\n",
            "sealift_http_sent_bytes_total 1234\n",
            "sealift_connections 1\n",
            "sealift_bundle_images{bundle=\"a \\\"b\\\\\\n\\\\u{1b}\\\\u{e9}.tar\"} 7\n",
            "# TYPE sealift_connections gauge\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert!(text.lines().all(|line| line.bytes().all(|c| c == b' ' || c.is_ascii_graphic())));
    }
}
