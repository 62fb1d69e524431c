//! Reading Prometheus's text format, as we write it ourselves.

/// What a text holds. Only what begins with one of ours is looked for in it.
pub(super) struct Samples<'a>(Vec<Sample<'a>>);

struct Sample<'a> {
    name: &'a str,
    labels: Labels<'a>,
    value: f64,
}

/// What stands between the braces.
#[derive(Clone, Copy)]
pub(super) struct Labels<'a>(&'a str);

impl<'a> Labels<'a> {
    /// The value of the label `name`. None of ours holds a quotation mark.
    pub(super) fn get(self, name: &str) -> Option<&'a str> {
        let at = self.0.split("\",").find_map(|label| {
            let (of, value) = label.split_once("=\"")?;
            (of == name).then_some(value)
        });
        at.map(|value| value.trim_end_matches('"'))
    }

    pub(super) fn is(self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }
}

impl<'a> Samples<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(sample).collect())
    }

    /// The sum of all that are called `name`.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.sum_where(name, |_| true)
    }

    /// Of those only that have such labels.
    pub(super) fn sum_where(&self, name: &str, fits: impl Fn(Labels<'_>) -> bool) -> f64 {
        let all = self.named(name);
        all.filter(|(labels, _)| fits(*labels))
            .map(|(_, value)| value)
            .sum()
    }

    /// All that are called `name`.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = (Labels<'a>, f64)> {
        let named = self.0.iter().filter(move |sample| sample.name == name);
        named.map(|sample| (sample.labels, sample.value))
    }
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (what, value) = line.rsplit_once(' ')?;
    let (name, labels) = what.split_once('{').unwrap_or((what, ""));
    Some(Sample {
        name,
        labels: Labels(labels.strip_suffix('}').unwrap_or(labels)),
        value: value.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_found_by_its_labels() {
        let text = "# TYPE requests counter\nrequests{route=\"/a/{id}\",status=\"200\"} 3\n\
                    requests{route=\"/a,b\",status=\"503\"} 4\nup 1\nnothing\n";
        let samples = Samples::read(text);
        assert_eq!(samples.sum("requests"), 7.0);
        let of = |route| samples.sum_where("requests", |labels| labels.is("route", route));
        assert_eq!((of("/a/{id}"), of("/a,b"), of("/")), (3.0, 4.0, 0.0));
        let failed = samples.sum_where("requests", |labels| labels.is("status", "503"));
        assert_eq!((failed, samples.sum("up")), (4.0, 1.0));
    }
}
