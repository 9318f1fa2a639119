#!/usr/bin/env bash
# Makes the targets that are given, one by one, up to the first that fails, and says at the end what became of each.
set -euo pipefail

summary=()
passed=0
for target in "$@"; do
    printf '\n==== %s ====\n' "$target"
    start=$SECONDS
    status=0
    "${MAKE:-make}" --no-print-directory "$target" || status=$?
    if ((status == 0)); then
        summary+=("passed  $target ($((SECONDS - start)) s)")
        passed=$((passed + 1))
    else
        summary+=("FAILED  $target")
        break
    fi
done

printf '\n==== Summary ====\n'
printf '%s\n' "${summary[@]}"
printf '%d of %d steps passed, %d s\n' "$passed" "$#" "$SECONDS"
exit "$status"
