//! A look into HyperLogLogs, for tests.

use super::{BASE, CHANGES, corrupt, sparse_max, view};
use crate::data::hll::{self, REGISTERS, Registers, Run};
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};

/// Elements that the test shows to a HyperLogLog.
const TESTED: u32 = 20_000;
/// The count that is told may be off by one in so many.
const TESTED_ERROR: u64 = 20;

pub(super) const PFDEBUG: Command = Command::new(
    Spec {
        name: "pfdebug",
        arity: 3,
        flags: CHANGES.union(Flags::ADMIN),
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::ACCESS)).from(2)],
        complexity: "O(N) for N registers",
        summary: "Tells what is in a HyperLogLog, or makes it dense.",
        syntax: "subcommand key",
        ..BASE
    },
    pfdebug,
);

fn pfdebug(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(2));
    let missing = Error::new("ERR The specified key does not exist");
    let bytes = view(&db, &spot)?.ok_or(missing)?;
    let is_sparse = hll::is_sparse(bytes);
    match argv.at(1).to_ascii_uppercase().as_slice() {
        b"GETREG" => {
            let mut registers = Registers::default();
            registers.merge(bytes).map_err(corrupt)?;
            call.out.array(REGISTERS);
            registers.iter().for_each(|value| call.out.int(i64::from(value)));
        }
        b"DECODE" if !is_sparse => return Err(Error::new("ERR HLL encoding is not sparse")),
        b"DECODE" => {
            let runs: Vec<String> = hll::runs(bytes).map(described).collect();
            call.out.bulk(runs.join(" ").as_bytes());
            return Ok(Flow::Done);
        }
        b"ENCODING" => {
            call.out.status(if is_sparse { "sparse" } else { "dense" });
            return Ok(Flow::Done);
        }
        b"TODENSE" => {
            Registers::default().merge(bytes).map_err(corrupt)?;
            call.out.int(i64::from(is_sparse));
        }
        _ => {
            let name = argv.at(1);
            return Err(Error::quoting("ERR Unknown PFDEBUG subcommand '", name, "'"));
        }
    }
    if is_sparse {
        let mut outcome = Ok(());
        db.amend(spot, |bytes| outcome = hll::to_dense(bytes));
        outcome.map_err(corrupt)?;
    }
    Ok(Flow::Done)
}

/// A run as Redis writes it.
fn described(run: Run) -> String {
    match run {
        Run::Few(len) => format!("z:{len}"),
        Run::Many(len) => format!("Z:{len}"),
        Run::Values { value, len } => format!("v:{value},{len}"),
    }
}

pub(super) const PFSELFTEST: Command = Command::new(
    Spec {
        name: "pfselftest",
        arity: 1,
        flags: Flags::ADMIN,
        keys: &[],
        complexity: "O(1), but some milliseconds",
        summary: "Tests that HyperLogLogs of both forms count, and count alike.",
        ..BASE
    },
    pfselftest,
);

fn pfselftest(call: &mut Call<'_>) -> Outcome {
    let (mut dense, mut sparse) = (hll::new(), hll::new());
    hll::to_dense(&mut dense).map_err(corrupt)?;
    let sparse_max = sparse_max(call);
    for element in 1..=TESTED {
        let bytes = element.to_le_bytes();
        hll::add(&mut dense, &bytes, sparse_max).map_err(corrupt)?;
        hll::add(&mut sparse, &bytes, sparse_max).map_err(corrupt)?;
        // In both forms, the sparse one and what it becomes.
        if element.is_power_of_two() || element == TESTED {
            let counts = [&dense, &sparse].map(|bytes| hll::count(bytes));
            let [counted, other] = counts.map(|count| count.map_err(corrupt));
            let (counted, other, seen) = (counted?, other?, u64::from(element));
            if counted != other || counted.abs_diff(seen) > seen / TESTED_ERROR {
                return Err(Error::text(format!(
                    "TESTFAILED {seen} elements are counted as {counted} and {other}"
                )));
            }
        }
    }
    call.out.ok();
    Ok(Flow::Done)
}
