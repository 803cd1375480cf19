//! `ocmigrate plan --check`.

use std::path::Path;

use super::failure::{Code, Failure};
use super::plan_file;
use super::terminal::Terminal;
use crate::plan;
use crate::step;

/// Says whether a plan, hand-edited perhaps, makes sense, and what of it forbids to execute its groups.
pub(super) fn run(path: &Path, terminal: &Terminal) -> Result<(), Failure> {
    let plan = plan_file::read(Some(path))?;
    let mut is_blocked = false;
    for concern in plan::concerns(&plan) {
        let it = &concern.finding;
        terminal.data(&format!("{} {}: {}\n", it.id, it.about, it.summary))?;
        terminal.data(&format!("  fix: {}\n", it.remedy))?;
    }
    for group in &plan.groups {
        let objections = plan::objections(&plan, group, &[]);
        is_blocked |= !objections.is_empty();
        let ids: Vec<_> = objections.iter().map(|it| it.id.as_str()).collect();
        let unbuilt = step::unbuilt(&plan, group);
        let verdict = match (ids.is_empty(), unbuilt.is_empty()) {
            (false, _) => format!("blocked by {}", ids.join(" ")),
            (true, false) => {
                format!("planned only, execute refuses it: {}", unbuilt.join(", "))
            }
            (true, true) => "nothing in the plan forbids it".to_owned(),
        };
        terminal.data(&format!("{}  {verdict}\n", group.name))?;
    }
    if is_blocked {
        return Err(Failure::new(Code::Blocked, "the plan is blocked")
            .hint("ocmigrate explain ID tells the whole story"));
    }
    Ok(())
}
