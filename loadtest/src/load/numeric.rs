//! Numbers on the command line that make sense.

use std::str::FromStr;

/// Nothing that is set here is larger.
const MOST: f64 = 1e9;

/// A number above 0.
pub(crate) fn more_than_zero(text: &str) -> Result<f64, String> {
    number(text, "a number above 0", |number: f64| {
        number > 0.0 && number <= MOST
    })
}

/// A number above 1.
pub(crate) fn more_than_one(text: &str) -> Result<f64, String> {
    number(text, "a number above 1", |number: f64| {
        number > 1.0 && number <= MOST
    })
}

/// A number from 0 on.
pub(crate) fn zero_or_more(text: &str) -> Result<f64, String> {
    number(text, "a number from 0 on", |number: f64| {
        (0.0..=MOST).contains(&number)
    })
}

/// How many, if any at all.
pub(crate) fn one_or_more(text: &str) -> Result<usize, String> {
    number(text, "a whole number from 1 on", |number: usize| number > 0)
}

fn number<T: FromStr + Copy>(
    text: &str,
    wanted: &str,
    makes_sense: impl Fn(T) -> bool,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| makes_sense(*number));
    number.ok_or_else(|| format!("this is not {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_make_sense() {
        assert_eq!(more_than_zero("0.5"), Ok(0.5));
        assert_eq!(more_than_one("1.09"), Ok(1.09));
        assert_eq!(zero_or_more("0"), Ok(0.0));
        assert_eq!(one_or_more("17"), Ok(17));
        for wrong in ["0", "-1", "nan", "inf", "1e300", "", "x"] {
            assert!(more_than_zero(wrong).is_err(), "{wrong}");
            assert!(one_or_more(wrong).is_err(), "{wrong}");
        }
        assert!(more_than_one("1").is_err());
        assert!(zero_or_more("-0.1").is_err());
        assert!(one_or_more("1.5").is_err());
    }
}
