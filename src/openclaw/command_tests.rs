//! Commands that start a gateway, and those that only speak of one.

use super::*;
use proptest::prelude::*;

fn starts(text: &str) -> bool {
    !in_text(text).is_empty()
}

fn one(text: &str) -> GatewayCommand {
    let found = in_text(text);
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    found.into_iter().next().unwrap_or_default()
}

#[test]
fn what_starts_a_gateway_is_told_from_what_asks_or_stops_it() {
    for text in [
        "openclaw gateway",
        "nohup openclaw gateway run > /tmp/log 2>&1 &",
        "exec /usr/bin/node /usr/lib/node_modules/openclaw/dist/index.js gateway --port 1",
        "cd /x && openclaw gateway 2>log",
        "npx openclaw@latest --profile a gateway run",
        "clawdbot gateway start",
        "while true; do\n  \"$OPENCLAW_BIN\" gateway run\n  sleep 5\ndone",
        "spawn('openclaw', ['gateway', 'run'])",
        "tmux new-session -d -s claw 'openclaw gateway run'",
        "pm2 restart openclaw",
        "openclaw daemon restart",
        "openclaw gateway status || openclaw gateway start",
    ] {
        assert!(starts(text), "{text}");
    }
    for text in [
        "# openclaw gateway",
        "openclaw gateway status",
        "openclaw gateway stop; sleep 5",
        "tar czf /b.tgz ~/.openclaw",
        "openclaw agent --message 'the gateway'",
        "systemctl --user stop openclaw-gateway",
        "pm2 delete openclaw",
        "grep gateway /var/log/openclaw.log",
        "",
    ] {
        assert!(!starts(text), "{text}: {:?}", in_text(text));
    }
}

#[test]
fn options_variables_and_users_of_a_command_are_told() {
    let command =
        one("sudo -u joe OPENCLAW_STATE_DIR=$HOME/s openclaw --profile=work gateway --port 7");
    assert_eq!((command.profile(), command.port()), (Some("work"), Some(7)));
    assert_eq!(command.user.as_deref(), Some("joe"));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(command.environment, [pair("OPENCLAW_STATE_DIR", "~/s")]);
    assert!(command.is_plain);
    let command = one("export OPENCLAW_PROFILE=a\nsu - ann -c \"cd; openclaw gateway\"");
    assert_eq!(command.user.as_deref(), Some("ann"));
    assert_eq!(command.environment, [pair("OPENCLAW_PROFILE", "a")]);
    assert!(!one("for p in a b; do openclaw --profile $p gateway; done").is_plain);
}

#[test]
fn a_command_that_asks_a_unit_is_no_gateway_itself() {
    let command = one("systemctl --user restart openclaw-gateway.service");
    assert_eq!(command.asks.as_deref(), Some("openclaw-gateway.service"));
    assert!(!starts("systemctl restart nginx"));
    let words = ["/usr/lib/pm2/bin/pm2".to_owned(), "resurrect".to_owned()];
    assert!(resurrects(&words) && !resurrects(&words[..1]));
}

#[test]
fn openclaw_is_mentioned_in_any_case_and_anywhere() {
    for text in ["openclaw", "x/OpenClaw-work", "my moltbot", "éClawdBot"] {
        assert!(is_mentioned(text.as_bytes()), "{text}");
    }
    for text in ["", "openclow", "claw", "open claw", "moltbo"] {
        assert!(!is_mentioned(text.as_bytes()), "{text}");
    }
}

#[test]
fn a_script_that_calls_another_is_unclear_and_a_backup_is_not() {
    assert!(is_unclear("cd ~/.openclaw\n./run.sh"));
    assert!(is_unclear("# openclaw\nmyclaw gateway"));
    assert!(!is_unclear(
        "tar czf /b.tgz ~/.openclaw\nopenclaw gateway status"
    ));
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(text in "[ -~\n\\PC]{0,300}") {
        let _ = in_text(&text);
        let _ = in_words(&[text]);
    }

    #[test]
    fn no_start_is_lost_by_passing_over_texts_without_its_words(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "openclaw", "clawdbot", "moltbot", "/x/openclaw/dist/index.js", "$X", "${APP}", "node", "gateway", "daemon", "start",
            "run", "systemctl", "pm2", "OpenClaw-gateway.service", "--port", "2>log", "\n", ";", "'", "\"", "sudo", "HOME=/h",
        ]), 0..10)
    ) {
        let text = pieces.join(" ");
        prop_assert_eq!(in_text(&text), in_words_of(&text));
    }
}

#[test]
fn a_program_named_after_openclaw_starts_a_gateway_of_which_nothing_more_is_told() {
    let wrapped = |text: &str| {
        let commands = commands(text).into_iter();
        commands
            .flat_map(|words| in_wrapper(&words))
            .collect::<Vec<_>>()
    };
    for text in [
        "/srv/bin/openclaw-local gateway run --port 7",
        "@reboot ~/run_openclaw.sh --profile a gateway",
        "sudo -u joe /opt/my-moltbot gateway start",
    ] {
        let found = wrapped(text);
        let [one] = found.as_slice() else {
            panic!("not one in {text}")
        };
        assert!(!one.is_plain && !starts(text), "{text}");
    }
    let found = wrapped("/srv/bin/openclaw-local gateway run --port 7");
    assert_eq!(found.first().and_then(|it| it.port()), Some(7));
    for text in [
        "/srv/bin/openclaw-local gateway status",
        "cat openclaw.json gateway",
        "/srv/bin/openclawish gateway run",
        "systemctl status openclaw-gateway gateway run",
        "/srv/openclaw-local/run gateway",
    ] {
        assert_eq!(wrapped(text), [], "{text}");
    }
}

#[test]
fn a_process_that_serves_or_is_about_to_is_told_from_one_that_asks() {
    let told = |line: &str| {
        let arguments: Vec<_> = line.split(' ').map(OsString::from).collect();
        is_gateway(&arguments)
    };
    for line in [
        "openclaw-gateway",
        "node /usr/local/bin/openclaw gateway run",
        "/usr/bin/node /srv/openclaw/dist/index.js gateway --port 18789",
    ] {
        assert!(told(line), "{line}");
    }
    for line in [
        "openclaw",
        "openclaw-gateway-status",
        "node /usr/local/bin/openclaw channels status --json",
        "vim openclaw.json",
    ] {
        assert!(!told(line), "{line}");
    }
}
