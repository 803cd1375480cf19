//! The admin interface from the outside, for tests and the `lab` command.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::ledger::BotSummary;
use super::records::Ledger;
use super::wire::{BotToken, Message, Registration, Sent, Summary, SummaryQuery, Traffic};

/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(200);

/// What can go wrong with the admin interface.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The server was not reached or refused.
    #[error("ask the Bot API server for `{path}`")]
    Request {
        /// The path below the address.
        path: String,
        /// What the HTTP client says.
        #[source]
        source: Box<ureq::Error>,
    },
    /// Messages without an answer at the deadline.
    #[error("{} messages unanswered: {}", .0.len(), .0.join(", "))]
    Unanswered(Vec<String>),
    /// The bot was never registered.
    #[error("no bot of token `{0}`")]
    NoSuchBot(String),
}

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Client {
    address: String,
}

impl Client {
    /// Returns a client of the server at an address such as `http://10.99.0.1:9600`.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self {
            address: address.trim_end_matches('/').to_owned(),
        }
    }

    /// Makes the server accept a token; a second time changes nothing.
    pub fn register(&self, token: &str, username: &str) -> Result<(), ClientError> {
        let (token, username) = (token.to_owned(), username.to_owned());
        self.post::<serde_json::Value>("/admin/bot", &Registration { token, username })
            .map(drop)
    }

    /// Sends a message to a bot from the user `chat_id` and returns its mark.
    pub fn send(&self, token: &str, chat_id: i64, text: &str) -> Result<Sent, ClientError> {
        let (token, text) = (token.to_owned(), text.to_owned());
        self.post(
            "/admin/message",
            &Message {
                token,
                chat_id,
                text,
            },
        )
    }

    /// Starts a steady stream of messages, in place of one that runs.
    pub fn start_traffic(&self, traffic: &Traffic) -> Result<(), ClientError> {
        self.post::<serde_json::Value>("/admin/traffic", traffic)
            .map(drop)
    }

    /// Stops the stream of messages.
    pub fn stop_traffic(&self, token: &str) -> Result<(), ClientError> {
        let token = token.to_owned();
        self.post::<serde_json::Value>("/admin/traffic/stop", &BotToken { token })
            .map(drop)
    }

    /// Returns the certificate that the server shows as `api.telegram.org`, in PEM.
    pub fn certificate(&self) -> Result<String, ClientError> {
        self.get("/admin/certificate")
    }

    /// Returns everything the server wrote down.
    pub fn ledger(&self) -> Result<Ledger, ClientError> {
        self.get("/admin/ledger")
    }

    /// Returns the figures of every bot.
    pub fn summary(&self, query: SummaryQuery) -> Result<Summary, ClientError> {
        let SummaryQuery {
            since,
            until,
            patience_ms,
        } = query;
        let named = [
            ("since", since),
            ("until", until),
            ("patience_ms", patience_ms),
        ];
        let given = named
            .iter()
            .filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
        self.get(&format!(
            "/admin/summary?{}",
            given.collect::<Vec<_>>().join("&")
        ))
    }

    /// Returns the figures of one bot.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoSuchBot`] when the token was never registered.
    pub fn bot_summary(&self, token: &str, query: SummaryQuery) -> Result<BotSummary, ClientError> {
        let bots = self.summary(query)?.bots;
        let found = bots.into_iter().find(|bot| bot.token == token);
        found.ok_or_else(|| ClientError::NoSuchBot(token.to_owned()))
    }

    /// Waits until every message of these bots sent so far is answered.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unanswered`] with the marks that are left at the deadline, [`ClientError::NoSuchBot`] when a token was
    /// never registered.
    pub fn wait_until_answered(
        &self,
        tokens: &[&str],
        patience: Duration,
    ) -> Result<(), ClientError> {
        let mut marks = BTreeSet::new();
        for token in tokens {
            marks.extend(self.bot_summary(token, SummaryQuery::default())?.unanswered);
        }
        self.wait_for(marks, patience)
    }

    /// Waits until the messages with these marks are answered.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unanswered`] with the marks that are left at the deadline.
    pub fn wait_until_these_are_answered(
        &self,
        marks: &[String],
        patience: Duration,
    ) -> Result<(), ClientError> {
        self.wait_for(marks.iter().cloned().collect(), patience)
    }

    /// Messages that come meanwhile are not waited for.
    fn wait_for(
        &self,
        mut waiting: BTreeSet<String>,
        patience: Duration,
    ) -> Result<(), ClientError> {
        let deadline = Instant::now() + patience;
        loop {
            let bots = self.summary(SummaryQuery::default())?.bots.into_iter();
            let unanswered: BTreeSet<_> = bots.flat_map(|bot| bot.unanswered).collect();
            waiting = &waiting & &unanswered;
            if waiting.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(ClientError::Unanswered(waiting.into_iter().collect()));
            }
            sleep(LOOK);
        }
    }

    fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let answer = ureq::post(format!("{}{path}", self.address)).send_json(body);
        read(path, answer)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        read(path, ureq::get(format!("{}{path}", self.address)).call())
    }
}

fn read<T: DeserializeOwned>(
    path: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<T, ClientError> {
    // A ledger of a long run outgrows the limit ureq sets by default.
    let value =
        answer.and_then(|mut answer| answer.body_mut().with_config().limit(u64::MAX).read_json());
    value.map_err(|source| ClientError::Request {
        path: path.to_owned(),
        source: Box::new(source),
    })
}
