use crate::lists::formats::format_of;
use crate::lists::list_text::ListText;
use crate::lists::samples::{self, asked, told};

fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let reading = samples::read("dockerfile", text);
    (asked(&reading), told(&reading))
}

#[test]
fn samples_ask_for_what_buildkit_pulls() {
    samples::check("dockerfile");
}

#[test]
fn ruined_files_end() {
    samples::ruin("dockerfile");
}

#[test]
fn each_image_has_its_own_line() {
    let text = "ARG A=1\nFROM \\\n  # comment\n  x:${A} \\\n  AS b\nRUN --mount=type=cache,target=/c \\\n  \
                --mount=from=y:2,target=/t true\nCOPY \\\n  --from=z:3 a b\n";
    let reading = samples::read("dockerfile", text);
    let spots: Vec<String> = reading
        .entries
        .iter()
        .map(|it| format!("{:?} {} {}", it.asked, it.spot.line, it.spot.what))
        .collect();
    assert_eq!(
        spots,
        ["Image(\"x:1\") 4 FROM AS b", "Image(\"y:2\") 7 RUN mount", "Image(\"z:3\") 9 COPY from"]
    );
}

#[test]
fn what_cannot_be_known_is_named() {
    for (text, expected) in [
        (
            "ARG TAG\nFROM x:$TAG\n",
            "2 FROM: FROM x:$TAG needs TAG, which has no default before the first FROM; write ARG \
             TAG=DEFAULT there, or name the image in a plain list",
        ),
        (
            "ARG A=${B}1\nFROM x:${A}\n",
            "2 FROM: FROM x:${A} needs B, which has no default before the first FROM; write ARG \
             B=DEFAULT there, or name the image in a plain list",
        ),
        (
            "FROM a\nARG TAG=1\nFROM x:$TAG AS y\n",
            "3 FROM AS y: FROM x:$TAG needs TAG, which has no default before the first FROM; write \
             ARG TAG=DEFAULT there, or name the image in a plain list",
        ),
        (
            "FROM x-$TARGETARCH:1\n",
            "1 FROM: FROM x-$TARGETARCH:1 needs TARGETARCH, which each build sets by itself; name \
             its images in a plain list",
        ),
        (
            "FROM ${A:?say-it}\n",
            "1 FROM: FROM ${A:?say-it} cannot be worked out: A has to be set: say-it; name the \
             image in a plain list",
        ),
        (
            "FROM {{ env.variant }}\n",
            "1 FROM: FROM says no image; it seems to be a template: render it first",
        ),
        ("FROM a b\n", "1 FROM: FROM says no image; write FROM IMAGE, or FROM IMAGE AS STAGE"),
        (
            "FROM a\nCOPY --from=$X /a /b\n",
            "2 COPY from: $X has a variable, which no builder replaces here; make it a stage: \
             FROM IMAGE AS NAME",
        ),
        ("FROM a\nCOPY --from=3 /a /b\n", "2 COPY from: there is no stage 3; name the stage"),
        (
            "FROM a\nINCLUDE other\n",
            "2 : \"INCLUDE\" is no instruction; mend it, or name its images in a plain list",
        ),
        ("FROM a\nRUN <<EOF\nFROM b\n", "2 : a heredoc (<<) never ends; close it"),
        (
            "ARG A=x$A$A$A$A\nARG A=$A$A$A$A$A$A$A$A\nFROM ${A%$A\n",
            "3 FROM: FROM ${A%$A cannot be worked out: '}' is missing; name the image in a plain list",
        ),
    ] {
        let (_, told) = read(text);
        assert_eq!(told, [expected], "{text}");
    }
}

#[test]
fn faults_do_not_hide_what_comes_behind_them() {
    let (asked, told) = read("FROM $A\nFROM b:1 AS x\nNONSENSE\nFROM $C\nCOPY --from=d:2 a b\n");
    assert_eq!(asked, ["b:1", "d:2"]);
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn what_is_not_taken_is_noted() {
    let (asked, told) = read(
        "# syntax = docker/dockerfile:1\nFROM --platform=linux/arm64 a\nONBUILD COPY --from=b:1 / /\n",
    );
    assert_eq!(asked, ["a"]);
    assert_eq!(
        told,
        [
            "1 syntax: is built by the frontend docker/dockerfile:1, which the builder pulls and is \
             not taken",
            "2 FROM: a is wanted for linux/arm64; platforms are chosen for all images together",
            "3 ONBUILD COPY from: b:1 is for builds on top of what is built here, and is not taken",
        ]
    );
}

#[test]
fn arguments_that_double_each_other_stay_small() {
    let doubling = "ARG A=$A$A\n".repeat(64);
    let (_, told) = read(&format!("ARG A=xx\n{doubling}FROM x:$A\n"));
    assert!(told[0].contains("ARG A cannot be worked out: it is longer than 4096"), "{told:?}");
    let nested = format!("FROM {}x{}\n", "${A:-".repeat(5_000), "}".repeat(5_000));
    let (_, told) = read(&nested);
    assert!(told[0].contains("nest too deep"), "{told:?}");
}

#[test]
fn a_hundred_thousand_sources_are_read_at_once() {
    let mounts: String =
        (0..100_000).map(|at| format!(" \\\n  --mount=from=r/i{at}:1,target=/t")).collect();
    let (asked, told) = read(&format!("FROM x\nRUN{mounts} true\n"));
    assert_eq!((asked.len(), told.len()), (100_001, 0));
}

#[test]
fn other_texts_are_no_dockerfiles() {
    for text in [
        "",
        "# FROM x\n",
        "from: x\n",
        "alpine:3.20\nFROM x\n",
        "ARG A\n",
        "From here on it is text\n",
        "Bootstrap: docker\nFrom: x\n",
    ] {
        assert_ne!(format_of(&ListText::new("l", None, text)).name(), "dockerfile", "{text}");
    }
    for text in ["\u{feff}FROM x\n", "\n# c\n\n arg A=1\nfrom x\n", "FROM --platform=$P x as y"] {
        assert_eq!(format_of(&ListText::new("l", None, text)).name(), "dockerfile", "{text}");
    }
}
