//! The loops that turn due moments into runs and keep the house.
