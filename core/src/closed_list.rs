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
            ///
            /// ```
            #[doc = concat!("use jitsimeet::", stringify!($name), ";")]
            ///
            #[doc = concat!("let help: Vec<_> = ", stringify!($name), "::ALL.iter().map(|one| one.as_str()).collect();")]
            /// assert_eq!(help.join(", ").matches(", ").count(), help.len() - 1);
            /// ```
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The stable string of this value.
            ///
            /// ```
            #[doc = concat!("let first = jitsimeet::", stringify!($name), "::ALL[0];")]
            /// assert_eq!(first.as_str(), first.to_string());
            /// ```
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }

            /// The stable number of this value, as the C ABI shows it.
            ///
            /// ```
            #[doc = concat!("let all = jitsimeet::", stringify!($name), "::ALL;")]
            /// assert!(all.iter().skip(1).all(|one| one.as_i32() != all[0].as_i32()));
            /// ```
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
