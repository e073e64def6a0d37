//! The tables of `docs/RFC6455.md`, `docs/RFC7692.md` and `docs/SECURITY.md` name what exists: every requirement has its row, and each
//! file, function and test in a row is there. Every published vulnerability that a source cites is in `docs/SECURITY.md`.
//!
//! A reference is a path of names with `::` or `/` between them: `connection/state::on` is the function `on` in
//! `crates/proto/src/connection/state.rs`, `connection::framing::…` a test in `crates/proto/tests/connection/framing.rs`, `io::…` is in
//! `crates/io`. Folders called `src` and `tests` and modules called `tests` are left out, and so is whatever is not needed at the front.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong in a test should stop it, outside of test functions too"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The ids that a document has to have: letters, and the numbers up to which they go.
const REQUIREMENTS: [(&str, &[(&str, usize)]); 2] = [
    (
        "RFC6455.md",
        &[
            ("HC", 27),
            ("HS", 18),
            ("FR", 12),
            ("MK", 8),
            ("FG", 6),
            ("CF", 8),
            ("UT", 6),
            ("CL", 15),
            ("H2", 8),
        ],
    ),
    ("RFC7692.md", &[("EX", 15), ("PD", 9)]),
];

/// The page whose tables have a test in every row.
const SECURITY: &str = "SECURITY.md";

/// Folders that are no part of a reference.
const LEFT_OUT: [&str; 4] = ["crates", "src", "tests", "fuzz_targets"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file with Rust in it.
struct Source {
    /// Its path as references write it: `["proto", "connection", "receive"]`.
    path: Vec<String>,
    text: String,
}

impl Source {
    fn read(file: &Path) -> Self {
        let inside = file.strip_prefix(repository()).expect("sources are in the repository");
        let names = inside.with_extension("");
        let mut path: Vec<String> = names
            .iter()
            .map(|name| name.to_str().unwrap().to_owned())
            .filter(|name| !LEFT_OUT.contains(&name.as_str()))
            .collect();
        if path.last().is_some_and(|last| ["main", "mod", "lib"].contains(&last.as_str())) {
            path.pop();
        }
        Self { path, text: fs::read_to_string(file).unwrap() }
    }

    fn ends_in(&self, path: &[&str]) -> bool {
        let names: Vec<&str> = self.path.iter().map(String::as_str).collect();
        names.ends_with(path)
    }

    /// The lines that declare something of this name, counted from zero.
    fn declares(&self, name: &str) -> impl Iterator<Item = usize> {
        const KINDS: [&str; 7] = ["fn", "struct", "enum", "trait", "const", "type", "mod"];
        let starts = KINDS.map(|kind| format!("{kind} {name}"));
        self.text.lines().enumerate().filter_map(move |(number, line)| {
            let declares = starts.iter().any(|start| {
                let rest = line.split_once(start.as_str()).map(|(_, rest)| rest);
                rest.is_some_and(|rest| {
                    !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
                })
            });
            (declares && !line.trim_start().starts_with("//")).then_some(number)
        })
    }

    /// Whether something of this name is declared.
    fn has(&self, name: &str) -> bool {
        self.declares(name).next().is_some()
    }

    /// Whether it has methods of this type.
    fn implements(&self, kind: &str) -> bool {
        let mut heads = self.text.lines().filter(|line| line.starts_with("impl"));
        heads.any(|head| {
            head.split(|next: char| !next.is_alphanumeric() && next != '_').any(|word| word == kind)
        })
    }

    /// Whether one of the attributes above the function in this line makes a test of it.
    fn is_test(&self, line: usize) -> bool {
        let above: Vec<&str> = self.text.lines().take(line).map(str::trim).collect();
        above
            .into_iter()
            .rev()
            .take_while(|line| !line.is_empty() && !line.ends_with(['{', '}', ';']))
            .any(|line| line.starts_with("#[") && line.contains("test"))
    }
}

/// The sources of all packages.
struct Sources(Vec<Source>);

/// Reads the sources of all packages of the repository.
fn sources() -> Sources {
    let mut folders = vec![repository().join("crates"), repository().join("fuzz")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let is_built = path.file_name().is_some_and(|name| name == "target");
                folders.extend((!is_built).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(Source::read(&path));
            }
        }
    }
    Sources(sources)
}

impl Sources {
    /// Whether what a reference names is there, and is a test if it has to be one.
    fn have(&self, reference: &str, as_test: bool) -> bool {
        let reference = reference.trim_end_matches(".rs").replace('/', "::");
        let names: Vec<&str> =
            reference.split("::").filter(|name| !["…", "tests", "src"].contains(name)).collect();
        let Some((last, before)) = names.split_last() else { return false };
        let has = |source: &Source| source.has(last) && (!as_test || self.run(source, last));
        let is_file = self.0.iter().any(|source| source.ends_in(&names));
        let mut in_files = self.0.iter().filter(|source| source.ends_in(before)).peekable();
        is_file
            || if before.is_empty() {
                self.0.iter().any(has)
            } else if in_files.peek().is_some() {
                in_files.any(has)
            } else {
                // `Type::function`, in a file with an implementation of the type.
                let [.., kind] = before else { return false };
                self.0.iter().any(|source| source.implements(kind) && has(source))
            }
    }

    /// Whether a function is run by `cargo test`.
    fn run(&self, source: &Source, function: &str) -> bool {
        match source.path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            // By the targets, and by the replay of their corpus.
            ["fuzz", ..] => true,
            // By each adapter, where the list of the suite has it in a line of its own.
            ["testkit", "suite", ..] => {
                let mut lists =
                    self.0.iter().filter(|source| source.ends_in(&["testkit", "suite"]));
                lists.any(|list| list.text.lines().any(|line| line.trim() == function))
            }
            _ => source.declares(function).any(|line| source.is_test(line)),
        }
    }
}

/// A row of a table.
struct Row {
    id: String,
    code: Vec<String>,
    tests: Vec<String>,
}

/// The rows of all tables: the first cell, the references in the last but one, and those in the last.
fn rows(document: &str) -> Vec<Row> {
    let lines = document.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    lines
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter_map(|cells| match cells.as_slice() {
            [id, .., code, tests] => Some(Row {
                id: (*id).to_owned(),
                // In a table without ids the last but one is prose.
                code: if is_id(id) { references(code) } else { Vec::new() },
                tests: references(tests),
            }),
            _ => None,
        })
        .collect()
}

/// Whether this is the id of a requirement: `HC01`, `H208`.
fn is_id(cell: &str) -> bool {
    let digits = cell.chars().rev().take_while(char::is_ascii_digit).count();
    cell.len() == 4 && digits >= 2 && cell.starts_with(|first: char| first.is_ascii_uppercase())
}

/// What stands between backquotes, with `a::{b, c}` taken apart.
fn references(cell: &str) -> Vec<String> {
    let spans = cell.split('`').skip(1).step_by(2);
    spans
        .flat_map(|span| match span.split_once("::{") {
            Some((path, names)) => {
                let names = names.trim_end_matches('}').split(',');
                names.map(|name| format!("{path}::{}", name.trim())).collect()
            }
            None => vec![span.to_owned()],
        })
        .collect()
}

/// A document with tables of requirements.
struct Document {
    name: &'static str,
    /// The ids that it has to have.
    ids: Vec<String>,
    text: String,
}

fn documents() -> Vec<Document> {
    let docs = repository().join("docs");
    let documents = REQUIREMENTS.into_iter().filter_map(|(name, ids)| {
        // The one on compression may be missing where compression is.
        let text = fs::read_to_string(docs.join(name)).ok()?;
        let ids = ids.iter().flat_map(|(letters, last)| {
            (1..=*last).map(move |number| format!("{letters}{number:02}"))
        });
        Some(Document { name, ids: ids.collect(), text })
    });
    documents.collect()
}

#[test]
fn every_requirement_has_one_row_with_a_test_or_a_reason() {
    let documents = documents();
    assert!(documents.iter().any(|document| document.name == "RFC6455.md"));
    for Document { name, ids, text } in documents {
        let deviations = text.split_once("## Deviations").expect("a section on deviations").1;
        let rows = rows(&text);
        let found: Vec<&String> = rows.iter().map(|row| &row.id).filter(|id| is_id(id)).collect();
        let distinct: BTreeSet<&String> = found.iter().copied().collect();
        assert_eq!(distinct, ids.iter().collect(), "{name}");
        assert_eq!(found.len(), distinct.len(), "{name} has a row twice");
        for row in rows.iter().filter(|row| is_id(&row.id)) {
            let is_explained = deviations.contains(&row.id);
            assert!(!row.tests.is_empty() || is_explained, "{name}: {} has neither", row.id);
        }
    }
}

#[test]
fn everything_that_a_row_names_is_there() {
    let sources = sources();
    let mut missing = Vec::new();
    for Document { name, text, .. } in documents() {
        for row in rows(&text) {
            let code = row.code.iter().map(|reference| (reference, false));
            let tests = row.tests.iter().map(|reference| (reference, true));
            for (reference, as_test) in code.chain(tests) {
                if !sources.have(reference, as_test) {
                    missing.push(format!("{name} {}: {reference}", row.id));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn everything_on_the_page_on_security_is_proven_by_what_is_there() {
    let sources = sources();
    let text = fs::read_to_string(repository().join("docs").join(SECURITY)).unwrap();
    let rows = rows(&text);
    let heads = |row: &&Row| !["what", "published as", "---"].contains(&row.id.as_str());
    let rows: Vec<&Row> = rows.iter().filter(heads).collect();
    assert!(rows.len() > 60, "{} rows", rows.len());
    let mut missing = Vec::new();
    for row in rows {
        assert!(!row.tests.is_empty(), "{} is proven by nothing", row.id);
        let is_missing = |test: &&String| !sources.have(test, true);
        missing.extend(row.tests.iter().filter(is_missing).map(|test| (&row.id, test)));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The other way round: who proves something about a published vulnerability says so on the page.
#[test]
fn every_vulnerability_that_a_source_cites_is_on_the_page_on_security() {
    let page = fs::read_to_string(repository().join("docs").join(SECURITY)).unwrap();
    let Sources(sources) = sources();
    let cited: BTreeSet<&str> = sources.iter().flat_map(|source| cited(&source.text)).collect();
    assert!(cited.len() > 20, "{cited:?}");
    let missing: Vec<&&str> = cited.iter().filter(|id| !page.contains(**id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The published vulnerabilities that a text names.
fn cited(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|next: char| !next.is_ascii_alphanumeric() && next != '-');
    words.filter(|word| {
        let number = word.strip_prefix("CVE-").or_else(|| word.strip_prefix("RUSTSEC-"));
        number.is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()))
    })
}

/// A checker that finds everything proves nothing.
#[test]
fn what_is_not_there_is_missed() {
    let sources = sources();
    let is_there = |reference, as_test| sources.have(reference, as_test);
    assert!(is_there("connection/receive::begin", false));
    assert!(is_there("connection/state.rs", false));
    assert!(is_there("Connection::send_fragment", false));
    assert!(is_there("connection::framing::a_closed_connection_is_deaf", true));
    assert!(is_there("frame::header::a_length_has_one_form", true));
    assert!(is_there("…::a_length_has_one_form", true));
    for wrong in [
        "connection/receive::begi",
        "connection/receive::no_such_function",
        "connection/no_such_file.rs",
        "Connection::no_such_function",
        "NoSuchType::send_fragment",
        "connection::closing::a_closed_connection_is_deaf",
        "…::no_such_test",
    ] {
        assert!(!is_there(wrong, false), "{wrong}");
    }
    assert!(!is_there("connection/receive::begin", true), "a function is no test");
    assert_eq!(cited("/// CVE-2014-0193, RUSTSEC-2022-0035: a `CVE-`.").count(), 2);
    assert!(!is_id("FR1") && !is_id("what") && !is_id("H2 8") && is_id("H208"));
    assert_eq!(references("`a::{b, c}`, d `e`"), ["a::b", "a::c", "e"]);
}
