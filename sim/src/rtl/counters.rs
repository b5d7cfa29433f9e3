//! What the machine counts: cycles by what each part did in them, products, bytes.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::trace::{FRONT_CODES, UNIT_CODES, UNITS};

/// The machine's counters since `start`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Busy cycles.
    pub cycles: u64,
    /// Products of live lanes.
    pub macs: u64,
    /// Bytes that came from memory.
    pub bytes_read: u64,
    /// Bytes that went to memory.
    pub bytes_written: u64,
    /// Cycles of each unit (index into [`UNITS`]) by what it did (index into [`UNIT_CODES`]); each row sums to `cycles`.
    pub units: [[u64; UNIT_CODES.len()]; UNITS.len()],
    /// Cycles of the front end by what it did (index into [`FRONT_CODES`]).
    pub front: [u64; FRONT_CODES.len()],
}

impl Counters {
    /// Cycles in which each unit worked.
    #[must_use]
    pub fn work(&self) -> [u64; UNITS.len()] {
        self.units.map(|codes| codes[1])
    }

    /// Every value.
    fn values(&mut self) -> impl Iterator<Item = &mut u64> {
        let totals = [&mut self.cycles, &mut self.macs, &mut self.bytes_read, &mut self.bytes_written];
        totals.into_iter().chain(self.units.as_flattened_mut()).chain(&mut self.front)
    }
}

impl std::ops::Sub for Counters {
    type Output = Counters;

    /// What was counted since `earlier`.
    fn sub(mut self, mut earlier: Counters) -> Counters {
        for (value, before) in self.values().zip(earlier.values()) {
            *value = value.saturating_sub(*before);
        }
        self
    }
}

/// Cycles by name.
struct Named<'a>(&'a [&'static str], &'a [u64]);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

impl Serialize for Counters {
    /// The totals, and under `units` and `front` the cycles by name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Units<'a>(&'a Counters);
        impl Serialize for Units<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let rows = self.0.units.iter().map(|codes| Named(&UNIT_CODES, codes));
                serializer.collect_map(UNITS.iter().zip(rows))
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("cycles", &self.cycles)?;
        map.serialize_entry("macs", &self.macs)?;
        map.serialize_entry("bytes_read", &self.bytes_read)?;
        map.serialize_entry("bytes_written", &self.bytes_written)?;
        map.serialize_entry("units", &Units(self))?;
        map.serialize_entry("front", &Named(&FRONT_CODES, &self.front))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_since_is_the_difference_everywhere() {
        let mut late = Counters::default();
        late.values().zip(100..).for_each(|(value, n)| *value = n);
        let mut early = late;
        early.values().for_each(|value| *value -= 40);
        let mut expected = Counters::default();
        expected.values().for_each(|value| *value = 40);
        assert_eq!(late - early, expected);
        assert_eq!(early - late, Counters::default());
    }

    #[test]
    fn the_names_are_in_the_json() {
        let mut counters = Counters { cycles: 9, ..Counters::default() };
        counters.units[3][6] = 7;
        counters.front[5] = 2;
        let json = serde_json::to_value(counters).unwrap();
        assert_eq!(
            (&json["cycles"], &json["units"]["matrix"]["drain"], &json["front"]["clear"]),
            (&9.into(), &7.into(), &2.into())
        );
        assert_eq!(json["units"].as_object().unwrap().len(), 6);
    }
}
