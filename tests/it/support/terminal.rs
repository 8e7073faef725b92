//! A terminal with a shell at it, by way of `script`: what is typed, and what stays on the screen.

use std::io::{Read as _, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{PATIENCE, Process};

/// Follows what a command printed; bash says it, and nothing else would.
const PROMPT: &str = "%ready%";
/// What a program says that waits for a passphrase.
const ASKING: [&str; 5] = ["passphrase: ", "same again: ", ".pem: ", ".age: ", "secure one): "];

/// A shell at a terminal.
pub struct Terminal {
    _script: Process,
    keyboard: ChildStdin,
    output: Receiver<Vec<u8>>,
    passphrase: String,
    columns: usize,
}

impl Terminal {
    /// Starts `bash` in the environment and folder of `product`, which it finds by its name, at a
    /// terminal of so many columns. Whatever asks for a passphrase is given this one.
    pub fn start(product: Command, columns: usize, passphrase: &str) -> Terminal {
        let program = std::path::Path::new(product.get_program()).parent().unwrap();
        let mut script = Command::new("script");
        let shell = format!(
            "stty cols {columns} rows 50 -echo; exec bash --norc --noprofile --noediting -i"
        );
        script.args(["--quiet", "--flush", "--return", "--command", &shell, "/dev/null"]);
        script.env_clear().current_dir(product.get_current_dir().unwrap());
        for (name, value) in product.get_envs() {
            value.map(|value| script.env(name, value));
        }
        let path = std::env::var("PATH").unwrap();
        script.env("PATH", format!("{}:{path}", program.display())).env_remove("SOURCE_DATE_EPOCH");
        script.env("PS1", PROMPT).env("PS2", "").env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = Process::start(&mut script);
        let keyboard = script.0.stdin.take().unwrap();
        let mut screen = script.0.stdout.take().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut piece) {
                if sender.send(piece[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut terminal = Terminal {
            _script: script,
            keyboard,
            output,
            passphrase: passphrase.to_owned(),
            columns,
        };
        terminal.until(PROMPT);
        terminal
    }

    /// Types a command and answers the lines that it leaves on the screen.
    pub fn types(&mut self, command: &str) -> Vec<String> {
        self.send(command);
        let shown = self.until(PROMPT);
        screen(shown.strip_suffix(PROMPT).unwrap_or(&shown), self.columns)
    }

    /// Types a command that does not end, waits for `words` and the rest of their line, and ends it.
    pub fn types_until(&mut self, command: &str, words: &str) -> Vec<String> {
        self.send(command);
        let whole = |text: &str| text.find(words).is_some_and(|at| text[at..].contains('\n'));
        let shown = self.wait(words, whole);
        self.keyboard.write_all(b"\x03").unwrap();
        self.until(PROMPT);
        screen(&shown, self.columns)
    }

    /// Types a command that asks by a line which ends in `question`, and types for each what `answer` says
    /// to what was shown since the last one. Answers all that was shown.
    pub fn types_answering(
        &mut self,
        command: &str,
        question: &str,
        mut answer: impl FnMut(&str) -> String,
    ) -> String {
        self.send(command);
        let mut answered = 0;
        let mut all = String::new();
        loop {
            let shown =
                self.wait(question, |text| text.contains(question) || text.contains(PROMPT));
            all += &shown;
            if let Some(whole) = all.strip_suffix(PROMPT) {
                return whole.to_owned();
            }
            let line = answer(&all[answered..]);
            answered = all.len();
            self.send(&line);
        }
    }

    fn send(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn until(&mut self, end: &str) -> String {
        self.wait(end, |text| text.contains(end))
    }

    /// What is printed until it is `whole`, with an answer to whoever asks on the way.
    fn wait(&mut self, end: &str, whole: impl Fn(&str) -> bool) -> String {
        let (mut shown, mut answered) = (Vec::new(), 0);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = String::from_utf8_lossy(&shown).into_owned();
            if whole(&text) {
                return text;
            }
            if text.len() > answered && ASKING.iter().any(|asking| text.ends_with(asking)) {
                answered = text.len();
                let passphrase = self.passphrase.clone();
                self.send(&passphrase);
            }
            match self.output.recv_timeout(Duration::from_millis(100)) {
                Ok(piece) => shown.extend(piece),
                Err(_) => assert!(Instant::now() < deadline, "no {end:?} in {text:?}"),
            }
        }
    }
}

/// What stays on a screen of so many columns of `output`: bars that were drawn over or wiped are
/// gone, and a line that went on below is one line.
pub fn screen(output: &str, columns: usize) -> Vec<String> {
    let (mut lines, mut row, mut column) = (vec![Line::default()], 0_usize, 0_usize);
    let mut characters = output.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => column = 0,
            '\n' => (row, column) = (row + 1, 0),
            '\u{1b}' if characters.next_if_eq(&'[').is_some() => {
                let mut number = String::new();
                while let Some(digit) = characters.next_if(|c| !c.is_ascii_alphabetic()) {
                    number.push(digit);
                }
                let count = number.parse().unwrap_or(1);
                match characters.next() {
                    Some('A') => row = row.saturating_sub(count),
                    Some('B') => row += count,
                    Some('G') => column = count.saturating_sub(1),
                    Some('K') if number == "2" => lines[row] = Line::default(),
                    Some('K') => lines[row].text.truncate(column),
                    Some('J') => {
                        lines[row].text.truncate(column);
                        lines.truncate(row + 1);
                    }
                    _ => {}
                }
            }
            character if !character.is_control() => {
                if column == columns {
                    (row, column) = (row + 1, 0);
                    lines.resize_with(lines.len().max(row + 1), Line::default);
                    lines[row].goes_on = true;
                }
                let line = &mut lines[row].text;
                line.resize(line.len().max(column + 1), ' ');
                line[column] = character;
                column += 1;
            }
            _ => {}
        }
        lines.resize_with(lines.len().max(row + 1), Line::default);
    }
    let mut whole = Vec::<String>::new();
    for line in lines {
        let text: String = line.text.iter().collect();
        match whole.last_mut().filter(|_| line.goes_on) {
            Some(last) => *last += text.trim_end(),
            None => whole.push(text.trim_end().to_owned()),
        }
    }
    while whole.last().is_some_and(String::is_empty) {
        whole.pop();
    }
    whole
}

/// One line of a screen.
#[derive(Default)]
struct Line {
    text: Vec<char>,
    /// It is the rest of the one above, which was full.
    goes_on: bool,
}

#[test]
fn what_was_drawn_over_is_gone() {
    assert_eq!(screen("bar 10%\r\u{1b}[2Kdone\r\nnext\r\n", 20), ["done", "next"]);
    assert_eq!(screen("one\r\ntwo\u{1b}[1A\r\u{1b}[Jend\r\n", 20), ["end"]);
    assert_eq!(screen("\u{1b}[?25labc\rX", 20), ["Xbc"]);
    assert_eq!(screen("abcdef\r\ng", 3), ["abcdef", "g"]);
    let bars = "one\r\nbarbar\u{1b}[1A\r\u{1b}[2K\u{1b}[1B\r\u{1b}[2K\u{1b}[1Aend\r\n";
    assert_eq!(screen(bars, 3), ["one", "end"]);
}
