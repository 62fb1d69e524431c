//! Texts that are to be seen here and not there.

/// The canary of each field that was filled; of one that was filled again, each.
#[derive(Default)]
pub(crate) struct Cage {
    birds: Vec<(String, String)>,
}

impl Cage {
    /// The canary of a field: letters alone, so that no rule knows it by its form.
    pub(crate) fn plant(&mut self, field: &str) -> String {
        let letters: String = std::iter::repeat_with(|| rand::random_range('a'..='z'))
            .take(10)
            .collect();
        let bird = format!("canary{letters}");
        self.keep(field, &bird);
        bird
    }

    /// One that is no word, but the whole of something secret.
    pub(crate) fn keep(&mut self, field: &str, bird: &str) {
        self.birds.push((field.to_owned(), bird.to_owned()));
    }

    /// Those that are in `text`.
    pub(crate) fn seen_in(&self, text: &str) -> Vec<&str> {
        let birds = self.birds.iter();
        let seen = birds.filter(|(_, bird)| text.contains(bird.as_str()));
        seen.map(|(field, _)| field.as_str()).collect()
    }
}
