//! Asks a gateway on loopback over HTTP/1.1: no proxy, no redirects, short deadlines.

use std::io::Read;
use std::time::Duration;

use super::Reply;

const DEADLINE: Duration = Duration::from_secs(5);
const BODY_LIMIT: u64 = 64 * 1024;

/// Asks `http://127.0.0.1:PORT/PATH`; `None` where nobody answers in HTTP within five seconds.
pub(super) fn get(port: u16, path: &str) -> Option<Reply> {
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(DEADLINE))
        .build()
        .new_agent();
    let path = path.strip_prefix('/').unwrap_or(path);
    let asked = agent
        .get(format!("http://127.0.0.1:{port}/{path}"))
        .header("connection", "close")
        .call();
    let mut answer = asked.ok()?;
    let content_type = answer.headers().get("content-type");
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    let mut body = Vec::new();
    let reader = answer.body_mut().as_reader();
    reader.take(BODY_LIMIT).read_to_end(&mut body).ok()?;
    Some(Reply {
        status: answer.status().as_u16(),
        content_type,
        body,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes; returns the port.
    fn answer_once(bytes: Vec<u8>) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&bytes);
        });
        port
    }

    #[test]
    fn an_answer_in_chunks_is_put_together() {
        let text = "HTTP/1.1 503 No\r\nContent-Type: Application/JSON\r\nTransfer-Encoding: chunked\r\n\r\n\
            4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
        let reply = get(answer_once(text.into()), "/readyz").unwrap();
        let expected = Reply {
            status: 503,
            content_type: "application/json".to_owned(),
            body: b"{\"a\":1}".to_vec(),
        };
        assert_eq!(reply, expected);
    }

    #[test]
    fn a_long_body_is_cut() {
        let mut text = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        text.extend(vec![b'x'; 100_000]);
        assert_eq!(get(answer_once(text), "").unwrap().body.len(), 64 * 1024);
    }

    #[test]
    fn a_redirect_is_told_and_not_followed() {
        let text = "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(get(answer_once(text.into()), "/").unwrap().status, 302);
    }

    #[test]
    fn silence_and_garbage_are_no_answer() {
        assert_eq!(get(answer_once(Vec::new()), "/"), None);
        assert_eq!(get(answer_once(b"SSH-2.0-x\r\n".to_vec()), "/"), None);
        let port = TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        assert_eq!(get(port, "/"), None);
    }
}
