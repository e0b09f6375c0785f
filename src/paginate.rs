//! Every page of a list: `.stream()` for its items, `.all()` for all of them in memory, `.pages()` for
//! whole pages.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, Stream, StreamExt, TryFutureExt, TryStreamExt};
use serde::de::DeserializeOwned;

use crate::transport::request::{Fetched, Request};
use crate::transport::task::Task;
use crate::{Error, ErrorKind, Result};

/// What servers take at most; they refuse more with 400.
const LARGEST_PAGE: u32 = 100;

/// Enough to use up a limit of 20 calls a second with replies that take half a second.
const CONCURRENCY: usize = 10;

/// Rows that move while a list is read show up again on a page nearby.
const REMEMBERED_PAGES: usize = 8;

/// So many pages without anything new end a list: the server repeats itself. (One may be a small
/// page of rows that moved.)
const STALE_PAGES: u32 = 3;

/// The same for lists by a cursor. It is more, because storage gives empty pages that are not the
/// end; and less is needed, because a cursor that stands still ends the list anyway, and one that
/// comes again is an error. (A log goes on for ever; others are not known to be whole.)
const STALE_PAGES_BY_CURSOR: u32 = 10;

/// A list operation. Implemented by generated code.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list",
    label = "not the builder of a list operation",
    note = "operations that list have `.stream()` and `.all()`; all others are awaited"
)]
pub trait Paged: Sized + Send + 'static {
    /// The reply.
    type Page: DeserializeOwned + Send + 'static;
    /// What the list is of.
    type Item: Send + 'static;

    /// What is known of the list only when it is asked for: nothing, where its types tell all.
    #[doc(hidden)]
    type Form: Copy + Send + Sync + 'static;

    #[doc(hidden)]
    fn paging(form: Self::Form) -> Paging;

    #[doc(hidden)]
    fn into_request(self) -> (Request, Self::Form);

    /// Takes the items out of a page.
    #[doc(hidden)]
    fn items(form: Self::Form, page: &mut Self::Page) -> Vec<Self::Item>;

    /// The length of the whole list, where the page tells.
    #[doc(hidden)]
    fn total(_: Self::Form, _: &Self::Page) -> Option<i64> {
        None
    }

    /// Whether there is another page, where the page tells.
    #[doc(hidden)]
    fn has_more(_: Self::Form, _: &Self::Page) -> Option<bool> {
        None
    }

    /// The cursor of the next page.
    #[doc(hidden)]
    fn cursor(_: Self::Form, _: &Self::Page) -> Option<String> {
        None
    }

    /// The cursor of the page before, for lists that are read in both directions.
    #[doc(hidden)]
    fn cursor_back(_: Self::Form, _: &Self::Page) -> Option<String> {
        None
    }

    /// What tells an item from the others.
    #[doc(hidden)]
    fn id(_: Self::Form, _: &Self::Item) -> Option<String> {
        None
    }
}

/// How a list operation is asked for one page after another, by the wire names of its parameters.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Paging {
    /// By the number of items to skip.
    Offset {
        max: &'static str,
        offset: &'static str,
        include_total: Option<&'static str>,
    },
    /// By a token that each page gives for the next.
    Cursor {
        parameter: &'static str,
        size: Option<&'static str>,
    },
    /// Not at all: one reply has everything.
    Whole,
}

/// One page.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<P: Paged> {
    /// Its items, without those that an earlier page had already.
    pub items: Vec<P::Item>,
    /// The length of the whole list, where the server tells or told with an earlier page.
    pub total: Option<u64>,
    /// The reply without its items.
    pub reply: P::Page,
}

/// The settings that [`ItemStream`] and [`PageStream`] share.
struct Settings {
    limit: Option<u64>,
    page_size: Option<u32>,
    concurrency: usize,
    backwards: bool,
}

/// The pages of a list, one after another.
///
/// Pages are fetched ahead once the server has told how long the list is, within the client's rate
/// limit, and come in order. The stream ends with the list or after an error, which says at which
/// offset it happened.
///
/// A list that changes while it is read may show a row twice or not at all, because the server
/// counts rows anew for each page. Where items have an id, rows that show up again are dropped.
#[must_use = "a stream does nothing until it is polled"]
pub struct PageStream<P: Paged>(Lazy<Page<P>>);

/// The items of a list, over all its pages. See [`PageStream`] for how they are fetched.
///
/// ```no_run
/// # async fn example(client: seqera::Client) -> seqera::Result<()> {
/// let mut runs = client.list_workflows().workspace_id(42).stream().limit(500);
/// println!("{:?} runs in all", runs.total().await?);
/// while let Some(run) = runs.try_next().await? {
///     println!("{:?}", run.workflow.and_then(|workflow| workflow.run_name));
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct ItemStream<T> {
    pages: Lazy<Batch<T>>,
    items: std::vec::IntoIter<T>,
    total: Option<u64>,
}

/// The items of a page, and the length of the whole list where it is known.
type Batch<T> = (Vec<T>, Option<u64>);

/// A stream that can be set up until it is polled.
enum Lazy<T> {
    Idle(Box<(Source, Settings)>, Start<T>),
    Running(BoxStream<'static, Result<T>>),
    Done,
}

type Start<T> = Box<dyn FnOnce(Request, Settings) -> BoxStream<'static, Result<T>> + Send>;

/// What the first page is asked for with.
#[expect(clippy::large_enum_variant, reason = "it is boxed as a whole")]
enum Source {
    Request(Request),
    /// Something must be looked up first.
    Later(BoxFuture<'static, Result<Request>>),
}

impl<T: Send + 'static> Lazy<T> {
    fn begin(source: Source, settings: Settings, start: Start<T>) -> BoxStream<'static, Result<T>> {
        match source {
            Source::Request(request) => start(request, settings),
            Source::Later(request) => {
                let pages = request.map_ok(move |request| start(request, settings));
                pages.try_flatten_stream().boxed()
            }
        }
    }
}

impl<T> Lazy<T> {
    fn new(source: Source, start: Start<T>) -> Self {
        let settings = Settings {
            limit: None,
            page_size: None,
            concurrency: CONCURRENCY,
            backwards: false,
        };
        Self::Idle(Box::new((source, settings)), start)
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        if let Self::Idle(beginning, _) = &mut self {
            change(&mut beginning.1);
        }
        self
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>>
    where
        T: Send + 'static,
    {
        if matches!(self, Self::Idle(..))
            && let Self::Idle(beginning, start) = std::mem::replace(self, Self::Done)
        {
            let (source, settings) = *beginning;
            *self = Self::Running(Self::begin(source, settings, start));
        }
        let Self::Running(pages) = self else {
            return Poll::Ready(None);
        };
        let page = ready!(pages.poll_next_unpin(context));
        if !matches!(page, Some(Ok(_))) {
            // Also gives up what was fetched ahead.
            *self = Self::Done;
        }
        Poll::Ready(page)
    }

    fn state(&self) -> &'static str {
        match self {
            Self::Idle(..) => "not started",
            Self::Running(_) => "running",
            Self::Done => "done",
        }
    }
}

impl<P: Paged> PageStream<P> {
    #[doc(hidden)]
    pub fn new(operation: P) -> Self {
        let (request, form) = operation.into_request();
        let start = move |request, settings| run::<P>(request, form, settings);
        Self(Lazy::new(Source::Request(request), Box::new(start)))
    }

    /// Ends after this many items, and fetches no page beyond them.
    pub fn limit(self, items: u64) -> Self {
        Self(self.0.set(|settings| settings.limit = Some(items)))
    }

    /// The number of items to ask for at a time, 1 to 100. Default: what the operation's own
    /// parameter says, or 100.
    pub fn page_size(self, items: u32) -> Self {
        Self(self.0.set(|settings| settings.page_size = Some(items)))
    }

    /// How many pages are fetched at a time once the length of the list is known, and so how many
    /// are in memory at most. Default 10; 1 fetches a page only when it is asked for.
    pub fn concurrency(self, pages: usize) -> Self {
        Self(self.0.set(|settings| settings.concurrency = pages.max(1)))
    }

    /// Reads towards older pages, where a list has both directions (logs).
    pub fn backwards(self) -> Self {
        Self(self.0.set(|settings| settings.backwards = true))
    }

    /// The next page, `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Page<P>>> {
        StreamExt::next(self).await
    }

    /// The next page, `None` after the last.
    ///
    /// # Errors
    /// A call failed. The stream has ended with it.
    pub async fn try_next(&mut self) -> Result<Option<Page<P>>> {
        StreamExt::next(self).await.transpose()
    }
}

impl<T: Send + 'static> ItemStream<T> {
    #[doc(hidden)]
    pub fn new<P: Paged<Item = T>>(operation: P) -> Self {
        let (request, form) = operation.into_request();
        Self::of::<P>(Source::Request(request), form)
    }

    /// A list that is known only when something has been looked up.
    #[cfg(feature = "names")]
    pub(crate) fn later<P: Paged<Item = T, Form = ()>>(
        operation: impl Future<Output = Result<P>> + Send + 'static,
    ) -> Self {
        let request = operation.map_ok(|operation| operation.into_request().0);
        Self::of::<P>(Source::Later(request.boxed()), ())
    }

    fn of<P: Paged<Item = T>>(source: Source, form: P::Form) -> Self {
        let start = move |request, settings| {
            let pages = run::<P>(request, form, settings);
            pages.map_ok(|page| (page.items, page.total)).boxed()
        };
        Self {
            pages: Lazy::new(source, Box::new(start)),
            items: Vec::new().into_iter(),
            total: None,
        }
    }
}

impl<T: Send + 'static> ItemStream<T> {
    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        self.pages = self.pages.set(change);
        self
    }

    /// Ends after this many items, and fetches no page beyond them.
    pub fn limit(self, items: u64) -> Self {
        self.set(|settings| settings.limit = Some(items))
    }

    /// See [`PageStream::page_size`].
    pub fn page_size(self, items: u32) -> Self {
        self.set(|settings| settings.page_size = Some(items))
    }

    /// See [`PageStream::concurrency`].
    pub fn concurrency(self, pages: usize) -> Self {
        self.set(|settings| settings.concurrency = pages.max(1))
    }

    /// See [`PageStream::backwards`].
    pub fn backwards(self) -> Self {
        self.set(|settings| settings.backwards = true)
    }

    /// The length of the whole list, whatever [`limit`](Self::limit) says; `None` where the server
    /// does not tell. Asks for the first page if none was read yet.
    ///
    /// # Errors
    /// The call failed. The stream has ended with it.
    pub async fn total(&mut self) -> Result<Option<u64>> {
        if matches!(self.pages, Lazy::Idle(..)) {
            let first = std::future::poll_fn(|context| self.pages.poll_next(context)).await;
            if let Some(batch) = first.transpose()? {
                self.accept(batch);
            }
        }
        Ok(self.total)
    }

    fn accept(&mut self, (items, total): Batch<T>) {
        self.items = items.into_iter();
        self.total = total.or(self.total);
    }

    /// The next item, `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T>> {
        StreamExt::next(self).await
    }

    /// The next item, `None` after the last.
    ///
    /// # Errors
    /// A call failed. The stream has ended with it.
    pub async fn try_next(&mut self) -> Result<Option<T>> {
        StreamExt::next(self).await.transpose()
    }

    /// All items, in memory.
    ///
    /// # Errors
    /// A call failed.
    pub async fn all(mut self) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while let Some(item) = self.try_next().await? {
            items.push(item);
        }
        Ok(items)
    }
}

impl<P: Paged> Stream for PageStream<P> {
    type Item = Result<Page<P>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(context)
    }
}

impl<T: Send + 'static> Stream for ItemStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.items.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(self.pages.poll_next(context)) {
                Some(Ok(batch)) => self.accept(batch),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

// Neither stream is self-referential: what is pinned is boxed.
impl<P: Paged> Unpin for PageStream<P> {}
impl<T> Unpin for ItemStream<T> {}

impl<P: Paged> fmt::Debug for PageStream<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageStream({})", self.0.state())
    }
}

impl<T> fmt::Debug for ItemStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ItemStream({})", self.pages.state())
    }
}

fn run<P: Paged>(
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

/// What the latest pages held. Bounded, so that a long list takes no more memory than a short one.
#[derive(Default)]
struct Seen {
    ids: VecDeque<HashSet<String>>,
    body: Option<u64>,
    /// Pages without anything new since the last that had something.
    stale: u32,
}

impl Seen {
    /// The items that no page nearby had. `body` is the hash of the whole page, which tells a
    /// repeated page where items have no id.
    fn new_items<P: Paged>(
        &mut self,
        form: P::Form,
        mut items: Vec<P::Item>,
        body: u64,
    ) -> Vec<P::Item> {
        if self.body.replace(body) == Some(body) {
            items.clear();
        }
        let mut ids = HashSet::new();
        items.retain(|item| match P::id(form, item) {
            Some(id) => {
                let known = self.ids.iter().any(|page| page.contains(&id));
                ids.insert(id) && !known
            }
            None => true,
        });
        if !ids.is_empty() {
            if self.ids.len() == REMEMBERED_PAGES {
                self.ids.pop_front();
            }
            self.ids.push_back(ids);
        }
        self.stale = if items.is_empty() { self.stale + 1 } else { 0 };
        items
    }
}

/// Notices any cycle of cursors without remembering them all (Brent's algorithm).
#[derive(Default)]
struct Cycle {
    latest: Option<u64>,
    landmark: Option<u64>,
    steps: u64,
    next_landmark: u64,
}

enum Step {
    New,
    /// To where it was.
    Still,
    /// To where it was before.
    Back,
}

impl Cycle {
    fn step(&mut self, cursor: u64) -> Step {
        if self.latest.replace(cursor) == Some(cursor) {
            return Step::Still;
        }
        if self.landmark == Some(cursor) {
            return Step::Back;
        }
        if self.steps >= self.next_landmark {
            self.landmark = Some(cursor);
            self.next_landmark = 2 * self.steps + 1;
        }
        self.steps += 1;
        Step::New
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
