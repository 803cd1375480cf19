//! Furnishes a booted box with a fleet, in the way a person would have done it.

use std::time::Duration;

use super::config_text::config_text;
use super::{Agent, Fleet, Gateway, Starter, User};
use crate::server::{Server, ServerError, poll};

/// A gateway takes 7 to 10 s to be ready, a multiple of that where many start at once.
const READY_DEADLINE: Duration = Duration::from_mins(3);

const SESSION_DEADLINE: Duration = Duration::from_secs(20);

impl Fleet {
    /// Sets up all users and their gateways on the box and returns when every gateway is ready.
    pub fn settle(&self, server: &Server) -> Result<(), ServerError> {
        for user in &self.users {
            add_user(server, user)?;
            for gateway in &user.gateways {
                furnish(self, server, user, gateway)?;
                start(server, user, gateway)?;
            }
        }
        self.wait_until_ready(server)
    }

    /// Waits until every gateway of the fleet says it is ready, for example after the power came back.
    pub fn wait_until_ready(&self, server: &Server) -> Result<(), ServerError> {
        let mut gateways = self.users.iter().flat_map(|user| &user.gateways);
        gateways.try_for_each(|gateway| gateway.wait_until_ready(server))
    }
}

impl Gateway {
    /// Waits until `/healthz` and `/readyz` answer in JSON that all is well.
    ///
    /// Old releases answer every path with a page and status 200: only the content counts.
    pub fn wait_until_ready(&self, server: &Server) -> Result<(), ServerError> {
        let what = format!("the gateway on port {} ready", self.port);
        poll(&what, READY_DEADLINE, || {
            let live = ask(server, self.port, "healthz")?;
            let ready = ask(server, self.port, "readyz")?;
            let all_well = is_true(&live, "ok") && is_true(&ready, "ready");
            Ok(if all_well {
                Ok(())
            } else {
                Err(format!("healthz `{live}`, readyz `{ready}`"))
            })
        })
    }
}

fn ask(server: &Server, port: u16, endpoint: &str) -> Result<String, ServerError> {
    let url = format!("http://127.0.0.1:{port}/{endpoint}");
    Ok(server
        .exec(&["curl", "--silent", "--max-time", "5", &url])?
        .stdout)
}

fn is_true(answer: &str, key: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(answer)
        .is_ok_and(|value| value.get(key) == Some(&true.into()))
}

fn add_user(server: &Server, user: &User) -> Result<(), ServerError> {
    let User {
        name,
        uid,
        gateways: _,
    } = user;
    server.shell(&format!(
        "useradd --create-home --shell /bin/bash --uid {uid} {name}; loginctl enable-linger {name}"
    ))?;
    poll(
        &format!("the systemd session of {name}"),
        SESSION_DEADLINE,
        || {
            let state = server.exec_as(name, &["systemctl", "--user", "is-system-running"])?;
            Ok(if state.stdout.trim() == "running" {
                Ok(())
            } else {
                Err(state.stdout + &state.stderr)
            })
        },
    )
}

fn furnish(
    fleet: &Fleet,
    server: &Server,
    user: &User,
    gateway: &Gateway,
) -> Result<(), ServerError> {
    server.make_directory(&gateway.state_directory, &user.name, "0700")?;
    for agent in &gateway.agents {
        add_workspace(server, user, agent)?;
    }
    let text = config_text(fleet, user, gateway);
    server.write_file(&gateway.config_path(), text.as_bytes(), &user.name, "0600")?;
    for file in &gateway.stray_files {
        let path = format!("{}/{}", gateway.state_directory, file.path);
        server.write_file(&path, file.content.as_bytes(), &file.owner, &file.mode)?;
    }
    Ok(())
}

/// A workspace with the files an agent reads, a note, and a directory of data.
fn add_workspace(server: &Server, user: &User, agent: &Agent) -> Result<(), ServerError> {
    let Agent {
        id,
        workspace,
        bot: _,
    } = agent;
    server.shell_as(&user.name, &format!("mkdir -p '{workspace}/data'"))?;
    let files = [
        ("AGENTS.md", format!("# {id}\n\nAnswer in one sentence.\n")),
        ("notes.md", format!("- {id}: invoices are due on the 5th\n")),
        ("data/figures.csv", "month,count\n1,17\n2,19\n".to_owned()),
    ];
    for (name, content) in files {
        server.write_file(
            &format!("{workspace}/{name}"),
            content.as_bytes(),
            &user.name,
            "0644",
        )?;
    }
    Ok(())
}

fn start(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    match gateway.starter {
        Starter::SystemdUser => install_user_unit(server, user, gateway),
    }
}

/// OpenClaw itself writes, enables and starts the unit: what is migrated is the real one.
fn install_user_unit(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let mut command = vec!["env".to_owned()];
    if gateway.state_directory != format!("{}/.openclaw", user.home()) {
        command.push(format!("OPENCLAW_STATE_DIR={}", gateway.state_directory));
        command.push(format!("OPENCLAW_CONFIG_PATH={}", gateway.config_path()));
    }
    command.extend(["openclaw", "gateway", "install"].map(str::to_owned));
    server.exec_as(&user.name, &command)?.checked().map(drop)
}
