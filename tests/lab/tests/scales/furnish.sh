# Puts a zoo of files and a second gateway, enabled and stopped, beside the lab's first one. What scan has to say of them
# was written down in expected.json before it was run.
cd /home/joe
as_joe() { runuser -u joe -- env XDG_RUNTIME_DIR=/run/user/1001 HOME=/home/joe "$@"; }

as_joe mkdir -p .openclaw-work zoo/scribe zoo/skills/tailor zoo/tagged zoo/mount
cat > .openclaw-work/openclaw.json <<'CONFIG'
{
  // lead and scribe, and a clerk in the workspace of another gateway's agent
  gateway: { mode: "local", port: 18899, auth: { token: "canary-gateway-token-work" } },
  env: { vars: { BUS_URL: "http://127.0.0.1:8788" } },
  agents: {
    ownership: "explicit",
    entries: {
      lead: { workspace: "~/zoo", subagents: {
        allowAgents: ["scribe"] } },
      scribe: { workspace: "/home/joe/zoo/scribe" },
      clerk: { workspace: "/home/joe/docomo-pj" },
    },
  },
  tools: { agentToAgent: { enabled: true,
    allow: ["lead", "clerk"] } },
  channels: { telegram: { accounts: { front: { botToken: "7214000077:AAcanary-bot-front-000000000000000" } } } },
  bindings: [
    { agentId: "lead", match: { channel: "telegram", accountId: "front" } },
    { agentId: "clerk", match: { channel: "telegram", accountId: "front", peer: { kind: "group", id: "-1" } } },
  ],
}
CONFIG
chmod 600 .openclaw-work/openclaw.json
chown joe:joe .openclaw-work/openclaw.json

units=.config/systemd/user
sed -e '/^Environment=OPENCLAW_\(GATEWAY_PORT\|SYSTEMD_UNIT\|STATE_DIR\|CONFIG_PATH\|PROFILE\)/d' -e 's/--port 18789/--port 18899/' \
    -e 's|^\[Service\]|[Service]\nEnvironment=OPENCLAW_STATE_DIR=/home/joe/.openclaw-work|' \
    $units/openclaw-gateway.service > $units/openclaw-gateway-work.service
chown joe:joe $units/openclaw-gateway-work.service
as_joe systemctl --user enable openclaw-gateway-work.service

# The zoo.
cd zoo
echo private > root-only.txt && chmod 600 root-only.txt
echo open > listed.txt && setfacl -m u:daemon:r listed.txt
as_joe touch immutable.txt appended.log twice shared tidy.lock $'line\nbreak' $'\e[2Jclear' $'\xff\xfe'
chattr +i immutable.txt
chattr +a appended.log
as_joe ln twice scribe/twice-again
ln shared /home/joe/names-outside
ln -s /srv/elsewhere leaving
as_joe ln -s ../zoo/twice staying
cp /bin/true set-id && chmod 4755 set-id
cp /bin/true capable && chown joe:joe capable && setcap cap_net_raw+ep capable
python3 -c 'import os; os.setxattr("tagged", "user.colour", b"red")'
as_joe python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
as_joe mkfifo pipe
mount -t tmpfs none mount
mkdir -p /opt/bus && touch /opt/bus/run.sh

# Files of the agents.
as_joe tee MEMORY.md > /dev/null <<'FILE'
The notes on invoices are in ~/work/nobdata-pj/notes.md, ask before you change them.
Restart the bus with `systemctl --user restart bus`, see journalctl -u bus.
docker exec -it web bash, and ssh -i ~/.ssh/key root@backup.example (password SEKRET-canary).
The bus is /opt/bus/run.sh and answers on http://joe:SEKRET-canary@127.0.0.1:8788/SEKRET-canary.
Slash commands like /help and /opt/nothing are none of the host's business.
FILE
printf '#!/usr/bin/env python3\nprint(1)\n' | as_joe tee scribe/count.py > /dev/null
printf '#!/usr/local/bin/no-such-shell\n' | as_joe tee scribe/odd > /dev/null
printf -- '---\nname: tailor\nmetadata: {"openclaw": {"requires": {"bins": ["curl", "no-such-tool"]}}}\n---\n' |
    as_joe tee skills/tailor/SKILL.md > /dev/null

# A bus: it serves the second gateway, and is a client of the first.
cat > /opt/bus/bus.py <<'BUS'
import socket, time
listener = socket.create_server(("127.0.0.1", 8788))
client = socket.create_connection(("127.0.0.1", 18789))
while True:
    time.sleep(20)
    client.close()
    client = socket.create_connection(("127.0.0.1", 18789))
BUS
systemd-run --quiet --unit=bus python3 /opt/bus/bus.py
