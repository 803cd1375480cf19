//! `ocmigrate plan` at a terminal of 80 columns and 24 lines: a person answers, goes back, asks why, and leaves.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test starts the binary and fails by panicking"
)]

mod details;
#[path = "../fleet/mod.rs"]
mod fleet;
mod talk;

use std::process::Command;

use talk::{FLEET, Talk};

#[test]
fn control_c_leaves_no_file_and_a_sane_terminal() {
    let mut talk = Talk::begin(&[]);
    talk.see("Groups:").press("\x03");
    talk.end().is_empty_with("130");
    let mut talk = Talk::begin(&[]);
    talk.see("Groups:")
        .press("\r")
        .see("(? < q)")
        .press("6G\x03");
    talk.end().is_empty_with("130");
    let mut talk = Talk::begin(&[]);
    talk.at("move agents", "\r").see("> [ ]").press(" \x03");
    talk.end().is_empty_with("130");
    let mut talk = Talk::begin(&[]);
    talk.at("q quit", "\r").see("[y/N]").press("\x03");
    talk.end().is_empty_with("130");
}

/// What was written to a terminal, line by line, and the last letters of its control sequences; ECMA-48, 5.4.
fn lines_and_codes(screen: &str) -> (Vec<String>, Vec<char>) {
    let mut parts = screen.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    let mut codes = Vec::new();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        codes.extend(part[end..].chars().next());
        // A cleared line begins anew.
        text += if part[end..].starts_with('K') {
            "\n"
        } else {
            ""
        };
        text += &part[end + 1..];
    }
    (text.lines().map(str::to_owned).collect(), codes)
}

/// What `--yes` makes of the same inventory.
fn proposal() -> String {
    let room = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ocmigrate"))
        .current_dir(room.path())
        .args(["plan", "-i", FLEET, "-o", "plan.json", "--yes"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    std::fs::read_to_string(room.path().join("plan.json")).unwrap()
}

#[test]
fn enter_all_the_way_gives_the_proposal() {
    let end = Talk::begin(&[]).enter_to_the_end();
    assert_eq!(end.code, "0");
    assert_eq!(end.plan.unwrap(), proposal());
}

#[test]
fn quit_asks_once_and_writes_nothing() {
    let mut talk = Talk::begin(&[]);
    talk.at("q quit without writing", "\r")
        .see("[y/N]")
        .press("n");
    talk.at("q quit without writing", "\r")
        .see("[y/N]")
        .press("y");
    let end = talk.end();
    end.is_empty_with("3");
    let mut talk = Talk::begin(&[]);
    talk.see("Groups:").press("\r").see("(? < q)").press("q\r");
    talk.see("[y/N]").press("y");
    talk.end().is_empty_with("3");
    let mut talk = Talk::begin(&[]);
    talk.at("move agents", "\r").see("> [ ]").press("\x1b");
    talk.at("q quit", "\r").see("[y/N]").press("y");
    talk.end().is_empty_with("3");
}

#[test]
fn agents_are_moved_and_groups_renamed_added_and_removed() {
    let mut talk = Talk::begin(&[]);
    talk.at("add a group", "\r")
        .see("(? < q)")
        .press("oc-lab\r");
    talk.see("oc-lab has no agents yet");
    talk.at("move agents", "\r")
        .at(":docomo-pj", " ")
        .see("[x]")
        .press("j")
        .at(":sales", " ");
    // The line of the cursor itself, so that it is not taken for a line of the next list.
    talk.see("> [x] joe/.openclaw-sales")
        .press("\r")
        .at("oc-lab", "\r")
        .see("docomo-pj sales");
    talk.at("rename a group", "\r")
        .at("oc-core", "\r")
        .see("(? < q)")
        .press("oc-base\r");
    talk.at("remove a group", "\r")
        .at("oc-personal", "\r")
        .at("oc-base", "\r");
    let end = talk.enter_to_the_end();
    assert_eq!(end.code, "0");
    let grouping = ocmigrate::plan::grouping::of(&end.plan());
    assert_eq!(grouping["oc-lab"].len(), 2);
    assert_eq!(grouping["oc-base"].len(), 11);
    assert!(!grouping.contains_key("oc-personal") && !grouping.contains_key("oc-core"));
}

#[test]
fn every_agent_is_shown_with_its_reason_and_a_plan_that_nothing_carries_out_says_so() {
    let mut talk = Talk::begin(&[]);
    talk.at("show every agent", "\r")
        .see("joe/.openclaw-docomo-pj:docomo-pj: `pj` in")
        .see("joe/.openclaw:main: ");
    let end = talk.enter_to_the_end();
    assert!(
        end.screen.contains("of these groups execute carries out"),
        "{}",
        end.screen
    );
}

#[test]
fn a_proposal_that_is_too_long_for_its_line_is_shown_above_it() {
    let mut talk = Talk::begin(&[]);
    talk.see("Groups:").press("\r");
    for _ in 0..5 {
        talk.see("(? < q)").press("\r");
    }
    talk.see("> [ ]").press(" ").see("> [x]").press("\r");
    talk.at("as its owner", "\r").at("all of it", "\r");
    talk.at("a bridge", "\r").at("on ocmigrate's base", "\r");
    talk.see("proposed: ca-certificates curl")
        .see("Packages of")
        .see("(? < q)")
        .press("\r");
    assert_eq!(talk.enter_to_the_end().plan.unwrap(), proposal());
}

#[test]
fn a_wrong_budget_is_refused_and_asked_again() {
    let mut talk = Talk::begin(&[]);
    talk.see("Groups:").press("\r").see("(? < q)").press("\r");
    for (wrong, reason) in [
        ("16", "has no unit"),
        ("a lot", "does not begin with a number"),
        ("6X", "is no amount"),
        ("900G", "more than the host's"),
        ("1M", "is less than"),
        ("99 cpus", "must be between"),
        ("3 pids", "at least 64"),
    ] {
        talk.see("(? < q)")
            .press(wrong)
            .press("\r")
            .see("not taken:")
            .see(reason);
    }
    talk.see("(? < q)")
        .press("7G 1.5 cpus 700 pids\r")
        .see("sum ");
    let end = talk.enter_to_the_end();
    let plan = end.plan();
    let budget = plan.find_group("oc-core").unwrap().budget.text();
    assert_eq!(budget, "7G 1.5 cpus 700 pids");
}

#[test]
fn every_question_is_explained_and_gone_back_from() {
    let mut talk = Talk::begin(&[]);
    talk.at("? explain", "\r").see("becomes one container");
    talk.at("< back", "\r").see("this is the first question");
    talk.at("take these groups", "\r")
        .see("(? < q)")
        .press("\r");
    talk.see("(? < q)").press("?\r").see("hard limit");
    talk.see("(? < q)")
        .press("7G\r")
        .see("(? < q)")
        .press("<\r")
        .see("[7G 10 cpus");
    talk.press("<\r")
        .see("stays for the host")
        .press("\r")
        .see("[7G 10 cpus");
    talk.press("8G\r");
    let end = talk.enter_to_the_end();
    assert_eq!(
        end.plan().find_group("oc-core").unwrap().budget.text(),
        "8G 10 cpus 2560 pids"
    );
}

/// Marks all groups, so that every detail is asked about; one edge is cut, and the budgets are more than the host has.
fn with_every_question(inventory: &std::path::Path) -> Talk {
    let mut talk = Talk::about(inventory.to_str().unwrap(), &[]);
    details::part(&mut talk);
    talk.see("stays for the host (? < q)").press("\r");
    for _ in 0..2 {
        talk.see("Budget of oc-").see("(? < q)").press("40G\r");
    }
    talk.see("Decide more").see("> [ ]").press(" ");
    talk.see("> [x]")
        .press("j")
        .see("> [ ]")
        .press(" ")
        .see("> [x]")
        .press("\r");
    talk
}

#[test]
fn every_question_of_every_form_is_explained_where_it_is_asked() {
    let inventory = details::two_with(&[("bus", 4222)]);
    let (end, said) = with_every_question(inventory.path()).explained_to_the_end();
    assert_eq!(end.code, "0");
    let wanted = [
        "strays are given to",
        "~/.gitconfig",
        "a bridge of its own",
        "What runs today",
        "Debian packages",
        "strays are given to",
        "~/.gitconfig",
        "a bridge of its own",
        "What runs today",
        "Debian packages",
        "A relay in the container",
        "a message bus",
        "the canary",
        "oc-learning and oc-alone: the first can no longer send to the second",
        "To mend it",
        "changes nothing else",
    ];
    assert_eq!(said.len(), wanted.len(), "{said:#?}");
    for (said, wanted) in said.iter().zip(wanted) {
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(wanted), "no `{wanted}` in: {said}");
    }
    let (lines, codes) = lines_and_codes(&end.screen);
    let widest = lines.iter().map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= 80 && !codes.contains(&'m'));
}

#[test]
fn saved_answers_give_the_same_plan_byte_for_byte() {
    let mut talk = Talk::begin(&[]);
    talk.at("remove a group", "\r")
        .at("oc-personal", "\r")
        .at("oc-learning", "\r");
    talk.at("take these groups", "\r")
        .see("(? < q)")
        .press("\r")
        .see("(? < q)")
        .press("12.5G\r");
    let end = talk.enter_to_the_end();
    let room = tempfile::tempdir().unwrap();
    std::fs::write(room.path().join("answers.json"), end.answers.unwrap()).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_ocmigrate"))
        .current_dir(room.path())
        .args([
            "plan",
            "-i",
            FLEET,
            "-o",
            "plan.json",
            "--answers",
            "answers.json",
        ])
        .status()
        .unwrap();
    assert!(status.success());
    let replayed = std::fs::read_to_string(room.path().join("plan.json")).unwrap();
    assert_eq!(replayed, end.plan.unwrap());
}

#[test]
fn nothing_is_wider_than_80_columns_or_coloured() {
    let mut talk = Talk::begin(&[]);
    talk.at("? explain", "\r")
        .at("move agents", "\r")
        .see("[ ]")
        .press("\r");
    talk.at("take these groups", "\r");
    let end = talk.enter_to_the_end();
    let (lines, codes) = lines_and_codes(&end.screen);
    assert!(codes.contains(&'K') && !codes.contains(&'m'), "{codes:?}");
    let widest = lines
        .iter()
        .max_by_key(|line| line.chars().count())
        .unwrap();
    assert!(widest.chars().count() <= 80, "{widest}");
}

#[test]
fn the_seed_s_answers_give_the_seed_s_plan_byte_for_byte() {
    let plans = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    let mut talk = Talk::begin(&[]);
    talk.see("Groups:")
        .press("\r")
        .see("stays for the host (? < q) [3810M]")
        .press("\r");
    let budgets = [
        ("core", "16G"),
        ("learning", "10G"),
        ("personal", "16G"),
        ("work", "20G"),
    ];
    for (group, budget) in budgets {
        talk.see(&format!("Budget of oc-{group} (? < q)"));
        talk.press(budget).press("\r");
    }
    for question in ["Decide more", "Give up which", "Move which companions"] {
        talk.see(question).see("> [ ]").press("\r");
    }
    talk.see("canary first (? < q)")
        .press("\r")
        .see("Accept OM-P001")
        .at("yes", "\r");
    let end = talk.enter_to_the_end();
    let published = |name: &str| std::fs::read_to_string(plans.join(name)).unwrap();
    assert_eq!(end.answers.unwrap(), published("t440.answers.json"));
    assert_eq!(end.plan.unwrap(), published("t440.plan.json"));
}
