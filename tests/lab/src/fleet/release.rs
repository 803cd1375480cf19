//! Where a gateway's release lies in a box, what its command line is, and what it cannot do.

use super::{Entry, Gateway, Install, User};

/// The release of the image that all boxes are made of, under `/usr/local`.
const NEWEST: &str = "2026.9.6";

/// Where the box keeps the lab's certificate.
pub(super) const CERTIFICATE: &str = "/usr/local/share/lab-telegram.pem";

impl Gateway {
    /// Returns the directory with `bin/node` and `bin/openclaw`.
    pub(super) fn prefix(&self, user: &User) -> String {
        match self.install {
            Install::Nvm => format!("{}/.nvm/versions/node/v22", user.home()),
            Install::Shared => self.shared_prefix(),
        }
    }

    /// Returns where the image holds the release.
    pub(super) fn shared_prefix(&self) -> String {
        if self.release == NEWEST {
            "/usr/local".to_owned()
        } else {
            format!("/opt/openclaw-{}", self.release)
        }
    }

    /// Returns whether the release has no `channels.telegram.apiRoot`: seen of 2026.2.9.
    pub(super) fn calls_telegram_itself(&self) -> bool {
        self.release.starts_with("2026.2.")
    }

    /// Returns whether the release lists its agents under `agents.entries`.
    pub(super) fn has_keyed_agents(&self) -> bool {
        self.release == NEWEST
    }

    /// Returns the program and its arguments, up to the subcommand of `gateway`.
    pub(super) fn command(&self, user: &User, subcommand: &str) -> Vec<String> {
        let prefix = self.prefix(user);
        let mut words = match self.entry {
            Entry::Launcher => vec![format!("{prefix}/bin/openclaw")],
            Entry::Script => vec![
                format!("{prefix}/bin/node"),
                format!("{prefix}/lib/node_modules/openclaw/dist/index.js"),
            ],
        };
        if let Some(profile) = &self.profile {
            words.extend(["--profile".to_owned(), profile.clone()]);
        }
        words.extend(["gateway".to_owned(), subcommand.to_owned()]);
        words
    }

    /// Returns the words that start the gateway in the foreground.
    pub(super) fn run_command(&self, user: &User) -> Vec<String> {
        let mut words = self.command(user, "run");
        words.extend(self.arguments.iter().cloned());
        words
    }

    /// Returns the variables of the gateway: those of the fleet, and where its node is to be found.
    pub(super) fn variables(&self, user: &User) -> Vec<(String, String)> {
        let path = format!("{}/bin:/usr/local/bin:/usr/bin:/bin", self.prefix(user));
        let mut variables = vec![("PATH".to_owned(), path)];
        if self.calls_telegram_itself() {
            variables.push(("NODE_EXTRA_CA_CERTS".to_owned(), CERTIFICATE.to_owned()));
        }
        let own = self.environment.iter();
        variables.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        variables
    }

    /// Returns a line for a shell that starts the gateway in the foreground.
    #[must_use]
    pub fn shell_line(&self, user: &User) -> String {
        let variables = self.variables(user);
        let variables = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let mut words = vec!["env".to_owned()];
        words.extend(variables);
        words.extend(self.run_command(user));
        words.join(" ")
    }
}
