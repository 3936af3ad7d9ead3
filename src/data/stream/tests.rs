//! What must hold of any stream, beside something plain.

use super::*;
use crate::data::text::Text;
use fastrand::Rng;

type Plain = BTreeMap<StreamId, Vec<Vec<u8>>>;

fn fields(rng: &mut Rng) -> Vec<Vec<u8>> {
    let count = if rng.u8(0..4) == 0 { rng.usize(1..4) } else { 2 };
    let pair = |n: usize, rng: &mut Rng| {
        let value = match rng.u8(0..5) {
            0 => rng.i64(-300..300).to_string().into_bytes(),
            1 => vec![b'x'; rng.usize(0..300)],
            _ => vec![rng.u8(b'a'..b'e'); rng.usize(0..9)],
        };
        [if rng.u8(0..9) == 0 { b"7".to_vec() } else { format!("f{n}").into_bytes() }, value]
    };
    (0..count).flat_map(|n| pair(n, rng)).collect()
}

fn contents<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<(StreamId, Vec<Vec<u8>>)> {
    let text = |text: Text<'_>| text.to_bytes().into_owned();
    entries
        .map(|entry| {
            let fields = entry.fields().flat_map(|(name, value)| [text(name), text(value)]);
            let fields: Vec<_> = fields.collect();
            assert_eq!(fields.len(), 2 * entry.len());
            (entry.id, fields)
        })
        .collect()
}

fn some_id(rng: &mut Rng, plain: &Plain) -> StreamId {
    let near = plain.keys().nth(rng.usize(0..=plain.len())).copied();
    let id = near.unwrap_or(StreamId { ms: rng.u64(0..400), seq: rng.u64(0..3) });
    match rng.u8(0..6) {
        0 => id.next().unwrap_or(id),
        1 => id.prev().unwrap_or(id),
        2 => [StreamId::MIN, StreamId::MAX][rng.usize(0..2)],
        _ => id,
    }
}

fn check(stream: &Stream, plain: &Plain, rng: &mut Rng) {
    let facts = stream.facts();
    assert_eq!(facts.len, plain.len() as u64);
    let all: Vec<_> = plain.iter().map(|(id, fields)| (*id, fields.clone())).collect();
    assert_eq!(contents(stream.range(StreamId::MIN, StreamId::MAX)), all);
    assert_eq!(facts.first_id, plain.keys().next().copied().unwrap_or(StreamId::MIN));
    assert_eq!(stream.top_id(), plain.keys().next_back().copied());
    let (from, to) = (some_id(rng, plain), some_id(rng, plain));
    let part: Vec<_> = all.iter().filter(|(id, _)| (from..=to).contains(id)).cloned().collect();
    assert_eq!(contents(stream.range(from, to)), part);
    let mut backward = contents(stream.range_back(from, to));
    backward.reverse();
    assert_eq!(backward, part);
    assert_eq!(stream.get(from).is_some(), plain.contains_key(&from));
}

/// The same stream made anew of its blocks.
fn restored(stream: &Stream) -> Stream {
    let mut copy = Stream::default();
    for (id, bytes) in stream.blocks() {
        copy.restore_block(id, bytes.to_vec()).unwrap();
    }
    copy.restore_facts(*stream.facts()).unwrap();
    copy
}

#[test]
fn a_stream_behaves_like_an_ordered_map() {
    for seed in 0..150 {
        let mut rng = Rng::with_seed(seed);
        let (mut stream, mut plain) = (Stream::default(), Plain::new());
        let limits = BlockLimits {
            bytes: [0, 64, 400, 4_096][rng.usize(0..4)],
            entries: [0, 1, 7, 200][rng.usize(0..4)],
        };
        let mut now = 1;
        for _ in 0..400 {
            match rng.u8(0..12) {
                0 => {
                    let id = some_id(&mut rng, &plain);
                    assert_eq!(stream.delete(id), plain.remove(&id).is_some());
                }
                1 if rng.u8(0..6) == 0 => {
                    let max = rng.u64(0..60);
                    let trim = Trim {
                        bound: Bound::MaxLen(max),
                        is_approximate: rng.bool(),
                        limit: 0,
                        references: References::Keep,
                    };
                    let removed = stream.trim(&trim);
                    assert!(trim.is_approximate || stream.facts().len <= max);
                    (0..removed).for_each(|_| drop(plain.pop_first()));
                }
                2 if rng.u8(0..6) == 0 => {
                    let min = some_id(&mut rng, &plain);
                    let trim = Trim {
                        bound: Bound::MinId(min),
                        is_approximate: rng.bool(),
                        limit: 0,
                        references: References::Keep,
                    };
                    let removed = stream.trim(&trim);
                    (0..removed).for_each(|_| {
                        let (id, _) = plain.pop_first().unwrap();
                        assert!(id < min);
                    });
                    assert!(trim.is_approximate || plain.keys().all(|id| *id >= min));
                }
                3 => stream = restored(&stream),
                4 => stream = stream.clone(),
                _ => {
                    now += rng.u64(0..3);
                    let fields = fields(&mut rng);
                    let wanted = match rng.u8(0..4) {
                        0 => NewId::Next(now),
                        1 => NewId::Given(StreamId { ms: now, seq: rng.u64(..) >> rng.u8(0..64) }),
                        _ => NewId::Now(now),
                    };
                    let last = stream.facts().last_id;
                    if let Ok(id) = stream.admit(wanted) {
                        assert!(id > last);
                        stream.push(id, fields.iter().map(Vec::as_slice), limits);
                        plain.insert(id, fields);
                    }
                }
            }
            check(&stream, &plain, &mut rng);
        }
    }
}

#[test]
fn ids_are_above_all_others() {
    let mut stream = Stream::default();
    let id = |ms, seq| StreamId { ms, seq };
    stream.set_facts(id(5, 3), None, None);
    let cases = [
        (NewId::Now(4), Ok(id(5, 4))),
        (NewId::Now(6), Ok(id(6, 0))),
        (NewId::Next(5), Ok(id(5, 4))),
        (NewId::Next(4), Err(NotAdded::IdTooLow)),
        (NewId::Next(9), Ok(id(9, 0))),
        (NewId::Given(id(5, 3)), Err(NotAdded::IdTooLow)),
        (NewId::Given(id(5, 4)), Ok(id(5, 4))),
    ];
    for (wanted, expected) in cases {
        assert_eq!(stream.admit(wanted), expected, "{wanted:?}");
    }
    stream.set_facts(id(5, u64::MAX), None, None);
    assert_eq!(stream.admit(NewId::Next(5)), Err(NotAdded::IdTooLow));
    assert_eq!(stream.admit(NewId::Now(5)), Ok(id(6, 0)));
    stream.set_facts(StreamId::MAX, None, None);
    assert_eq!(stream.admit(NewId::Now(5)), Err(NotAdded::Exhausted));
}

#[test]
fn blocks_are_those_of_redis() {
    let mut stream = Stream::default();
    let limits = BlockLimits { bytes: 4_096, entries: 100 };
    let id = StreamId { ms: 7, seq: 1 };
    stream.push(id, [&b"a"[..], b"1"].into_iter(), limits);
    stream.push(StreamId { ms: 8, seq: 0 }, [&b"b"[..], b"x"].into_iter(), limits);
    stream.delete(id);
    let (first_id, bytes) = stream.blocks().next().unwrap();
    assert_eq!(first_id, id);
    let head = b"\x2d\0\0\0\x11\0\x01\x01\x01\x01\x01\x01\x81a\x02\0\x01";
    let first = b"\x03\x01\0\x01\0\x01\x01\x01\x04\x01";
    let second = b"\0\x01\x01\x01\xdf\xff\x02\x01\x01\x81b\x02\x81x\x02\x06\x01\xff";
    let expected = [&head[..], first, second].concat();
    assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

#[test]
fn damaged_blocks_are_found_out() {
    let mut rng = Rng::with_seed(9);
    let mut stream = Stream::default();
    let limits = BlockLimits { bytes: 4_096, entries: 100 };
    for ms in 1..9 {
        let fields = fields(&mut rng);
        stream.push(StreamId { ms, seq: 0 }, fields.iter().map(Vec::as_slice), limits);
    }
    stream.delete(StreamId { ms: 3, seq: 0 });
    let (id, whole) = stream.blocks().next().unwrap();
    assert!(Stream::default().restore_block(id, whole.to_vec()).is_ok());
    for _ in 0..20_000 {
        let mut bytes = whole.to_vec();
        for _ in 0..rng.u8(1..3) {
            let at = rng.usize(..bytes.len());
            bytes[at] = rng.u8(..);
        }
        let mut damaged = Stream::default();
        if damaged.restore_block(id, bytes).is_ok() {
            // What passes can be read.
            let len = num::index(damaged.facts().len);
            assert_eq!(contents(damaged.range(StreamId::MIN, StreamId::MAX)).len(), len);
            assert_eq!(contents(damaged.range_back(StreamId::MIN, StreamId::MAX)).len(), len);
        }
    }
    let mut twice = Stream::default();
    twice.restore_block(id, whole.to_vec()).unwrap();
    assert_eq!(twice.restore_block(id, whole.to_vec()), Err(Unsound));
    let facts = Facts { len: 7, last_id: StreamId { ms: 7, seq: 0 }, ..Facts::default() };
    assert_eq!(twice.restore_facts(facts), Err(Unsound));
}

#[test]
fn what_is_pending_is_known_by_age() {
    let mut rng = Rng::with_seed(7);
    let mut group = Group::new(StreamId::MIN, None);
    let names: [&[u8]; 3] = [b"a", b"b", b"c"];
    for step in 0..3_000_i64 {
        let id = StreamId { ms: rng.u64(1..40), seq: 0 };
        let name = names[rng.usize(0..3)];
        let found = group.find_consumer(name);
        let consumer = found.unwrap_or_else(|| group.add_consumer(name, step));
        match rng.u8(0..20) {
            0..=9 => {
                let delivered_ms = step - rng.i64(0..50);
                group.give(id, Pending { delivered_ms, deliveries: 1, consumer });
            }
            10..=13 => group.note_again(id, step),
            14..=17 => drop(group.acknowledge(id)),
            18 if rng.u8(0..5) == 0 => drop(group.remove_consumer(consumer)),
            _ if step > 500 => group.keep_ages(),
            _ => assert_eq!(group.oldest().count(), 0),
        }
        let all = group.pending_range(StreamId::MIN, StreamId::MAX);
        let mut ages: Vec<_> = all.map(|(id, held)| (held.delivered_ms, id)).collect();
        ages.sort_unstable();
        if step > 1_000 {
            assert!(group.oldest().map(|(id, held)| (held.delivered_ms, id)).eq(ages));
        }
    }
}

#[test]
fn a_long_stream_is_freed_a_little_at_a_time() {
    let mut stream = Stream::default();
    let limits = BlockLimits { bytes: 4_096, entries: 10 };
    for ms in 1..10_000 {
        stream.push(StreamId { ms, seq: 0 }, [&b"a"[..], b"1"].into_iter(), limits);
    }
    let mut group = Group::new(StreamId::MIN, None);
    let consumer = group.add_consumer(b"c", 0);
    stream.add_group(b"g", group);
    let delivery = Delivery { max: usize::MAX, are_pending: true, now_ms: 5 };
    assert_eq!(stream.deliver(b"g", consumer, delivery, |_| {}), 9_999);
    assert_eq!(stream.piece_count(), 1_000 + 2 * 9_999);
    let mut steps = 0;
    while stream.free_some() {
        steps += 1;
    }
    assert!(steps > 30, "{steps}");
    assert_eq!((stream.block_count(), stream.groups().len()), (0, 0));
}
