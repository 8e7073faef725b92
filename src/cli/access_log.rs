//! [`AccessLog`]: who asked `serve` for what, a line a request.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use clap::ValueEnum;
use serde_json::json;

use super::environment::now;
use super::printer::Printer;
use super::stderr::err;
use crate::tools::folder::{FileInfo, Folder};
use crate::verbs::serve::Visit;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;

/// Lines that wait for a slow disk or pipe: some megabyte at most. What comes beyond is counted, and
/// not waited for.
const WAITING: usize = 4096;
/// What a log is made with: its own user's, as other servers' logs are, and readable for a group.
const MODE: u32 = 0o640;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// As Apache and nginx write it, for programs that read their logs
    Combined,
    /// A JSON object a line
    Json,
}

/// A log that is written by a thread of its own, so that no client waits for a disk.
pub(super) struct AccessLog {
    lines: Option<SyncSender<String>>,
    format: LogFormat,
    /// Lines that there was no room for.
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Where the lines go.
enum Outlet {
    Stdout(File),
    /// A file is made anew when somebody moved it away, as logrotate does.
    File {
        folder: Folder,
        name: OsString,
        file: File,
    },
}

impl AccessLog {
    /// Begins to write to `path`, behind what is there; to standard output for `-`.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub(super) fn begin(path: &Path, format: LogFormat, printer: &Printer) -> Result<AccessLog> {
        let mut outlet = match path.as_os_str() == "-" {
            true => Outlet::Stdout(printer.hand_over_stdout()?),
            false => Outlet::at(path)?,
        };
        let (lines, waiting) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let (path, missed) = (path.to_owned(), Arc::clone(&lost));
        let write = move || write_all(&mut outlet, &path, &waiting, &missed);
        let thread = std::thread::Builder::new().name("access log".to_owned()).spawn(write);
        let thread = Some(thread.map_err(|e| Error::io("cannot begin the access log", e))?);
        Ok(AccessLog { lines: Some(lines), format, lost, thread })
    }

    /// Notes `visit`, unless too many lines wait already.
    pub(super) fn note(&self, visit: &Visit) {
        let moment = now().unwrap_or(Moment::EPOCH);
        let line = match self.format {
            LogFormat::Combined => combined(visit, moment),
            LogFormat::Json => as_json(visit, moment),
        };
        if let Some(Err(TrySendError::Full(_))) =
            self.lines.as_ref().map(|lines| lines.try_send(line))
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.lines = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Outlet {
    fn at(path: &Path) -> Result<Outlet> {
        let fault = |e: io::Error| Error::io(format!("cannot write {}", path.display()), e);
        let Some(name) = path.file_name().map(OsString::from) else {
            return Err(Error::new(Class::Usage, format!("{} names no file", path.display())));
        };
        let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = Folder::open(parent.unwrap_or(Path::new("."))).map_err(fault)?;
        let file = open(&folder, &name).map_err(fault)?;
        Ok(Outlet::File { folder, name, file })
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        match self {
            Outlet::Stdout(file) => file.write_all(text.as_bytes()),
            Outlet::File { folder, name, file } => {
                let ours = FileInfo::of(&*file)?;
                if !folder.look(&*name)?.is_some_and(|there| there.is_of_same(&ours)) {
                    *file = open(folder, name)?;
                }
                file.write_all(text.as_bytes())
            }
        }
    }
}

/// The file `name`, made where it is not there, to be written behind its end.
fn open(folder: &Folder, name: &OsStr) -> io::Result<File> {
    match folder.file_to_append(name) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            folder.create(name, MODE)?;
            folder.file_to_append(name)
        }
        other => other,
    }
}

fn write_all(outlet: &mut Outlet, path: &Path, lines: &Receiver<String>, lost: &AtomicU64) {
    let mut failing = false;
    while let Ok(mut text) = lines.recv() {
        // What waits goes out at once.
        lines.try_iter().take(WAITING).for_each(|more| text += &more);
        let missing = lost.swap(0, Ordering::Relaxed);
        if missing > 0 {
            err(&format!("warning: {}: {missing} lines were lost", path.display()));
        }
        match outlet.write(&text) {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                err(&format!("warning: cannot write {}: {error}", path.display()));
            }
            Err(_) => {}
        }
    }
}

/// As nginx calls it: `PEER - USER [TIME] "REQUEST" STATUS BYTES "REFERER" "AGENT"`.
fn combined(visit: &Visit, moment: Moment) -> String {
    let user = visit.user.as_deref().map_or("-".to_owned(), plain);
    let agent = if visit.agent.is_empty() { "-".to_owned() } else { plain(&visit.agent) };
    let asked = match visit.method.is_empty() {
        true => "-".to_owned(),
        false => [&visit.method, &visit.target, &visit.version].map(|it| plain(it)).join(" "),
    };
    format!(
        "{} - {user} [{}] \"{asked}\" {} {} \"-\" \"{agent}\"\n",
        visit.peer,
        clf_time(moment),
        visit.status,
        visit.bytes
    )
}

/// `27/Nov/2026:11:26:37 +0000`.
fn clf_time(moment: Moment) -> String {
    let text = moment.to_string();
    let month = text.get(5..7).and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    let month = MONTHS.get(month.saturating_sub(1)).unwrap_or(&MONTHS[0]);
    format!("{}/{month}/{}:{} +0000", part(8..10), part(0..4), part(11..19))
}

/// `text` of which nothing but visible ASCII goes out as it is, and what ends a word does not: as nginx
/// escapes (`\xHH`).
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out += &format!("\\x{byte:02X}"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out += &format!("\\x{byte:02X}"),
        }
    }
    out
}

fn as_json(visit: &Visit, moment: Moment) -> String {
    let value = json!({
        "time": moment.to_string(),
        "peer": visit.peer.to_string(),
        "user": visit.user,
        "method": visit.method,
        "target": visit.target,
        "version": visit.version,
        "status": visit.status,
        "bytes": visit.bytes,
        "seconds": visit.took.as_secs_f64(),
        "agent": visit.agent,
    });
    let mut out = String::new();
    // In ASCII, as all JSON here.
    for c in value.to_string().chars() {
        match c.is_ascii() && c != '\x7f' {
            true => out.push(c),
            false => {
                let units = c.encode_utf16(&mut [0; 2]).to_vec();
                units.iter().for_each(|unit| out += &format!("\\u{unit:04x}"));
            }
        }
    }
    out + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_line_whatever_a_client_says() {
        let agent = "evil\"\\ \u{1b}[2J\n\r\u{7f}é".to_owned();
        let hostile = |text: &str| plain(text);

        assert_eq!(hostile(&agent), "evil\\x22\\x5C \\x1B[2J\\x0A\\x0D\\x7F\\xC3\\xA9");
        assert_eq!(
            clf_time(Moment::of_rfc3339("2026-11-27T11:26:37Z").unwrap()),
            "27/Nov/2026:11:26:37 +0000"
        );
    }
}
