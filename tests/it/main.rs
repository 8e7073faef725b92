//! The one integration crate: every module states claims about the product as a user meets it.
