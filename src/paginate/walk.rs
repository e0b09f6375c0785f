//! From page to page: by offset, several at a time, or by cursor, one after another.

use std::collections::VecDeque;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::seen::{Cycle, Seen, Step, hash};
use super::{Page, Paged, Paging, Settings};
use crate::transport::request::Request;
use crate::transport::response::Fetched;
use crate::transport::task::Task;
use crate::{Error, ErrorKind, Result};

/// What servers take at most; they refuse more with 400.
const LARGEST_PAGE: u32 = 100;

/// So many pages without anything new end a list: the server repeats itself. (One may be a small
/// page of rows that moved.)
const STALE_PAGES: u32 = 3;

/// The same for lists by a cursor. It is more, because storage gives empty pages that are not the
/// end; and less is needed, because a cursor that stands still ends the list anyway, and one that
/// comes again is an error. (A log goes on for ever; others are not known to be whole.)
const STALE_PAGES_BY_CURSOR: u32 = 10;

/// The pages of a list, by what the operation pages with.
pub(super) fn pages<P: Paged>(
    request: Request,
    form: P::Form,
    settings: Settings,
) -> BoxStream<'static, Result<Page<P>>> {
    let size = |parameter: Option<&str>| {
        let of_operation = || request.query_value(parameter?)?.parse().ok();
        let size = settings
            .page_size
            .or_else(of_operation)
            .unwrap_or(LARGEST_PAGE);
        u64::from(size.clamp(1, LARGEST_PAGE))
    };
    match P::paging(form) {
        Paging::Whole => {
            let mut left = settings.limit;
            let page = async move {
                let received = receive::<P>(request, form).await?;
                Ok(Page {
                    total: Some(received.items.len() as u64),
                    items: take_limited(received.items, &mut left),
                    reply: received.reply,
                })
            };
            stream::once(page).boxed()
        }
        Paging::Offset {
            max,
            offset,
            include_total,
        } => {
            let first = request
                .query_value(offset)
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            let pages = ByOffset::<P> {
                form,
                size: size(Some(max)),
                parameters: (max, offset),
                include_total: include_total.filter(|name| request.query_value(name).is_none()),
                request,
                offset: first,
                end: None,
                concurrency: settings.concurrency,
                ahead: VecDeque::new(),
                seen: Seen::default(),
                left: settings.limit,
                begun: false,
                done: false,
            };
            stream::unfold(pages, |mut pages| async {
                pages.next().await.map(|page| (page, pages))
            })
            .fuse()
            .boxed()
        }
        Paging::Cursor {
            parameter,
            size: size_parameter,
        } => {
            let pages = ByCursor::<P> {
                form,
                parameter,
                size: size_parameter.map(|name| (name, size(Some(name)))),
                request,
                backwards: settings.backwards,
                cycle: Cycle::default(),
                seen: Seen::default(),
                left: settings.limit,
                pages: 0,
                done: false,
            };
            stream::unfold(pages, |mut pages| async {
                pages.next().await.map(|page| (page, pages))
            })
            .fuse()
            .boxed()
        }
    }
}

/// A list by `max` and `offset`.
struct ByOffset<P: Paged> {
    form: P::Form,
    request: Request,
    parameters: (&'static str, &'static str),
    /// The parameter that asks for the total, which may be dear: the first page asks.
    include_total: Option<&'static str>,
    size: u64,
    /// Of the next page to return.
    offset: u64,
    /// Where the list ends, once a page has told.
    end: Option<u64>,
    concurrency: usize,
    ahead: VecDeque<Fetching<P>>,
    seen: Seen,
    left: Option<u64>,
    begun: bool,
    done: bool,
}

/// A page on its way.
struct Fetching<P: Paged> {
    offset: u64,
    size: u64,
    page: Task<Result<Received<P>>>,
}

/// A page that arrived.
struct Received<P: Paged> {
    items: Vec<P::Item>,
    reply: P::Page,
    /// Of the whole body, to notice a server that returns the same page for ever.
    hash: u64,
}

impl<P: Paged> ByOffset<P> {
    /// The next page that has anything new; the first in any case.
    async fn next(&mut self) -> Option<Result<Page<P>>> {
        while !self.done && self.left != Some(0) {
            self.fetch_ahead();
            let fetching = self.ahead.pop_front()?;
            let offset = fetching.offset;
            let received = match fetching.page.await {
                Ok(received) => received,
                Err(error) => {
                    self.done = true;
                    return Some(Err(error.at(format!("offset {offset}"))));
                }
            };
            let page = self.accept(received, fetching.size);
            let first = !std::mem::replace(&mut self.begun, true);
            if first || !page.items.is_empty() {
                return Some(Ok(page));
            }
        }
        self.ahead.clear();
        None
    }

    /// Keeps pages on their way: one while the length of the list is unknown, then several.
    fn fetch_ahead(&mut self) {
        let mut offset = self
            .ahead
            .back()
            .map_or(self.offset, |last| last.offset + last.size);
        let limit = self.left.map(|left| self.offset.saturating_add(left));
        while self.ahead.is_empty()
            || (self.ahead.len() < self.concurrency
                && self.end.is_some_and(|end| offset < end)
                && limit.is_none_or(|limit| offset < limit))
        {
            let size = limit.map_or(self.size, |limit| self.size.min(limit - offset));
            let mut request = self.request.clone();
            request.query(self.parameters.0, size);
            request.query(self.parameters.1, offset);
            if let Some(parameter) = self.include_total.take() {
                request.query(parameter, true);
            }
            self.ahead.push_back(Fetching {
                offset,
                size,
                page: Task::spawn(receive::<P>(request, self.form)),
            });
            offset += size;
        }
    }

    /// Moves on by a page, and decides whether another follows.
    fn accept(&mut self, received: Received<P>, size: u64) -> Page<P> {
        let Received { items, reply, hash } = received;
        let count = items.len() as u64;
        self.offset += count;
        if count != size {
            // The pages ahead were asked for at offsets that leave a gap now.
            self.ahead.clear();
            if !self.begun && count > 0 {
                // What the server gives at a time, or else all of the list.
                self.size = self.size.min(count);
            }
        }
        let total = P::total(self.form, &reply).and_then(|total| u64::try_from(total).ok());
        if let Some(total) = total.filter(|total| *total >= self.offset) {
            // Some servers send 0 for "not counted", so that a total must cover what has come.
            self.end = Some(total);
        } else if self.end.is_some_and(|end| end < self.offset) {
            self.end = None;
        }
        let items = self.seen.new_items::<P>(self.form, items, hash);
        let more = match (self.end, P::has_more(self.form, &reply)) {
            _ if count == 0 || self.seen.stale >= STALE_PAGES => false,
            (Some(end), more) => self.offset < end || more == Some(true),
            (None, Some(more)) => more,
            (None, None) => count >= size,
        };
        self.done |= !more;
        Page {
            items: take_limited(items, &mut self.left),
            total: self.end.or(total),
            reply,
        }
    }
}

/// A list by a cursor. Each page depends on the one before, so that none is fetched ahead.
struct ByCursor<P: Paged> {
    form: P::Form,
    request: Request,
    parameter: &'static str,
    size: Option<(&'static str, u64)>,
    backwards: bool,
    cycle: Cycle,
    seen: Seen,
    left: Option<u64>,
    /// Pages fetched.
    pages: u64,
    done: bool,
}

impl<P: Paged> ByCursor<P> {
    async fn next(&mut self) -> Option<Result<Page<P>>> {
        if self.done || self.left == Some(0) {
            return None;
        }
        match self
            .cycle
            .step(hash(self.request.query_value(self.parameter)))
        {
            Step::New => {}
            // There is nothing behind it.
            Step::Still => return None,
            Step::Back => return Some(Err(self.unreadable("its cursors go in circles"))),
        }
        if let Some((parameter, size)) = self.size {
            self.request
                .query(parameter, self.left.map_or(size, |left| left.min(size)));
        }
        self.pages += 1;
        let received = match receive::<P>(self.request.clone(), self.form).await {
            Ok(received) => received,
            Err(error) => {
                self.done = true;
                return Some(Err(error.at(format!("page {}", self.pages))));
            }
        };
        let Received {
            items,
            reply,
            hash: body,
        } = received;
        let direction = if self.backwards {
            P::cursor_back
        } else {
            P::cursor
        };
        let cursor = direction(self.form, &reply).filter(|cursor| !cursor.is_empty());
        let total = P::total(self.form, &reply).and_then(|total| u64::try_from(total).ok());
        let items = self.seen.new_items::<P>(self.form, items, body);
        match cursor {
            Some(cursor) if self.seen.stale < STALE_PAGES_BY_CURSOR => {
                self.request.query(self.parameter, cursor);
            }
            Some(_) if P::cursor_back(self.form, &reply).is_none() => {
                let why = format!("{STALE_PAGES_BY_CURSOR} pages in a row have nothing new");
                return Some(Err(self.unreadable(&why)));
            }
            _ => self.done = true,
        }
        Some(Ok(Page {
            items: take_limited(items, &mut self.left),
            total,
            reply,
        }))
    }
}

impl<P: Paged> ByCursor<P> {
    /// A list that has more, which can't be reached.
    fn unreadable(&mut self, why: &str) -> Error {
        self.done = true;
        let text = format!("the list goes on, but {why}: it can't be read to its end");
        Error::new(ErrorKind::InvalidResponse, text)
            .in_operation(self.request.name())
            .at(format!("page {}", self.pages))
    }
}

async fn receive<P: Paged>(request: Request, form: P::Form) -> Result<Received<P>> {
    let fetched: Fetched = request.fetch().await?;
    let hash = hash(fetched.body());
    let mut reply = fetched.parse::<P::Page>()?.into_value();
    Ok(Received {
        items: P::items(form, &mut reply),
        reply,
        hash,
    })
}

/// Cuts the items to what is left of the limit.
fn take_limited<T>(mut items: Vec<T>, left: &mut Option<u64>) -> Vec<T> {
    if let Some(left) = left {
        items.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= items.len() as u64;
    }
    items
}
