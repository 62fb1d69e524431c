//! What a model's tokens cost.

use super::value::Scalar;

/// What a model's tokens cost: `MODEL=PROMPT/REPLY`, each of a million tokens, in whatever
/// currency.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// The model, by the name that it is asked by or that it gives itself.
    pub model: String,
    /// A million tokens of prompts.
    pub prompt: f64,
    /// A million tokens of replies.
    pub reply: f64,
}

impl Price {
    /// What a call cost, in millionths of the currency.
    pub fn cost_of(&self, prompt_tokens: u64, reply_tokens: u64) -> u64 {
        let cost = prompt_tokens as f64 * self.prompt + reply_tokens as f64 * self.reply;
        cost.round() as u64
    }
}

impl Scalar for Price {
    const KIND: &'static str = "price";
    fn expected() -> String {
        "MODEL=PROMPT/REPLY, what a million tokens of each cost, such as gpt-4o=2.5/10,".into()
    }
    fn parse(text: &str) -> Option<Self> {
        let (model, prices) = text.rsplit_once('=')?;
        let (prompt, reply) = prices.split_once('/')?;
        let price = |text: &str| {
            let price: f64 = text.trim().parse().ok()?;
            (0.0..=1_000_000.0).contains(&price).then_some(price)
        };
        let model = model.trim();
        (!model.is_empty()).then_some(Self {
            model: model.to_owned(),
            prompt: price(prompt)?,
            reply: price(reply)?,
        })
    }
    fn show(&self) -> toml::Value {
        format!("{}={}/{}", self.model, self.prompt, self.reply).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_of_a_model_its_prompts_and_its_replies() {
        let price = Price::parse("llama3.2:3b = 0.5/1.25").unwrap();
        assert_eq!(price.model, "llama3.2:3b");
        assert_eq!(price.cost_of(1_000, 200), 750);
        assert_eq!(Price::parse(price.show().as_str().unwrap()), Some(price));
        for bad in [
            "", "m", "m=1", "=1/2", "m=-1/2", "m=1/x", "m=nan/1", "m=inf/1",
        ] {
            assert_eq!(Price::parse(bad), None, "{bad}");
        }
    }
}
