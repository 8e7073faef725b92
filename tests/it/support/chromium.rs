//! A page as a browser shows it, without scripts: Debian's headless Chromium.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{command, find, text};

/// The program that [`need`] asks for.
pub const CHROMIUM: &str = "chromium-headless-shell";

/// What the browser made of `page` at the widths of a phone, a screen and paper. Pictures, and what the
/// printer would get, are in the folder `name` of the artifacts of tests (`target/tmp`).
pub fn shown(page: &Path, name: &str) -> (Vec<Value>, PathBuf) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/chromium.py");
    let mut python = command("python3");
    python.arg(script).arg(find(CHROMIUM).unwrap()).arg(page).arg(&folder);
    (serde_json::from_str(&text(&mut python)).unwrap(), folder)
}

/// What a parser of HTML reads on `page`: its text, and its tags with their attributes.
pub fn parsed(page: &Path) -> Value {
    let script = r#"
import html.parser, json, sys
class Reader(html.parser.HTMLParser):
    text, tags = [], []
    def handle_starttag(self, tag, attributes):
        self.tags.append([tag, dict(attributes)])
    def handle_data(self, data):
        self.text.append(data)
reader = Reader(convert_charrefs=True)
reader.feed(open(sys.argv[1], encoding="utf-8").read())
reader.close()
print(json.dumps({"text": "".join(reader.text), "tags": reader.tags}))
"#;
    let told = text(command("python3").args(["-c", script]).arg(page));
    serde_json::from_str(&told).unwrap()
}
