//! Whether a gateway's directories are its user's: what execute mounts into the container and gives to that user must not be
//! somebody else's, whatever a configuration names.

use std::path::Path;

use crate::display;
use crate::host::Reader;
use crate::inventory::{Finding, Gateway, catalogued};

/// Finds the state directory and workspaces outside of the user's HOME that belong to somebody else. Paths are resolved
/// already, so a link in HOME hides nothing.
pub(super) fn findings(reader: &Reader, gateway: &Gateway) -> Vec<Finding> {
    let workspaces = gateway.agents.iter().map(|agent| &agent.workspace);
    let mut roots: Vec<_> = workspaces.chain([&gateway.state_directory]).collect();
    roots.sort();
    roots.dedup();
    let foreign = roots
        .into_iter()
        .filter(|root| is_foreign(reader, gateway, root));
    let findings = foreign.map(|root| {
        let place = display::path(root);
        let summary = format!("{place} does not belong to {}", gateway.user.name);
        Finding::new(&catalogued::FOREIGN_GROUND, &gateway.name, summary).at(place)
    });
    findings.collect()
}

fn is_foreign(reader: &Reader, gateway: &Gateway, root: &Path) -> bool {
    let home = &gateway.user.home;
    let is_below_home = home.parent().is_some() && root.starts_with(home);
    let owner = reader.owner(root).map(|(uid, _)| uid);
    !is_below_home && owner.is_some_and(|uid| uid != gateway.user.uid)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::inventory::Agent;
    use crate::scan::findings::tests::gateway;

    /// Returns ids and places of what is found of a gateway whose agent works there; nobody's home is below `/tmp`.
    fn found(workspace: &str, home: &str) -> Vec<String> {
        let mut gateway = gateway();
        gateway.user.uid = 4_000_000;
        gateway.user.home = home.into();
        gateway.state_directory = "/none".into();
        gateway.agents = vec![Agent {
            id: "../../etc".to_owned(),
            workspace: workspace.into(),
        }];
        let found = findings(&Reader::new(), &gateway).into_iter();
        found.map(|it| format!("{} {}", it.id, it.place)).collect()
    }

    #[test]
    fn a_workspace_in_a_directory_of_the_system_is_found() {
        for place in ["/", "/etc", "/usr/lib"] {
            assert_eq!(found(place, "/home/joe"), [format!("OM-O014 {place}")]);
        }
        assert_eq!(found("/etc", "/"), ["OM-O014 /etc"]);
    }

    #[test]
    fn a_workspace_of_the_users_own_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().to_str().unwrap();
        assert_eq!(found(own, own), [""; 0]);
        assert_eq!(found("/not/there", "/home/joe"), [""; 0]);
        let (uid, _) = Reader::new().owner(directory.path()).unwrap();
        let mut gateway = gateway();
        (gateway.user.uid, gateway.state_directory) = (uid, own.into());
        assert_eq!(findings(&Reader::new(), &gateway), []);
    }
}
