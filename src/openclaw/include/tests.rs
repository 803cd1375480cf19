use std::collections::BTreeMap;

use super::*;
use serde_json::json;

/// Files that a test includes, and links.
#[derive(Default)]
pub(crate) struct Tree {
    files: BTreeMap<PathBuf, String>,
    links: BTreeMap<PathBuf, PathBuf>,
}

impl IncludeReader for Tree {
    fn resolve(&self, path: &Path) -> PathBuf {
        let link = path.ancestors().find_map(|above| {
            let target = self.links.get(above)?;
            Some(target.join(path.strip_prefix(above).ok()?))
        });
        let resolved = link.unwrap_or_else(|| path.to_owned());
        // As canonicalize does it, a path without its last part has no slash at its end.
        resolved.components().collect()
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, String> {
        Ok(self.files.get(path).map(|text| text.clone().into_bytes()))
    }
}

const HOME: &str = "/home/joe/.openclaw";

fn tree(files: &[(&str, &str)]) -> Tree {
    let files = files
        .iter()
        .map(|(name, text)| (Path::new(HOME).join(name), (*text).to_owned()));
    Tree {
        files: files.collect(),
        links: BTreeMap::new(),
    }
}

fn merged(text: &str, tree: &Tree) -> Merged {
    let path = Path::new(HOME).join("openclaw.json");
    let origin = Origin {
        named: &path,
        path: &path,
        roots: &["/srv/shared".into()],
    };
    let document = Document::parse(text.as_bytes()).expect("parses");
    merge(&document, &origin, tree)
}

/// What the files mean together, and the problems as `file:line what`.
fn told(text: &str, files: &[(&str, &str)]) -> (Value, Vec<String>) {
    let merged = merged(text, &tree(files));
    (merged.value(), problems(&merged))
}

fn problems(merged: &Merged) -> Vec<String> {
    let problems = merged.problems().iter();
    problems
        .map(|problem| {
            let name = problem.place.path.file_name().unwrap_or_default();
            let line = problem.place.line.unwrap_or_default();
            format!("{}:{line} {}", name.to_string_lossy(), problem.error)
        })
        .collect()
}

#[test]
fn a_file_stands_in_the_place_of_its_include() {
    let files = [
        ("agents.json5", "{list: [{id: 'a'}], // why\n}"),
        ("all.json5", "{gateway: {port: 1}}"),
    ];
    let nested = told("{agents: {$include: './agents.json5'}}", &files);
    assert_eq!(nested, (json!({"agents": {"list": [{"id": "a"}]}}), vec![]));
    let top = told("{$include: 'all.json5'}", &files);
    assert_eq!(top, (json!({"gateway": {"port": 1}}), vec![]));
    let text = told("{a: [{$include: 'text.json'}]}", &[("text.json", "'x'")]);
    assert_eq!(text, (json!({"a": ["x"]}), vec![]));
}

#[test]
fn several_files_are_merged_in_their_order_and_keys_beside_them_come_last() {
    let files = [
        ("a", "{x: {one: 1, two: 1}, list: [1], t: 'a'}"),
        ("b", "{x: {two: 2}, list: [2], t: null}"),
    ];
    let (value, problems) = told(
        "{$include: ['a', './b'], x: {three: 3}, list: [3, {$include: 'c'}]}",
        &[files[0], files[1], ("c", "4")],
    );
    let expected = json!({"x": {"one": 1, "two": 2, "three": 3}, "list": [1, 2, 3, 4], "t": null});
    assert_eq!((value, problems), (expected, vec![]));
}

#[test]
fn keys_of_prototypes_are_left_out_where_something_is_merged() {
    let files = [("a", "{x: [], constructor: 1, z: [{prototype: 1}]}")];
    let (value, _) = told(
        "{$include: 'a', x: {constructor: {}, y: {prototype: 1}}}",
        &files,
    );
    assert_eq!(value, json!({"x": {"y": {}}, "z": [{"prototype": 1}]}));
    let (value, _) = told("{b: {$include: 'a'}}", &files);
    assert_eq!(value.pointer("/b/constructor"), Some(&json!(1)));
}

#[test]
fn names_are_relative_to_the_including_file() {
    let files = [
        (
            "sub/a.json",
            "{deep: {$include: './b.json'}, up: {$include: '../c.json'}}",
        ),
        ("sub/b.json", "{b: 1}"),
        ("c.json", "{c: 1}"),
    ];
    let (value, problems) = told("{$include: 'sub/a.json'}", &files);
    assert_eq!(value, json!({"deep": {"b": 1}, "up": {"c": 1}}));
    assert_eq!(problems, [""; 0]);
}

#[test]
fn every_value_knows_its_file_and_line() {
    let tree = tree(&[("a.json", "{\n x: {\n  one: 1}}")]);
    let merged = merged("{\n\n$include: 'a.json',\n x: {two: 2}}", &tree);
    let place = |path: &[&str]| merged.place_of(path).map(|place| place.to_string());
    assert_eq!(
        place(&["x", "one"]).as_deref(),
        Some("/home/joe/.openclaw/a.json:3")
    );
    assert_eq!(
        place(&["x", "two"]).as_deref(),
        Some("/home/joe/.openclaw/openclaw.json:4")
    );
    assert_eq!(place(&["x", "three"]), None);
    assert_eq!(merged.includes(), [Path::new("/home/joe/.openclaw/a.json")]);
}

#[test]
fn what_leads_outside_is_refused_and_not_read() {
    let outside = "$include leads out of the directory of the configuration";
    for name in [
        "../x.json",
        "/etc/passwd",
        "sub/../../x.json",
        "/home/joe/.openclaw2/x",
    ] {
        let (value, problems) = told(&format!("{{\na: {{$include: '{name}'}}}}"), &[]);
        assert_eq!(value, json!({"a": {}}), "{name}");
        assert_eq!(problems, [format!("openclaw.json:2 {outside}")], "{name}");
    }
    let mut linked = tree(&[("../x.json", "{secret: 1}")]);
    linked
        .links
        .insert(Path::new(HOME).join("link.json"), "/home/joe/x.json".into());
    let merged = merged("{$include: 'link.json'}", &linked);
    assert_eq!(problems(&merged), [format!("openclaw.json:1 {outside}")]);
}

#[test]
fn a_shared_directory_and_a_linked_configuration_directory_may_be_included_from() {
    let mut shared = tree(&[]);
    shared.files.insert("/srv/shared/a".into(), "{a: 1}".into());
    let read = merged("{$include: '/srv/shared/a'}", &shared);
    assert_eq!((read.value(), problems(&read)), (json!({"a": 1}), vec![]));
    let mut linked = tree(&[]);
    linked.links.insert(HOME.into(), "/data/openclaw".into());
    linked
        .files
        .insert("/data/openclaw/a".into(), "{a: 1}".into());
    let read = merged("{$include: ['a', 'b']}", &linked);
    assert_eq!(read.value(), json!({"a": 1}));
    assert_eq!(
        problems(&read),
        ["openclaw.json:1 $include names a file that does not exist"]
    );
}

#[test]
fn circles_and_depths_end() {
    let circle = [
        ("a", "{x: {$include: 'b'}}"),
        ("b", "{\ny: {$include: './a'}}"),
    ];
    let (value, problems) = told("{$include: 'a'}", &circle);
    assert_eq!(value, json!({"x": {"y": {}}}));
    assert_eq!(
        problems,
        ["b:2 $include names a file that this one is included by"]
    );
    let (_, problems) = told("{$include: 'openclaw.json'}", &[]);
    assert_eq!(problems.len(), 1);
    let chain: Vec<_> = (1..=11)
        .map(|n| {
            (
                format!("f{n}"),
                format!("{{$include: 'f{}', n{n}: 1}}", n + 1),
            )
        })
        .collect();
    let chain: Vec<_> = chain
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let (value, problems) = told("{$include: 'f1'}", &chain);
    assert_eq!(value.as_object().map(serde_json::Map::len), Some(10));
    assert_eq!(problems, ["f10:1 $include is nested deeper than 10 files"]);
}

#[test]
fn files_that_multiply_end() {
    let many = format!("{{a: [{}]}}", vec!["{$include: 'n'}"; 50].join(","));
    let files: Vec<_> = (0..9)
        .map(|n| {
            (
                format!("f{n}"),
                many.replace("'n'", &format!("'f{}'", n + 1)),
            )
        })
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let (_, problems) = told("{$include: 'f0'}", &files);
    assert!(
        problems
            .iter()
            .any(|it| it.contains("more than 1000 files"))
    );
}

#[test]
fn odd_includes_are_problems_and_the_rest_is_read() {
    let no_name = "openclaw.json:1 $include is neither the name of a file nor a list of names";
    for name in ["3", "null", "{}", "''", "[1]", "'a\\u0000b'"] {
        let (value, problems) = told(&format!("{{$include: {name}, b: 1}}"), &[]);
        assert_eq!(value, json!({"b": 1}), "{name}");
        assert_eq!(problems, [no_name], "{name}");
    }
    let files = [("bad", "{\n a: SEKRET}"), ("list", "[1]"), ("empty", "")];
    let (value, problems) = told("{$include: ['bad', 'empty'], b: 1}", &files);
    assert_eq!(value, json!({"b": 1}));
    let expected = [
        "bad:2 the included file does not parse: line 2, column 5: unexpected token",
        "empty:1 the included file does not parse: the file is empty",
    ];
    assert_eq!(problems, expected);
    let (value, problems) = told("{a: {$include: 'list', b: 1}}", &files);
    assert_eq!(value, json!({"a": {"b": 1}}));
    assert_eq!(problems.len(), 1);
}

#[test]
fn roots_are_absolute_and_separated_by_colons() {
    let listed = BTreeMap::from([(
        "OPENCLAW_INCLUDE_ROOTS".to_owned(),
        "~/a: /b :c::".to_owned(),
    )]);
    let roots = include_roots(&listed, Path::new("/home/joe"));
    assert_eq!(roots, [Path::new("/home/joe/a"), Path::new("/b")]);
}
