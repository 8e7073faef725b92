//! `fanout`: a bundle onto many machines, each of which verifies and imports it itself, through whatever the
//! site has to reach them.

mod record;
mod report;
mod request;
mod rounds;
mod told;

use self::record::FanoutRecord;
pub use self::report::{FanoutReport, NodeOutcome, NodeResult};
pub use self::request::Request;
use self::rounds::Rounds;
use crate::bundle::check::Trust;
use crate::bundle::problem::failure;
use crate::places::nodes::Dispatcher;
use crate::verbs::inspect::inspect;
use crate::words::error::Result;
use crate::words::progress::{Event, Progress};

/// Hands the import of `request` to every node that `dispatcher` reaches and that does not hold the bundle as
/// far as an earlier run knows.
///
/// # Errors
/// When the bundle is no whole one, or nothing can be handed over at all. What fails on a node is in the
/// report ([`FanoutReport::failure`]). Interrupted, it has taken back what was not done.
pub fn fanout(
    request: &Request,
    dispatcher: &mut dyn Dispatcher,
    progress: &dyn Progress,
) -> Result<FanoutReport> {
    // 1. Which bundle it is. Nobody is believed here: every node asks for itself.
    let overview = inspect(&request.bundle, &Trust::UnsafeAnySigner, request.now()?, false)?;
    if !overview.ok {
        return Err(failure(&request.bundle.to_string(), &overview.problems));
    }
    let statement = overview.evidence.statement;
    let task = request.task.clone().of_statement(&statement);

    // 2. Which nodes there are, and what was done on them before.
    let nodes = dispatcher.nodes()?;
    let key = request.key(&statement, dispatcher.site()?);
    let mut record = match request.dry_run {
        true => FanoutRecord::look(&request.record, &key)?,
        false => FanoutRecord::open(&request.record, &key)?,
    };
    let mut report = FanoutReport::new(request, statement, dispatcher.name());
    let mut open = Vec::new();
    for node in nodes {
        match (record.held(&node.name).filter(|_| !request.again), node.down) {
            (Some(since), _) => report.add(NodeResult::held(node.name, since)),
            (None, Some(why)) => report.add(NodeResult::down(node.name, why)),
            (None, None) if request.dry_run => {
                let job = dispatcher.shown(&node.name, &task);
                report.add(NodeResult::planned(node.name, job));
            }
            (None, None) => open.push(node.name),
        }
    }
    if request.dry_run {
        return Ok(report);
    }

    // 3. Nothing of a run that was killed stays in a queue, and this one can be found again.
    if let Some(run) = record.unfinished() {
        dispatcher.clear_run(run)?;
    }
    let queue = dispatcher.queue()?;
    for killed in FanoutRecord::killed(&request.record, &key)? {
        progress.event(Event::note(cleared(killed, &queue, dispatcher)));
    }
    record.begin(dispatcher.run(), &queue)?;

    // 4. A task a node; what each says is noted at once.
    report.told(progress);
    let mut rounds = Rounds { request, task: &task, dispatcher, record: &mut record, progress };
    let ended = rounds.all(open, &mut report);

    // 5. Nothing is left behind, however it ended.
    rounds.end(ended)?;
    report.sort();
    Ok(report)
}

/// Takes back what the run left in the `queue` of which `killed` tells, which is another one than this. Gives
/// what came of it, for people: nobody waits for that.
fn cleared(mut killed: FanoutRecord, queue: &str, dispatcher: &mut dyn Dispatcher) -> String {
    let run = killed.unfinished().unwrap_or_default().to_owned();
    let theirs = killed.queue().unwrap_or("another scheduler").to_owned();
    let what = format!("what a fan-out that was killed may have left ({run}, {theirs})");
    if theirs != queue {
        return format!("{what} is taken back by the next fan-out that goes there");
    }
    match dispatcher.clear_run(&run).and_then(|()| killed.end()) {
        Ok(()) => format!("{what} was taken back"),
        Err(e) => format!("{what} could not be taken back: {e}"),
    }
}
