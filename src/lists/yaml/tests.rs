//! What is read, and what is not.

use super::*;

fn one(text: &str) -> Result<Node, Fault> {
    documents(text).next().unwrap()
}

fn fault(text: &str) -> Fault {
    documents(text).find_map(Result::err).unwrap()
}

#[test]
fn values_have_their_lines_and_merge_keys_are_merged() {
    let text = "base: &base\r\n  image: a:1\r\n  tag: x\r\nweb:\r\n  <<: *base\r\n  tag: !reset null\r\nlist: [1, 'null', ~]\r\n";

    let node = one(text).unwrap();

    let web = node.get("web").unwrap();
    assert_eq!((web.text_of("image"), web.get("image").unwrap().line()), (Some("a:1"), 2));
    let tag = web.get("tag").unwrap();
    assert_eq!((tag.is_null(), tag.tag(), tag.line()), (true, Some("!reset"), 6));
    let list: Vec<Option<&str>> = node.get("list").unwrap().list().iter().map(Node::text).collect();
    assert_eq!(list, [Some("1"), Some("null"), None]);
    assert_eq!(node.at(&["base", "tag"]).and_then(Node::text), Some("x"));
}

#[test]
fn documents_come_one_by_one_and_json_is_yaml() {
    let all: Vec<Node> =
        documents("---\n---\na: 1\n...\n---\n{\"b\": [1, {\"c\": \"d\"}]}\n# end\n")
            .collect::<Result<_, _>>()
            .unwrap();

    assert!(all[0].is_null());
    assert_eq!(all[1].text_of("a"), Some("1"));
    assert_eq!(all[2].get("b").unwrap().list()[1].text_of("c"), Some("d"));
    assert_eq!(all.len(), 3);
    assert_eq!(documents("# nothing\n").count(), 0);
}

#[test]
fn bombs_circles_and_doubled_keys_are_refused_with_their_lines() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..12 {
        let row = vec![format!("*a{}", at - 1); 10].join(", ");
        bomb.push_str(&format!("a{at}: &a{at} [{row}]\n"));
    }
    assert!(fault(&bomb).message.contains("more than 1000000 values"), "{:?}", fault(&bomb));

    let mut deep = "a0: &a0 x\n".to_owned();
    for at in 1..200 {
        deep.push_str(&format!("a{at}: &a{at} [*a{}]\n", at - 1));
    }
    assert!(fault(&deep).message.contains("deeper"), "{:?}", fault(&deep));
    assert!(fault(&"[".repeat(5000)).line == 1);
    assert!(!fault("a: &a\n  b: *a\n").message.is_empty());
    let doubled = fault("a: 1\nb: 2\na: 3\n");
    assert_eq!((doubled.line, doubled.message.contains("\"a\" stands twice")), (3, true));
    assert_eq!(fault("a:\n\t- b\n").line, 2);
    assert!(fault("{a: 1}: 2\n").message.contains("a key is a list or a mapping"));
    assert!(fault("image: {{ .Values.image }}\n").hint.unwrap().contains("helm template"));
    assert!(fault("a: *none\n").message.contains("YAML"));
    assert!(fault("a: 1\n<<: 5\n").message.contains("<<"));
}

#[test]
fn nothing_that_can_be_written_makes_it_panic() {
    let seed = "x: &a {y: [1, 'b', \"c\\n\"], <<: {k: v}}\n---\n- *a\n- |\n  text\n- >-\n  more\n? k\n: v\n";
    let mut ruin = crate::lists::samples::Ruin::new();
    for _ in 0..20_000 {
        documents(&ruin.copy(seed)).for_each(drop);
    }
}

#[test]
fn faults_in_a_block_are_told_on_a_line_of_the_file() {
    for text in ["x: |\n  a: 'b", "x: |\n  a:\n  ?  b:\n      c:\n     ", "x: |\n  a: [b\n     "] {
        let node = documents(text).next().unwrap().unwrap();

        let fault = documents_within(node.get("x").unwrap()).next().unwrap().unwrap_err();

        let last = text.split('\n').count();
        assert!(fault.line <= last, "{text:?}: {}", fault.message);
    }
}
