//! The command `optimize`: a price file in, its efficient portfolios out.

mod answer;
mod input;
mod plot;
mod question;
mod report;

use std::process::ExitCode;

use crate::Session;
use crate::args::OptimizeArguments;
use crate::failure::usage;
use crate::format;
use crate::output;
use crate::settings::{Loaded, Settings};
use silverbullet_kernel::Objective;
use silverbullet_market::UniverseSettings;

/// Reads the file, solves, prints, and draws where that was asked for.
pub(crate) fn optimize(
    arguments: &OptimizeArguments,
    loaded: &Loaded,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let settings = &loaded.settings;
    let (name, chosen) = choose_universe(arguments, settings)?;
    let last = loaded.window_flag.then_some(chosen.window);
    let chosen = UniverseSettings {
        estimator: settings.optimize.estimator.clone(),
        samples: settings.optimize.samples,
        ..chosen.clone()
    };
    let objectives = objectives(arguments, &chosen);
    check_arguments(arguments)?;
    let input = input::read(&arguments.file, name, &chosen, settings, last, session)?;
    let goals = objectives.iter().map(|&objective| question::goal(objective, &arguments.goals, &input));
    let goals = goals.collect::<anyhow::Result<Vec<_>>>()?;
    let constraints = question::constraints(&arguments.constraints, &input)?;
    let request = answer::Request {
        goals: &goals,
        constraints: &constraints,
        points: settings.optimize.points,
        samples: chosen.samples,
        seed: settings.seed,
    };
    let answer = answer::solve(&input, &request)?;
    if let Some(remark) = answer.frontier_remark() {
        output::note(&remark);
    }
    let bars_per_year = arguments.bars_per_year.unwrap_or_else(|| format::bars_per_year(input.interval));
    if let Some(path) = &arguments.plot {
        plot::draw(path, &input, &answer, settings.seed)?;
        output::note(&format!("drawn into {}", path.display()));
    }
    output::line(&report::report(arguments.format, &input, &answer, bars_per_year)?)?;
    Ok(ExitCode::SUCCESS)
}

/// What can be wrong with the flags, before any file is read or written.
fn check_arguments(arguments: &OptimizeArguments) -> anyhow::Result<()> {
    if let Some(path) = &arguments.plot {
        output::refuse_input("--plot", path, &arguments.file)?;
        if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
            return Err(usage(format!("--plot: {} does not end in .svg; pictures are SVG", path.display())));
        }
    }
    match arguments.bars_per_year {
        Some(number) if !number.is_finite() || number <= 0.0 => {
            Err(usage(format!("--bars-per-year: {number} is not a positive number")))
        }
        _ => Ok(()),
    }
}

/// The universe named, the only one, or the default one.
fn choose_universe<'a>(
    arguments: &OptimizeArguments,
    settings: &'a Settings,
) -> anyhow::Result<(&'a str, &'a UniverseSettings)> {
    let universes = &settings.universes;
    let chosen = match &arguments.universe {
        Some(name) => universes.get_key_value(name),
        None if universes.len() == 1 => universes.iter().next(),
        None => universes.get_key_value("default"),
    };
    chosen.map(|(name, universe)| (name.as_str(), universe)).ok_or_else(|| {
        let known = universes.keys().cloned().collect::<Vec<_>>().join(", ");
        match &arguments.universe {
            Some(name) => usage(format!("unknown universe {name:?}; there are {known}")),
            None => usage(format!("say which universe with --universe; there are {known}")),
        }
    })
}

/// The objectives of the flags, else those of the universe, each once.
fn objectives(arguments: &OptimizeArguments, universe: &UniverseSettings) -> Vec<Objective> {
    let asked = if arguments.objectives.is_empty() { &universe.objectives } else { &arguments.objectives };
    let mut objectives = Vec::new();
    for &objective in asked {
        if !objectives.contains(&objective) {
            objectives.push(objective);
        }
    }
    objectives
}
