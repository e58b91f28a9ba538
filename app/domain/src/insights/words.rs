//! Figures and their differences in words, and how each figure is computed, in sentences.

use super::EVALUATION_WINDOW_HOURS;
use crate::duration_words;

/// A difference to the range before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// In words: `+12 %`, `−2 h 05 min`, `no change`.
    pub words: String,
    /// Whether the figure rose; `None` when the words say that nothing changed.
    pub has_risen: Option<bool>,
}

impl Change {
    fn of(has_risen: bool, amount: &str) -> Self {
        let sign = if has_risen { '+' } else { '−' };
        Self { words: format!("{sign}{amount}"), has_risen: Some(has_risen) }
    }

    fn none() -> Self {
        Self { words: "no change".to_owned(), has_risen: None }
    }
}

/// How often, in the unit that reads best: `6.4 per day`, `3.5 per week`, `1.5 per month`.
#[must_use]
pub fn frequency(per_day: f64) -> String {
    match per_day {
        p if p >= 1.0 => format!("{p:.1} per day"),
        p if p * 7.0 >= 1.0 || p == 0.0 => format!("{} per week", trimmed(p * 7.0)),
        p => format!("{} per month", trimmed(p * 30.0)),
    }
}

/// A rate between 0 and 1 as a percentage: `4.1 %`.
#[must_use]
pub fn percentage(rate: f64) -> String {
    format!("{} %", trimmed(rate * 100.0))
}

/// With one decimal, or none where it would be 0.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// How a count changed, in percent; `None` when there was nothing before to compare with.
#[must_use]
pub fn count_change(now: u32, before: u32) -> Option<Change> {
    if before == 0 {
        return None;
    }
    let percent = (f64::from(now) - f64::from(before)) / f64::from(before) * 100.0;
    let amount = format!("{:.0} %", percent.abs());
    Some(if amount == "0 %" { Change::none() } else { Change::of(percent > 0.0, &amount) })
}

/// How a rate changed, in percentage points.
#[must_use]
pub fn point_change(now: f64, before: f64) -> Change {
    let points = (now - before) * 100.0;
    match trimmed(points.abs()).as_str() {
        "0" => Change::none(),
        "1" => Change::of(points > 0.0, "1 point"),
        amount => Change::of(points > 0.0, &format!("{amount} points")),
    }
}

/// How a duration changed.
#[must_use]
pub fn duration_change(now_seconds: i64, before_seconds: i64) -> Change {
    let difference = now_seconds.saturating_sub(before_seconds);
    // Less than half a minute is nothing that a reader could act on.
    if difference.abs() < 30 {
        return Change::none();
    }
    Change::of(difference > 0, &duration_words::exact(difference.abs().max(60)))
}

/// How each figure is computed: its title and the choices behind it. DORA leaves six of them open.
#[must_use]
pub fn how() -> Vec<(String, String)> {
    let hours = EVALUATION_WINDOW_HOURS;
    let pairs = [
        (
            "What counts",
            "The unit is one service in one production environment. An environment on several clusters counts \
             once; a release of five services is five deployments. Deployments that other pipelines report count \
             like those made here."
                .to_owned(),
        ),
        (
            "Deployment frequency",
            "Deployments that succeeded, by the days of the range, weekends included; hotfixes and rollbacks are \
             deployments too. One that failed or was taken back before it was through does not count here; it counts \
             as a failed change."
                .to_owned(),
        ),
        (
            "Change lead time",
            "From the time of a commit to the end of the first successful deployment that brought it to production: \
             one value for each commit, also for the commits of versions that were skipped. The first deployment of \
             a service has no lead time, for its whole history would count; a rollback brings no new commits; a \
             commit dated after its deployment is left out."
                .to_owned(),
        ),
        (
            "Change fail rate",
            format!(
                "Changes that failed by all changes; each change counts once, however many incidents it had. A change \
                 failed when its deployment failed or was aborted, when it was rolled back, when a hotfix followed \
                 within {hours} h, or when an incident is linked to it. A change that looks good counts once {hours} h \
                 have passed. A rollback is the remedy of a change and not one itself."
            ),
        ),
        (
            "Failed deployment recovery time",
            "From the end of the failed deployment to whichever comes first: a rollback or hotfix that succeeded, or \
             the end of its incidents. A deployment that was taken back before it was through counts only with an \
             incident, from its opening. Incidents without a deployment are about availability and not counted. A \
             recovery belongs to the day on which it was over."
                .to_owned(),
        ),
        (
            "Rework rate",
            "Hotfixes and rollbacks that succeeded, by all deployments that succeeded: work that nobody had planned, \
             made because something was broken."
                .to_owned(),
        ),
        (
            "Medians",
            "Medians and the 90th percentile are interpolated between the two nearest values. Some tools show the \
             lower of the two, which differs for small even counts."
                .to_owned(),
        ),
        (
            "Days and weeks",
            "Days and weeks are those of UTC; a week begins on Monday. A week that is cut by the range or not over is \
             marked. A week without deployments has 0 deployments and no other figure: nothing is not zero."
                .to_owned(),
        ),
    ];
    pairs.map(|(title, text)| (title.to_owned(), text)).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequency_takes_the_unit_that_reads_best() {
        assert_eq!(frequency(6.44), "6.4 per day");
        assert_eq!(frequency(1.0), "1.0 per day");
        assert_eq!(frequency(0.5), "3.5 per week");
        assert_eq!(frequency(0.05), "1.5 per month");
        assert_eq!(frequency(0.0), "0 per week");
    }

    #[test]
    fn differences_have_a_sign_and_small_ones_are_none() {
        assert_eq!(count_change(112, 100), Some(Change { words: "+12 %".into(), has_risen: Some(true) }));
        assert_eq!(count_change(0, 4), Some(Change { words: "−100 %".into(), has_risen: Some(false) }));
        assert_eq!(count_change(1001, 1000), Some(Change::none()));
        assert_eq!(count_change(3, 0), None);
        assert_eq!(point_change(0.041, 0.05).words, "−0.9 points");
        assert_eq!(point_change(0.06, 0.05).words, "+1 point");
        assert_eq!(point_change(0.0501, 0.05), Change::none());
        assert_eq!(duration_change(0, 7_500), Change { words: "−2 h 05 min".into(), has_risen: Some(false) });
        assert_eq!(duration_change(400, 40).words, "+6 min");
        assert_eq!(duration_change(69, 40), Change::none());
        assert_eq!(duration_change(75, 40).words, "+1 min");
        assert_eq!(percentage(0.041), "4.1 %");
        assert_eq!(percentage(0.5), "50 %");
    }

    #[test]
    fn every_open_choice_is_said_aloud() {
        let all = how().into_iter().map(|(_, text)| text).collect::<String>();
        for word in
            ["one service in one production environment", "succeeded", "commit", "interpolated", "hotfix", "UTC"]
        {
            assert!(all.contains(word), "{word}");
        }
    }
}
