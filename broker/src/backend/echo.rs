//! The built-in backend: says back what it is told.
//!
//! The reply is `You said: ` and the text of the last turn of the user, unchanged. It is streamed
//! word by word, each with the white space after it, so that the same prompt always gives the
//! same chunks, and a long question a long reply. A token is a word; `max_tokens` cuts the reply
//! after so many. The first token comes after `first_token_delay`, the others at
//! `tokens_per_second`.

use std::time::Duration;

use futures::stream;
use tokio::time::{Instant, sleep_until};

use super::{Backend, Chunk, ChunkStream, Done, Finish, Prompt, Role, Usage};

const PREFIX: &str = "You said: ";

/// At full speed other tasks get their turn after so many tokens.
const TOKENS_A_TURN: usize = 64;

/// Further off a point in time could not be computed with.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Settings of [`Echo`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EchoConfig {
    /// The pace; 0 is as fast as possible.
    pub tokens_per_second: f64,
    /// From the call to the first token.
    pub first_token_delay: Duration,
}

/// The built-in backend; see the [module](self).
#[derive(Clone, Debug)]
pub struct Echo {
    config: EchoConfig,
}

impl Echo {
    /// An echo at the given pace.
    pub fn new(config: EchoConfig) -> Self {
        Self { config }
    }

    /// From the first token to the `index`th.
    fn offset(&self, index: usize) -> Duration {
        if self.config.tokens_per_second > 0.0 {
            let seconds = index as f64 / self.config.tokens_per_second;
            Duration::try_from_secs_f64(seconds)
                .unwrap_or(NEVER)
                .min(NEVER)
        } else {
            Duration::ZERO
        }
    }
}

impl Backend for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn model<'a>(&'a self, prompt: &'a Prompt) -> &'a str {
        prompt.model.as_deref().unwrap_or("echo")
    }

    fn ask(&self, prompt: Prompt) -> ChunkStream {
        let (tokens, done) = reply(&prompt, self.model(&prompt));
        let speech = Speech {
            echo: self.clone(),
            tokens: tokens.into_iter(),
            done: Some(done),
            said: 0,
            first_at: None,
        };
        Box::pin(stream::unfold(speech, |mut speech| async move {
            let chunk = speech.next().await?;
            Some((Ok(chunk), speech))
        }))
    }
}

/// A reply on its way.
struct Speech {
    echo: Echo,
    tokens: std::vec::IntoIter<String>,
    done: Option<Done>,
    said: usize,
    first_at: Option<Instant>,
}

impl Speech {
    async fn next(&mut self) -> Option<Chunk> {
        let Some(token) = self.tokens.next() else {
            return self.done.take().map(Chunk::Done);
        };
        self.wait_for_turn().await;
        self.said += 1;
        Some(Chunk::Text(token))
    }

    async fn wait_for_turn(&mut self) {
        let delay = self.echo.config.first_token_delay.min(NEVER);
        let first_at = *self.first_at.get_or_insert_with(|| Instant::now() + delay);
        let due = first_at + self.echo.offset(self.said);
        if due > Instant::now() {
            sleep_until(due).await;
        } else if self.said.is_multiple_of(TOKENS_A_TURN) {
            tokio::task::yield_now().await;
        }
    }
}

/// The tokens that answer `prompt`, and how the reply ends.
fn reply(prompt: &Prompt, model: &str) -> (Vec<String>, Done) {
    let question = prompt.turns.iter().rfind(|turn| turn.role == Role::User);
    let text = format!("{PREFIX}{}", question.map_or("", |turn| turn.text.as_str()));
    let longest = prompt
        .max_tokens
        .map_or(usize::MAX, |tokens| tokens as usize);

    let mut tokens: Vec<String> = words(&text).map(str::to_owned).collect();
    let finish = if tokens.len() > longest {
        Finish::Length
    } else {
        Finish::Stop
    };
    tokens.truncate(longest);

    let asked = prompt
        .turns
        .iter()
        .map(|turn| &turn.text)
        .chain(&prompt.system);
    let usage = Usage {
        prompt_tokens: asked
            .map(|text| text.split_whitespace().count() as u64)
            .sum(),
        completion_tokens: tokens.len() as u64,
    };
    (
        tokens,
        Done {
            finish,
            usage: Some(usage),
            model: model.to_owned(),
        },
    )
}

/// The words of `text`, each with the white space after it; joined they are `text` again.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = rest
            .find(|c: char| !c.is_whitespace())
            .unwrap_or(rest.len());
        let (_, from_word) = rest.split_at(word);
        let space = word
            + from_word
                .find(char::is_whitespace)
                .unwrap_or(from_word.len());
        let (_, from_space) = rest.split_at(space);
        let end = space
            + from_space
                .find(|c: char| !c.is_whitespace())
                .unwrap_or(from_space.len());
        let (token, after) = rest.split_at(end);
        rest = after;
        (!token.is_empty()).then_some(token)
    })
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::backend::Turn;

    async fn chunks(config: EchoConfig, prompt: Prompt) -> Vec<Chunk> {
        Echo::new(config)
            .ask(prompt)
            .map(Result::unwrap)
            .collect()
            .await
    }

    fn text_of(chunks: &[Chunk]) -> String {
        chunks
            .iter()
            .filter_map(|chunk| match chunk {
                Chunk::Text(text) => Some(text.as_str()),
                Chunk::Thinking | Chunk::Done(_) => None,
            })
            .collect()
    }

    #[tokio::test]
    async fn says_back_the_last_question_and_counts_words() {
        let mut prompt = Prompt::question("m1", "first");
        prompt.system = Some("Be kind.".into());
        prompt
            .turns
            .push(Turn::new(Role::Assistant, "You said: first"));
        prompt
            .turns
            .push(Turn::new(Role::User, "  grüße\n\nan  alle "));
        let chunks = chunks(EchoConfig::default(), prompt.clone()).await;
        assert_eq!(text_of(&chunks), "You said:   grüße\n\nan  alle ");
        let usage = Usage {
            prompt_tokens: 9,
            completion_tokens: 5,
        };
        assert_eq!(
            chunks.last(),
            Some(&Chunk::Done(Done {
                finish: Finish::Stop,
                usage: Some(usage),
                model: "echo".into()
            }))
        );
        assert_eq!(chunks, self::chunks(EchoConfig::default(), prompt).await);
    }

    #[tokio::test]
    async fn stops_at_the_longest_reply() {
        let mut prompt = Prompt::question("m1", "one two three");
        prompt.max_tokens = Some(3);
        let chunks = chunks(EchoConfig::default(), prompt).await;
        assert_eq!(text_of(&chunks), "You said: one ");
        assert!(matches!(chunks.last(), Some(Chunk::Done(done)) if done.finish == Finish::Length));
    }

    #[tokio::test]
    async fn keeps_its_pace() {
        let config = EchoConfig {
            tokens_per_second: 50.0,
            first_token_delay: Duration::from_millis(30),
        };
        let start = Instant::now();
        let mut reply = Echo::new(config).ask(Prompt::question("m1", "a b"));
        for due_ms in [30, 50, 70, 90] {
            assert!(matches!(reply.next().await, Some(Ok(Chunk::Text(_)))));
            assert!(start.elapsed() >= Duration::from_millis(due_ms));
        }
    }

    #[test]
    fn words_join_to_the_text() {
        for text in ["", " ", "a", " a", "a ", "a\u{3000}b\n c"] {
            assert_eq!(words(text).collect::<String>(), text);
        }
    }
}
