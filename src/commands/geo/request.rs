//! What a search asks for, read from its arguments.

use super::{point, unit_m};
use crate::base::float;
use crate::data::geo::grid::Point;
use crate::data::geo::shape::{Form, Shape};
use crate::data::sorted_set::SortedSetRef;
use crate::exec::int;
use crate::resp::argv::Argv;
use crate::resp::error::Error;

/// How a command spells its search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// GEORADIUS: place and radius have their positions.
    Radius {
        /// Whether the result may be kept.
        stores: bool,
    },
    /// GEORADIUSBYMEMBER: member and radius have theirs.
    ByMember {
        /// Whether the result may be kept.
        stores: bool,
    },
    /// GEOSEARCH: all are options.
    Search,
    /// GEOSEARCHSTORE: the same behind the key of the result.
    SearchStore,
}

/// In which order members are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// In any.
    Any,
    /// The nearest first.
    Ascending,
    /// The farthest first.
    Descending,
}

/// A search.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// Where; `None` if that is a member of a set that is not there.
    pub(super) shape: Option<Shape>,
    /// In which order.
    pub(super) order: Order,
    /// Most members.
    pub(super) count: Option<usize>,
    /// Whether any members will do, not only the nearest ones.
    pub(super) is_any: bool,
    /// Whether their distances are wanted.
    pub(super) with_distance: bool,
    /// Whether their numbers are.
    pub(super) with_number: bool,
    /// Whether their places are.
    pub(super) with_place: bool,
    /// Where the result is kept.
    pub(super) destination: Option<&'a [u8]>,
    /// Whether it is kept with distances for scores.
    pub(super) keeps_distances: bool,
}

/// What has been read of a search so far.
struct Parser<'a, 's> {
    argv: Argv<'a>,
    spelling: Spelling,
    /// Where members are; `None` if there is no set.
    set: Option<SortedSetRef<'s>>,
    center: Center,
    form: Option<(Form, f64)>,
    request: Request<'a>,
}

/// The middle of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Center {
    /// Not told yet.
    Unknown,
    /// A member.
    Member(Option<Point>),
    /// A place.
    Place(Point),
}

impl<'a> Request<'a> {
    /// Reads the arguments; members among them are looked up on the way, since what is wrong is
    /// told in order.
    pub(super) fn parse(
        argv: Argv<'a>,
        spelling: Spelling,
        set: Option<SortedSetRef<'_>>,
    ) -> Result<Request<'a>, Error> {
        let request = Request {
            shape: None,
            order: Order::Any,
            count: None,
            is_any: false,
            with_distance: false,
            with_number: false,
            with_place: false,
            destination: (spelling == Spelling::SearchStore).then(|| argv.at(1)),
            keeps_distances: false,
        };
        let mut parser =
            Parser { argv, spelling, set, center: Center::Unknown, form: None, request };
        let mut at = parser.take_positions()?;
        while at < argv.len() {
            at += 1 + parser.take_option(at)?;
        }
        parser.finish()
    }

    /// Whether anything is wanted of a member beside its name.
    pub(super) fn wants_details(&self) -> bool {
        self.with_distance || self.with_number || self.with_place
    }
}

impl<'a> Parser<'a, '_> {
    /// Reads what has its position; the index of the first option.
    fn take_positions(&mut self) -> Result<usize, Error> {
        let argv = self.argv;
        match self.spelling {
            Spelling::Search => Ok(2),
            Spelling::SearchStore => Ok(3),
            Spelling::Radius { .. } => {
                self.center = Center::Place(point(argv.at(2), argv.at(3))?);
                self.form = Some(circle(argv.at(4), argv.at(5))?);
                Ok(6)
            }
            Spelling::ByMember { .. } => {
                self.center = Center::Member(self.place_of(argv.at(2))?);
                if self.set.is_some() {
                    self.form = Some(circle(argv.at(3), argv.at(4))?);
                }
                Ok(5)
            }
        }
    }

    /// Takes an option; returns how many arguments belong to it.
    fn take_option(&mut self, at: usize) -> Result<usize, Error> {
        let (argv, values) = (self.argv, self.argv.len() - at - 1);
        let request = &mut self.request;
        match argv.at(at).to_ascii_uppercase().as_slice() {
            b"WITHDIST" => request.with_distance = true,
            b"WITHHASH" => request.with_number = true,
            b"WITHCOORD" => request.with_place = true,
            b"ANY" => request.is_any = true,
            b"ASC" => request.order = Order::Ascending,
            b"DESC" => request.order = Order::Descending,
            b"COUNT" if values >= 1 => {
                request.count = Some(count(argv.at(at + 1))?);
                return Ok(1);
            }
            option => return self.take_own_option(option, at, values),
        }
        Ok(0)
    }

    /// Takes an option that not all spellings have.
    fn take_own_option(&mut self, option: &[u8], at: usize, values: usize) -> Result<usize, Error> {
        use Spelling::{ByMember, Radius, Search, SearchStore};
        match (self.spelling, option) {
            (Radius { stores: true } | ByMember { stores: true }, b"STORE" | b"STOREDIST")
                if values >= 1 =>
            {
                self.request.destination = Some(self.argv.at(at + 1));
                self.request.keeps_distances = option == b"STOREDIST";
                Ok(1)
            }
            (SearchStore, b"STOREDIST") => {
                self.request.keeps_distances = true;
                Ok(0)
            }
            (Search | SearchStore, option) => self.take_shape(option, at, values),
            (Radius { .. } | ByMember { .. }, _) => Err(Error::SYNTAX),
        }
    }

    /// Takes an option that tells where to search.
    fn take_shape(&mut self, option: &[u8], at: usize, values: usize) -> Result<usize, Error> {
        let value = |index: usize| self.argv.at(at + index);
        let is_round = matches!(self.form, Some((Form::Circle { .. }, _)));
        match option {
            b"FROMMEMBER" if values >= 1 && !matches!(self.center, Center::Place(_)) => {
                self.center = Center::Member(self.place_of(value(1))?);
                Ok(1)
            }
            b"FROMLONLAT" if values >= 2 && !matches!(self.center, Center::Member(_)) => {
                self.center = Center::Place(point(value(1), value(2))?);
                Ok(2)
            }
            b"BYRADIUS" if values >= 2 && (self.form.is_none() || is_round) => {
                self.form = Some(circle(value(1), value(2))?);
                Ok(2)
            }
            b"BYBOX" if values >= 3 && !is_round => {
                self.form = Some(rectangle(value(1), value(2), value(3))?);
                Ok(3)
            }
            _ => Err(Error::SYNTAX),
        }
    }

    /// Where a member is; `None` without a set.
    fn place_of(&self, member: &[u8]) -> Result<Option<Point>, Error> {
        let Some(set) = self.set else { return Ok(None) };
        let score =
            set.score(member).ok_or(Error::new("ERR could not decode requested zset member"))?;
        Ok(Some(Point::of_score(score)))
    }

    /// Checks what options have to do with each other.
    fn finish(mut self) -> Result<Request<'a>, Error> {
        let is_search = matches!(self.spelling, Spelling::Search | Spelling::SearchStore);
        if self.request.destination.is_some() && self.request.wants_details() {
            let what = if is_search { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Error::text(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let lacks = |what: &str| {
            let name = self.argv.at(0);
            Error::quoting(&format!("ERR exactly one of {what} can be specified for "), name, "")
        };
        if is_search && self.center == Center::Unknown {
            return Err(lacks("FROMMEMBER or FROMLONLAT"));
        }
        if is_search && self.form.is_none() {
            return Err(lacks("BYRADIUS and BYBOX"));
        }
        if self.request.is_any && self.request.count.is_none() {
            return Err(Error::new("ERR the ANY argument requires COUNT argument"));
        }
        if self.request.count.is_some() && !self.request.is_any && self.request.order == Order::Any
        {
            // So many are the nearest ones.
            self.request.order = Order::Ascending;
        }
        let center = match self.center {
            Center::Place(point) => Some(point),
            Center::Member(point) => point,
            Center::Unknown => None,
        };
        if let (Some(center), Some((form, unit_m))) = (center, self.form) {
            self.request.shape = Some(Shape { center, form, unit_m });
        }
        Ok(self.request)
    }
}

fn count(argument: &[u8]) -> Result<usize, Error> {
    match int(argument)? {
        count if count <= 0 => Err(Error::new("ERR COUNT must be > 0")),
        count => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
    }
}

/// A circle, and the meters of its unit.
fn circle(radius: &[u8], unit: &[u8]) -> Result<(Form, f64), Error> {
    let radius = float::parse(radius).ok_or(Error::new("ERR need numeric radius"))?;
    if radius < 0.0 {
        return Err(Error::new("ERR radius cannot be negative"));
    }
    Ok((Form::Circle { radius }, unit_m(unit)?))
}

/// A box, and the meters of its unit.
fn rectangle(width: &[u8], height: &[u8], unit: &[u8]) -> Result<(Form, f64), Error> {
    let width = float::parse(width).ok_or(Error::new("ERR need numeric width"))?;
    let height = float::parse(height).ok_or(Error::new("ERR need numeric height"))?;
    if height < 0.0 || width < 0.0 {
        return Err(Error::new("ERR height or width cannot be negative"));
    }
    Ok((Form::Box { width, height }, unit_m(unit)?))
}
