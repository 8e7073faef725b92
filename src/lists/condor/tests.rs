use crate::lists::formats::format_of;
use crate::lists::list_text::ListText;
use crate::lists::reading::Reading;
use crate::lists::samples::{self, asked, told};

fn read(text: &str) -> Reading {
    samples::read("condor", text)
}

#[test]
fn samples_ask_for_the_images_of_their_jobs() {
    samples::check("condor");
}

#[test]
fn ruined_files_end() {
    samples::ruin("condor");
}

#[test]
fn names_are_replaced_as_they_stand_at_each_queue() {
    let text = "universe = docker\nTAG = 1\ndocker_image = $(Repo:r.io)/a:$(tag)$(MORE:)\nqueue\nTag = $(TAG)2\n\
                queue 3\nMORE = $(DOLLAR)x\nqueue\nqueue\n";
    assert_eq!(asked(&read(text)), ["r.io/a:1", "r.io/a:12", "r.io/a:12$x"]);
}

#[test]
fn items_are_values_in_all_their_forms() {
    for (queue, expected) in [
        ("queue in a, b c", &["r/a:1", "r/b:1", "r/c:1"][..]),
        ("queue 3 Item in (a b)", &["r/a:1", "r/b:1"]),
        ("queue 1 ITEM in (\n a\n # none\n b, c\n )", &["r/a:1", "r/b:1", "r/c:1"]),
        ("queue item,x from (\n a, 1 2\n b\t3\n)", &["r/a:1", "r/b:1"]),
        ("queue x item from (\n 1 a\n 2,  b\n)", &["r/a:1", "r/b:1"]),
        ("queue x item from (\n 1 a b\n)", &["r/a b:1"]),
        ("QUEUE FROM (a)", &["r/a:1"]),
        ("queue docker_image in (x:1 y:2)", &["x:1", "y:2"]),
        ("queue 2 docker_image, args from (\n x:1, -a -b\n)", &["x:1"]),
    ] {
        let reading = read(&format!("docker_image = r/$(item):1\nuniverse = docker\n{queue}\n"));
        assert_eq!(asked(&reading), expected, "{queue}: {:?}", told(&reading));
        assert!(told(&reading).is_empty(), "{queue}: {:?}", told(&reading));
    }
}

#[test]
fn each_item_has_its_own_line() {
    let reading = read("docker_image = \\\n  r/$(item):1\nqueue from (\n  a\n\n  b\n)\n");
    let lines: Vec<usize> = reading.entries.iter().map(|it| it.spot.line).collect();
    assert_eq!(lines, [4, 6]);
    assert_eq!(read("\ndocker_image = x\nqueue\n").entries[0].spot.to_string(), "list: line 2");
}

#[test]
fn what_cannot_be_known_is_named() {
    for (text, expected) in [
        (
            "docker_image = x:$(TAG)\nqueue\n",
            "1 docker_image: x:$(TAG) cannot be worked out: $(TAG) has no value in this file; write \
             it out, or name the image in a plain list",
        ),
        (
            "docker_image = x:$(Process)\nqueue\n",
            "1 docker_image: x:$(Process) cannot be worked out: $(Process) is known when it is \
             submitted alone; write it out, or name the image in a plain list",
        ),
        (
            "docker_image = x:$$(Arch)\nqueue\n",
            "1 docker_image: x:$$(Arch) cannot be worked out: $$(Arch) is known on the machine of a \
             job alone; write it out, or name the image in a plain list",
        ),
        (
            "docker_image = $ENV(NONE)\nqueue\n",
            "1 docker_image: $ENV(NONE) cannot be worked out: the environment has no NONE; write it \
             out, or name the image in a plain list",
        ),
        (
            "docker_image = $RANDOM_CHOICE(a,b)\nqueue\n",
            "1 docker_image: $RANDOM_CHOICE(a,b) cannot be worked out: $RANDOM_CHOICE(...) is not \
             worked out here; write it out, or name the image in a plain list",
        ),
        (
            "docker_image = $(A)\nA = $(B)\nB = $(A)\nqueue\n",
            "1 docker_image: $(A) cannot be worked out: its names lead to names without end; write \
             it out, or name the image in a plain list",
        ),
        (
            "+SingularityImage = strcat(a, b)\nqueue\n",
            "1 my.singularityimage: strcat(a, b) is an expression, which is not worked out here; \
             write a text in double quotes",
        ),
        (
            "docker_image = $(f)\nqueue f matching *.dat\n",
            "2 queue: its images depend on *.dat, which is not looked at; name the images in a plain \
             list",
        ),
        (
            "docker_image = $(f)\nqueue f from ls |\n",
            "2 queue: its images depend on ls |, which is not looked at; name the images in a plain \
             list",
        ),
        (
            "queue x from (\n a\n",
            "1 queue: its list of items never ends; close it with ) on a line of its own",
        ),
        (
            "if $(X)\ndocker_image = a\nendif\n",
            "1 if: whether $(X) holds is not known here; leave the if out, or name the images in a \
             plain list",
        ),
        ("docker_image =\nqueue\n", "1 docker_image: docker_image names no image; write one"),
    ] {
        let told = told(&read(text));
        assert_eq!(told.first().map(String::as_str), Some(expected), "{text}");
    }
    let missing = told(&read("docker_image = $(f)\nqueue f from no/such/file.txt\n"));
    assert!(missing[0].starts_with("2 queue: "), "{missing:?}");
}

#[test]
fn branches_are_taken_for_the_file_as_it_is() {
    let text = "universe = container\nif defined IMAGE\ncontainer_image = docker://a\nelif version < 9\n\
                container_image = docker://b\nelif !false\ncontainer_image = docker:c:1\nif 0\n+SingularityImage = \"d\"\n\
                else\n+SingularityImage = \"/cvmfs/e\"\nendif\nelse\ncontainer_image = docker://f\nendif\n\
                include : other.sub\nqueue\n";
    let reading = read(text);
    assert_eq!(asked(&reading), ["c:1"]);
    assert_eq!(
        told(&reading),
        [
            "3 container_image: docker://a is in a branch that is not taken",
            "5 container_image: docker://b is in a branch that is not taken",
            "9 my.singularityimage: \"d\" is in a branch that is not taken",
            "14 container_image: docker://f is in a branch that is not taken",
            "16 include: includes other.sub, which is not read",
            "11 my.singularityimage: /cvmfs/e is no image of a registry, and is not taken",
        ]
    );
}

#[test]
fn long_values_of_other_names_are_none_of_its_business() {
    let files = "transfer_input_files = ".to_owned() + &"a.dat, ".repeat(5_000);
    let reading = read(&format!("{files}\nX = $(X)$(X)y\ndocker_image = x\nqueue\n"));
    assert_eq!((asked(&reading), told(&reading).len()), (vec!["x".to_owned()], 0));
    let doubling = "A = $(A)$(A)\n".repeat(64);
    let told = told(&read(&format!("A = xx\n{doubling}docker_image = $(A)\nqueue\n")));
    assert!(told[0].contains("longer than 4096 characters"), "{told:?}");
    let fans: String =
        (0..20).map(|at| format!("A{at} = {}\n", format!("$(A{})", at + 1).repeat(50))).collect();
    let told = self::told(&read(&format!("{fans}docker_image = $(A0)\nqueue\n")));
    assert!(told[0].contains("without end"), "{told:?}");
}

#[test]
fn a_hundred_thousand_items_are_read_at_once() {
    let items: String = (0..100_000).map(|at| format!("  t{at}\n")).collect();
    let reading = read(&format!("docker_image = r/$(tag)\nqueue tag from (\n{items})\n"));
    assert_eq!((reading.entries.len(), reading.faults.len()), (100_000, 0));
}

#[test]
fn other_texts_are_no_submit_files() {
    for text in [
        "DOCKER_IMAGE=alpine:3\nTAG=1\n",
        "executable = x\n",
        "queue\n",
        "alpine:3.20\ndocker_image = x\nqueue\n",
        "FROM x\nENV docker_image=x\n",
        "docker_image: x\nqueue: y\n",
    ] {
        assert_ne!(format_of(&ListText::new("l", None, text)).name(), "condor", "{text}");
    }
    for text in ["universe = docker\ndocker_image = x\n", "# c\n\nExecutable=/bin/true\nqueue 2\n"]
    {
        assert_eq!(format_of(&ListText::new("l", None, text)).name(), "condor", "{text}");
    }
}
