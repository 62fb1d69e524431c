//! What can be said of many figures.

/// The middle one, or the mean of the two in the middle; none of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// By how much something grows with something else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// The best guess: least squares.
    pub value: f64,
    /// Where the 95 % confidence interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

/// The slope of a line through points `(x, y)`, whose distances from it are taken
/// to be independent of each other. None where there are fewer than three points,
/// or all have the same `x`.
pub fn slope(points: &[(f64, f64)]) -> Option<Slope> {
    let count = points.len() as f64;
    let freedom = points.len().checked_sub(2).filter(|freedom| *freedom > 0)?;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|(x, _)| *x), mean(|(_, y)| *y));
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    if spread == 0.0 {
        return None;
    }
    let together = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y));
    let value = together.sum::<f64>() / spread;
    let distance = |(x, y): &(f64, f64)| y - mean_y - value * (x - mean_x);
    let squares: f64 = points.iter().map(|point| distance(point).powi(2)).sum();
    let error = (squares / freedom as f64 / spread).sqrt();
    let margin = students_t(freedom) * error;
    Some(Slope {
        value,
        low: value - margin,
        high: value + margin,
    })
}

/// Means of blocks of `width` along `x`, from the first point on; a block that is
/// not full is left out. What follows within seconds is alike: only means of
/// longer times are near to independent of each other.
pub fn block_means(points: &[(f64, f64)], width: f64) -> Vec<(f64, f64)> {
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
        return Vec::new();
    };
    let blocks = ((last - first) / width) as usize;
    let block = |number: usize| {
        let begin = first + number as f64 * width;
        let within = points
            .iter()
            .filter(|(x, _)| (begin..begin + width).contains(x));
        let (count, sum) = within.fold((0.0, 0.0), |(count, sum), (_, y)| (count + 1.0, sum + y));
        (count > 0.0).then(|| (begin + width / 2.0, sum / count))
    };
    (0..blocks).filter_map(block).collect()
}

/// How many standard errors a 95 % interval reaches to each side.
fn students_t(freedom: usize) -> f64 {
    /// The same of a normal distribution.
    const Z: f64 = 1.959_963_985;
    match freedom {
        0 | 1 => 12.706,
        2 => 4.303,
        3 => 3.182,
        4 => 2.776,
        5 => 2.571,
        _ => {
            // Abramowitz and Stegun, 26.7.5.
            let n = freedom as f64;
            let z = |power| Z.powi(power);
            Z + (z(3) + Z) / (4.0 * n)
                + (5.0 * z(5) + 16.0 * z(3) + 3.0 * Z) / (96.0 * n * n)
                + (3.0 * z(7) + 19.0 * z(5) + 17.0 * z(3) - 15.0 * Z) / (384.0 * n * n * n)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 0.001, "{found}, not {expected}");
    }

    #[test]
    fn medians() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        for (freedom, expected) in [
            (1, 12.706),
            (4, 2.776),
            (5, 2.571),
            (9, 2.262),
            (28, 2.048),
            (1_000, 1.962),
        ] {
            is_near(students_t(freedom), expected);
        }
    }

    /// Anscombe's first set: a slope of 0.5001, with a standard error of 0.1179.
    #[test]
    fn the_slope_of_known_data_is_found() {
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [
            8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68,
        ];
        let points: Vec<_> = x.into_iter().zip(y).collect();
        let slope = slope(&points).unwrap();
        is_near(slope.value, 0.5001);
        is_near(slope.low, 0.5001 - 2.262 * 0.1179);
        is_near(slope.high, 0.5001 + 2.262 * 0.1179);
    }

    #[test]
    fn a_line_has_its_slope_and_no_doubt() {
        let points: Vec<_> = (0..100).map(|x| (f64::from(x), f64::from(3 * x))).collect();
        let slope = slope(&points).unwrap();
        is_near(slope.low, 3.0);
        is_near(slope.high, 3.0);
        assert_eq!(super::slope(&points[..2]), None);
        assert_eq!(super::slope(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
    }

    #[test]
    fn blocks_are_full() {
        let points: Vec<_> = (0..25).map(|x| (f64::from(x), f64::from(x % 10))).collect();
        assert_eq!(block_means(&points, 10.0), [(5.0, 4.5), (15.0, 4.5)]);
        assert_eq!(block_means(&[], 10.0), []);
    }
}
