//! Pages that walk two people through something: each block of shell says on which side of the gap it is
//! typed, and each command how it ends, where that is not well.

use std::path::Path;

use super::command;
use super::sealift::{Ran, Sealift, ran};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Outside,
    Inside,
}

/// One block of a page.
pub struct Block {
    /// The page and the line of it.
    pub place: String,
    /// The second-level heading that it stands under.
    pub heading: String,
    pub side: Side,
    pub text: String,
}

/// The blocks of the page `docs/NAME`.
pub fn blocks(name: &str) -> Vec<Block> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let page = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let (mut blocks, mut heading, mut inside) = (Vec::new(), String::new(), None);
    for (number, line) in page.lines().enumerate() {
        match (line, &mut inside) {
            ("```sh", None) => {
                inside = Some((format!("{name}:{}", number + 1), String::new()));
            }
            ("```", Some((place, text))) => {
                let side = match text.lines().next() {
                    Some("# outside") => Side::Outside,
                    Some("# inside") => Side::Inside,
                    _ => panic!("{place}: a block does not say on which side it is"),
                };
                let (place, text) = (std::mem::take(place), std::mem::take(text));
                blocks.push(Block { place, heading: heading.clone(), side, text });
                inside = None;
            }
            (line, Some((_, text))) => *text += &format!("{line}\n"),
            (line, None) => {
                if let Some(title) = line.strip_prefix("## ") {
                    title.clone_into(&mut heading);
                }
            }
        }
    }
    blocks
}

/// What a page has its readers type, each command in one line.
pub fn typed(name: &str) -> String {
    blocks(name).into_iter().map(|block| block.text.replace("\\\n", " ")).collect()
}

/// Whether the README leads to the page.
pub fn is_in_readme(name: &str) -> bool {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(readme).unwrap().contains(&format!("(docs/{name})"))
}

/// The block as a script that fails where the page does not say how a command ends.
fn script(text: &str) -> String {
    let joined = text.replace("\\\n", " ");
    let line = |line: &str| match line.split_once(" # exit ") {
        None => format!("{line}\n"),
        Some((command, code)) => format!(
            "ended=0; {command} || ended=$?\n\
             [ \"$ended\" = {code} ] || {{ echo \"ended with $ended instead of {code}\"; exit 99; }}\n"
        ),
    };
    joined.lines().map(line).collect()
}

/// Runs `text`, which stands for that of `block`, in the folder of `sealift`, as a shell of its own.
pub fn run(block: &Block, text: &str, sealift: &Sealift) -> Ran {
    let file = sealift.at("block.sh");
    std::fs::write(&file, script(text)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_sealift")).parent().unwrap().to_owned();
    let inherited = std::env::var_os("PATH").unwrap();
    let path = std::iter::once(program).chain(std::env::split_paths(&inherited));
    let mut shell = command("sh");
    shell.arg("-eu").arg(file).current_dir(sealift.at("")).env_clear();
    for (name, value) in sealift.command().get_envs() {
        shell.env(name, value.unwrap());
    }
    let ran = ran(shell.env("PATH", std::env::join_paths(path).unwrap()));
    assert_eq!(ran.code, 0, "{}\n{text}\n{ran:?}", block.place);
    ran
}

#[test]
fn a_command_that_ends_otherwise_than_the_page_says_fails_its_block() {
    let ends = |text: &str| ran(command("sh").args(["-euc", &script(text)])).code;
    assert_eq!(ends("exit 7\n"), 7);
    assert_eq!(ends("sh -c 'exit 7' # exit 7\necho on\n"), 0);
    assert_eq!(ends("sh -c \\\n'exit 5' # exit 7\n"), 99);
    assert_eq!(ends("true # exit 7\n"), 99);
}
