//! A command's arguments, written as people read them and read into the tree that COMMAND DOCS
//! shows.
//!
//! ```text
//! key                    an argument; a word in capitals is a token to be typed
//! EX seconds             a token with its argument
//! [LIMIT offset count]   a token with several plain ones: it belongs to them all
//! [NX | XX]              optional; alternatives
//! <ON | OFF>             required; alternatives
//! key [key ...]          one or more
//! [SET key | GET] ...    a group once or more, or any number of times if it is optional; with its
//!                        token each time, if it has one
//! [condition: NX | XX]   the name by which COMMAND DOCS knows the choice or the block
//! = ~ * $ ""             tokens, too; the last one is nothing at all
//! count:integer          an argument of a type that its name does not tell
//! ```

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any bytes.
    String,
    /// A 64-bit integer.
    Integer,
    /// A number with a fraction.
    Double,
    /// A key.
    Key,
    /// A glob pattern.
    Pattern,
    /// A point in time since 1970.
    UnixTime,
    /// A token alone.
    PureToken,
    /// One of several.
    OneOf,
    /// Several together.
    Block,
}

impl Kind {
    /// The name as COMMAND DOCS shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Key => "key",
            Kind::Pattern => "pattern",
            Kind::UnixTime => "unix-time",
            Kind::PureToken => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
        }
    }
}

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The word typed before it.
    pub token: Option<String>,
    /// May be left out.
    pub optional: bool,
    /// May be given more than once.
    pub multiple: bool,
    /// Each time with its token.
    pub repeats_token: bool,
    /// The parts of a choice or block.
    pub parts: Vec<Arg>,
}

/// Reads a syntax; what is wrong with it, if it cannot be read.
///
/// # Errors
/// A sentence for the author of the syntax.
pub fn parse(text: &str) -> Result<Vec<Arg>, String> {
    let mut parser = Parser { words: words(text), at: 0 };
    let args = parser.sequence(None)?;
    match parser.words.get(parser.at) {
        None => Ok(args),
        Some(word) => Err(format!("unexpected '{word}' in '{text}'")),
    }
}

/// The syntax as people read it, without the names of choices and the types.
pub fn plain(text: &str) -> String {
    let shown = text.split(' ').map(|word| {
        let bare = word.trim_start_matches(['[', '<']);
        let open = &word[..word.len() - bare.len()];
        match bare.split_once(':') {
            Some((_, "")) => open.to_owned(),
            Some((name, kind)) => {
                format!("{open}{name}{}", kind.trim_start_matches(char::is_alphabetic))
            }
            None => word.to_owned(),
        }
    });
    // A label leaves its bracket behind, which belongs to the next word.
    let joined = shown.collect::<Vec<_>>().join(" ");
    joined.replace("[ ", "[").replace("< ", "<")
}

struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
}

/// Brackets, bars, dots and words.
fn words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for mut word in text.split_whitespace() {
        while let Some(rest) = word.strip_prefix(['[', '<']) {
            found.push(&word[..1]);
            word = rest;
        }
        let bare = word.trim_end_matches([']', '>']);
        found.push(bare);
        found.extend((bare.len()..word.len()).map(|at| &word[at..=at]));
    }
    found.retain(|word| !word.is_empty());
    found
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    /// Arguments one after another, up to a closing bracket, a bar or the end.
    fn sequence(&mut self, mut token: Option<&'a str>) -> Result<Vec<Arg>, String> {
        let mut args: Vec<Arg> = Vec::new();
        while let Some(word) = self.peek() {
            match word {
                "]" | ">" | "|" => break,
                "[" if self.is_repetition() => self.repetition(&mut args)?,
                "..." => {
                    self.at += 1;
                    let arg = args.last_mut().ok_or("nothing to repeat")?;
                    arg.multiple = true;
                    arg.repeats_token = arg.token.is_some();
                }
                "[" | "<" => {
                    // What may be left out has no token of its own.
                    if word == "[" {
                        args.extend(token.take().map(pure_token));
                    }
                    let mut group = self.group()?;
                    if let Some(token) = token.take() {
                        group.token = Some(token.to_owned());
                    }
                    args.push(group);
                }
                _ => {
                    self.at += 1;
                    if is_token(word) {
                        if let Some(alone) = token.replace(word) {
                            args.push(pure_token(alone));
                        }
                    } else {
                        args.push(argument(word, token.take()));
                    }
                }
            }
        }
        args.extend(token.map(pure_token));
        Ok(args)
    }

    /// A bracketed group: a choice, a block, or one argument.
    fn group(&mut self) -> Result<Arg, String> {
        let optional = self.peek() == Some("[");
        self.at += 1;
        let label = self.peek().and_then(|word| word.strip_suffix(':'));
        self.at += usize::from(label.is_some());
        let mut choices = vec![self.choice()?];
        while self.peek() == Some("|") {
            self.at += 1;
            choices.push(self.choice()?);
        }
        let close = if optional { "]" } else { ">" };
        if self.peek() != Some(close) {
            return Err(format!("'{close}' missing before {:?}", self.peek()));
        }
        self.at += 1;
        let mut group = match <[Arg; 1]>::try_from(choices) {
            Ok([single]) => single,
            Err(choices) => compound(Kind::OneOf, choices),
        };
        if let Some(label) = label {
            label.clone_into(&mut group.name);
        }
        group.optional = optional;
        Ok(group)
    }

    /// One side of a bar.
    fn choice(&mut self) -> Result<Arg, String> {
        // A token with several arguments is a block that carries the token.
        let leading = self.peek().filter(|word| is_token(word));
        let args = self.sequence(None)?;
        match <[Arg; 1]>::try_from(args) {
            Ok([single]) => Ok(single),
            Err(args) if args.is_empty() => Err("an empty choice".to_owned()),
            Err(mut args) => {
                let is_plain = args.iter().all(|arg| arg.parts.is_empty() && !arg.optional)
                    && args[0].kind != Kind::PureToken;
                let token = leading.filter(|_| is_plain).and_then(|_| args[0].token.take());
                let mut block = compound(Kind::Block, args);
                if let Some(token) = token {
                    block.name = token.to_lowercase();
                    block.token = Some(token);
                }
                Ok(block)
            }
        }
    }

    /// True at `[x ...]`.
    fn is_repetition(&self) -> bool {
        let inner =
            self.words[self.at + 1..].iter().take_while(|word| !matches!(**word, "[" | "]"));
        inner.last() == Some(&"...")
    }

    /// `x y [x y ...]`: makes the arguments before it multiple.
    fn repetition(&mut self, args: &mut Vec<Arg>) -> Result<(), String> {
        self.at += 1;
        let label = self.peek().and_then(|word| word.strip_suffix(':'));
        self.at += usize::from(label.is_some());
        let start = self.at;
        while self.peek() != Some("...") {
            self.at += 1;
        }
        let count = self.at - start;
        self.at += 2;
        if count == 0 || args.len() < count {
            return Err("nothing to repeat".to_owned());
        }
        let mut repeated = args.split_off(args.len() - count);
        let mut arg = match repeated.pop() {
            Some(single) if repeated.is_empty() => single,
            last => {
                repeated.extend(last);
                compound(Kind::Block, repeated)
            }
        };
        if let Some(label) = label {
            label.clone_into(&mut arg.name);
        }
        arg.multiple = true;
        args.push(arg);
        Ok(())
    }
}

fn is_token(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase() || "=~*$\"".contains(first))
}

fn pure_token(token: &str) -> Arg {
    let token = token.trim_matches('"');
    let token_text = Some(token.to_owned());
    Arg { token: token_text, ..leaf(token.to_lowercase(), Kind::PureToken) }
}

fn argument(word: &str, token: Option<&str>) -> Arg {
    let (name, kind) = match word.split_once(':') {
        Some((name, kind)) => (name, kind_named(kind)),
        None => (word, kind_of(word)),
    };
    Arg { token: token.map(str::to_owned), ..leaf(name.to_owned(), kind) }
}

fn leaf(name: String, kind: Kind) -> Arg {
    Arg {
        name,
        kind,
        token: None,
        optional: false,
        multiple: false,
        repeats_token: false,
        parts: Vec::new(),
    }
}

fn compound(kind: Kind, parts: Vec<Arg>) -> Arg {
    let name = parts.first().map_or(String::new(), |part| part.name.clone());
    Arg { parts, ..leaf(name, kind) }
}

fn kind_named(kind: &str) -> Kind {
    match kind {
        "integer" => Kind::Integer,
        "double" => Kind::Double,
        "key" => Kind::Key,
        "pattern" => Kind::Pattern,
        "unix-time" => Kind::UnixTime,
        _ => Kind::String,
    }
}

/// The type that an argument's name tells.
fn kind_of(name: &str) -> Kind {
    match name {
        "key" => Kind::Key,
        "pattern" => Kind::Pattern,
        "seconds" | "milliseconds" | "index" | "count" | "cursor" | "increment" | "decrement"
        | "client-id" | "protover" | "maxage" => Kind::Integer,
        "unix-time-seconds" | "unix-time-milliseconds" => Kind::UnixTime,
        _ => Kind::String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A short form of the tree: `name/kind/token?*` with parts in parentheses; two stars if the
    /// token is repeated.
    fn show(args: &[Arg]) -> String {
        let one = |arg: &Arg| {
            let token = arg.token.as_ref().map_or(String::new(), |token| format!("/{token}"));
            let optional = if arg.optional { "?" } else { "" };
            let multiple = match (arg.multiple, arg.repeats_token) {
                (false, _) => "",
                (true, false) => "*",
                (true, true) => "**",
            };
            let parts = if arg.parts.is_empty() { String::new() } else { show(&arg.parts) };
            format!("{}/{}{token}{optional}{multiple}{parts}", arg.name, arg.kind.name())
        };
        format!("({})", args.iter().map(one).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn syntaxes_are_read() {
        let cases = [
            ("", "()"),
            ("key value", "(key/key value/string)"),
            ("key [key ...]", "(key/key*)"),
            ("[channel [channel ...]]", "(channel/string?*)"),
            ("key value [data: key value ...]", "(data/block*(key/key value/string))"),
            ("[GET]", "(get/pure-token/GET?)"),
            ("[condition: NX | XX]", "(condition/oneof?(nx/pure-token/NX xx/pure-token/XX))"),
            (
                "[EX seconds | KEEPTTL]",
                "(seconds/oneof?(seconds/integer/EX keepttl/pure-token/KEEPTTL))",
            ),
            (
                "<LIB-NAME libname | LIB-VER libver>",
                "(libname/oneof(libname/string/LIB-NAME libver/string/LIB-VER))",
            ),
            (
                "[arguments: protover [AUTH username password] [SETNAME clientname]]",
                "(arguments/block?(protover/integer \
                 auth/block/AUTH?(username/string password/string) \
                 clientname/string/SETNAME?))",
            ),
            (
                "[TYPE <NORMAL | PUBSUB>]",
                "(normal/oneof/TYPE?(normal/pure-token/NORMAL pubsub/pure-token/PUBSUB))",
            ),
            ("[ID client-id [client-id ...]]", "(client-id/integer/ID?*)"),
            ("[GET pattern] ...", "(pattern/pattern/GET?**)"),
            ("[GET x y] ...", "(get/block/GET?**(x/string y/string))"),
            ("arg:double", "(arg/double)"),
            ("[FULL [COUNT x]]", "(full/block?(full/pure-token/FULL x/string/COUNT?))"),
            ("<x | NO ONE>", "(x/oneof(x/string no/block(no/pure-token/NO one/pure-token/ONE)))"),
            ("[COUNT count [ANY]]", "(count/block?(count/integer/COUNT any/pure-token/ANY?))"),
            (
                "key [operation: GET x | [A <B | C>] <SET y | D>] ...",
                "(key/key operation/oneof?*(x/string/GET \
                 b/block(b/oneof/A?(b/pure-token/B c/pure-token/C) \
                 y/oneof(y/string/SET d/pure-token/D))))",
            ),
        ];
        for (text, tree) in cases {
            assert_eq!(show(&parse(text).unwrap()), tree, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for text in ["[a", "a ]", "[a | ]", "[x ...]", "<a]", "..."] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn people_do_not_see_the_names_of_choices() {
        assert_eq!(plain("key [condition: NX | XX] [x count:integer]"), "key [NX | XX] [x count]");
    }
}
