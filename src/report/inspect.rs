//! Inspections as text.

use std::fmt::Write as _;

use crate::display;
use crate::inventory::{ChannelAccount, ConfigFacts, Inspection, StartFacts, Subject, UnitFacts};

/// Renders inspections, for each one row with everything that is short, then findings and what could not be told.
#[must_use]
pub fn inspect_text(inspections: &[Inspection]) -> String {
    let mut text = String::new();
    for inspection in inspections {
        let _ = writeln!(text, "{}", row(inspection));
        for finding in inspection.findings.iter().rev() {
            let _ = writeln!(
                text,
                "  {} {}  {}",
                finding.id,
                display::text(&finding.summary),
                display::text(&finding.place)
            );
        }
        for unseen in &inspection.unseen {
            let _ = writeln!(text, "  not seen: {}", display::text(unseen));
        }
    }
    text
}

fn row(inspection: &Inspection) -> String {
    let (kind, facts) = match &inspection.subject {
        Subject::Config(facts) => ("configuration", config(facts)),
        Subject::StateDirectory(facts) => ("state-directory", config(facts)),
        Subject::Unit(facts) => ("unit", unit(facts)),
        Subject::Crontab(facts) => ("crontab", starts(facts)),
        Subject::Pm2Dump(facts) => ("pm2-dump", starts(facts)),
        Subject::Unknown => ("unknown", String::new()),
    };
    let row = format!("{}  {kind}  {facts}", display::path(&inspection.path));
    row.trim_end().to_owned()
}

fn config(facts: &ConfigFacts) -> String {
    let ConfigFacts {
        config,
        agents,
        edges,
        accounts,
        credentials,
    } = facts;
    let text = |value: Option<&str>| value.map_or_else(|| "absent".to_owned(), display::text);
    let auth = match (&config.auth.mode, config.auth.has_secret) {
        (Some(mode), _) => display::text(mode),
        (None, true) => "secret".to_owned(),
        (None, false) => "absent".to_owned(),
    };
    format!(
        "bind={} port={} auth={auth} agents={} edges={} channels={} credentials={} includes={}",
        text(config.bind.as_deref()),
        text(config.port.map(|port| port.to_string()).as_deref()),
        agents.len(),
        edges.len(),
        channels(accounts),
        credentials.len(),
        config.includes.len()
    )
}

/// The channels with their numbers of accounts: `telegram(2),discord(1)`.
fn channels(accounts: &[ChannelAccount]) -> String {
    let mut channels: Vec<(&str, usize)> = Vec::new();
    for account in accounts {
        match channels
            .iter_mut()
            .find(|(name, _)| *name == account.channel)
        {
            Some((_, count)) => *count += 1,
            None => channels.push((&account.channel, 1)),
        }
    }
    if channels.is_empty() {
        return "none".to_owned();
    }
    let shown = channels.into_iter();
    let shown: Vec<_> = shown
        .map(|(name, count)| format!("{}({count})", display::text(name)))
        .collect();
    shown.join(",")
}

fn unit(facts: &UnitFacts) -> String {
    let UnitFacts {
        starts_gateway,
        port,
        user,
        variables,
        environment_files,
    } = facts;
    format!(
        "gateway={} port={} user={} variables={} environment-files={}",
        if *starts_gateway { "yes" } else { "no" },
        port.map_or_else(|| "absent".to_owned(), |port| port.to_string()),
        user.as_deref()
            .map_or_else(|| "absent".to_owned(), display::text),
        variables.len(),
        environment_files.len()
    )
}

fn starts(facts: &StartFacts) -> String {
    let starts = facts.starts.iter().map(|start| {
        let directory = start.state_directory.as_deref();
        let directory = directory.map_or_else(|| "unknown".to_owned(), display::path);
        format!("  {} as {}: {directory}", start.starter, start.user)
    });
    format!(
        "gateways={}{}",
        facts.starts.len(),
        starts.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_one_row_and_a_reason() {
        let inspection = Inspection {
            path: "/a\nb".into(),
            subject: Subject::Unknown,
            findings: Vec::new(),
            unseen: vec!["no".into()],
        };
        assert_eq!(
            inspect_text(&[inspection]),
            "/a\\nb  unknown\n  not seen: no\n"
        );
    }
}
