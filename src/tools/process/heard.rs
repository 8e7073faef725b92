//! [`Heard`]: of the lines that a program says those that matter, whatever it says and how much.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::tools::mutex::lock;

/// Most lines that are kept of each kind: what a person reads of a failure.
const MAX_LINES: usize = 20;
/// Most bytes that are kept of a line: a path has up to 4096, of which the end tells less.
const MAX_LINE: usize = 500;
/// The word at the end of the lines in which ClamAV names what it found.
const FOUND: &[u8] = b"FOUND";
/// How long the rest of what was said may take, once the program has ended. A grandchild that lives on
/// may hold the pipe for ever.
const REST: Duration = Duration::from_secs(2);

/// Of what was said so far: the first lines that name something found, and the last ones of all.
#[derive(Debug, Default)]
struct Lines {
    found: Vec<Vec<u8>>,
    first: Option<Vec<u8>>,
    last: VecDeque<Vec<u8>>,
}

impl Lines {
    fn take(&mut self, line: &[u8]) {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return;
        }
        if line.ends_with(FOUND) && self.found.len() < MAX_LINES {
            self.found.push(line.to_vec());
        }
        if self.first.is_none() {
            self.first = Some(line.to_vec());
        }
        // Of millions of lines none takes memory of its own.
        let mut last = match self.last.len() {
            MAX_LINES => self.last.pop_front().unwrap_or_default(),
            _ => Vec::new(),
        };
        last.clear();
        last.extend_from_slice(line);
        self.last.push_back(last);
    }
}

fn text(line: Vec<u8>) -> String {
    String::from_utf8_lossy(&line).into_owned()
}

/// Hears a pipe on a thread of its own, so that the program never waits for us.
#[derive(Debug)]
pub(super) struct Heard {
    lines: Arc<Mutex<Lines>>,
    /// Closed at the end of the pipe.
    open: Receiver<()>,
}

impl Heard {
    pub(super) fn of(pipe: Option<impl Read + Send + 'static>) -> Heard {
        let (held, open) = channel::<()>();
        let lines = Arc::new(Mutex::new(Lines::default()));
        let heard = Heard { lines: Arc::clone(&lines), open };
        let Some(mut pipe) = pipe else { return heard };
        std::thread::spawn(move || {
            let _held = held;
            let (mut buffer, mut line) = (vec![0; 64 << 10], Vec::new());
            while let Ok(got @ 1..) = pipe.read(&mut buffer) {
                for part in buffer[..got].split_inclusive(|byte| *byte == b'\n') {
                    let text = part.strip_suffix(b"\n").unwrap_or(part);
                    keep(&mut line, text);
                    if text.len() < part.len() {
                        lock(&lines).take(&line);
                        line.clear();
                    }
                }
            }
            lock(&lines).take(&line);
        });
        heard
    }

    /// Waits for the end, or long enough. Gives the lines that name something found, the last lines, and the
    /// first one.
    pub(super) fn end(self) -> (Vec<String>, Vec<String>, Option<String>) {
        // Nothing is ever sent: this waits for the end of the thread.
        let _ = self.open.recv_timeout(REST);
        let lines = std::mem::take(&mut *lock(&self.lines));
        let all = |lines: Vec<Vec<u8>>| lines.into_iter().map(text).collect();
        (all(lines.found), all(lines.last.into()), lines.first.map(text))
    }
}

/// Adds `text` to `line` as far as there is room; of one that is too long the end is kept, where ClamAV
/// says what it found.
fn keep(line: &mut Vec<u8>, text: &[u8]) {
    line.extend_from_slice(&text[text.len().saturating_sub(MAX_LINE)..]);
    let more = line.len().saturating_sub(MAX_LINE);
    line.drain(..more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_kept_of_whatever_is_said() {
        let mut said = Vec::new();
        for n in 0..200_000 {
            said.extend_from_slice(format!("/x/{n}: OK\n").as_bytes());
            if n == 100 {
                said.extend_from_slice(b"/x/evil: Eicar FOUND\n");
            }
        }
        said.extend_from_slice(&vec![b'a'; 3 << 20]);
        said.extend_from_slice(b": Long FOUND");

        let (found, last, first) = Heard::of(Some(std::io::Cursor::new(said))).end();

        assert_eq!(found[0], "/x/evil: Eicar FOUND");
        assert!(found[1].ends_with("aaa: Long FOUND") && found[1].len() == MAX_LINE);
        assert_eq!((found.len(), last.len()), (2, MAX_LINES));
        assert_eq!(last[0], "/x/199981: OK");
        assert_eq!(first.unwrap(), "/x/0: OK");
    }
}
