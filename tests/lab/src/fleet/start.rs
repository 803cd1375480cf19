//! The ways in which people start a gateway and have it started again.

use super::{Gateway, Starter, User};
use crate::server::{BASE_IMAGE, Server, ServerError};

/// Starts the gateway in the way that the fleet names, and leaves behind what starts it again.
pub(super) fn start(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    match gateway.starter {
        Starter::SystemdUser => install_user_unit(server, user, gateway),
        Starter::SystemdSystem => system_unit(server, user, gateway),
        Starter::SystemdTemplate => template_unit(server, user, gateway),
        Starter::CronReboot => cron_reboot(server, user, gateway),
        Starter::CronWatchdog => cron_watchdog(server, user, gateway),
        Starter::Pm2 => pm2(server, user, gateway),
        Starter::Tmux => tmux(server, user, gateway),
        Starter::Screen => screen(server, user, gateway),
        Starter::ShellLoop => shell_loop(server, user, gateway),
        Starter::Nohup => background(server, user, &gateway.shell_line(user), gateway.port),
        Starter::Container => container(server, user, gateway),
    }
}

/// OpenClaw itself writes, enables and starts the unit: what is migrated is the real one.
fn install_user_unit(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let mut command = vec!["env".to_owned()];
    if gateway.profile.is_none() && gateway.state_directory != format!("{}/.openclaw", user.home())
    {
        command.push(format!("OPENCLAW_STATE_DIR={}", gateway.state_directory));
        command.push(format!("OPENCLAW_CONFIG_PATH={}", gateway.config_path()));
    }
    let variables = gateway.variables(user);
    command.extend(
        variables
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    );
    command.extend(gateway.command(user, "install"));
    command.extend(gateway.arguments.iter().cloned());
    server.exec_as(&user.name, &command)?.checked().map(drop)
}

fn system_unit(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let name = format!("openclaw-{}.service", gateway.port);
    let variables = gateway.variables(user);
    let environment = variables
        .iter()
        .map(|(name, value)| format!("Environment={name}={value}\n"));
    let unit = format!(
        "[Unit]\nDescription=OpenClaw of {user}\n\n[Service]\nUser={user}\nWorkingDirectory={home}\n{environment}\
         ExecStart={command}\nRestart=always\nRestartSec=5\n\n[Install]\nWantedBy=multi-user.target\n",
        user = user.name,
        home = user.home(),
        environment = environment.collect::<String>(),
        command = gateway.run_command(user).join(" "),
    );
    let path = format!("/etc/systemd/system/{name}");
    server.write_file(&path, unit.as_bytes(), "root", "0644")?;
    server
        .shell(&format!(
            "systemctl daemon-reload; systemctl enable --now {name}"
        ))
        .map(drop)
}

fn template_unit(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let unit = format!(
        "[Unit]\nDescription=OpenClaw %i\n\n[Service]\nEnvironmentFile=-%h/.config/openclaw-%i.env\n\
         EnvironmentFile=-/etc/default/openclaw-%i\nExecStart={}\nRestart=always\nRestartSec=5\n\n\
         [Install]\nWantedBy=default.target\n",
        gateway.run_command(user).join(" "),
    );
    let variables = gateway.variables(user);
    let variables = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"));
    let variables = variables.collect::<String>();
    server.shell_as(&user.name, "mkdir -p ~/.config/systemd/user")?;
    let (home, port) = (user.home(), gateway.port);
    let path = format!("{home}/.config/systemd/user/openclaw@.service");
    server.write_file(&path, unit.as_bytes(), &user.name, "0644")?;
    let path = format!("{home}/.config/openclaw-{port}.env");
    server.write_file(&path, variables.as_bytes(), &user.name, "0600")?;
    let enable = format!(
        "systemctl --user daemon-reload; systemctl --user enable --now openclaw@{port}.service"
    );
    server.shell_as(&user.name, &enable).map(drop)
}

/// Cron looks for this file to know whether it was started since the boot: crontab(5), `@reboot`.
fn cron_reboot(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let line = gateway.shell_line(user);
    add_cron_line(
        server,
        user,
        &format!("@reboot nohup {line} >> {} 2>&1 &", log(user, gateway)),
    )?;
    server
        .shell("rm -f /run/crond.reboot; systemctl restart cron")
        .map(drop)
}

/// The lock keeps the next minute from starting a second one.
fn cron_watchdog(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let (home, port) = (user.home(), gateway.port);
    let command = format!(
        "exec flock -n {home}/.gateway-{port}.lock {}",
        gateway.shell_line(user)
    );
    let script = add_script(server, user, &format!("keep-gateway-{port}.sh"), &command)?;
    add_cron_line(
        server,
        user,
        &format!("* * * * * {script} >> {} 2>&1", log(user, gateway)),
    )
}

/// The unit that `pm2 startup` writes starts the daemon, as after a boot.
///
/// With an interpreter of its own pm2 imports the script, and OpenClaw's launcher does nothing then: seen of 2026.5.28.
fn pm2(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let (name, home) = (&user.name, user.home());
    let variables = gateway.variables(user);
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let variables = variables.join(" ");
    let words = gateway.run_command(user);
    let (script, arguments) = words
        .split_first()
        .map_or(("", String::new()), |(first, rest)| (first, rest.join(" ")));
    server.login(
        name,
        &format!(
            "{variables} pm2 start {script} --name gateway-{port} --interpreter none -- {arguments} && \
             pm2 save && pm2 kill",
            port = gateway.port,
        ),
    )?;
    server.shell(&format!(
        "pm2 startup systemd -u {name} --hp {home}; systemctl daemon-reload; systemctl start pm2-{name}"
    ))?;
    Ok(())
}

fn tmux(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let (line, port) = (gateway.shell_line(user), gateway.port);
    let script = format!("tmux new-session -d -s gateway-{port} '{line}'");
    server.login(&user.name, &script).map(drop)
}

fn screen(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let (line, port) = (gateway.shell_line(user), gateway.port);
    let script = format!("screen -dmS gateway-{port} {line}");
    server.login(&user.name, &script).map(drop)
}

fn shell_loop(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let port = gateway.port;
    let command = format!(
        "while true; do\n  {}\n  sleep 5\ndone",
        gateway.shell_line(user)
    );
    let script = add_script(
        server,
        user,
        &format!("gateway-{port}-forever.sh"),
        &command,
    )?;
    background(server, user, &script, port)
}

fn background(server: &Server, user: &User, command: &str, port: u16) -> Result<(), ServerError> {
    let home = user.home();
    let script = format!("nohup {command} >> {home}/gateway-{port}.log 2>&1 </dev/null &");
    server.login(&user.name, &script).map(drop)
}

/// The image has node's libraries and no more: node and OpenClaw are the host's.
fn container(server: &Server, user: &User, gateway: &Gateway) -> Result<(), ServerError> {
    let (home, prefix) = (user.home(), gateway.prefix(user));
    let (name, owner) = (
        format!("gateway-{}", gateway.port),
        format!("{0}:{0}", user.uid),
    );
    let (home_mount, prefix_mount) = (format!("{home}:{home}"), format!("{prefix}:{prefix}:ro"));
    let (home, words) = (format!("HOME={home}"), gateway.run_command(user));
    let variables = gateway.variables(user);
    let variables = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let mut arguments = vec![
        "run",
        "--detach",
        "--init",
        "--restart=unless-stopped",
        "--network=host",
    ];
    arguments.extend(["--name", &name, "--user", &owner, "--env", &home]);
    arguments.extend(["--volume", &home_mount, "--volume", &prefix_mount]);
    let variables: Vec<_> = variables.collect();
    arguments.extend(variables.iter().flat_map(|variable| ["--env", variable]));
    arguments.push(BASE_IMAGE);
    arguments.extend(words.iter().map(String::as_str));
    server.nested_docker(&arguments).map(drop)
}

fn log(user: &User, gateway: &Gateway) -> String {
    format!("{}/gateway-{}.log", user.home(), gateway.port)
}

fn add_cron_line(server: &Server, user: &User, line: &str) -> Result<(), ServerError> {
    let line = line.replace('\'', r"'\''");
    let script = format!("(crontab -l 2>/dev/null || true; echo '{line}') | crontab -");
    server.shell_as(&user.name, &script).map(drop)
}

/// Writes a script into the user's `bin` and returns its path.
fn add_script(
    server: &Server,
    user: &User,
    name: &str,
    command: &str,
) -> Result<String, ServerError> {
    let path = format!("{}/bin/{name}", user.home());
    server.shell_as(&user.name, "mkdir -p ~/bin")?;
    let text = format!("#!/bin/sh\n{command}\n");
    server.write_file(&path, text.as_bytes(), &user.name, "0755")?;
    Ok(path)
}
