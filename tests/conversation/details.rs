//! What is asked only where it matters: details, cut edges, what an older plan decided, what was accepted before.

use super::fleet;
use super::talk::Talk;

/// Goes to the question about details.
fn up_to_the_details(talk: &mut Talk) {
    talk.see("Groups:").press("\r");
    for _ in 0..5 {
        talk.see("(? < q)").press("\r");
    }
    talk.see("Decide more about which groups");
}

#[test]
fn a_group_is_decided_about_in_detail_and_what_is_planned_only_says_so() {
    let mut talk = Talk::begin(&[]);
    up_to_the_details(&mut talk);
    talk.see("> [ ]").press("\x1b").at("? explain", "\r");
    talk.see("asked about each of these");
    talk.at("oc-work", " ").see("> [x]").press("\r");
    talk.see("Owner of the files of oc-work");
    talk.at("? explain", "\r").see("(setuid, capabilities");
    talk.at("one user and group for all of it (planned only)", "\r")
        .see("planned only, execute refuses it")
        .see("uid:gid (? < q)")
        .press("?\r")
        .see("would change hands")
        .see("uid:gid (? < q)")
        .press("4711:1\r")
        .see("not taken: there is no user with the id 4711");
    talk.see("uid:gid (? < q)").press("\r");
    talk.see("What oc-work sees")
        .at("? explain", "\r")
        .see("~/.gitconfig");
    talk.at("workspaces only", "\r");
    talk.see("Network of oc-work")
        .at("? explain", "\r")
        .see("It uses bus");
    talk.at("a bridge; published:", "\r");
    talk.see("Image of oc-work")
        .at("? explain", "\r")
        .see("library.");
    talk.at("on a base of yours", "\r")
        .see("Base image of oc-work (? < q)")
        .press("\r")
        .see("not taken: it names no image");
    talk.see("(? < q)").press("debian:12\r");
    talk.see("Give up which")
        .at("oc-work      dashboard", " ")
        .see("> [x]")
        .press("\r");
    talk.see("Move which companions")
        .at("bus (planned only)", " ")
        .see("> [x]")
        .press("\r");
    talk.see("Group of bus").at("oc-learning", "\r");
    talk.see("canary first (? < q)")
        .press("?\r")
        .see("have not been touched yet");
    let end = talk.enter_to_the_end();
    assert_eq!(end.code, "0");
    let plan = end.plan();
    let work = plan.find_group("oc-work").unwrap();
    assert_eq!(work.sight, ocmigrate::plan::Sight::Narrow);
    let lost = ocmigrate::plan::LoopbackWay::Lost;
    assert!(
        work.loopback
            .iter()
            .any(|it| it.port == 8080 && it.way == lost)
    );
    assert_eq!(plan.find_group("oc-learning").unwrap().companions, ["bus"]);
}

/// Writes an inventory of a few gateways, of which two are connected, and of companions with their ports.
fn small_fleet(gateways: &[&str], companions: &[(&str, u16)]) -> tempfile::NamedTempFile {
    let companions: std::collections::BTreeMap<_, _> = companions.iter().copied().collect();
    let fleet: fleet::Fleet = serde_json::from_value(serde_json::json!({
        "name": "small",
        "gateways": gateways,
        "edges": ["joe/.openclaw-sales:sales joe/.openclaw-study:tutor messages"],
        "companions": companions,
        "wanted": {}
    }))
    .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = serde_json::to_string(&fleet::inventory(&fleet)).unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// Two gateways that are connected, and companions that both use.
pub(crate) fn two_with(companions: &[(&str, u16)]) -> tempfile::NamedTempFile {
    let gateways = ["joe/.openclaw-sales: sales", "joe/.openclaw-study: tutor"];
    small_fleet(&gateways, companions)
}

/// Puts one of the two into a group of its own.
pub(crate) fn part(talk: &mut Talk) {
    talk.at("add a group", "\r")
        .see("(? < q)")
        .press("oc-alone\r");
    talk.see("oc-alone has no agents yet");
    talk.at("move agents", "\r")
        .at(":tutor", " ")
        .see("> [x]")
        .press("\r");
    talk.at("oc-alone", "\r").see("edges cut");
    talk.at("take these groups", "\r");
}

#[test]
fn an_edge_that_the_grouping_cuts_is_told_and_accepted_by_its_name() {
    let file = two_with(&[]);
    let mut talk = Talk::about(file.path().to_str().unwrap(), &[]);
    part(&mut talk);
    for _ in 0..3 {
        talk.see("(? < q)").press("\r");
    }
    talk.see("Decide more").see("> [ ]").press("\r");
    talk.see("canary first (? < q)").press("\r");
    talk.see("Cut which edges")
        .see("> [ ] joe/.openclaw-sales:sales -> joe/.openclaw-study:tutor\r")
        .press("\x1b")
        .at("? explain", "\r")
        .see("parts agents that are connected");
    talk.at(":sales -> ", " ").see("> [x]").press("\r");
    let end = talk.enter_to_the_end();
    assert_eq!(end.code, "0");
    let edge = "joe/.openclaw-sales:sales -> joe/.openclaw-study:tutor";
    let plan = end.plan();
    assert_eq!(plan.accepted, [format!("OM-P003:{edge}")]);
    for group in &plan.groups {
        assert_eq!(ocmigrate::plan::objections(&plan, group, &[]), []);
    }
}

#[test]
fn an_edited_plan_shows_what_changed_and_keeps_what_was_decided() {
    let before = two_with(&[]);
    let mut talk = Talk::about(before.path().to_str().unwrap(), &[]);
    talk.at("rename a group", "\r").see("> oc-").press("\r");
    talk.see("(? < q)").press("oc-both\r");
    talk.at("take these groups", "\r")
        .see("(? < q)")
        .press("\r");
    talk.see("(? < q)").press("7G\r");
    let old = talk.enter_to_the_end();
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("old.json");
    std::fs::write(&path, old.plan.as_ref().unwrap()).unwrap();
    let gateways = [
        "joe/.openclaw-sales: sales crm",
        "joe/.openclaw-study: tutor",
        "joe/.openclaw-diary: diary",
    ];
    let after = small_fleet(&gateways, &[]);
    let words = ["--edit", path.to_str().unwrap(), "--accept", "OM-R002"];
    let mut talk = Talk::about(after.path().to_str().unwrap(), &words);
    talk.see("Since the plan was made:")
        .see("+ joe/.openclaw-diary:diary  proposed for")
        .see("+ joe/.openclaw-sales:crm  proposed for oc-both")
        .see("~ gateways.joe/.openclaw-sales.agents");
    let new = talk.enter_to_the_end().plan();
    let both = new.find_group("oc-both").unwrap();
    assert_eq!(
        (both.members.len(), both.budget.memory.to_string().as_str()),
        (3, "7 G")
    );
    assert_eq!(new.accepted, ["OM-R002"]);
}

#[test]
fn what_is_accepted_on_the_command_line_is_proposed_as_accepted() {
    let mut talk = Talk::begin(&["--accept", "OM-P001"]);
    talk.see("Groups:")
        .press("\r")
        .see("stays for the host (? < q)")
        .press("\r");
    for _ in 0..4 {
        talk.see("Budget of oc-").see("(? < q)").press("30G\r");
    }
    for question in ["Decide more", "Give up which", "Move which companions"] {
        talk.see(question).see("> [ ]").press("\r");
    }
    talk.see("canary first (? < q)").press("\r");
    talk.see("Accept OM-P001").see("> yes").press("\r");
    let end = talk.enter_to_the_end();
    assert_eq!(
        (end.code.as_str(), end.plan().accepted),
        ("0", vec!["OM-P001".to_owned()])
    );
}
