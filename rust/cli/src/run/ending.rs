//! The end of a run: what it counted, as one result.

use silverbullet_engine::live::Summary;

use crate::args::RunFormat;
use crate::format;
use crate::output;

/// What the thread that waits for the engines hands back.
pub(crate) type Finished = anyhow::Result<Summary>;

/// Adds up the counts of several universes.
pub(crate) fn sum(summaries: impl IntoIterator<Item = Summary>) -> Summary {
    summaries.into_iter().fold(Summary::default(), |mut total, one| {
        // Every universe is given the same rows of the one source.
        total.frames = total.frames.max(one.frames);
        total.ticks += one.ticks;
        total.quarantined += one.quarantined;
        total.bars += one.bars;
        total.publications += one.publications;
        total.skipped += one.skipped;
        for (name, count) in one.ignored {
            *total.ignored.entry(name).or_default() += count;
        }
        total
    })
}

/// Prints the summary as asked.
pub(crate) fn print(summary: &Summary, format: RunFormat) -> anyhow::Result<()> {
    let ignored: u64 = summary.ignored.values().sum();
    let counts = [
        ("frames", summary.frames),
        ("ticks", summary.ticks),
        ("ignored", ignored),
        ("quarantined", summary.quarantined),
        ("bars", summary.bars),
        ("publications", summary.publications),
        ("skipped", summary.skipped),
    ];
    match format {
        RunFormat::Json => output::line(&serde_json::to_string(summary)?)?,
        RunFormat::Csv => {
            output::line(&counts.map(|(name, _)| name.to_owned()).join(","))?;
            output::line(&counts.map(|(_, count)| count.to_string()).join(","))?;
        }
        RunFormat::Table => {
            let mut table = output::table(&counts.map(|(name, _)| name));
            table.add_row(counts.map(|(_, count)| format::thousands(count)));
            output::line(&table.to_string())?;
        }
        RunFormat::Human => output::line(&sentence(summary))?,
    }
    Ok(())
}

fn sentence(summary: &Summary) -> String {
    let mut text = format!(
        "{} in, {} answered with {} over {}; {} quarantined",
        format::counted(summary.frames, "row"),
        format::counted(summary.ticks, "tick"),
        format::counted(summary.publications, "publication"),
        format::counted(summary.bars, "final bar"),
        format::thousands(summary.quarantined),
    );
    for (name, count) in &summary.ignored {
        text.push_str(&format!(", {} ignored ({name})", format::thousands(*count)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn universes_add_up_and_reasons_stay_apart() {
        let one = |name: &str| Summary {
            frames: 1,
            ticks: 2,
            ignored: [(name.to_owned(), 3)].into(),
            quarantined: 4,
            bars: 5,
            publications: 6,
            skipped: 7,
        };
        let total = sum([one("duplicate"), one("duplicate"), one("late")]);
        assert_eq!((total.frames, total.ticks, total.quarantined), (1, 6, 12));
        assert_eq!((total.bars, total.publications, total.skipped), (15, 18, 21));
        assert_eq!(total.ignored, [("duplicate".to_owned(), 6), ("late".to_owned(), 3)].into());
    }
}
