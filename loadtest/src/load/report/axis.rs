//! Where numbers are drawn.

/// Where a number is on an axis.
#[derive(Debug)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Where `low` is drawn.
    pub(super) from: f64,
    /// Where `high` is drawn.
    pub(super) to: f64,
    /// Each ten times as much is as far away.
    pub(super) is_log: bool,
}

impl Scale {
    pub(super) fn at(&self, value: f64) -> f64 {
        let of = |value: f64| if self.is_log { value.log10() } else { value };
        let (low, high) = (of(self.low), of(self.high));
        let share = (of(value.max(self.low)) - low) / (high - low);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }
}

/// The lowest and the highest; zeros of nothing.
pub(super) fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let bounds = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if bounds.0.is_finite() {
        bounds
    } else {
        (0.0, 0.0)
    }
}

/// From one tick to the next, for about five of them: 1, 2 or 5, or ten times
/// that, and so on.
pub(super) fn step(range: f64) -> f64 {
    let rough = range / 5.0;
    if rough <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(rough.log10().floor());
    match rough / power {
        share if share <= 1.0 => power,
        share if share <= 2.0 => 2.0 * power,
        share if share <= 5.0 => 5.0 * power,
        _ => 10.0 * power,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (range, expected) in [
            (0.0, 1.0),
            (1.0, 0.2),
            (9.0, 2.0),
            (100.0, 20.0),
            (260.0, 100.0),
        ] {
            assert_eq!(step(range), expected, "{range}");
        }
    }
}
