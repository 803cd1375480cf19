# Puts the traps of old servers beside the gateways of the fleet. What scan has to say of them was written down in
# expected.txt before it was run.
as() { local user=$1; shift; runuser -u "$user" -- env HOME="/home/$user" XDG_RUNTIME_DIR="/run/user/$(id -u "$user")" "$@"; }
put() { as "$1" mkdir -p "$(dirname "$2")"; as "$1" tee "$2" > /dev/null; }

# Units: one that is disabled and would start old state, one masked, one that is a copy, one enabled and stopped.
put joe /home/joe/.clawdbot/clawdbot.json <<'CONFIG'
{ gateway: { mode: "local", auth: { token: "canary-gateway-token-old" } },
  channels: { telegram: { botToken: "7214000101:AAcanary-bot-joe-main-0000000000000" } } }
CONFIG
put joe /home/joe/.config/systemd/user/clawdbot-gateway.service <<'UNIT'
[Service]
Environment=OPENCLAW_STATE_DIR=%h/.clawdbot
ExecStart=/usr/local/bin/openclaw gateway run
Restart=always
[Install]
WantedBy=default.target
UNIT
as joe systemctl --user mask openclaw-older.service
cp -p /home/joe/.config/systemd/user/openclaw-gateway.service{,.bak}
put ann /home/ann/spare/openclaw.json <<'CONFIG'
{
  gateway: { mode: "local", port: 19081, bind: "lan" },
  env: { vars: { BUS_URL: "http://127.0.0.1:8788" } },
  agents: { ownership: "explicit", entries: { first: { workspace: "~/first" }, second: { workspace: "~/second-desk" } } },
  channels: { telegram: { accounts: {
    Front: { botToken: "7214000121:AAcanary-bot-ann-front-00000000000" },
    lost: { botToken: "${NOT_SET}" },
  } } },
  bindings: [
    { agentId: "first", match: { channel: "telegram", accountId: "front" } },
    { agentId: "nobody", match: { channel: "telegram", accountId: "Front" } },
  ],
}
CONFIG
put ann /home/ann/.config/systemd/user/openclaw-spare.service <<'UNIT'
[Service]
Environment=OPENCLAW_STATE_DIR=%h/spare
Environment=PATH=/opt/openclaw-2026.5.28/bin:/usr/bin
EnvironmentFile=-%h/.config/none.env
ExecStart=/opt/openclaw-2026.5.28/bin/openclaw gateway run
[Install]
WantedBy=default.target
UNIT
as ann mkdir -p /home/ann/first /home/ann/second-desk
as ann systemctl --user enable openclaw-spare.service

# Somebody whose units wait for a login, with the bot of somebody else.
useradd --create-home --shell /bin/bash --uid 1004 eve
put eve /home/eve/.openclaw/openclaw.json <<'CONFIG'
{ gateway: { mode: "local", port: 19101, auth: { token: "canary-gateway-token-eve" } },
  agents: { list: [{ id: "main", default: true, workspace: "/home/eve/.openclaw/workspace" }] },
  channels: { telegram: { botToken: "7214000102:AAcanary-bot-joe-sales-000000000000" } } }
CONFIG
put eve /home/eve/.config/systemd/user/openclaw-gateway.service <<'UNIT'
[Service]
ExecStart=/opt/openclaw-2026.5.28/bin/node /opt/openclaw-2026.5.28/lib/node_modules/openclaw/dist/index.js gateway --port 19101
[Install]
WantedBy=default.target
UNIT
as eve mkdir -p /home/eve/.openclaw/workspace /home/eve/.config/systemd/user/default.target.wants
as eve ln -s ../openclaw-gateway.service /home/eve/.config/systemd/user/default.target.wants/openclaw-gateway.service

# Cron: a line that is a comment, a table that cron does not read, a line that asks a unit, a line of the system's.
printf '%s\n' '# @reboot openclaw gateway run' \
    '*/5 * * * * XDG_RUNTIME_DIR=/run/user/1001 systemctl --user start openclaw-gateway.service' | crontab -u joe -
echo '@reboot joe openclaw gateway run' > /etc/cron.d/claw.disabled
printf '%s\n' '# 5 4 * * * root openclaw gateway run' \
    '5 4 1 1 * max OPENCLAW_STATE_DIR=/home/max/.clawdbot /opt/openclaw-2026.2.9/bin/openclaw gateway run' > /etc/cron.d/claw

# State that nobody runs: a copy, and what an older release left.
as joe mkdir -p /home/joe/.openclaw.bak
as joe cp -p /home/joe/.openclaw/openclaw.json /home/joe/.openclaw.bak/
as joe cp -p /home/joe/.openclaw/openclaw.json /home/joe/.openclaw/openclaw.json.before
put ann /home/ann/.moltbot/moltbot.json <<'CONFIG'
{ channels: { telegram: { botToken: "7214000122:AAcanary-bot-ann-molt-000000000000" } } }
CONFIG

# Neighbours: a bus that speaks to a gateway and serves another, a model server that an agent's notes name, a dashboard.
mkdir -p /opt/bus
cat > /opt/bus/bus.py <<'BUS'
import socket, time
listener = socket.create_server(("127.0.0.1", 8788))
client = socket.create_connection(("127.0.0.1", 18789))
while True:
    time.sleep(20)
    client.close()
    client = socket.create_connection(("127.0.0.1", 18789))
BUS
systemd-run --quiet --unit=bus --property=WorkingDirectory=/opt/bus python3 /opt/bus/bus.py
systemd-run --quiet --unit=ollama python3 -m http.server 11434 --bind 127.0.0.1
systemd-run --quiet --unit=dashboard sleep infinity
put joe /home/joe/.openclaw/workspace/TOOLS.md <<'NOTES'
# Tools
The small model answers on http://127.0.0.1:11434/v1, ask it first.
NOTES
sleep 1
