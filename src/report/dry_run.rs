//! A dry run: the steps with why, the change of the configuration, the estimated silence.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::display;
use crate::inventory::Finding;
use crate::plan::{Difference, GatewayFacts, Group};
use crate::step::{Description, Rehearsed, Step};

/// Everything a dry run says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRun {
    /// The group.
    pub group: String,
    /// Its agents.
    pub agents: Vec<String>,
    /// The bots that change their poller, by their public ids.
    pub bots: Vec<String>,
    /// The steps that execute would run, in order.
    pub steps: Vec<Description>,
    /// The change of the configuration as a unified diff; other values on a changed line are masked.
    pub config_diff: String,
    /// The estimated silence of each bot in milliseconds, from and to; from the gateway's last boot.
    pub silence_ms: Option<(u64, u64)>,
    /// The inhibitors that nobody accepted.
    pub blocked_by: Vec<Finding>,
    /// The facts that differ from the plan's.
    pub stale: Vec<Difference>,
    /// What the steps themselves found in their way.
    pub refused: Option<Refusal>,
}

/// Why a step would not begin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Refusal {
    /// What stands in its way.
    pub what: String,
    /// What to do about it, where there is something.
    pub remedy: Option<String>,
}

impl DryRun {
    /// Returns whether execute would refuse.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        !self.blocked_by.is_empty() || !self.stale.is_empty() || self.refused.is_some()
    }
}

/// Starts a report for a group; what blocks it is filled in by the caller.
#[must_use]
pub fn dry_run(
    group: &Group,
    gateway: &GatewayFacts,
    steps: &[Step],
    last_boot_ms: Option<u64>,
) -> DryRun {
    DryRun {
        group: group.name.clone(),
        agents: gateway
            .agents
            .iter()
            .map(|agent| agent.id.clone())
            .collect(),
        bots: gateway
            .credentials
            .iter()
            .filter(|credential| !credential.public_id.is_empty())
            .map(|credential| credential.public_id.clone())
            .collect(),
        steps: steps.iter().map(Step::describe).collect(),
        config_diff: String::new(),
        silence_ms: last_boot_ms.map(estimate),
        blocked_by: Vec::new(),
        stale: Vec::new(),
        refused: None,
    }
}

/// Says what a rehearsal measured, and the silence that follows from it.
#[must_use]
pub fn rehearsed_text(rehearsed: &Rehearsed) -> String {
    let Rehearsed {
        ready_ms,
        peak,
        limit,
    } = *rehearsed;
    let (from, to) = estimate(ready_ms);
    format!(
        "silence, by the rehearsal: {}-{} s per bot; ready after {:.1} s, memory {peak} of {limit}",
        from / 1000,
        to.div_ceil(1000),
        std::time::Duration::from_millis(ready_ms).as_secs_f64()
    )
}

/// A start takes as long as the last one, up to half as much again plus two seconds for stopping.
const fn estimate(last_boot_ms: u64) -> (u64, u64) {
    (last_boot_ms, last_boot_ms / 2 * 3 + 2000)
}

impl DryRun {
    /// Sets the change of the configuration.
    pub fn set_config_change(
        &mut self,
        path: &Path,
        before: &[u8],
        after: &[u8],
        spoken: &[String],
    ) {
        let (before, after) = (
            String::from_utf8_lossy(before),
            String::from_utf8_lossy(after),
        );
        let shown = display::path(path);
        let diff = similar::TextDiff::from_lines(before.as_ref(), after.as_ref());
        let mut text = format!("--- {shown}\n+++ {shown}\n");
        for hunk in diff.unified_diff().context_radius(0).iter_hunks() {
            let _ = writeln!(text, "{}", hunk.header());
            for change in hunk.iter_changes() {
                let line = change.value().trim_end_matches(['\n', '\r']);
                let _ = writeln!(
                    text,
                    "{}{}",
                    change.tag(),
                    display::text(&mask(line, spoken))
                );
            }
        }
        self.config_diff = text;
    }
}

/// Masks what stands on a changed line beside the change: string values that are not `spoken`, and comments.
fn mask(line: &str, spoken: &[String]) -> String {
    let mut masked = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let (before, from) = rest.split_at(at);
        masked.push_str(before);
        if from.starts_with("//") || from.starts_with("/*") {
            masked.push_str("// …");
            return masked;
        }
        let Some(quote) = from.chars().next() else {
            break;
        };
        if quote == '/' {
            masked.push('/');
            rest = from.get(1..).unwrap_or_default();
            continue;
        }
        let end = literal_end(from, quote);
        let (literal, after) = from.split_at(end);
        let is_key = after.trim_start().starts_with(':');
        let inner = literal.trim_matches(quote);
        if is_key || spoken.iter().any(|value| value == inner) {
            masked.push_str(literal);
        } else {
            masked.push_str("\"…\"");
        }
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// Returns where a string literal ends, behind its closing quote.
fn literal_end(from: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, character) in from.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            other if other == quote => return index + other.len_utf8(),
            _ => {}
        }
    }
    from.len()
}

/// Renders a dry run for a terminal.
#[must_use]
pub fn dry_run_text(report: &DryRun) -> String {
    let mut text = format!("{}  {}\n", report.group, summary(report));
    let mut in_silence = false;
    for step in &report.steps {
        if step.in_silence && !in_silence {
            let _ = writeln!(text, "  ---- from here on the bots are silent ----");
        }
        in_silence = step.in_silence;
        let _ = writeln!(
            text,
            "  {:>3} {}\n        {}",
            step.sign.as_str(),
            step.what,
            step.why
        );
    }
    text.push_str(&report.config_diff);
    let _ = writeln!(
        text,
        "Plan: {} steps, {} to change. No point of no return: ocmigrate rollback --group {}",
        report.steps.len(),
        display::count(report.bots.len() as u64, "poller", "pollers"),
        report.group
    );
    push_blocks(&mut text, report);
    text
}

fn summary(report: &DryRun) -> String {
    let silence = report.silence_ms.map_or_else(
        || "silence: unknown, its log does not tell how long a start takes".to_owned(),
        |(from, to)| {
            format!(
                "silence, estimated from the last boot: {}-{} s per bot",
                from / 1000,
                to.div_ceil(1000)
            )
        },
    );
    format!(
        "{}, {}   {silence}",
        display::count(report.agents.len() as u64, "agent", "agents"),
        display::count(report.bots.len() as u64, "bot", "bots")
    )
}

fn push_blocks(text: &mut String, report: &DryRun) {
    if report.is_blocked() {
        text.push_str("---- execute would refuse ----\n");
    }
    for Difference { fact, then, now } in &report.stale {
        let _ = writeln!(text, "stale: {fact}: was {then}, is {now}");
    }
    for finding in &report.blocked_by {
        let about = display::text(&finding.about);
        let _ = write!(text, "{} {about}: {}", finding.id, finding.summary);
        if !finding.place.is_empty() {
            let _ = write!(text, "  {}", display::text(&finding.place));
        }
        let _ = writeln!(text, "\n  fix: {}", finding.remedy);
    }
    if let Some(refused) = &report.refused {
        let _ = writeln!(text, "refused: {}", refused.what);
        if let Some(remedy) = &refused.remedy {
            let _ = writeln!(text, "  fix: {remedy}");
        }
    }
}

/// Renders a dry run as Markdown.
#[must_use]
pub fn dry_run_markdown(report: &DryRun) -> String {
    let mut text = format!("# Dry run of {}\n\n{}\n\n", report.group, summary(report));
    text.push_str("| | step | why | bots silent |\n|---|---|---|---|\n");
    for step in &report.steps {
        let cell = |text: &str| text.replace('|', "\\|");
        let silent = if step.in_silence { "yes" } else { "no" };
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {silent} |",
            step.sign.as_str(),
            cell(&step.what),
            cell(&step.why)
        );
    }
    let _ = writeln!(text, "\n```diff\n{}```", report.config_diff);
    if report.is_blocked() {
        text.push_str("\n```\n");
        push_blocks(&mut text, report);
        text.push_str("```\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_shows_no_other_value_and_no_comment() {
        let spoken = ["loopback".to_owned()];
        let line = r#"{"bind":"loopback","token":"s3cret\"x",a:'z'} // was s3cret"#;
        assert_eq!(
            mask(line, &spoken),
            r#"{"bind":"loopback","token":"…",a:"…"} // …"#
        );
        assert_eq!(mask(r#"x: "unterminated s3cret"#, &spoken), r#"x: "…""#);
    }
}
