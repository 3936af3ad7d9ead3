//! A graph of characters, as LATENCY GRAPH draws it: one column for each sample, and below it how
//! long ago that was.

use crate::exec::LatencySeries;
use std::fmt::Write;

/// Lines of the graph.
const ROWS: u64 = 4;
/// Tops of a column, from the lowest to the highest that one line can show.
const TOPS: [char; 3] = ['_', 'o', '#'];
/// The line between head and graph.
const RULE_WIDTH: usize = 80;

/// Draws the samples of an event at a moment in seconds since 1970.
pub(super) fn draw(event: &str, series: &LatencySeries, now_s: i64) -> String {
    let times: Vec<u64> = series.samples().map(|sample| sample.ms).collect();
    let labels: Vec<String> =
        series.samples().map(|sample| ago(now_s.saturating_sub(sample.unix_s))).collect();
    let (low, high) =
        (times.iter().min().copied().unwrap_or(0), times.iter().max().copied().unwrap_or(0));
    let mut text = String::new();
    // Writing to a string cannot fail.
    writeln!(text, "{event} - high {high} ms, low {low} ms (all time high {} ms)", series.max_ms)
        .unwrap_or_default();
    text.push_str(&"-".repeat(RULE_WIDTH));
    text.push('\n');
    for row in (0..ROWS).rev() {
        let line: String = times.iter().map(|time| part(height(*time, low, high), row)).collect();
        text.push_str(&line);
        text.push('\n');
    }
    text.push('\n');
    let label_len = labels.iter().map(String::len).max().unwrap_or(0);
    for at in 0..label_len {
        let line: String =
            labels.iter().map(|label| label.chars().nth(at).unwrap_or(' ')).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How high a column is, in parts of a line.
fn height(time: u64, low: u64, high: u64) -> u64 {
    let steps = ROWS * TOPS.len() as u64 - 1;
    if high == low { 0 } else { (time - low).saturating_mul(steps) / (high - low) }
}

/// What a column shows in a line, counted from below.
fn part(height: u64, row: u64) -> char {
    let tops = TOPS.len() as u64;
    match row.cmp(&(height / tops)) {
        std::cmp::Ordering::Less => '|',
        std::cmp::Ordering::Equal => TOPS[usize::try_from(height % tops).unwrap_or(0)],
        std::cmp::Ordering::Greater => ' ',
    }
}

/// How long ago something was, in the largest unit of which it is at least one.
fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::LatencyMonitor;

    #[test]
    fn the_lowest_lies_and_the_highest_stands() {
        let mut monitor = LatencyMonitor::default();
        for (unix_s, ms) in [(0, 100), (4_000, 200), (4_055, 300), (4_060, 400)] {
            monitor.note("command", unix_s, ms);
        }
        let (_, series) = monitor.get(b"command").expect("noted");
        let text = draw("command", series, 4_061);
        let mut lines = text.lines();
        let head = "command - high 400 ms, low 100 ms (all time high 400 ms)";
        assert_eq!(lines.next(), Some(head));
        assert_eq!(lines.next(), Some("-".repeat(80).as_str()));
        let graph: Vec<&str> = lines.collect();
        assert_eq!(graph, ["   #", "  o|", " _||", "_|||", "", "1161", "hmss"]);
    }
}
