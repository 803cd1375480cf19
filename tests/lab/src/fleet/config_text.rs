//! The configuration of a gateway as a person wrote it: comments, bare keys, trailing commas, hand-made order.
//! A tool that rewrites it shows at once which of these it lost.

use std::fmt::Write;

use super::{Agent, Fleet, Gateway, Kept, User};

/// Returns the gateway's configuration: its text, and the files that it includes, by their paths from its directory.
pub(super) fn config_text(
    fleet: &Fleet,
    user: &User,
    gateway: &Gateway,
) -> (String, Vec<(String, String)>) {
    let mut files = Vec::new();
    let mut part = |name: &str, text: String| {
        let ends = text.find('{').zip(text.rfind('}'));
        let object = ends.and_then(|(first, last)| text.get(first..=last));
        let Some(object) = object.filter(|_| gateway.kept == Kept::InParts) else {
            return text;
        };
        let path = format!("config/{name}.json5");
        files.push((path.clone(), format!("// {name}\n{object}\n")));
        format!("  {name}: {{ $include: \"./{path}\" }},\n")
    };
    let agents = part("agents", agents_text(gateway));
    let models = part("models", models_text(fleet, gateway));
    (main_text(fleet, user, gateway, &agents, &models), files)
}

fn main_text(fleet: &Fleet, user: &User, gateway: &Gateway, agents: &str, models: &str) -> String {
    let port = gateway.config_port.unwrap_or(gateway.port);
    format!(
        r#"// {name}'s gateway. Ask me before you change anything here!
{{
  gateway: {{
    mode: "local",
    port: {port},
    bind: "loopback", // nobody else on the network has to see this
    auth: {{ mode: "token", token: "{token}" }},
  }},

{agents}
  /* the model: ours, not the cloud's */
{models}
{channels}
{bindings}}}
"#,
        name = user.name,
        token = gateway.token,
        channels = channels_text(fleet, gateway),
        bindings = bindings_text(&gateway.agents),
    )
}

fn agents_text(gateway: &Gateway) -> String {
    if gateway.has_keyed_agents() {
        keyed_agents(&gateway.agents)
    } else {
        listed_agents(&gateway.agents)
    }
}

/// `agents.ownership: "explicit"` takes the place of a `default: true` marker since 2026.9; together they are refused.
fn keyed_agents(agents: &[Agent]) -> String {
    let system_agent = agents.first().map_or("main", |agent| &agent.id);
    let entries = lines(agents, |agent| {
        format!(
            "      \"{}\": {{ workspace: \"{}\" }},",
            agent.id, agent.workspace
        )
    });
    format!(
        r#"  agents: {{
    defaults: {{
      model: {{ primary: "fake/echo" }},
      heartbeat: {{ agentId: "{system_agent}" }},
      systemAgent: {{ agentId: "{system_agent}" }},
    }},
    ownership: "explicit",
    // one agent a project
    entries: {{
{entries}    }},
  }},
"#
    )
}

fn listed_agents(agents: &[Agent]) -> String {
    let mut marker = "default: true, ";
    let list = lines(agents, |agent| {
        let marker = std::mem::take(&mut marker);
        format!(
            "      {{ id: \"{}\", {marker}workspace: \"{}\" }},",
            agent.id, agent.workspace
        )
    });
    format!(
        r#"  agents: {{
    defaults: {{ model: {{ primary: "fake/echo" }} }},
    // one agent a project
    list: [
{list}    ],
  }},
"#
    )
}

fn models_text(fleet: &Fleet, gateway: &Gateway) -> String {
    format!(
        r#"  models: {{
    mode: "merge",
    providers: {{
      fake: {{
        baseUrl: "{url}",
        apiKey: '{key}',
        api: "openai-completions",
        models: [
          {{
            id: "echo", name: "echo", reasoning: false, input: ["text"],
            cost: {{ input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }},
            contextWindow: 128000, maxTokens: 4096,
          }},
        ],
      }},
    }},
  }},
"#,
        url = fleet.model_api,
        key = gateway.model_key,
    )
}

/// A release without `apiRoot` switches a channel off that no plugin entry names, and asks for the policy at each account.
fn channels_text(fleet: &Fleet, gateway: &Gateway) -> String {
    let (root, plugins, policy) = if gateway.calls_telegram_itself() {
        (
            String::new(),
            "  plugins: { entries: { telegram: { enabled: true } } },\n",
            ", dmPolicy: \"open\", allowFrom: [\"*\"]",
        )
    } else {
        (format!("\n      apiRoot: \"{}\",", fleet.bot_api), "", "")
    };
    let accounts = lines(&gateway.agents, |Agent { bot, .. }| {
        let token = || format!("botToken: \"{}\"", bot.token);
        let written = bot.written.clone().unwrap_or_else(token);
        format!("        \"{}\": {{ {written}{policy} }},", bot.account)
    });
    format!(
        r#"  channels: {{
    telegram: {{
      enabled: true,{root}
      dmPolicy: "open",
      allowFrom: ["*"],
      accounts: {{
{accounts}      }},
    }},
  }},
{plugins}"#
    )
}

fn bindings_text(agents: &[Agent]) -> String {
    let bindings = lines(agents, |Agent { id, bot, .. }| {
        format!(
            "    {{ agentId: \"{id}\", match: {{ channel: \"telegram\", accountId: \"{}\" }} }},",
            bot.account
        )
    });
    format!("  bindings: [\n{bindings}  ],\n")
}

fn lines(agents: &[Agent], mut line: impl FnMut(&Agent) -> String) -> String {
    agents.iter().fold(String::new(), |mut text, agent| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", line(agent));
        text
    })
}
