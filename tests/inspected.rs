//! Configurations in the shapes that people publish, written anew with invented credentials: what each says was read by eye
//! and written down in `inspected/told.txt` before the program read it.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads its files and fails by panicking"
)]

use std::path::{Path, PathBuf};

use ocmigrate::host::Reader;
use ocmigrate::inventory::{ConfigFacts, Inspection, Place, Subject};
use ocmigrate::scan;
use ocmigrate::secret::Hasher;

#[test]
fn twenty_shapes_of_configurations_are_understood_as_they_were_read_by_eye() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inspected");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end != "txt"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 20);
    let (reader, hasher) = (Reader::new(), Hasher::for_machine("m"));
    let told: Vec<String> = files
        .iter()
        .flat_map(|file| told(file, &scan::inspect(&reader, file, &hasher)))
        .collect();
    let home = reader.user(reader.owner(&directory).unwrap().0, 0).home;
    let told = told
        .join("\n")
        .replace(directory.to_str().unwrap(), "STATE");
    let told = told.replace(&format!(" {}/", home.display()), " HOME/") + "\n";
    let written = std::fs::read_to_string(directory.join("told.txt")).unwrap();
    let missing: Vec<_> = minus(&written, &told);
    let invented: Vec<_> = minus(&told, &written);
    assert_eq!((missing, invented), (vec![], vec![]));
}

/// The lines of a text that another does not have, each with the block that it stands in.
fn minus(text: &str, other: &str) -> Vec<String> {
    let in_blocks = |text: &str| {
        let mut block = String::new();
        let lines = text.lines().map(|line| {
            if !line.starts_with(' ') {
                line.clone_into(&mut block);
            }
            format!("{block}: {}", line.trim())
        });
        lines.collect::<Vec<_>>()
    };
    let others = in_blocks(other);
    let lines = in_blocks(text).into_iter();
    lines.filter(|line| !others.contains(line)).collect()
}

fn told(file: &Path, inspection: &Inspection) -> Vec<String> {
    let Subject::Config(facts) = &inspection.subject else {
        panic!("{} is no configuration", file.display())
    };
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let findings = inspection.findings.iter().map(|finding| {
        let at = finding.place.strip_prefix(&format!("{}:", file.display()));
        let at = at.map_or(String::new(), |line| format!(" at {line}"));
        format!("finding {}{at}", finding.id)
    });
    let unseen = inspection.unseen.iter().map(|line| {
        let about = format!("{}: ", file.display());
        format!("not seen {}", line.replacen(&about, "", 1))
    });
    let lines = of_config(facts).into_iter().chain(findings).chain(unseen);
    [name]
        .into_iter()
        .chain(lines.map(|line| format!("  {line}")))
        .collect()
}

fn of_config(facts: &ConfigFacts) -> Vec<String> {
    let ConfigFacts {
        config,
        agents,
        edges,
        accounts,
        credentials,
    } = facts;
    let or_absent = |text: Option<String>| text.unwrap_or_else(|| "absent".to_owned());
    let secret = if config.auth.has_secret {
        "with"
    } else {
        "without"
    };
    let origins = config.allowed_origins.as_ref();
    let gateway = format!(
        "gateway bind {} port {} auth {} {secret} secret{}",
        or_absent(config.bind.clone()),
        or_absent(config.port.map(|port| port.to_string())),
        or_absent(config.auth.mode.clone()),
        origins.map_or(String::new(), |it| format!(", {} origins", it.len()))
    );
    let agents = agents
        .iter()
        .map(|it| format!("agent {} {}", it.id, it.workspace.display()));
    let accounts = accounts.iter().map(|it| {
        let agents = it.agents.join(" ");
        match (it.enabled, it.agents.is_empty()) {
            (false, _) => format!("account {}/{} off", it.channel, it.id),
            (true, true) => format!("account {}/{} for nobody", it.channel, it.id),
            (true, false) => format!("account {}/{} for {agents}", it.channel, it.id),
        }
    });
    let credentials = credentials.iter().map(|it| {
        let class = serde_json::to_value(it.exclusivity).unwrap();
        let account = it.account.as_ref();
        let of = account.map_or(String::new(), |account| format!("of {account}"));
        let mut lines: Vec<_> = it.places.iter().map(line).collect();
        lines.sort_unstable();
        let words = [
            "credential",
            &it.kind,
            &it.public_id,
            class.as_str().unwrap(),
            &of,
            "at",
        ];
        let words = words.into_iter().filter(|word| !word.is_empty());
        let lines = lines.iter().map(u32::to_string).collect::<Vec<_>>();
        [words.collect::<Vec<_>>().join(" "), lines.join(" ")].join(" ")
    });
    let edges = edges.iter().map(|it| {
        let kind = serde_json::to_value(it.kind).unwrap();
        format!(
            "edge {} {} {}",
            it.from.agent,
            kind.as_str().unwrap(),
            it.to.agent
        )
    });
    [gateway]
        .into_iter()
        .chain(agents)
        .chain(accounts)
        .chain(credentials)
        .chain(edges)
        .collect()
}

fn line(place: &Place) -> u32 {
    place.line.unwrap_or_default()
}
