//! What changed on a host since an older plan was made, and what becomes of the plan.

use crate::display;
use crate::plan::{Difference, Renewal};

/// Renders what a person should look at before taking an older plan's decisions over.
#[must_use]
pub fn renewal(renewal: &Renewal) -> String {
    let Renewal {
        draft: _,
        answers: _,
        gone,
        new,
        differences,
    } = renewal;
    let mut lines = Vec::new();
    for (agent, group) in gone {
        lines.push(format!("  - {}  was in {group}", display::text(agent)));
    }
    for (agent, group) in new {
        lines.push(format!(
            "  + {}  proposed for {group}",
            display::text(agent)
        ));
    }
    for Difference { fact, then, now } in differences {
        lines.push(format!("  ~ {}: {then} -> {now}", display::text(fact)));
    }
    if lines.is_empty() {
        return "Nothing has changed on this host since the plan was made.".to_owned();
    }
    format!("Since the plan was made:\n{}", lines.join("\n"))
}
