//! What an attempt is told while it runs: until when it may, and whether to stop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::id::TaskId;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use crate::tasks::LeaseRef;

/// Why an attempt must end early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A person wants it stopped: it ends in good order and is recorded.
    Cancel,
    /// The worker shuts down: it ends in good order and goes back to the queue.
    Shutdown,
    /// Somebody else has the task: it is killed and nothing is recorded.
    Lost,
}

/// The present orders.
#[derive(Clone, Copy, Debug)]
pub struct Orders {
    /// When the lease ends by our own monotonic clock, counted from before the claim.
    pub lease_end: Instant,
    pub stop: Option<Stop>,
}

/// An attempt's ear.
#[derive(Clone, Debug)]
pub struct OrderReceiver {
    orders: watch::Receiver<Orders>,
    margin: Duration,
}

impl OrderReceiver {
    /// Waits until the task is to be stopped in good order; says why.
    pub async fn stopped(&mut self) -> Stop {
        loop {
            if let Some(stop) = self.wants_stop() {
                return stop;
            }
            if self.orders.changed().await.is_err() {
                // Without a keeper there is nobody to stop it; the lease's end remains.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until the attempt must be given up: the lease is lost, or so near its end
    /// that the processes must be killed now.
    pub async fn abandoned(&mut self) {
        loop {
            let orders = *self.orders.borrow_and_update();
            match orders.stop {
                Some(Stop::Lost) => return,
                Some(Stop::Cancel | Stop::Shutdown) | None => {}
            }
            tokio::select! {
                () = sleep_until(orders.lease_end - self.margin) => return,
                changed = self.orders.changed() => if changed.is_err() {
                    sleep_until(orders.lease_end - self.margin).await;
                    return;
                }
            }
        }
    }

    /// Why it is to be stopped in good order, if it is.
    #[must_use]
    pub fn wants_stop(&self) -> Option<Stop> {
        let stop = self.orders.borrow().stop;
        stop.filter(|stop| match stop {
            Stop::Cancel | Stop::Shutdown => true,
            Stop::Lost => false,
        })
    }

    /// Whether a result may still be recorded.
    #[must_use]
    pub fn may_record(&self) -> bool {
        let orders = *self.orders.borrow();
        orders.stop != Some(Stop::Lost) && Instant::now() < orders.lease_end
    }
}

/// The attempts that this worker holds.
#[derive(Default)]
pub struct Holding {
    held: Mutex<HashMap<TaskId, (LeaseRef, watch::Sender<Orders>)>>,
    /// Told when an attempt begins.
    pub begun: Notify,
}

/// Keeps the lease renewed as long as it lives.
pub struct Held {
    holding: Arc<Holding>,
    lease: LeaseRef,
}

impl Holding {
    /// Begins to hold a lease that ends at `lease_end`; processes are to be dead `margin` earlier.
    pub fn hold(
        self: &Arc<Self>,
        lease: LeaseRef,
        lease_end: Instant,
        margin: Duration,
    ) -> (Held, OrderReceiver) {
        let (sender, orders) = watch::channel(Orders {
            lease_end,
            stop: None,
        });
        self.lock().insert(lease.task, (lease, sender));
        self.begun.notify_one();
        let held = Held {
            holding: Arc::clone(self),
            lease,
        };
        (held, OrderReceiver { orders, margin })
    }

    /// All leases held now.
    #[must_use]
    pub fn leases(&self) -> Vec<LeaseRef> {
        self.lock().values().map(|(lease, _)| *lease).collect()
    }

    /// The leases of these tasks.
    #[must_use]
    pub fn leases_of(&self, tasks: &[TaskId]) -> Vec<LeaseRef> {
        let held = self.lock();
        tasks
            .iter()
            .filter_map(|task| Some(held.get(task)?.0))
            .collect()
    }

    /// Passes the outcome of a renewal on.
    pub fn order(&self, lease: LeaseRef, lease_end: Option<Instant>, stop: Option<Stop>) {
        let held = self.lock();
        let Some((present, sender)) = held.get(&lease.task) else {
            return;
        };
        if *present != lease {
            return;
        }
        sender.send_modify(|orders| {
            if let Some(lease_end) = lease_end {
                orders.lease_end = orders.lease_end.max(lease_end);
            }
            // What is lost stays lost; a cancelled attempt may still be lost.
            if orders.stop != Some(Stop::Lost) {
                orders.stop = stop.or(orders.stop);
            }
        });
    }

    /// Tells every attempt to end at once.
    pub fn order_all(&self, stop: Stop) {
        for lease in self.leases() {
            self.order(lease, None, Some(stop));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, (LeaseRef, watch::Sender<Orders>)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.holding.lock();
        // A later attempt at the same task may have come to this worker meanwhile.
        if held
            .get(&self.lease.task)
            .is_some_and(|(lease, _)| *lease == self.lease)
        {
            held.remove(&self.lease.task);
        }
    }
}
