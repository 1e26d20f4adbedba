//! The few values of a large collection that a run asks for by name.

use std::sync::OnceLock;

/// The number of names that are read alone. For more of them, the whole collection is read.
const MOST: usize = 8;

/// Values by name, each read when it is first needed.
#[derive(Debug)]
pub(crate) struct Few<T> {
    slots: [OnceLock<(String, Option<Box<T>>)>; MOST],
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self {
            slots: [const { OnceLock::new() }; MOST],
        }
    }
}

impl<T> Few<T> {
    /// Returns the value of `name`, which `read` reads if it is new. Returns `None` if it cannot
    /// be read, or if there are too many names.
    pub(crate) fn get(&self, name: &str, read: impl Fn() -> Option<T>) -> Option<&T> {
        for slot in &self.slots {
            let (known, value) = slot.get_or_init(|| (name.to_owned(), read().map(Box::new)));
            if known == name {
                return value.as_deref();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn each_name_is_read_once_and_there_are_few() {
        let few = Few::default();
        let reads = Cell::new(0);
        let read = || {
            reads.set(reads.get() + 1);
            Some(reads.get())
        };
        assert_eq!(few.get("a", read), Some(&1));
        assert_eq!(few.get("b", read), Some(&2));
        assert_eq!(few.get("a", read), Some(&1));
        assert_eq!(few.get("none", || None::<i32>), None);
        assert_eq!(few.get("none", read), None);
        for name in 3..MOST {
            assert_eq!(few.get(&name.to_string(), read), Some(&reads.get()));
        }
        assert_eq!(few.get("z", read), None);
        assert_eq!(few.get("a", read), Some(&1));
    }
}
