#!/bin/sh
# rustdoc, whose JSON is not stable yet. Set for all of cargo, the variable would build the dependencies anew.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
