//! All users, by name.

use super::catalog::Catalog;
use super::user::User;
use slab::Slab;
use std::collections::BTreeMap;

/// The name of the user that clients are until they log in.
pub const DEFAULT_NAME: &[u8] = b"default";

/// A user among all; good for as long as it is not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserId(usize);

impl UserId {
    /// The user that clients are until they log in. It is always there.
    pub const DEFAULT: UserId = UserId(0);
}

/// What a client may do, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Everything.
    Free,
    /// What its user may do.
    Limited,
    /// Log in, and little more.
    Locked,
}

/// The users.
pub struct Users {
    slots: Slab<User>,
    names: BTreeMap<Box<[u8]>, UserId>,
}

impl Users {
    /// The default user alone; it may do everything.
    pub fn new(catalog: &Catalog) -> Users {
        let mut users = Users { slots: Slab::new(), names: BTreeMap::new() };
        users.put(User::default(catalog));
        users
    }

    /// A user.
    pub fn get(&self, id: UserId) -> &User {
        &self.slots[id.0]
    }

    /// The user that clients are until they log in.
    pub fn default_user(&self) -> &User {
        self.get(UserId::DEFAULT)
    }

    /// The user of that name.
    pub fn find(&self, name: &[u8]) -> Option<UserId> {
        self.names.get(name).copied()
    }

    /// Number of users.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Never true: the default user is always there.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All users in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.names.values().map(|id| self.get(*id))
    }

    /// Adds a user, or puts it in the place of the one that bears its name, which is returned.
    pub fn put(&mut self, user: User) -> Option<User> {
        match self.names.get(&user.name) {
            Some(id) => Some(std::mem::replace(&mut self.slots[id.0], user)),
            None => {
                let name = user.name.clone();
                let id = UserId(self.slots.insert(user));
                self.names.insert(name, id);
                None
            }
        }
    }

    /// Removes a user; the default one stays.
    pub fn remove(&mut self, name: &[u8]) -> Option<UserId> {
        if name == DEFAULT_NAME {
            return None;
        }
        let id = self.names.remove(name)?;
        self.slots.remove(id.0);
        Some(id)
    }

    /// Sets the only password of the default user; an empty one stands for any.
    pub fn set_default_password(&mut self, password: &[u8]) {
        self.slots[UserId::DEFAULT.0].set_password(password);
    }

    /// Whether one is the default user without saying so.
    pub fn admits_strangers(&self) -> bool {
        let user = self.default_user();
        user.any_password && user.is_on
    }

    /// The user whom a name and a password let in.
    pub fn log_in(&self, name: &[u8], password: &[u8]) -> Option<UserId> {
        let id = self.find(name)?;
        let user = self.get(id);
        (user.is_on && user.knows(password)).then_some(id)
    }

    /// What a client may do that is this user and has logged in, or not.
    pub fn standing(&self, id: UserId, has_logged_in: bool) -> Standing {
        if !has_logged_in && !self.admits_strangers() {
            Standing::Locked
        } else if self.get(id).may_do_all() {
            Standing::Free
        } else {
            Standing::Limited
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalog::tests::some;
    use super::*;

    #[test]
    fn users_are_found_by_name_and_keep_their_place() {
        let catalog = some();
        let mut users = Users::new(&catalog);
        assert!(users.put(User::new(b"b", false, &catalog)).is_none());
        assert!(users.put(User::new(b"a", false, &catalog)).is_none());
        let b = users.find(b"b");
        let mut new = User::new(b"b", false, &catalog);
        new.is_on = true;
        assert!(users.put(new).is_some_and(|old| !old.is_on));
        assert_eq!(users.find(b"b"), b);
        assert!(users.iter().map(|user| &*user.name).eq([&b"a"[..], b"b", b"default"]));
        assert_eq!(users.remove(b"b"), b);
        assert!(users.remove(b"b").is_none() && users.remove(b"default").is_none());
        assert_eq!(users.len(), 2);
    }

    #[test]
    fn strangers_are_the_default_user_where_it_needs_no_password() {
        let catalog = some();
        let mut users = Users::new(&catalog);
        assert_eq!(users.standing(UserId::DEFAULT, false), Standing::Free);
        users.set_default_password(b"secret");
        assert_eq!(users.standing(UserId::DEFAULT, false), Standing::Locked);
        assert_eq!(users.standing(UserId::DEFAULT, true), Standing::Free);
        assert_eq!(users.log_in(b"default", b"secret"), Some(UserId::DEFAULT));
        assert_eq!(users.log_in(b"default", b""), None);
        assert_eq!(users.log_in(b"nobody", b"secret"), None);
        users.set_default_password(b"");
        assert_eq!(users.log_in(b"default", b"what"), Some(UserId::DEFAULT));
        let off = User { is_on: false, ..users.default_user().clone() };
        users.put(off);
        assert_eq!(users.standing(UserId::DEFAULT, false), Standing::Locked);
        assert_eq!(users.log_in(b"default", b""), None);
        users.put(User::new(b"me", false, &catalog));
        let me = users.find(b"me").unwrap();
        assert_eq!(users.standing(me, true), Standing::Limited);
    }
}
