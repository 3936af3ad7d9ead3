//! A thread for work that may stall and that nobody waits for, such as a sync: one job after the
//! other.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread;

/// One piece of work.
pub type Job = Box<dyn FnOnce() + Send>;

/// The thread. It ends, after what it has been given, once this is dropped.
pub struct Helper {
    jobs: Sender<Job>,
}

impl Helper {
    /// Starts the thread; it calls `done` after each job.
    ///
    /// # Errors
    /// The system's.
    pub fn start(done: impl Fn() + Send + 'static) -> io::Result<Helper> {
        let (jobs, given) = mpsc::channel::<Job>();
        thread::Builder::new().name("disk".to_owned()).spawn(move || {
            for job in given {
                job();
                done();
            }
        })?;
        Ok(Helper { jobs })
    }

    /// Has a job done.
    pub fn submit(&self, job: Job) {
        if let Err(refused) = self.jobs.send(job) {
            // The thread is gone; its work is not to be lost.
            (refused.0)();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_done_in_order() {
        let (tell, told) = mpsc::channel();
        let done = tell.clone();
        let helper = Helper::start(move || done.send(0).unwrap()).unwrap();
        for number in 1..=3 {
            let tell = tell.clone();
            helper.submit(Box::new(move || tell.send(number).unwrap()));
        }
        let heard: Vec<i32> = told.iter().take(6).collect();
        assert_eq!(heard, [1, 0, 2, 0, 3, 0]);
    }
}
