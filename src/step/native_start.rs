//! How a native gateway is started, read from what started it, and written as a script that starts it so again.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::{Context, Result, StepError};
use crate::host::{RunningProcess, crontab};
use crate::inventory::{CronStarter, ProcessId, User};
use crate::openclaw::environment;

/// What cron sets for every line, beside HOME and LOGNAME; crontab(5), Debian 12.
const CRONS: [(&str, &str); 2] = [("SHELL", "/bin/sh"), ("PATH", "/usr/bin:/bin")];
/// What cron sets on some distributions: cronie does, Debian's does not.
const SOME_CRONS: &str = "USER";
/// Where cron's session takes more variables from; `pam_env(8)`, `/etc/pam.d/cron` of Debian 12. Cron's own win over them.
const SESSION_FILES: [&str; 2] = ["/etc/environment", "/etc/default/locale"];

/// A start: with these variables and no others, in this directory, this command.
pub(super) struct Start {
    pub(super) environment: Vec<(OsString, OsString)>,
    directory: PathBuf,
    umask: u32,
    pub(super) argv: Vec<OsString>,
    output: Option<PathBuf>,
}

/// Returns what cron(8) does with a line; `running` is the gateway that it started.
pub(super) fn of_line(
    line: &CronStarter,
    user: &User,
    running: ProcessId,
    context: &Context,
) -> Result<Start> {
    let found = find_line(line, context)?;
    let mut environment = session(context, running)?;
    let home = user.home.to_string_lossy().into_owned();
    let named = [("HOME", home.as_str()), ("LOGNAME", &user.name)];
    let usual = CRONS.into_iter().chain(named);
    environment.extend(usual.map(|(name, value)| (name.into(), value.into())));
    let own = found.environment.into_iter();
    environment.extend(own.map(|(name, value, _)| (name.into(), value.into())));
    let last = |wanted: &str| {
        let mut set = environment.iter().rev();
        let found = set.find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    Ok(Start {
        directory: last("HOME").into(),
        umask: find_process(running, context)?.umask,
        argv: vec![last("SHELL"), "-c".into(), found.command.into()],
        environment,
        output: None,
    })
}

/// Returns how a process was started, as far as it still tells.
pub(super) fn of_process(process: ProcessId, context: &Context) -> Result<Start> {
    let RunningProcess {
        arguments,
        directory,
        output,
        umask,
        ..
    } = find_process(process, context)?;
    Ok(Start {
        environment: context.host.environment(process)?,
        directory,
        umask,
        argv: arguments,
        output,
    })
}

fn find_process(process: ProcessId, context: &Context) -> Result<RunningProcess> {
    let found = context.host.process(process.pid)?;
    let found = found.filter(|found| found.id == process);
    found.ok_or_else(|| StepError::unmet(format!("process {} has ended", process.pid)))
}

fn find_line(line: &CronStarter, context: &Context) -> Result<crontab::Line> {
    let table = context.host.read(&line.file)?;
    let text = table.map(|table| String::from_utf8_lossy(&table.bytes).into_owned());
    let lines = crontab::lines(&text.unwrap_or_default(), !line.is_users());
    let mut lines = lines.into_iter();
    lines
        .find(|found| found.number == line.line)
        .ok_or_else(|| {
            let table = crate::display::path(&line.file);
            StepError::unmet(format!("{table}:{} is no line of cron", line.line))
        })
}

/// Returns the variables that cron's session gave a process. Their values are the process's own: what its command set
/// otherwise, that sets again.
fn session(context: &Context, process: ProcessId) -> Result<Vec<(OsString, OsString)>> {
    let mut names = vec![SOME_CRONS.to_owned()];
    for file in SESSION_FILES {
        let found = context.host.read(Path::new(file)).ok().flatten();
        let text = found.map(|found| String::from_utf8_lossy(&found.bytes).into_owned());
        names.extend(variable_names(&text.unwrap_or_default()));
    }
    let mut environment = context.host.environment(process)?;
    environment.retain(|(name, _)| names.iter().any(|known| OsStr::new(known) == name));
    Ok(environment)
}

/// Returns the names in a file of `pam_env(8)`: `NAME=value` or `export NAME=value`, and comments.
fn variable_names(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, _) = line.split_once('=')?;
        (!line.starts_with('#')).then(|| name.trim().to_owned())
    });
    names.collect()
}

impl Start {
    /// Writes the start as a script for a POSIX shell that has an empty environment itself. It holds secrets.
    pub(super) fn to_script(&self) -> Vec<u8> {
        let quote = |path: &Path| environment::quote(path.as_os_str());
        let mut script =
            b"# Written by ocmigrate: starts the native gateway as it was started.\n".to_vec();
        let directory = quote(&self.directory);
        script.extend([b"cd ", directory.as_slice(), b" || exit 1\n"].concat());
        script.extend(format!("umask {:04o}\n", self.umask).bytes());
        // What the shell sets for itself is none of the gateway's.
        script.extend(b"unset PWD OLDPWD SHLVL _\n");
        script.extend(environment::to_shell(&self.environment).text);
        script.extend(b"exec");
        for word in &self.argv {
            script.extend([b" ", environment::quote(word).as_slice()].concat());
        }
        let output = self.output.as_deref().unwrap_or(Path::new("/dev/null"));
        script.extend([b" >>", quote(output).as_slice(), b" 2>&1\n"].concat());
        script
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test runs the script, and may panic"
)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::host::fake::{FakeGateway, FakeHost, FakeProgram};
    use crate::host::{GatewayTrace, Host, Ownership};
    use crate::step::testing::with_context;

    /// Runs a start's script as a rollback does, and returns what it wrote.
    fn run(mut start: Start) -> String {
        let directory = tempfile::tempdir().unwrap();
        let (script, output) = (directory.path().join("s"), directory.path().join("o"));
        start.output = Some(output.clone());
        std::fs::write(&script, start.to_script()).unwrap();
        let mut shell = Command::new("/bin/sh");
        let status = shell.arg(&script).env_clear().status().unwrap();
        assert!(status.success());
        std::fs::read_to_string(output).unwrap()
    }

    fn start(argv: &[&str]) -> Start {
        let pairs = [("B", "it's\n$HOME"), ("PATH", "/usr/bin:/bin")];
        let pairs = pairs.map(|(name, value)| (name.into(), value.into()));
        Start {
            environment: pairs.to_vec(),
            directory: "/usr".into(),
            umask: 0o027,
            argv: argv.iter().map(OsString::from).collect(),
            output: None,
        }
    }

    #[test]
    fn the_script_gives_these_variables_and_none_of_the_shells_own() {
        let said = run(start(&["/usr/bin/env", "-0"]));
        let mut variables: Vec<_> = said.split_terminator('\0').collect();
        variables.sort_unstable();
        assert_eq!(variables, ["B=it's\n$HOME", "PATH=/usr/bin:/bin"]);
    }

    #[test]
    fn the_script_starts_in_the_directory_and_with_the_mask() {
        assert_eq!(run(start(&["/bin/sh", "-c", "pwd; umask"])), "/usr\n0027\n");
    }

    #[test]
    fn a_line_is_started_with_crons_variables_its_own_and_its_sessions() {
        let host = FakeHost::new();
        let owner = Ownership::of_root(0o600);
        let table = "/var/spool/cron/crontabs/joe";
        let text = "SHELL=/bin/bash\nTOKEN=geheim\n@reboot nohup openclaw gateway run &\n";
        let mut world = host.world_mut();
        world.add_file(table, text.as_bytes(), owner);
        world.add_file("/etc/default/locale", b"# by hand\nLANG=C.UTF-8\n", owner);
        world.add_file(
            "/etc/environment",
            b"PATH=/x\nexport HTTP_PROXY='p'\n",
            owner,
        );
        let gateway = gateway();
        world.start_program(&FakeProgram::Gateway(gateway.clone()));
        drop(world);
        let line = CronStarter {
            file: table.into(),
            line: 3,
            user: "joe".to_owned(),
            schedule: "@reboot".to_owned(),
        };
        let found = with_context(&host, &|_| {}, |context| {
            let running = host.find_gateway(&gateway.trace).unwrap();
            of_line(&line, &user(), *running.first().unwrap(), context).unwrap()
        });
        let told: Vec<_> = found
            .environment
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        let expected = [
            "LANG=de_DE.UTF-8",
            "HTTP_PROXY=q",
            "USER=joe",
            "SHELL=/bin/sh",
            "PATH=/usr/bin:/bin",
            "HOME=/home/joe",
            "LOGNAME=joe",
            "SHELL=/bin/bash",
            "TOKEN=geheim",
        ];
        assert_eq!(told, expected);
        assert_eq!(found.directory, Path::new("/home/joe"));
        let argv = ["/bin/bash", "-c", "nohup openclaw gateway run &"];
        assert_eq!(found.argv, argv);
    }
    fn user() -> User {
        User {
            name: "joe".to_owned(),
            uid: 1001,
            gid: 1001,
            home: "/home/joe".into(),
        }
    }

    /// A gateway whose command gave it another language and proxy, and a variable that cron does not know.
    fn gateway() -> FakeGateway {
        let pairs = [
            ("LANG", "de_DE.UTF-8"),
            ("HTTP_PROXY", "q"),
            ("USER", "joe"),
            ("PWD", "/home/joe"),
            ("OURS", "1"),
        ];
        FakeGateway {
            trace: GatewayTrace {
                state_directory: "/home/joe/.openclaw".into(),
                config: "/home/joe/.openclaw/openclaw.json".into(),
                uid: 1001,
                port: 18789,
            },
            environment: pairs
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
            boot: std::time::Duration::from_secs(1),
        }
    }
}
