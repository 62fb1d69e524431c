//! What the network between a node and the bus does to what passes.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::told::Told;

/// How a node stands to the rest of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It reaches the bus.
    Up,
    /// It does not reach the bus, and knows it.
    Cut,
    /// It reaches the bus, and hears no room: nobody tells it.
    Deaf,
    /// Its process, or the bus, stands still.
    Frozen,
    /// It was killed.
    Dead,
}

/// How bad a network is. Chances are from 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// How long a message is on its way, at the most.
    pub delay: Duration,
    /// How much longer it may be, now and then.
    pub spike: Duration,
    pub spikes: f64,
    /// A call fails before it is done.
    pub fails: f64,
    /// A call is done, and its answer is lost.
    pub loses_answer: f64,
    /// A call is given up, and done all the same, later.
    pub comes_late: f64,
    /// A call is sent again by the bus's client, and done twice.
    pub done_twice: f64,
    /// A live record is lost.
    pub loses: f64,
    /// A live record comes twice.
    pub doubles: f64,
    /// A live record comes after those that followed it.
    pub overtaken: f64,
}

impl Weather {
    pub fn calm() -> Self {
        Self {
            delay: Duration::from_millis(2),
            spike: Duration::ZERO,
            spikes: 0.0,
            fails: 0.0,
            loses_answer: 0.0,
            comes_late: 0.0,
            done_twice: 0.0,
            loses: 0.0,
            doubles: 0.0,
            overtaken: 0.0,
        }
    }

    pub fn is_calm(&self) -> bool {
        self.spike.is_zero()
    }

    pub fn of(dice: &mut StdRng) -> Self {
        // What only a fault explains is seen where the weather explains nothing.
        if dice.random_bool(0.25) {
            return Self::calm();
        }
        // Some networks are bad in one way and good in all others.
        let mut chance = |most: f64| {
            if dice.random_bool(0.5) {
                dice.random_range(0.0..most)
            } else {
                0.0
            }
        };
        Self {
            spikes: chance(0.1),
            fails: chance(0.08),
            loses_answer: chance(0.08),
            comes_late: chance(0.04),
            done_twice: chance(0.08),
            loses: chance(0.15),
            doubles: chance(0.15),
            overtaken: chance(0.15),
            delay: Duration::from_millis(dice.random_range(1..40)),
            spike: Duration::from_millis(dice.random_range(50..900)),
        }
    }
}

/// The network between one node and the bus.
#[derive(Debug)]
pub struct Condition {
    state: Told<State>,
    weather: Mutex<Weather>,
    dice: Mutex<StdRng>,
}

impl Condition {
    pub fn new(weather: Weather, seed: u64) -> Self {
        Self {
            state: Told::new(State::Up),
            weather: Mutex::new(weather),
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }

    pub fn state(&self) -> State {
        self.state.get()
    }

    /// Changes how it stands; the dead stay dead.
    pub fn set(&self, state: State) {
        self.state.change(|now| {
            if *now != State::Dead {
                *now = state;
            }
        });
    }

    pub fn set_weather(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    pub fn weather(&self) -> Weather {
        *self.weather.lock().unwrap()
    }

    /// Waits while everything stands still.
    pub async fn awake(&self) -> State {
        self.state.wait_for(|state| state != State::Frozen).await
    }

    /// Waits until it was killed.
    pub async fn dead(&self) {
        self.state.wait_for(|state| state == State::Dead).await;
    }

    /// Waits until the state is another one than `than`.
    pub async fn changed(&self, than: State) -> State {
        self.state.wait_for(|state| state != than).await
    }

    pub fn happens(&self, chance: f64) -> bool {
        self.dice().random_bool(chance)
    }

    /// How long something is on its way.
    pub fn way(&self) -> Duration {
        let weather = self.weather();
        let mut dice = self.dice();
        let mut way = weather.delay.mul_f64(dice.random());
        if dice.random_bool(weather.spikes) {
            way += weather.spike.mul_f64(dice.random());
        }
        way
    }

    pub fn within(&self, longest: Duration) -> Duration {
        longest.mul_f64(self.dice().random())
    }

    fn dice(&self) -> MutexGuard<'_, StdRng> {
        self.dice.lock().unwrap()
    }
}
