//! Retention, partitions and checks of the house.
