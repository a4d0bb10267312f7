//! Several exchanges of one source: which there are, what is asked of each, and how their prices become one price an asset.

use std::collections::{BTreeMap, BTreeSet};

use silverbullet_market::{Nanos, SECOND, format_duration};

use super::settings::{ExchangeSettings, duration, refuse};
use super::site::Site;
use super::{known, named};
use crate::error::Result;

/// How long a quote counts for the best price, unless the settings say.
const FRESH: Nanos = 2 * SECOND;
/// How long bars wait for a silent exchange, unless the settings say.
const IDLE: Nanos = 2 * SECOND;

/// Which prices of an asset count where several exchanges have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// All: the newest is the price.
    Freshest,
    /// The best bid and the best offer among quotes no older than this make the price.
    Best(Nanos),
    /// Those of the exchange that the settings name for the asset.
    Venues,
}

/// The exchanges of a source.
pub(crate) struct Mix {
    pub(crate) sites: Vec<Site>,
    pub(crate) rule: Rule,
    /// Bars do not wait for an exchange that is silent for so long.
    pub(crate) idle_after: Nanos,
}

impl Mix {
    /// Those that `settings` name.
    ///
    /// # Errors
    /// Wrong settings: as of [`Site::new`], a rule that is none, and what would mix different things.
    pub(crate) fn new(settings: &ExchangeSettings) -> Result<Self> {
        let names = names(&settings.venue)?;
        let rule = rule(settings)?;
        let idle_after = duration("exchange.idle_after", &settings.idle_after)?.unwrap_or(IDLE);
        for name in settings.at.keys() {
            known("exchange.at", name)?;
        }
        if names.len() > 1 {
            one_for_each(settings)?;
            same_quote(settings, &names)?;
        }
        let homes = homes(settings, &names)?;
        let sites = names.iter().map(|name| {
            let here: Vec<bool> = match rule {
                Rule::Venues => homes.iter().map(|home| home == name).collect(),
                Rule::Freshest | Rule::Best(_) => vec![true; settings.assets.len()],
            };
            if !settings.assets.is_empty() && !here.contains(&true) {
                let problem = format!("no asset is of {name}; leave it out of the source, or give it one");
                return refuse("exchange.venues", problem);
            }
            Site::new(&at(settings, name), &here)
        });
        Ok(Self { sites: sites.collect::<Result<_>>()?, rule, idle_after })
    }

    /// A short name of all.
    pub(crate) fn name(&self) -> String {
        let names: Vec<&str> = self.sites.iter().map(Site::name).collect();
        names.join("+")
    }

    /// What makes these prices these: a single exchange's markets, or all of them and the rule.
    pub(crate) fn identity(&self) -> String {
        let parts: Vec<String> = self.sites.iter().map(Site::identity).collect();
        let parts = parts.join("+");
        match self.rule {
            _ if self.sites.len() == 1 => parts,
            Rule::Freshest => format!("freshest:{parts}"),
            Rule::Best(within) => format!("best {}:{parts}", format_duration(within)),
            Rule::Venues => format!("venues:{parts}"),
        }
    }
}

/// The settings of one exchange: those of its own come before those of all.
fn at(settings: &ExchangeSettings, name: &str) -> ExchangeSettings {
    let mut own = ExchangeSettings { venue: name.to_owned(), ..settings.clone() };
    let Some(at) = settings.at.get(name) else { return own };
    let texts =
        [(&at.url, &mut own.url), (&at.quote, &mut own.quote), (&at.instruments, &mut own.instruments)];
    for (given, text) in texts {
        if !given.is_empty() {
            given.clone_into(text);
        }
    }
    own.symbols.extend(at.symbols.clone());
    own
}

fn names(venues: &str) -> Result<Vec<&str>> {
    let names: Vec<&str> = venues.split(',').map(str::trim).collect();
    for (place, name) in names.iter().enumerate() {
        known("exchange.venue", name)?;
        if names[..place].contains(name) {
            return refuse("exchange.venue", format!("{name} is named twice; name it once"));
        }
    }
    Ok(names)
}

fn rule(settings: &ExchangeSettings) -> Result<Rule> {
    let within = duration("exchange.fresh_within", &settings.fresh_within)?.unwrap_or(FRESH);
    match settings.rule.as_str() {
        "freshest" => Ok(Rule::Freshest),
        "best" => Ok(Rule::Best(within)),
        "venues" => Ok(Rule::Venues),
        other => refuse("exchange.rule", format!("{other:?} is no rule; use freshest, best or venues")),
    }
}

/// What an exchange has of its own cannot be said for all.
fn one_for_each(settings: &ExchangeSettings) -> Result<()> {
    let several = |what: &str| {
        format!("there are several exchanges, and each has its own; say it in [exchange.at.NAME] {what}")
    };
    if !settings.url.is_empty() {
        return refuse("exchange.url", several("url"));
    }
    if !settings.symbols.is_empty() {
        return refuse("exchange.symbols", several("symbols"));
    }
    if !matches!(settings.instruments.as_str(), "" | "off") {
        return refuse("exchange.instruments", several("instruments"));
    }
    Ok(())
}

/// A dollar and a token that stands for one are two currencies, unless somebody says that they are to be taken for one.
fn same_quote(settings: &ExchangeSettings, names: &[&str]) -> Result<()> {
    let quotes = names.iter().filter_map(|name| {
        let own = at(settings, name).quote;
        let quote = if own.is_empty() { named(name)?.quote().to_owned() } else { own };
        Some((quote.to_ascii_uppercase(), *name))
    });
    let quotes: Vec<(String, &str)> = quotes.collect();
    let different: BTreeSet<&str> = quotes.iter().map(|(quote, _)| quote.as_str()).collect();
    if different.len() < 2 || settings.mix_quotes {
        return Ok(());
    }
    let said: Vec<String> = quotes.iter().map(|(quote, name)| format!("{name} in {quote}")).collect();
    let said = said.join(", ");
    let remedy = "set one that all of them trade, or mix_quotes = true to take them for the same";
    refuse("exchange.quote", format!("prices would be of different currencies, {said}; {remedy}"))
}

/// The exchange that each asset belongs to: the one that the settings name, or the first.
fn homes<'a>(settings: &'a ExchangeSettings, names: &[&'a str]) -> Result<Vec<&'a str>> {
    let homes: &BTreeMap<String, String> = &settings.venues;
    if settings.rule == "venues" {
        for (asset, home) in homes {
            if !settings.assets.contains(asset) {
                return refuse(
                    "exchange.venues",
                    format!("{asset:?} is not one of the assets; leave it out"),
                );
            }
            if !names.contains(&home.as_str()) {
                let names = names.join(", ");
                let problem = format!("{asset} = {home:?} is not in the source, which has {names}");
                return refuse("exchange.venues", problem);
            }
        }
    }
    let home = |asset: &String| homes.get(asset).map_or(names[0], String::as_str);
    Ok(settings.assets.iter().map(home).collect())
}

#[cfg(test)]
mod tests;
