//! Values on their way in: from bytes to what the keyspace holds.
//!
//! Small forms are taken as they are, once they have been checked, and large ones are made element
//! by element, so that a value of any size can be read a little at a time.

use super::codes::{kind, node};
use super::old;
use super::source::{Result, Source};
use super::stream;
use super::vet::{self, Complaint};
use crate::base::float;
use crate::base::hash::KeyHasher;
use crate::config::Config;
use crate::config::kinds::Sanitize;
use crate::data::collection::{Collection, Form, Kind, Limits, Type};
use crate::data::hash::Hash;
use crate::data::intset::Ints;
use crate::data::list::{End, Fill, List};
use crate::data::packed::Run;
use crate::data::set::Set;
use crate::data::sorted_set::SortedSet;
use crate::data::text::Text;
use crate::store::{self, Arrival};

/// Longest string that is looked at for an integer, and bytes from which on a string is handed over
/// and not copied.
const LONG_BYTES: usize = 1_024;

/// The forms that values take, and how closely they are looked at.
pub struct Forms {
    set: Limits,
    hash: Limits,
    sorted_set: Limits,
    list: Fill,
    /// Whether elements are checked to be there once only, too.
    is_deep: bool,
}

impl Forms {
    /// As the parameters say; elements of lists from `plain_bytes` on are not packed.
    pub fn new(config: &Config, hasher: &KeyHasher, plain_bytes: usize, is_deep: bool) -> Forms {
        let limits = |value| store::limits(config, hasher, value);
        Forms {
            set: limits(Type::Set),
            hash: limits(Type::Hash),
            sorted_set: limits(Type::SortedSet),
            list: Fill::new(config.list_max_listpack_size, plain_bytes),
            is_deep,
        }
    }

    /// The same for a file, in which what `sanitize-dump-payload` says of all bytes holds.
    pub fn of_file(config: &Config, hasher: &KeyHasher, plain_bytes: usize) -> Forms {
        Forms::new(config, hasher, plain_bytes, config.sanitize_dump_payload == Sanitize::Yes)
    }
}

/// How the nodes of a list are written.
#[derive(Clone, Copy)]
enum Nodes {
    Elements,
    Ziplists,
    Containers,
}

/// What stands in front of a field.
#[derive(Clone, Copy)]
enum FieldDeadline {
    Nothing,
    /// Its deadline, or zero.
    Absolute,
    /// One more than its deadline is behind this one, or zero.
    Behind(u64),
}

/// A value that is being made.
enum Building {
    List(List, Nodes),
    Set(Set),
    SortedSet(SortedSet, bool),
    Hash(Hash, FieldDeadline),
}

/// What has become of a value so far.
enum State {
    /// It has no elements.
    Nothing,
    Int(i64),
    /// The bytes in the room.
    Text,
    /// The bytes in the room are this.
    Small(Form),
    Whole(Collection),
    /// So many elements are still to come.
    Building(Building, u64),
}

/// Reads one value after the other.
pub struct Values {
    forms: Forms,
    state: State,
    /// Bytes of the value, or of an element.
    room: Vec<u8>,
    field: Vec<u8>,
}

impl Values {
    /// Values that take these forms.
    pub fn new(forms: Forms) -> Values {
        Values { forms, state: State::Nothing, room: Vec::new(), field: Vec::new() }
    }

    /// Begins a value that is written in the way of `code`.
    ///
    /// # Errors
    /// What is wrong with the bytes, or the system's.
    pub fn begin(&mut self, code: u8, source: &mut Source<'_>) -> Result<()> {
        self.state = match code {
            kind::STRING => match source.string(&mut self.room)? {
                Some(value) => State::Int(value),
                None => State::Text,
            },
            kind::LIST => self.list(Nodes::Elements, source.count()?),
            kind::LIST_QUICKLIST => self.list(Nodes::Ziplists, source.count()?),
            kind::LIST_QUICKLIST_2 => match source.count()? {
                1 => self.short_list(source)?,
                count => self.list(Nodes::Containers, count),
            },
            kind::SET => self.set(source.count()?),
            kind::SORTED_SET => self.sorted_set(source.count()?, true),
            kind::SORTED_SET_2 => self.sorted_set(source.count()?, false),
            kind::HASH => self.hash(source.count()?, FieldDeadline::Nothing),
            kind::HASH_DEADLINES_PRE_GA => self.hash(source.count()?, FieldDeadline::Absolute),
            kind::HASH_DEADLINES => {
                let earliest = u64::from_le_bytes(source.array()?);
                self.hash(source.count()?, FieldDeadline::Behind(earliest))
            }
            kind::STREAM | kind::STREAM_2 | kind::STREAM_3 => {
                State::Whole(stream::read(code, source, &mut self.room)?.wrap())
            }
            kind::MODULE | kind::MODULE_2 => {
                return Err(source.fault("a value of a module, which nothing here can read"));
            }
            _ => self.begin_packed(code, source)?,
        };
        Ok(())
    }

    /// Begins a value that is written in one piece.
    fn begin_packed(&mut self, code: u8, source: &mut Source<'_>) -> Result<State> {
        let form = match code {
            kind::LIST_ZIPLIST => Form::List,
            kind::SET_INTSET => Form::IntSet,
            kind::SET_LISTPACK => Form::Set,
            kind::SORTED_SET_ZIPLIST | kind::SORTED_SET_LISTPACK => Form::SortedSet,
            kind::HASH_ZIPMAP | kind::HASH_ZIPLIST | kind::HASH_LISTPACK => Form::Hash,
            kind::HASH_LISTPACK_EX | kind::HASH_LISTPACK_EX_PRE_GA => Form::HashEx,
            _ => return Err(source.fault(format!("unknown type of value {code}"))),
        };
        if code == kind::HASH_LISTPACK_EX {
            // The earliest deadline, which is that of the first field.
            source.array::<8>()?;
        }
        source.text(&mut self.room)?;
        let name = match code {
            kind::LIST_ZIPLIST => "Ziplist",
            kind::SET_INTSET => "Intset",
            kind::SET_LISTPACK => "Set listpack",
            kind::SORTED_SET_ZIPLIST => "Zset ziplist",
            kind::SORTED_SET_LISTPACK => "Zset listpack",
            kind::HASH_ZIPMAP => "Zipmap",
            kind::HASH_ZIPLIST => "Hash ziplist",
            _ => "Hash listpack",
        };
        let complain = |complaint: Complaint| source.fault(damaged(name, complaint));
        let is_old = match code {
            kind::LIST_ZIPLIST | kind::SORTED_SET_ZIPLIST | kind::HASH_ZIPLIST => {
                self.room = old::ziplist(&self.room).map_err(complain)?;
                true
            }
            kind::HASH_ZIPMAP => {
                self.room = old::zipmap(&self.room).map_err(complain)?;
                true
            }
            _ => false,
        };
        // What is written anew is looked at closely in any case, as in Redis.
        let is_deep = self.forms.is_deep || is_old;
        let count = vet::small(form, &mut self.room, is_deep).map_err(complain)?;
        if code == kind::HASH_ZIPMAP {
            return self.former_hash(count, source);
        }
        if count == 0 {
            return Ok(State::Nothing);
        }
        // In the large form each element is there once in any case; who has written one twice
        // is told.
        if form != Form::IntSet && form != Form::List && count > self.most(form) {
            vet::once_only(form, &self.room).map_err(complain)?;
        }
        Ok(self.packed(form, count))
    }

    /// Most elements of a small form.
    fn most(&self, form: Form) -> usize {
        let Forms { set, hash, sorted_set, .. } = &self.forms;
        match form {
            Form::List => usize::MAX,
            Form::IntSet => set.integers,
            Form::Set => set.elements,
            Form::Hash | Form::HashEx => hash.elements,
            Form::SortedSet => sorted_set.elements,
        }
    }

    /// A hash in its oldest small form, whose fields may be longer than they may be by now.
    fn former_hash(&mut self, count: usize, source: &Source<'_>) -> Result<State> {
        if count == 0 {
            return Err(source.fault(damaged("Zipmap", "it is empty")));
        }
        let longest = Run::of_packed(&self.room).iter().map(Text::len).max();
        let is_short = longest.unwrap_or(0) <= self.forms.hash.element_bytes;
        if is_short {
            return Ok(self.packed(Form::Hash, count));
        }
        Ok(State::Whole(enlarged(Form::Hash, &self.room, &self.forms)))
    }

    /// What the bytes in the room become, which are so many elements.
    fn packed(&mut self, form: Form, count: usize) -> State {
        if form == Form::List {
            return pack_list(&self.room, self.forms.list);
        }
        if count <= self.most(form) {
            return State::Small(form);
        }
        State::Whole(enlarged(form, &self.room, &self.forms))
    }

    fn list(&self, nodes: Nodes, count: u64) -> State {
        State::Building(Building::List(List::long(), nodes), count)
    }

    /// A list of one node, as most are.
    fn short_list(&mut self, source: &mut Source<'_>) -> Result<State> {
        let mut list = List::long();
        let count = self.container(&mut list, source)?;
        if count == 0 {
            return Ok(State::Nothing);
        }
        list.settle(self.forms.list);
        Ok(State::Whole(list.wrap()))
    }

    fn set(&self, count: u64) -> State {
        let is_large = count > self.forms.set.integers as u64;
        let set = if is_large { Set::large(&self.forms.set.hasher) } else { Set::default() };
        State::Building(Building::Set(set), count)
    }

    fn sorted_set(&self, count: u64, is_text: bool) -> State {
        let mut set = SortedSet::default();
        set.expect(usize::try_from(count).unwrap_or(usize::MAX), &self.forms.sorted_set);
        State::Building(Building::SortedSet(set, is_text), count)
    }

    fn hash(&self, count: u64, deadlines: FieldDeadline) -> State {
        let mut hash = Hash::default();
        hash.expect(&self.forms.hash, usize::try_from(count).unwrap_or(usize::MAX));
        State::Building(Building::Hash(hash, deadlines), count)
    }

    /// Goes on with the value up to an offset, or to its end; true if that is reached.
    ///
    /// # Errors
    /// What is wrong with the bytes, or the system's.
    pub fn go_on(&mut self, source: &mut Source<'_>, until: u64) -> Result<bool> {
        let state = std::mem::replace(&mut self.state, State::Nothing);
        let State::Building(mut building, mut left) = state else {
            self.state = state;
            return Ok(true);
        };
        while left > 0 {
            if source.offset() >= until {
                self.state = State::Building(building, left);
                return Ok(false);
            }
            // What bytes are lacking for is read again from its beginning.
            source.mark();
            if let Err(fault) = self.element(&mut building, source) {
                self.state = State::Building(building, left);
                return Err(fault);
            }
            left -= 1;
        }
        self.state = self.finish(building);
        Ok(true)
    }

    fn finish(&self, building: Building) -> State {
        let collection = match building {
            Building::List(mut list, _) => {
                list.settle(self.forms.list);
                list.wrap()
            }
            Building::Set(set) => set.wrap(),
            Building::SortedSet(set, _) => set.wrap(),
            Building::Hash(hash, _) => hash.wrap(),
        };
        if collection.is_empty() { State::Nothing } else { State::Whole(collection) }
    }

    fn element(&mut self, building: &mut Building, source: &mut Source<'_>) -> Result<()> {
        match building {
            Building::List(list, nodes) => self.node(list, *nodes, source),
            Building::Set(set) => {
                source.text(&mut self.room)?;
                match set.insert(&self.room, &self.forms.set) {
                    true => Ok(()),
                    false => Err(source.fault("a member of a set is there twice")),
                }
            }
            Building::SortedSet(set, is_text) => {
                source.text(&mut self.room)?;
                let score = if *is_text {
                    text_score(source)?
                } else {
                    f64::from_le_bytes(source.array()?)
                };
                if score.is_nan() {
                    return Err(source.fault("a score is not a number"));
                }
                let mut is_new = true;
                set.set(&self.room, &self.forms.sorted_set, |old| {
                    is_new = old.is_none();
                    Some(score)
                });
                match is_new {
                    true => Ok(()),
                    false => Err(source.fault("a member of a sorted set is there twice")),
                }
            }
            Building::Hash(hash, deadline) => self.pair(hash, *deadline, source),
        }
    }

    fn pair(
        &mut self,
        hash: &mut Hash,
        deadline: FieldDeadline,
        source: &mut Source<'_>,
    ) -> Result<()> {
        let at_ms = match deadline {
            FieldDeadline::Nothing => 0,
            FieldDeadline::Absolute => source.count()?,
            FieldDeadline::Behind(earliest) => match source.count()? {
                0 => 0,
                behind => earliest.saturating_add(behind - 1),
            },
        };
        source.text(&mut self.field)?;
        source.text(&mut self.room)?;
        if !hash.set(&self.forms.hash, &self.field, &self.room, false) {
            return Err(source.fault("a field of a hash is there twice"));
        }
        if at_ms > 0 {
            let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
            hash.set_deadline(&self.field, Some(at_ms));
        }
        Ok(())
    }

    fn node(&mut self, list: &mut List, nodes: Nodes, source: &mut Source<'_>) -> Result<()> {
        match nodes {
            Nodes::Elements => {
                source.text(&mut self.room)?;
                list.push(End::Back, std::iter::once(&self.room[..]), self.forms.list);
            }
            Nodes::Ziplists => {
                source.text(&mut self.room)?;
                let listpack = old::ziplist(&self.room);
                let complain = |complaint| source.fault(damaged("Ziplist", complaint));
                list.append_packed(&listpack.map_err(complain)?);
            }
            Nodes::Containers => {
                self.container(list, source)?;
            }
        }
        Ok(())
    }

    /// Reads a node that says what it is; how many elements it has.
    fn container(&mut self, list: &mut List, source: &mut Source<'_>) -> Result<usize> {
        let container = source.count()?;
        source.text(&mut self.room)?;
        match container {
            node::PLAIN if self.room.is_empty() => {
                Err(source.fault("a node of a list holds nothing"))
            }
            node::PLAIN => {
                list.append_plain(&self.room);
                Ok(1)
            }
            node::PACKED => {
                let complain = |complaint| source.fault(damaged("Listpack", complaint));
                vet::listpack(&mut self.room).map_err(complain)?;
                Ok(list.append_packed(&self.room))
            }
            other => Err(source.fault(format!("unknown kind of list node {other}"))),
        }
    }

    /// The value that has been read; `None` if it has no elements.
    pub fn take(&mut self) -> Option<Arrival<'_>> {
        match std::mem::replace(&mut self.state, State::Nothing) {
            State::Nothing | State::Building(..) => None,
            State::Int(value) => Some(Arrival::Text(Text::Int(value))),
            State::Text if self.room.len() > LONG_BYTES => {
                Some(Arrival::Long(std::mem::take(&mut self.room)))
            }
            State::Text => Some(Arrival::Text(Text::compact(&self.room))),
            State::Small(form) => Some(Arrival::Small(form, &self.room)),
            State::Whole(collection) => Some(Arrival::Whole(collection)),
        }
    }
}

/// The sentence of Redis for damaged bytes, and what is wrong with them.
fn damaged(name: &str, complaint: Complaint) -> String {
    format!("{name} integrity check failed: {complaint}")
}

/// A list of one listpack.
fn pack_list(listpack: &[u8], fill: Fill) -> State {
    let mut list = List::long();
    list.append_packed(listpack);
    list.settle(fill);
    State::Whole(list.wrap())
}

/// The large form of what is too many elements for the small one.
fn enlarged(form: Form, bytes: &[u8], forms: &Forms) -> Collection {
    match form {
        Form::List => List::default().wrap(),
        Form::IntSet | Form::Set => {
            let mut set = Set::large(&forms.set.hasher);
            let mut add = |text: Text<'_>| {
                text.with_bytes(|member| set.insert(member, &forms.set));
            };
            match form {
                Form::IntSet => Ints::new(bytes).iter().for_each(|value| add(Text::Int(value))),
                _ => Run::of_packed(bytes).iter().for_each(add),
            }
            set.wrap()
        }
        Form::SortedSet => {
            let view = SortedSet::view_small(form, bytes);
            let mut set = SortedSet::default();
            set.expect(view.len(), &forms.sorted_set);
            for (member, score) in view.items(0..view.len()) {
                member.with_bytes(|member| set.set(member, &forms.sorted_set, |_| Some(score)));
            }
            set.wrap()
        }
        Form::Hash | Form::HashEx => {
            let mut hash = Hash::thaw(form, bytes.to_vec());
            hash.expect(&forms.hash, usize::MAX);
            hash.wrap()
        }
    }
}

/// A score in the form of former times: its length, or what it is, and its text.
fn text_score(source: &mut Source<'_>) -> Result<f64> {
    let len = match source.byte()? {
        253 => return Ok(f64::NAN),
        254 => return Ok(f64::INFINITY),
        255 => return Ok(f64::NEG_INFINITY),
        len => len,
    };
    let mut text = Vec::with_capacity(usize::from(len));
    source.bytes(u64::from(len), &mut text)?;
    float::parse(&text).ok_or_else(|| source.fault("a score is not a number"))
}
