//! Waiting for a condition, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

use super::ServerError;

const PAUSE: Duration = Duration::from_millis(200);

/// Looks again and again until a look finds what is awaited: `Ok(value)`, or `Err` with what was seen instead.
///
/// # Errors
/// [`ServerError::Deadline`] with what was seen last; errors of the look itself at once.
pub fn poll<T>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<Result<T, String>, ServerError>,
) -> Result<T, ServerError> {
    let start = Instant::now();
    loop {
        let last = match look()? {
            Ok(value) => return Ok(value),
            Err(last) => last,
        };
        if start.elapsed() >= deadline {
            return Err(ServerError::Deadline {
                what: what.to_owned(),
                waited: deadline,
                last,
            });
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_tells_what_was_seen_last() {
        let mut looks = 0;
        let outcome = poll("a miracle", Duration::ZERO, || {
            looks += 1;
            Ok(Err::<(), _>(format!("look {looks}")))
        });
        assert!(matches!(outcome, Err(ServerError::Deadline { last, .. }) if last == "look 1"));
    }

    #[test]
    fn the_first_success_ends_the_wait() {
        let mut looks = 0;
        let found = poll("the second look", Duration::from_secs(5), || {
            looks += 1;
            Ok(if looks == 2 {
                Ok(looks)
            } else {
                Err(String::new())
            })
        });
        assert!(matches!(found, Ok(2)));
    }
}
