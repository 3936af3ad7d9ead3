//! The numbers of the format.

/// The newest version that is known.
pub const VERSION_MAX: u32 = 12;
/// The oldest version that is written: what Redis 7.0 reads.
pub const VERSION_MIN: u32 = 10;
/// The first version with listpacks for sets.
pub const VERSION_PACKED_SETS: u32 = 11;
/// The first version with deadlines of fields.
pub const VERSION_FIELD_DEADLINES: u32 = 12;
/// The first version with a sum at the end.
pub const VERSION_SUM: u32 = 5;

/// What a file begins with, before its version in four digits.
pub const MAGIC: &[u8; 5] = b"REDIS";
/// The same for Valkey, before its version in three digits.
pub const MAGIC_VALKEY: &[u8; 6] = b"VALKEY";

/// What a record is, if it is no key.
pub mod op {
    /// How many keys belong to a slot.
    pub const SLOT_INFO: u8 = 0xF4;
    /// A library of functions.
    pub const FUNCTION: u8 = 0xF5;
    /// The same as release candidates of Redis 7 wrote it.
    pub const FUNCTION_PRE_GA: u8 = 0xF6;
    /// What a module keeps beside keys.
    pub const MODULE_AUX: u8 = 0xF7;
    /// Seconds since the next key was used.
    pub const IDLE: u8 = 0xF8;
    /// How often the next key is used.
    pub const FREQUENCY: u8 = 0xF9;
    /// A word about the file, and its value.
    pub const AUX: u8 = 0xFA;
    /// How many keys the database has.
    pub const SIZES: u8 = 0xFB;
    /// When the next key dies, in milliseconds since 1970.
    pub const DEADLINE_MS: u8 = 0xFC;
    /// The same in seconds.
    pub const DEADLINE_S: u8 = 0xFD;
    /// The database of what follows.
    pub const DATABASE: u8 = 0xFE;
    /// The end.
    pub const END: u8 = 0xFF;
}

/// How a value is written.
pub mod kind {
    /// A string.
    pub const STRING: u8 = 0;
    /// A list, element by element.
    pub const LIST: u8 = 1;
    /// A set, member by member.
    pub const SET: u8 = 2;
    /// A sorted set whose scores are text.
    pub const SORTED_SET: u8 = 3;
    /// A hash, field by field.
    pub const HASH: u8 = 4;
    /// A sorted set whose scores are eight bytes.
    pub const SORTED_SET_2: u8 = 5;
    /// A value of a module.
    pub const MODULE: u8 = 6;
    /// The same, so that it can be skipped.
    pub const MODULE_2: u8 = 7;
    /// A hash as a zipmap.
    pub const HASH_ZIPMAP: u8 = 9;
    /// A list as a ziplist.
    pub const LIST_ZIPLIST: u8 = 10;
    /// A set of integers as an intset.
    pub const SET_INTSET: u8 = 11;
    /// A sorted set as a ziplist.
    pub const SORTED_SET_ZIPLIST: u8 = 12;
    /// A hash as a ziplist.
    pub const HASH_ZIPLIST: u8 = 13;
    /// A list as ziplists.
    pub const LIST_QUICKLIST: u8 = 14;
    /// A stream as Redis 5 wrote it.
    pub const STREAM: u8 = 15;
    /// A hash as a listpack.
    pub const HASH_LISTPACK: u8 = 16;
    /// A sorted set as a listpack.
    pub const SORTED_SET_LISTPACK: u8 = 17;
    /// A list as listpacks, and elements by themselves.
    pub const LIST_QUICKLIST_2: u8 = 18;
    /// A stream with its first and its highest deleted id, and the number of entries added.
    pub const STREAM_2: u8 = 19;
    /// A set as a listpack.
    pub const SET_LISTPACK: u8 = 20;
    /// A stream that tells when its consumers were given something.
    pub const STREAM_3: u8 = 21;
    /// A hash whose fields have deadlines, as release candidates of Redis 7.4 wrote it.
    pub const HASH_DEADLINES_PRE_GA: u8 = 22;
    /// The same as a listpack.
    pub const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
    /// A hash whose fields have deadlines.
    pub const HASH_DEADLINES: u8 = 24;
    /// The same as a listpack.
    pub const HASH_LISTPACK_EX: u8 = 25;
}

/// How a node of a list is written.
pub mod node {
    /// An element by itself.
    pub const PLAIN: u64 = 1;
    /// A listpack.
    pub const PACKED: u64 = 2;
}

/// How a string is written, if not as its bytes.
pub mod string {
    /// An integer of one byte.
    pub const INT_8: u8 = 0;
    /// An integer of two bytes.
    pub const INT_16: u8 = 1;
    /// An integer of four bytes.
    pub const INT_32: u8 = 2;
    /// Compressed.
    pub const LZF: u8 = 3;
}

/// What follows in a module's record.
pub mod module {
    /// Nothing.
    pub const END: u64 = 0;
    /// A signed number.
    pub const INT: u64 = 1;
    /// A number.
    pub const UINT: u64 = 2;
    /// Four bytes.
    pub const FLOAT: u64 = 3;
    /// Eight bytes.
    pub const DOUBLE: u64 = 4;
    /// A string.
    pub const STRING: u64 = 5;
}
