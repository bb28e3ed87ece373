//! Work for as many threads as there are processors, whose results come back in order.
//!
//! The threads are those of the process, for whoever has work. With a set for each kind of it there would be several for a
//! processor, and systems leave one of two processors without work while three threads wait for the other.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, OnceLock, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

/// Pieces of work for each thread, the one that it is at included.
const AHEAD: usize = 3;

/// A piece of work; it sends its result itself.
type Work = Box<dyn FnOnce() + Send>;

/// Work under way, of one kind; at most three pieces for each thread.
pub struct Crew<O> {
    pending: VecDeque<Receiver<O>>,
}

impl<O> Default for Crew<O> {
    fn default() -> Self {
        Self { pending: VecDeque::new() }
    }
}

impl<O: Send + 'static> Crew<O> {
    /// Whether something should be collected before more is handed over.
    pub fn is_full(&self) -> bool {
        self.pending.len() >= AHEAD * count()
    }

    /// Whether there is nothing to collect.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Leaves a piece of work to the thread that is free first. It must not wait for another piece, which might wait for its
    /// thread.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn hand_over(&mut self, work: impl FnOnce() -> O + Send + 'static) -> io::Result<()> {
        let (result, pending) = channel();
        let work = Box::new(move || {
            // Whoever is gone does not need it any more.
            let _ = result.send(work());
        });
        threads()?.send(work).map_err(|_| lost())?;
        self.pending.push_back(pending);
        Ok(())
    }

    /// What became of the piece that was handed over first; waits for it. None if there is none.
    ///
    /// # Errors
    /// If the work panicked.
    pub fn collect(&mut self) -> io::Result<Option<O>> {
        let Some(result) = self.pending.pop_front() else { return Ok(None) };
        result.recv().map(Some).map_err(|_| lost())
    }
}

fn lost() -> io::Error {
    io::Error::other("a thread that made the package panicked")
}

/// How many threads there are.
fn count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| thread::available_parallelism().map_or(1, Into::into))
}

/// Where their work comes from. They begin with the first one, and stay.
fn threads() -> io::Result<&'static Sender<Work>> {
    static WORK: OnceLock<Sender<Work>> = OnceLock::new();
    static BEGIN: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BEGIN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(work) = WORK.get() {
        return Ok(work);
    }
    let (sender, work) = channel::<Work>();
    let work: &Mutex<_> = Box::leak(Box::new(Mutex::new(work)));
    for _ in 0..count() {
        thread::Builder::new().name("package".to_owned()).spawn(move || labour(work))?;
    }
    Ok(WORK.get_or_init(|| sender))
}

/// Until the process ends. Work that panics is missed by whoever waits for it, and by nobody else.
fn labour(work: &Mutex<Receiver<Work>>) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        let _ = catch_unwind(AssertUnwindSafe(next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_comes_back_in_order() {
        let mut crew = Crew::<u64>::default();
        let mut back = Vec::new();
        for n in 0..1_000 {
            if crew.is_full() {
                back.extend(crew.collect().unwrap());
            }
            crew.hand_over(move || n * n).unwrap();
        }
        while !crew.is_idle() {
            back.extend(crew.collect().unwrap());
        }
        assert_eq!(back, (0..1_000).map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(crew.collect().unwrap(), None);
    }

    #[test]
    fn work_that_panics_is_told_and_harms_no_other() {
        let mut crew = Crew::default();
        for n in 0..AHEAD * count() {
            crew.hand_over(move || if n == 0 { std::panic::resume_unwind(Box::new(())) } else { n }).unwrap();
        }
        assert!(crew.collect().is_err());
        let mut left = 1..;
        while let Some(n) = crew.collect().unwrap() {
            assert_eq!(Some(n), left.next());
        }
        assert_eq!(left.next(), Some(AHEAD * count()));
    }
}
