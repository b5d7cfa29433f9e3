//! The page: one file with its data, style and script inside, which fetches nothing.

use serde::Serialize;
use sim::rtl::Trace;

use super::Profile;
use super::chrome::Names;
use super::timeline::Timeline;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPTS: [&str; 5] = [
    include_str!("page/common.js"),
    include_str!("page/roofline.js"),
    include_str!("page/bars.js"),
    include_str!("page/timeline.js"),
    include_str!("page/main.js"),
];

#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    profile: &'a Profile,
    timeline: Timeline,
    /// The trace ends before the run.
    cut_at_cycle: Option<u64>,
}

/// The page of a run.
///
/// # Errors
/// None that can happen: numbers and strings always serialise.
pub(crate) fn page(profile: &Profile, trace: &Trace, names: &impl Names) -> serde_json::Result<String> {
    let data = Data { profile, timeline: profile.timeline(trace, names), cut_at_cycle: trace.cut_at_cycle };
    // A `<` in a string could end the script.
    let data = serde_json::to_string(&data)?.replace('<', "\\u003c");
    let parts = [("/*STYLE*/", STYLE), ("/*SCRIPT*/", &SCRIPTS.concat()), ("/*DATA*/", &data)];
    Ok(parts.into_iter().fold(PAGE.to_string(), |page, (place, part)| page.replacen(place, part, 1)))
}
