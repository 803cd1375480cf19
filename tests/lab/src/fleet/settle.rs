//! Furnishes a booted box with a fleet, in the way a person would have done it.

use std::time::Duration;

use super::config_text::config_text;
use super::release::CERTIFICATE;
use super::start::start;
use super::{Agent, Fleet, Gateway, Install, Kept, User};
use crate::bot_api::client::Client;
use crate::server::{Server, ServerError, poll};

/// A gateway takes 7 to 10 s to be ready, a multiple of that where many start at once; 2026.2.9 translates 350 files at the
/// first start after a boot, and took minutes beside other work.
const READY_DEADLINE: Duration = Duration::from_mins(8);

/// How many gateways are started together.
const AT_ONCE: usize = 3;

const SESSION_DEADLINE: Duration = Duration::from_secs(20);

impl Fleet {
    /// Sets up all users and their gateways on the box and returns when every gateway is ready.
    ///
    /// A gateway's start takes ten seconds of a processor: no more than [`AT_ONCE`] start together.
    pub fn settle(&self, server: &Server) -> Result<(), ServerError> {
        self.introduce(server)?;
        for user in &self.users {
            add_user(server, user)?;
        }
        let gateways = self.users.iter();
        let gateways = gateways.flat_map(|user| user.gateways.iter().map(move |it| (user, it)));
        let gateways: Vec<_> = gateways.collect();
        for some in gateways.chunks(AT_ONCE) {
            for (user, gateway) in some {
                furnish(self, server, user, gateway)?;
                start(server, user, gateway)?;
            }
            wait_until_all_ready(server, some.iter().map(|(_, gateway)| *gateway))?;
        }
        Ok(())
    }

    /// Waits until every gateway of the fleet says it is ready, for example after the power came back.
    pub fn wait_until_ready(&self, server: &Server) -> Result<(), ServerError> {
        let mut users = self.users.iter();
        users.try_for_each(|user| wait_until_all_ready(server, &user.gateways))
    }
}

impl Fleet {
    /// Makes the Bot API accept the bots, and the box accept the Bot API as Telegram's.
    fn introduce(&self, server: &Server) -> Result<(), ServerError> {
        let bot_api = Client::new(&self.bot_api);
        for (number, token) in self.bot_tokens().into_iter().enumerate() {
            bot_api.register(token, &format!("lab{number}_bot"))?;
        }
        let pem = bot_api.certificate()?;
        server.write_file(CERTIFICATE, pem.as_bytes(), "root", "0644")
    }
}

impl Gateway {
    /// Waits until `/healthz` and `/readyz` answer in JSON that all is well.
    ///
    /// Releases without these answer every path with a page and status 200: there the port alone is waited for.
    pub fn wait_until_ready(&self, server: &Server) -> Result<(), ServerError> {
        let what = format!("the gateway on port {} ready", self.port);
        poll(&what, READY_DEADLINE, || {
            let live = ask(server, self.port, "healthz")?;
            let ready = ask(server, self.port, "readyz")?;
            let is_page = self.calls_telegram_itself() && ready.contains("<html");
            let all_well = is_page || is_true(&live, "ok") && is_true(&ready, "ready");
            Ok(if all_well {
                Ok(())
            } else {
                Err(format!("healthz `{live}`, readyz `{ready}`"))
            })
        })
    }
}

fn wait_until_all_ready<'g>(
    server: &Server,
    gateways: impl IntoIterator<Item = &'g Gateway>,
) -> Result<(), ServerError> {
    let mut gateways = gateways.into_iter();
    gateways.try_for_each(|gateway| gateway.wait_until_ready(server))
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
        groups,
        gateways: _,
    } = user;
    server.shell(&format!(
        "useradd --create-home --shell /bin/bash --uid {uid} {name}"
    ))?;
    for group in groups {
        server.shell(&format!(
            "groupadd --force {group}; usermod --append --groups {group} {name}"
        ))?;
    }
    server.shell(&format!("loginctl enable-linger {name}"))?;
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
    let (state, config) = (&gateway.state_directory, gateway.config_path());
    server.shell_as(
        &user.name,
        &format!("mkdir -p '{state}' \"$(dirname '{config}')\"; chmod 700 '{state}'"),
    )?;
    if gateway.install == Install::Nvm {
        copy_release(server, user, gateway)?;
    }
    for agent in &gateway.agents {
        add_workspace(server, user, agent)?;
    }
    write_config(fleet, server, user, gateway)?;
    for file in &gateway.stray_files {
        let path = format!("{}/{}", gateway.state_directory, file.path);
        server.write_file(&path, file.content.as_bytes(), &file.owner, &file.mode)?;
    }
    Ok(())
}

fn write_config(
    fleet: &Fleet,
    server: &Server,
    user: &User,
    gateway: &Gateway,
) -> Result<(), ServerError> {
    let (text, parts) = config_text(fleet, user, gateway);
    let write =
        |path: &str, text: &str| server.write_file(path, text.as_bytes(), &user.name, "0600");
    let mut config = gateway.config_path();
    if gateway.kept == Kept::Linked {
        let file = format!("{}/dotfiles/openclaw.json", user.home());
        let link = format!("mkdir -p \"$(dirname '{file}')\" && ln -s '{file}' '{config}'");
        server.shell_as(&user.name, &link)?;
        config = file;
    }
    let directory = config
        .rsplit_once('/')
        .map_or("", |(directory, _)| directory);
    for (path, text) in parts {
        server.shell_as(&user.name, &format!("mkdir -p '{directory}/config'"))?;
        write(&format!("{directory}/{path}"), &text)?;
    }
    write(&config, &text)
}

/// Installs the release a second time, as the user who would have done it.
fn copy_release(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let (from, to) = (gateway.shared_prefix(), gateway.prefix(user));
    let script =
        format!("mkdir -p '{to}' && cp -r --preserve=links,mode,timestamps '{from}/.' '{to}/'");
    server.shell_as(&user.name, &script).map(drop)
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
