//! The channels' secrets: the keys that hold them, the variables for the default account, and how many may use them.
//!
//! Keys and variables: docs/reference/secretref-credential-surface.md and docs/channels of 2026.9.6. That a Telegram token
//! has one poller was seen; for the other channels the class follows from how the channel receives, and is the careful one.

use crate::inventory::Exclusivity::{self, OnePoller, OneSession, Shareable};

/// A key that holds a secret, below a channel's section or below one of its accounts.
pub(super) struct SecretKey {
    pub(super) channel: &'static str,
    pub(super) key: &'static [&'static str],
    /// The variable that serves the default account where the key does not.
    pub(super) variable: Option<&'static str>,
    pub(super) exclusivity: Exclusivity,
}

const fn secret(
    channel: &'static str,
    key: &'static [&'static str],
    variable: Option<&'static str>,
    exclusivity: Exclusivity,
) -> SecretKey {
    SecretKey {
        channel,
        key,
        variable,
        exclusivity,
    }
}

/// The known keys; webhooks deliver to one address, so their secrets may be held by any number.
pub(super) const SECRET_KEYS: [SecretKey; 38] = [
    secret(
        "telegram",
        &["botToken"],
        Some("TELEGRAM_BOT_TOKEN"),
        OnePoller,
    ),
    secret("telegram", &["webhookSecret"], None, Shareable),
    // Every connection with a bot's token gets every message: both gateways would answer.
    secret("discord", &["token"], Some("DISCORD_BOT_TOKEN"), OneSession),
    secret("discord", &["pluralkit", "token"], None, Shareable),
    // Socket Mode deals each event to one of the open connections.
    secret("slack", &["appToken"], Some("SLACK_APP_TOKEN"), OnePoller),
    secret("slack", &["botToken"], Some("SLACK_BOT_TOKEN"), OneSession),
    secret(
        "slack",
        &["userToken"],
        Some("SLACK_USER_TOKEN"),
        OneSession,
    ),
    secret("slack", &["signingSecret"], None, Shareable),
    secret("slack", &["relay", "authToken"], None, OneSession),
    // One device, one store of keys, one writer.
    secret(
        "matrix",
        &["accessToken"],
        Some("MATRIX_ACCESS_TOKEN"),
        OneSession,
    ),
    secret("matrix", &["password"], Some("MATRIX_PASSWORD"), OneSession),
    secret(
        "mattermost",
        &["botToken"],
        Some("MATTERMOST_BOT_TOKEN"),
        OneSession,
    ),
    secret(
        "feishu",
        &["appSecret"],
        Some("FEISHU_APP_SECRET"),
        OneSession,
    ),
    secret("feishu", &["encryptKey"], None, Shareable),
    secret("feishu", &["verificationToken"], None, Shareable),
    secret(
        "line",
        &["channelAccessToken"],
        Some("LINE_CHANNEL_ACCESS_TOKEN"),
        Shareable,
    ),
    secret(
        "line",
        &["channelSecret"],
        Some("LINE_CHANNEL_SECRET"),
        Shareable,
    ),
    secret(
        "msteams",
        &["appPassword"],
        Some("MSTEAMS_APP_PASSWORD"),
        Shareable,
    ),
    secret(
        "googlechat",
        &["serviceAccount"],
        Some("GOOGLE_CHAT_SERVICE_ACCOUNT"),
        Shareable,
    ),
    secret("irc", &["password"], Some("IRC_PASSWORD"), OneSession),
    secret(
        "irc",
        &["nickserv", "password"],
        Some("IRC_NICKSERV_PASSWORD"),
        OneSession,
    ),
    secret(
        "qqbot",
        &["clientSecret"],
        Some("QQBOT_CLIENT_SECRET"),
        OneSession,
    ),
    secret("zalo", &["botToken"], Some("ZALO_BOT_TOKEN"), OnePoller),
    secret("zalo", &["webhookSecret"], None, Shareable),
    secret(
        "nostr",
        &["privateKey"],
        Some("NOSTR_PRIVATE_KEY"),
        OneSession,
    ),
    secret(
        "nextcloud-talk",
        &["botSecret"],
        Some("NEXTCLOUD_TALK_BOT_SECRET"),
        Shareable,
    ),
    secret("nextcloud-talk", &["apiPassword"], None, Shareable),
    secret("sms", &["authToken"], None, Shareable),
    secret(
        "synology-chat",
        &["token"],
        Some("SYNOLOGY_CHAT_TOKEN"),
        Shareable,
    ),
    secret("twitch", &["accessToken"], None, OneSession),
    secret("clickclack", &["token"], None, OneSession),
    secret("buzz", &["privateKey"], None, OneSession),
    secret("buzz", &["authTag"], None, Shareable),
    // Of channels that are not known, by the names of their keys.
    secret("", &["botToken"], None, OneSession),
    secret("", &["token"], None, OneSession),
    secret("", &["accessToken"], None, OneSession),
    secret("", &["clientSecret"], None, OneSession),
    secret("", &["password"], None, OneSession),
];

/// Returns whether a variable serves the default account of a channel.
pub(super) fn is_channel_variable(name: &str) -> bool {
    SECRET_KEYS
        .iter()
        .any(|secret| secret.variable == Some(name))
}

/// Returns the keys of a channel; of one that is not known, those that many channels have.
pub(super) fn secret_keys(channel: &str) -> impl Iterator<Item = &'static SecretKey> {
    let is_known = SECRET_KEYS.iter().any(|it| it.channel == channel);
    let name = if is_known { channel } else { "" }.to_owned();
    SECRET_KEYS.iter().filter(move |it| it.channel == name)
}

/// Returns whether a key at a channel itself makes an account, `default`.
pub(super) fn makes_account(channel: &str, key: &str) -> bool {
    let is_file = matches!(key, "tokenFile" | "secretFile" | "authDir" | "appId");
    is_file || secret_keys(channel).any(|it| it.key == [key] && key != "webhookSecret")
}

/// The session files of channels that log in by linking a device, below the state directory.
pub(super) struct SessionFile {
    pub(super) channel: &'static str,
    /// The path; `{}` is the account.
    pub(super) path: &'static str,
    /// The parts of it that tell one session from another, the best first: JSON pointers, RFC 6901.
    pub(super) pointers: &'static [&'static str],
}

/// What stands on disk after a login. `WhatsApp` rewrites its file all the time; its keys stay the same.
pub(super) const SESSION_FILES: [SessionFile; 2] = [
    SessionFile {
        channel: "whatsapp",
        path: "credentials/whatsapp/{}/creds.json",
        pointers: &[
            "/signedIdentityKey/private/data",
            "/noiseKey/private/data",
            "/me/id",
        ],
    },
    // As 2026.2.9 has it; 2026.9.6 keeps the same in its database.
    SessionFile {
        channel: "matrix",
        path: "credentials/matrix/credentials.json",
        pointers: &["/accessToken"],
    },
];
