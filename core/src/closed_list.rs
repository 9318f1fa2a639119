//! The one way this crate declares a closed list of values that every binding mirrors.

/// Declares an enum whose variants each have a stable number (for C) and a stable string (for everyone else).
///
/// Numbers and strings are part of the public surface: a variant may be added, never renumbered or renamed.
/// `tests/surface.toml` holds the same list and a test compares the two.
macro_rules! closed_list {
    (
        $(#[$outer:meta])*
        pub enum $name:ident {
            $( $(#[$inner:meta])* $variant:ident = $number:literal => $text:literal, )+
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i32)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$inner])* $variant = $number, )+
        }

        impl $name {
            /// Every value of the list, in the order of declaration.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The stable string of this value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }

            /// The stable number of this value, as the C ABI shows it.
            #[must_use]
            pub const fn as_i32(self) -> i32 {
                self as i32
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use closed_list;
