# What an administrator left for everybody's units, before anybody had any.
mkdir -p /etc/systemd/user/openclaw@.service.d
cat > /etc/systemd/user/openclaw@.service.d/10-planner.conf <<'UNIT'
[Service]
Environment="PLANNER_BOT=7214000105:AAcanary-bot-ann-planner-0000000000"
UNIT
