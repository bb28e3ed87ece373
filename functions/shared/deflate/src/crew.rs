//! Work that several threads do by turns, and that comes back in the order in which it was handed over.

use std::{
    collections::VecDeque,
    io,
    sync::mpsc::{Receiver, SyncSender, channel, sync_channel},
    thread,
};

/// Pieces of a thread that wait while it is at one.
const WAITING: usize = 2;

/// Threads, as many as there are processors. Each has three pieces of work at most; they end when this is dropped.
pub struct Crew<I, O> {
    threads: Vec<Thread<I, O>>,
    /// The threads that have work, in the order of it.
    pending: VecDeque<usize>,
    next: usize,
}

struct Thread<I, O> {
    work: SyncSender<I>,
    done: Receiver<O>,
}

impl<I: Send + 'static, O: Send + 'static> Crew<I, O> {
    /// Begins them. `make` is called once for each, and makes what does the work.
    ///
    /// # Errors
    /// If the system gives no thread; those of `make`.
    pub fn begin<W, E>(name: &str, mut make: impl FnMut() -> Result<W, E>) -> Result<Self, E>
    where
        W: FnMut(I) -> O + Send + 'static,
        E: From<io::Error>,
    {
        let count = thread::available_parallelism().map_or(1, Into::into);
        let threads = (0..count).map(|_| Ok(Thread::begin(name, make()?)?)).collect::<Result<_, E>>()?;
        Ok(Self { threads, pending: VecDeque::new(), next: 0 })
    }

    /// Whether the next piece would wait, unless one is collected before.
    pub fn is_full(&self) -> bool {
        self.pending.len() >= (1 + WAITING) * self.threads.len()
    }

    /// Whether there is nothing to collect.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Gives a piece to the thread whose turn it is.
    ///
    /// # Errors
    /// If that died.
    pub fn hand_over(&mut self, piece: I) -> io::Result<()> {
        self.threads[self.next].work.send(piece).map_err(|_| died())?;
        self.pending.push_back(self.next);
        self.next = (self.next + 1) % self.threads.len();
        Ok(())
    }

    /// What became of the piece that was handed over first; waits for it. None if there is none.
    ///
    /// # Errors
    /// If its thread died.
    pub fn collect(&mut self) -> io::Result<Option<O>> {
        let Some(thread) = self.pending.pop_front() else { return Ok(None) };
        self.threads[thread].done.recv().map(Some).map_err(|_| died())
    }
}

impl<I: Send + 'static, O: Send + 'static> Thread<I, O> {
    fn begin(name: &str, mut worker: impl FnMut(I) -> O + Send + 'static) -> io::Result<Self> {
        let (work, pieces) = sync_channel::<I>(WAITING);
        let (results, done) = channel();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Ok(piece) = pieces.recv() {
                if results.send(worker(piece)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { work, done })
    }
}

fn died() -> io::Error {
    io::Error::other("a thread of the package has died")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_comes_back_in_order() {
        let mut crew = Crew::<u64, u64>::begin::<_, io::Error>("test", || Ok(|n: u64| n * n)).unwrap();
        let mut back = Vec::new();
        for n in 0..1_000 {
            if crew.is_full() {
                back.extend(crew.collect().unwrap());
            }
            crew.hand_over(n).unwrap();
        }
        while !crew.is_idle() {
            back.extend(crew.collect().unwrap());
        }
        assert_eq!(back, (0..1_000).map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(crew.collect().unwrap(), None);
    }

    #[test]
    fn a_thread_that_dies_is_told() {
        let dies = |n: u64| if n == 3 { std::panic::resume_unwind(Box::new(())) } else { n };
        let mut crew = Crew::<u64, u64>::begin::<_, io::Error>("test", || Ok(dies)).unwrap();
        let told = (0..100).try_for_each(|n| {
            if crew.is_full() {
                crew.collect()?;
            }
            crew.hand_over(n)
        });
        assert!(told.is_err());
    }
}
