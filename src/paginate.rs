//! Every page of a list: `.stream()` for its items, `.all()` for all of them in memory, `.pages()` for
//! whole pages.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, Stream, StreamExt, TryFutureExt, TryStreamExt};
use serde::de::DeserializeOwned;

use crate::Result;
use crate::transport::request::Request;

mod seen;
mod walk;

/// Enough to use up a limit of 20 calls a second with replies that take half a second.
const CONCURRENCY: usize = 10;

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
        let start = move |request, settings| walk::pages::<P>(request, form, settings);
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
            let pages = walk::pages::<P>(request, form, settings);
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
